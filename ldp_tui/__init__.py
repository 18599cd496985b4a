"""ldp-tui: people and language-model agents play, record and train in tool and Gymnasium environments."""

__version__ = "0.1.0"

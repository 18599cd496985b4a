"""Messages by which a screen asks the app for another screen."""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message


@dataclass(frozen=True, slots=True)
class Game:
    """What is played next: one environment, a player for each lane, and the seed they share."""

    environment: str
    players: tuple[str, ...]
    seed: int = 0
    max_steps: int | None = None
    """Steps after which an episode is cut; None: the environment decides."""


DEMO = Game("Blackjack-v1", ("human", "tiny"), seed=2)
"""What shows the app without a key, a GPU or a choice: a person beside a language model that runs here."""


class PlayRequested(Message):
    """Start this game."""

    def __init__(self, game: Game) -> None:
        super().__init__()
        self.game = game


class LibraryRequested(Message):
    """Show all recorded episodes."""


class ReplayRequested(Message):
    """Show a recorded episode."""

    def __init__(self, uid: str) -> None:
        super().__init__()
        self.uid = uid


class ToolsRequested(Message):
    """Show the tools of an environment."""

    def __init__(self, environment: str) -> None:
        super().__init__()
        self.environment = environment

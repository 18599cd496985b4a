"""The app's own colours: one accent, three greys, and a reward pair that colour-blind people can tell apart."""

from __future__ import annotations

from typing import Final

from textual.theme import Theme

DEFAULT_THEME: Final = "ldp-dark"

VARIABLES: Final = {
    "reward-up": "#6cb0f0",
    "reward-down": "#eda15c",
    "reward-none": "#8b96a5",
    "pane-border": "#313b47",
}
"""What every other theme gets for the names that only this app knows."""

THEMES: Final = (
    Theme(
        name="ldp-dark",
        primary="#5cc8b4",
        secondary="#8fa3b8",
        accent="#5cc8b4",
        success="#5cc8b4",
        warning="#e3b15f",
        error="#ef6a5e",
        foreground="#dbe1e8",
        background="#0f1318",
        surface="#141a21",
        panel="#1c242d",
        dark=True,
        variables=VARIABLES
        | {
            "footer-background": "#141a21",
            "footer-key-foreground": "#5cc8b4",
            "footer-description-foreground": "#9aa6b3",
            "block-cursor-background": "#24443f",
            "block-cursor-foreground": "#eef3f7",
            "block-cursor-text-style": "bold",
            "block-cursor-blurred-background": "#1f2831",
            "border": "#5cc8b4",
            "border-blurred": "#313b47",
            "input-selection-background": "#5cc8b4 30%",
        },
    ),
    Theme(
        name="ldp-light",
        primary="#0d756a",
        secondary="#5a6b7d",
        accent="#0d756a",
        success="#0d756a",
        warning="#9a6200",
        error="#bb2d23",
        foreground="#1d2530",
        background="#f6f8fa",
        surface="#ffffff",
        panel="#e9edf2",
        dark=False,
        variables={
            "reward-up": "#1763b0",
            "reward-down": "#a85400",
            "reward-none": "#66727f",
            "pane-border": "#c5ced8",
            "footer-background": "#e9edf2",
            "footer-key-foreground": "#0d756a",
            "footer-description-foreground": "#4d5966",
            "block-cursor-background": "#cfe7e3",
            "block-cursor-foreground": "#10201e",
            "block-cursor-text-style": "bold",
            "block-cursor-blurred-background": "#e2e8ee",
            "border": "#0d756a",
            "border-blurred": "#c5ced8",
        },
    ),
    Theme(
        name="ldp-contrast",
        primary="#ffe14d",
        secondary="#ffffff",
        accent="#ffe14d",
        success="#ffe14d",
        warning="#ffb000",
        error="#ff6f6f",
        foreground="#ffffff",
        background="#000000",
        surface="#000000",
        panel="#1a1a1a",
        dark=True,
        text_alpha=1.0,
        variables={
            "reward-up": "#7cc7ff",
            "reward-down": "#ffb347",
            "reward-none": "#ffffff",
            "pane-border": "#ffffff",
            "text-muted": "#e6e6e6",
            "footer-background": "#000000",
            "footer-key-foreground": "#ffe14d",
            "footer-description-foreground": "#ffffff",
            "block-cursor-background": "#ffe14d",
            "block-cursor-foreground": "#000000",
            "block-cursor-text-style": "bold",
            "border": "#ffe14d",
            "border-blurred": "#ffffff",
        },
    ),
)

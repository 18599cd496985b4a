"""Help: the keys of the screen it was asked from, and what its parts are for; all of it generated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Footer, Static

from ldp_tui.tui.actions import Command, Scope, bindings, commands
from ldp_tui.tui.widgets.title_bar import TitleBar

_SPELLED = {
    "full_stop": ".", "plus": "+", "minus": "-", "equals_sign": "=", "slash": "/", "question_mark": "?",
    "escape": "esc", "left": "←", "right": "→", "up": "↑", "down": "↓",
}  # fmt: skip


class HelpScreen(Screen[None]):
    """Explains `about`, which lies below it."""

    SCOPE: Literal["help"] = "help"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("help")]
    DEFAULT_CSS = """
    HelpScreen VerticalScroll { padding: 1 2; }
    HelpScreen .heading { color: $accent; text-style: bold; margin-top: 1; }
    HelpScreen .part { margin-top: 1; }
    """

    def __init__(self, about: Screen[Any]) -> None:
        super().__init__()
        self._scope: Scope = getattr(about, "SCOPE", "app")
        self._explained = list(explanations(about))

    def compose(self) -> ComposeResult:
        """What this screen is, its keys, the app's keys, and each part in turn."""
        yield TitleBar(f"Help · {self._scope}")
        with VerticalScroll():
            for part, text in self._explained[:1]:
                yield Static(_explanation(part, text))
            yield Static("Keys here", classes="heading")
            yield Static(key_table(commands(self._scope)))
            yield Static("Keys everywhere", classes="heading")
            yield Static(key_table(commands("app")))
            if self._explained[1:]:
                yield Static("Parts of this screen", classes="heading")
            for part, text in self._explained[1:]:
                yield Static(_explanation(part, text), classes="part")
        yield Footer(compact=True)


def key_table(rows: tuple[Command, ...]) -> Content:
    """Keys, what they do, and why, aligned; commands without a key point to the palette."""
    keys = [_keys(command) for command in rows]
    wide, label = max(map(len, keys)), max(len(command.label) for command in rows)
    return Content("\n").join(
        Content.assemble(
            (f"{key:<{wide}}", "$accent"), f"  {command.label:<{label}}", (f"  {command.help}", "$foreground-muted")
        )
        for key, command in zip(keys, rows, strict=True)
    )


def explanations(screen: Screen[Any]) -> Iterator[tuple[str, str]]:
    """(name, text) of the screen and of each kind of widget on it that explains itself."""
    seen: set[str] = set()
    for node in (screen, *screen.query(Widget)):
        text = type(node).__dict__.get("HELP")
        name = type(node).__name__.removesuffix("Screen")
        if isinstance(text, str) and name not in seen:
            seen.add(name)
            yield name, text


def _keys(command: Command) -> str:
    keys = [_SPELLED.get(key, key.replace("ctrl+", "^")) for key in command.keys.split(",") if key]
    return " ".join(keys) if keys else "^p"


def _explanation(name: str, text: str) -> Content:
    """The text with `**bold**` words set in bold; nothing else is interpreted."""
    pieces = text.split("**")
    spans = [(piece, "bold" if index % 2 else "") for index, piece in enumerate(pieces)]
    return Content.assemble((f"{_words(name)}. ", "bold"), *spans)


def _words(name: str) -> str:
    """`StepLog` as `Step log`."""
    return "".join(f" {letter.lower()}" if letter.isupper() and at else letter for at, letter in enumerate(name))

"""Small windows in which a person writes to an agent, or changes its model."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from ldp_tui.tui.plain import plain, plain_line

_STYLE = """
{name} {{ align: center middle; background: $background 60%; }}
{name} .dialog {{ width: 76; }}
{name} .hint {{ color: $text-muted; height: auto; margin-top: 1; }}
{name} .problem {{ color: $text-error; height: auto; max-height: 8; }}
"""


class NoteDialog(ModalScreen[str | None]):
    """Returns what the person wrote; None if they thought better of it."""

    CSS_PATH = "dialogs.tcss"
    DEFAULT_CSS = _STYLE.format(name="NoteDialog")
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "Close", show=False)]

    def __init__(self, agent: str) -> None:
        super().__init__()
        self._agent = agent

    def compose(self) -> ComposeResult:
        """One line."""
        with Vertical(classes="dialog") as box:
            box.border_title = Content(f"Note to {plain_line(self._agent)}")
            yield Input(compact=True, placeholder="what the agent should know")
            yield Static("⏎ sends it with the agent's next observation; it is recorded with your name.", classes="hint")

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.dismiss(event.value.strip() or None)


class PlayerDialog(ModalScreen[None]):
    """Asks for another model or temperature, as `Wanted`; open until it is told that the player can play."""

    class Wanted(Message):
        """The person wants this player to play on."""

        def __init__(self, dialog: PlayerDialog, player: str) -> None:
            super().__init__()
            self.dialog, self.player = dialog, player

    CSS_PATH = "dialogs.tcss"
    DEFAULT_CSS = _STYLE.format(name="PlayerDialog")
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "Close", show=False)]

    def __init__(self, lane: int, player: str) -> None:
        super().__init__()
        self.lane, self._player = lane, player
        self.before: object = None
        """The answer that was there before this one asked."""

    def compose(self) -> ComposeResult:
        """The player's text, and what is wrong with it."""
        with Vertical(classes="dialog") as box:
            box.border_title = "Who plays on"
            yield Input(self._player, compact=True, select_on_focus=False)
            yield Static(classes="problem")
            yield Static(
                "As on Home: KIND:MODEL,temperature=0.7,… The kind stays, and so does what the agent remembers. "
                "It holds from the next decision on.",
                classes="hint",
            )

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if event.value.strip() == self._player:
            self.dismiss()
        elif event.value.strip():
            self._say("looking …", wrong=False)
            self.app.screen_stack[-2].post_message(self.Wanted(self, event.value.strip()))

    def answer(self, error: str) -> None:
        """Close, or say what is wrong."""
        if error:
            self._say(f"✗ {error}", wrong=True)
        else:
            self.dismiss()

    def _say(self, text: str, *, wrong: bool) -> None:
        problem = self.query_one(".problem", Static)
        problem.update(Content.styled(plain(text), "" if wrong else "$foreground-muted"))

"""Raw: what the agent's newest decision asked of a model, and what came back, word for word."""

from __future__ import annotations

from typing import ClassVar, Literal

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen
from textual.widgets import Footer, TextArea

from ldp_tui.play.messages import Exchanges
from ldp_tui.tui.actions import bindings
from ldp_tui.tui.plain import plain, plain_line
from ldp_tui.tui.widgets.title_bar import TitleBar

NOTHING = (
    "This player has sent no request for its newest decision. It decides by itself, or its model runs where requests"
    " cannot be seen (behind a server of its own, or in another package)."
)


class ExchangeScreen(Screen[None]):
    """Shows the exchanges of one decision; selected text can be copied."""

    SCOPE: Literal["exchange"] = "exchange"
    HELP = (
        "Each request as the back end is given it, in OpenAI's shape, and the reply put together from its pieces. Keys "
        "and headers never are in it."
    )
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("exchange")]
    DEFAULT_CSS = """
    ExchangeScreen TextArea { height: 1fr; border: none; padding: 0 1; background: $background; }
    ExchangeScreen TextArea:focus { border: none; }
    """

    def __init__(self, agent: str) -> None:
        super().__init__()
        self._agent = agent
        self.before: object = None
        """The answer that was there before this screen asked."""

    def compose(self) -> ComposeResult:
        """One text."""
        yield TitleBar(f"Raw · {plain_line(self._agent)}")
        yield TextArea("asking the engine …", read_only=True, show_cursor=False, highlight_cursor_line=False)
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """Scroll at once."""
        self.query_one(TextArea).focus()

    def show(self, found: Exchanges) -> None:
        """What there is."""
        step = "" if found.index is None else f"step {found.index + 1} · "
        count = len(found.exchanges)
        self.query_one(TitleBar).state = f"{step}{count} request{'' if count == 1 else 's'}"
        parts = [
            f"── Request {number} of {count} · {one.model} ──\n{one.request}\n\n"
            f"── Reply · {one.seconds:.2f} s{f' · {one.problem}' if one.problem else ''} ──\n{one.reply or '(none)'}\n"
            for number, one in enumerate(found.exchanges, 1)
        ]
        self.query_one(TextArea).text = plain("\n".join(parts) or NOTHING)

    def action_copy(self) -> None:
        """The whole text."""
        self.app.copy_to_clipboard(self.query_one(TextArea).text)
        self.notify("Copied.")

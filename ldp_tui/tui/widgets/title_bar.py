"""TitleBar: one line at the top, what is shown on the left and where on the right."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from ldp_tui.tui.plain import plain_line


class TitleBar(Widget):
    """`ldp-tui · title` and a state at the right end; both plain text."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    TitleBar { dock: top; height: 1; padding: 0 1; color: $text-muted; background: $footer-background; }
    """

    heading: reactive[str] = reactive("")
    state: reactive[str] = reactive("")

    def __init__(self, heading: str, state: str = "") -> None:
        super().__init__()
        self.set_reactive(TitleBar.heading, heading)
        self.set_reactive(TitleBar.state, state)

    def render(self) -> Content:
        """The heading cut before the state is."""
        width = self.size.width
        state = plain_line(self.state)
        room = max(0, width - cell_len(state) - 2)
        heading = set_cell_size(f" · {plain_line(self.heading)}", max(0, room - 7))
        return Content.assemble(("ldp-tui", "bold $accent"), heading, "  ", state)

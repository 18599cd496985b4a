"""Graph: the compute graph that led to a step's action, drawn in characters; it scrolls in both directions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Literal, Protocol

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, ScrollableContainer
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, Static

from ldp_tui.graph import svg, text
from ldp_tui.graph.layout import lay_out
from ldp_tui.graph.sketch import Sketch
from ldp_tui.store.errors import StoreError
from ldp_tui.tui.actions import bindings
from ldp_tui.tui.widgets.title_bar import TitleBar


class Sketches(Protocol):
    """Where the sketches of an episode are read."""

    async def __call__(self, position: int) -> Sketch | None:
        """The sketch of the action that led to `position` (from 1); None if no graph was kept. Raises StoreError."""


class GraphScreen(Screen[None]):
    """Shows one step's graph, and steps on to the next."""

    SCOPE: Literal["graph"] = "graph"
    HELP = (
        "Each box is one call of an op: its name, its kind, what it was given, and what came out (→). Arrows lead from "
        "a result to where it was used; the action is at the bottom."
    )
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("graph")]
    DEFAULT_CSS = """
    GraphScreen ScrollableContainer { padding: 0 1; }
    GraphScreen Static { width: auto; height: auto; }
    """

    def __init__(self, sketches: Sketches, position: int, last: int, *, folder: Callable[[], Path] = Path.cwd) -> None:
        """`folder` says where drawings are saved."""
        super().__init__()
        self._sketches, self._position, self._last, self._folder = sketches, max(1, position), last, folder
        self._sketch: Sketch | None = None

    def compose(self) -> ComposeResult:
        """The drawing."""
        yield TitleBar("Graph")
        with Container(classes="pane"), ScrollableContainer():
            yield Static(id="drawing")
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """Draw."""
        self.query_one(ScrollableContainer).focus()
        self._show()

    def action_move(self, steps: int) -> None:
        """To another step."""
        self._position = max(1, min(self._position + steps, self._last))
        self._show()

    def action_copy(self) -> None:
        """The drawing as text."""
        if self._sketch is not None:
            self.app.copy_to_clipboard(text.draw(lay_out(self._sketch)))
            self.notify("The drawing is copied.")

    def action_save(self) -> None:
        """Write the drawing as SVG."""
        if self._sketch is None:
            return
        path = self._folder() / f"graph-step-{self._position}.svg"
        try:
            path.write_text(svg.draw(lay_out(self._sketch)), encoding="utf-8")
        except OSError as error:
            self.notify(f"{path}: {error.strerror or error}", title="Not saved", severity="error", markup=False)
        else:
            self.notify(f"Saved as {path}", markup=False)

    @work(exclusive=True)
    async def _show(self) -> None:
        self.query_one(TitleBar).heading = f"Graph · step {self._position} of {self._last}"
        drawing = self.query_one("#drawing", Static)
        try:
            self._sketch = await self._sketches(self._position)
        except StoreError as error:
            self._sketch = None
            drawing.update(Content.assemble(("✗ ", "$error"), str(error)))
            return
        if self._sketch is None:
            said = "No graph led to this action, or none was kept: the agent is not built of ops, or ran in eval mode."
            drawing.update(Content.styled(said, "$foreground-muted"))
            return
        self.query_one(TitleBar).state = f"{len(self._sketch.boxes)} calls"
        drawing.update(Content(text.draw(lay_out(self._sketch))))
        self.query_one(ScrollableContainer).scroll_end(animate=False)

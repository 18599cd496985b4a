"""All recorded episodes: find, sort, look at, mark and export them."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import ClassVar, Final, Literal

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.content import Content
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Footer, Input, Static

from ldp_tui.core.errors import LdpTuiError
from ldp_tui.datasets.files import Exported
from ldp_tui.datasets.selection import SelectionError, parse_selection, with_value
from ldp_tui.store.errors import QueryInterrupted, StoreError, StoreMissing
from ldp_tui.store.reader import Reader
from ldp_tui.store.results import EpisodeFilter, Facets, Sort, SortKey
from ldp_tui.tui.actions import bindings
from ldp_tui.tui.episode_preview import load_preview, summary_json
from ldp_tui.tui.episode_source import EpisodeSource, episode_columns
from ldp_tui.tui.query_thread import QueryThread
from ldp_tui.tui.requests import ReplayRequested
from ldp_tui.tui.screens.dialogs import Choice, Picker
from ldp_tui.tui.screens.export_dialog import ExportDialog, ExportOrder
from ldp_tui.tui.widgets.episode_preview import EpisodePane
from ldp_tui.tui.widgets.row_table import RowTable
from ldp_tui.tui.widgets.selection_suggester import SelectionSuggester
from ldp_tui.tui.widgets.title_bar import TitleBar

TYPING_PAUSE_S: Final = 0.12
PREVIEW_PAUSE_S: Final = 0.06
POLL_S: Final = 0.5

SORTS: Final[dict[str, SortKey]] = {
    "when": "newest",
    "return": "return",
    "steps": "steps",
    "cost": "cost",
    "environment": "env",
    "agent": "agent",
}
NO_EPISODES: Final = """\
[b]No episodes yet[/b]

Every episode that is played is kept here. To record the first one,
go back with [$accent]esc[/] and start the [$accent]Demo[/], or run in a shell:

  [$accent]ldp-tui run FrozenLake-v1 --agent random --episodes 20[/]

It appears here while it is played."""


class EpisodeTable(RowTable):
    """A table whose footer says what Enter does."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select", "Replay")]


class LibraryScreen(Screen[None]):
    """The list is a window over the database; all questions to it are asked on other threads."""

    SCOPE: Literal["library"] = "library"
    CSS_PATH = "library.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("library")]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide"), (160, "-huge")]  # noqa: RUF012 (Textual's declaration)
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]  # noqa: RUF012
    AUTO_FOCUS = "EpisodeTable"
    HELP = (
        "The filter line takes `env:` `agent:` `seed:` `task:` `end:` `tag:` `success:yes`, numbers as `return>10`"
        " `steps:5..20`, and words to search the recorded messages for; quotes keep spaces."
    )

    def __init__(self, db: Path) -> None:
        super().__init__()
        self._db = db
        self._queries = QueryThread(partial(Reader, db))
        self._marked: set[int] = set()
        self._source = EpisodeSource(partial(Reader, db), marked=self._marked)
        self._bar = TitleBar("Library")
        self._table = EpisodeTable(
            episode_columns(100), self._source, hint="No episode matches. Press x to see all.", id="episodes"
        )
        self._pane = EpisodePane(id="preview", classes="pane")
        self._wanted, self._sort = EpisodeFilter(), Sort()
        self._facets = Facets((), (), (), ())
        self._version: int | None = None
        self._under_cursor: tuple[int, int, str] | None = None
        """Row, id and uid of the episode that the cursor is on."""
        self._typing: Timer | None = None

    def compose(self) -> ComposeResult:
        """Filter line, list and preview."""
        yield self._bar
        with Vertical(id="filter-line"):
            yield Input(
                placeholder="/  env:maze  agent:random  return>1  -tag:bad  words to search for",
                suggester=SelectionSuggester(lambda: self._facets),
                id="filter",
                compact=True,
            )
            yield Static(id="filter-error")
        with Container(id="body"):
            with Vertical(self._table, id="list", classes="pane") as pane:
                pane.border_title = "Episodes"
            yield self._pane
        with Container(id="empty"):
            yield Static(Content.from_markup(NO_EPISODES))
        yield Footer()

    def on_mount(self) -> None:
        """Begin to watch the database."""
        self._pane.border_title = "Preview"
        self._table.sort = ("newest", True)
        self._poll()
        self.set_interval(POLL_S, self._poll)

    def on_unmount(self) -> None:
        """Let go of the database."""
        self._queries.close()
        self._source.close()

    # -- what is listed ---------------------------------------------------------------------------------------------

    @on(events.Resize)
    def _fit_columns(self) -> None:
        self._table.set_columns(episode_columns(self._table.size.width or self.size.width))

    @on(Input.Changed, "#filter")
    def _filter_changed(self) -> None:
        if self._typing is not None:
            self._typing.stop()
        self._typing = self.set_timer(TYPING_PAUSE_S, self._apply_filter)

    @on(Input.Submitted, "#filter")
    def _filter_submitted(self) -> None:
        if self._apply_filter():
            self._table.focus()

    def _apply_filter(self) -> bool:
        """List what the filter line asks for; say where it cannot be read."""
        text = self.query_one("#filter", Input).value
        try:
            wanted = parse_selection(text)
        except SelectionError as error:
            self._show_filter_error(error)
            self._show_no_preview(f"the filter cannot be read ({error.reason}). The list is that of the filter before.")
            return False
        if self.has_class("-wrong"):
            self.remove_class("-wrong")
            self._preview_again()
        if wanted != self._wanted:
            self._wanted = wanted
            self._list_anew()
        return True

    def _show_filter_error(self, error: SelectionError) -> None:
        pointer = f"{' ' * error.position}▲ "
        room = self.size.width - 4
        line = (
            f"{pointer}{error.reason}"
            if len(pointer) + len(error.reason) <= room
            else f"▲ {error.position + 1}: {error.reason}"
        )
        self.query_one("#filter-error", Static).update(Content(line))
        self.add_class("-wrong")

    def _list_anew(self) -> None:
        self._source.ask(self._wanted, self._sort)
        names = self._sort.key in {"env", "agent"}
        self._table.sort = (self._sort.key, self._sort.descending != names)
        self._table.show(self._source)

    def _sort_by(self, key: SortKey) -> None:
        """Sort by a column; by the same one again: the other way round."""
        self._sort = Sort(key, descending=key != self._sort.key or not self._sort.descending)
        self._list_anew()

    @on(RowTable.SortRequested)
    def _sort_requested(self, event: RowTable.SortRequested) -> None:
        self._sort_by(SORTS.get(event.column, "newest"))

    # -- what the database says -------------------------------------------------------------------------------------

    @work(exclusive=True, group="poll")
    async def _poll(self) -> None:
        """Notice new recordings; refresh the list and the totals."""
        try:
            version = await self._queries.run(Reader.version)
            if version == self._version:
                return
            self._facets = await self._queries.run(Reader.facets)
        except StoreMissing:
            self._version = None
            self.add_class("-empty")
            return
        except StoreError as error:
            self._show_state(str(error))
            return
        first, self._version = self._version is None, version
        if not first or self.has_class("-empty"):
            self._table.reload()
        self._show_state()

    @on(RowTable.Loaded)
    def _loaded(self) -> None:
        nothing = not self._table.row_count and self._wanted == EpisodeFilter()
        if not self._table.row_count:
            self._under_cursor = None
            self._show_no_preview("no episode matches the filter.")
        self.set_class(nothing, "-empty")
        if nothing:
            self.set_focus(None)
        elif self.focused is None:
            self._table.focus()
        self._stay_on_episode()
        self._show_state()

    def _stay_on_episode(self) -> None:
        """Follow the episode under the cursor to its new row; the first row stays the first."""
        if self._under_cursor is None:
            return
        row, episode, _ = self._under_cursor
        if row == self._table.cursor != 0:
            self._table.cursor = self._source.position(episode) or row

    @on(RowTable.SourceFailed)
    def _source_failed(self, event: RowTable.SourceFailed) -> None:
        if isinstance(event.error, StoreMissing):
            self.add_class("-empty")
        elif not isinstance(event.error, QueryInterrupted):
            self._show_state("the list cannot be read")
            self._under_cursor = None
            self._show_no_preview(f"the list cannot be read. {event.error}")

    def _show_state(self, problem: str = "") -> None:
        total = sum(each.n for each in self._facets.envs)
        shown = self._table.row_count
        state = f"{shown:,} episodes" if self._wanted == EpisodeFilter() else f"{shown:,} of {total:,} episodes"
        marked = f" · {len(self._marked):,} marked" if self._marked else ""
        self._bar.state = problem or state + marked

    # -- the episode under the cursor -------------------------------------------------------------------------------

    @on(RowTable.Highlighted)
    def _highlighted(self, event: RowTable.Highlighted) -> None:
        episode, uid = int(str(event.cells[0])), str(event.cells[1])
        self._under_cursor = event.row, episode, uid
        self._preview_again()

    @work(exclusive=True, group="preview")
    async def _load_preview(self, episode: int) -> None:
        await asyncio.sleep(PREVIEW_PAUSE_S)  # only the last of many quick moves is looked at
        try:
            preview = await self._queries.run(partial(load_preview, key=episode))
        except StoreError as error:
            self._pane.show_problem(str(error))
            return
        self._pane.border_title = f"Preview {episode}"
        self._pane.show(preview)

    def _preview_again(self) -> None:
        """Show the episode under the cursor, where the preview is shown at all."""
        if self._under_cursor is not None and not self.has_class("-no-preview"):
            self._load_preview(self._under_cursor[1])

    def _show_no_preview(self, reason: str) -> None:
        """Show `reason` in place of an episode that is no longer what was asked for."""
        self.workers.cancel_group(self, "preview")
        self._pane.border_title = "Preview"
        self._pane.show_problem(f"Nothing to preview: {reason}")

    # -- actions ----------------------------------------------------------------------------------------------------

    @on(RowTable.Selected)
    def _chosen(self, event: RowTable.Selected) -> None:
        self.post_message(ReplayRequested(str(event.cells[1])))

    def action_replay(self) -> None:
        """Replay the episode under the cursor."""
        self._table.action_select()

    def action_filter(self) -> None:
        """Edit the filter line."""
        self.query_one("#filter", Input).focus()

    def action_clear_filter(self) -> None:
        """List everything."""
        self.query_one("#filter", Input).value = ""
        self._apply_filter()
        self._table.focus()

    @work(exclusive=True, group="dialog")
    async def action_choose(self, field: Literal["env", "agent"]) -> None:
        """Filter by a name chosen from those there are."""
        counts = self._facets.envs if field == "env" else self._facets.agents
        choices = [Choice(each.value, summary=f"{each.n:,} episodes") for each in counts]
        name = await self.app.push_screen_wait(Picker("Environment" if field == "env" else "Agent", choices))
        if name is None:
            return
        line = self.query_one("#filter", Input)
        try:
            line.value = with_value(line.value, field, name)
        except SelectionError:
            line.value = with_value("", field, name)
        self._apply_filter()
        self._table.focus()

    @work(exclusive=True, group="dialog")
    async def action_sort(self) -> None:
        """Sort by a column chosen from a list."""
        current = next(title for title, key in SORTS.items() if key == self._sort.key)
        title = await self.app.push_screen_wait(Picker("Sort by", [Choice(each) for each in SORTS], current=current))
        if title in SORTS:
            self._sort_by(SORTS[title])

    def action_reverse(self) -> None:
        """The same order from the other end."""
        self._sort_by(self._sort.key)

    def action_mark(self) -> None:
        """Mark the episode under the cursor, or take the mark away, and go on to the next."""
        if self._under_cursor is None:
            return
        self._marked ^= {self._under_cursor[1]}
        self._table.action_move(1)
        self._table.reload()
        self._show_state()

    @work(exclusive=True, group="dialog")
    async def action_export(self) -> None:
        """Write the marked episodes, or else all that are listed, to a file."""
        marked, wanted, sort = sorted(self._marked), self._wanted, self._sort
        count = len(marked) or self._table.row_count
        order = await self.app.push_screen_wait(ExportDialog(f"{count:,} {'marked' if marked else 'listed'} episodes"))
        if order is not None:
            self._export(order, marked, wanted, sort)

    @work(group="export")
    async def _export(self, order: ExportOrder, marked: list[int], wanted: EpisodeFilter, sort: Sort) -> None:
        def write(reader: Reader) -> Exported:
            return order.write(reader, marked or reader.episode_ids(wanted, sort), order.path)

        queries = QueryThread(partial(Reader, self._db))
        self.notify(f"Writing {order.path} …", markup=False)
        try:
            done = await queries.run(write)
        except LdpTuiError as error:
            self.notify(str(error), title="Not exported", severity="error", markup=False)
            return
        finally:
            queries.close()
        left_out = (
            f"; {len(done.left_out):,} were left out, the first because {done.left_out[0][1]}" if done.left_out else ""
        )
        self.notify(f"{done.episodes:,} episodes, {done.steps:,} steps in {done.path}{left_out}", markup=False)

    def action_copy_id(self) -> None:
        """Copy the uid."""
        if self._under_cursor is not None:
            self.app.copy_to_clipboard(self._under_cursor[2])
            self.notify("uid copied")

    @work(exclusive=True, group="copy")
    async def action_copy_json(self) -> None:
        """Copy what the list knows of the episode."""
        if self._under_cursor is None:
            return
        episode = self._under_cursor[1]
        for summary in await self._queries.run(lambda reader: reader.summaries([episode])):
            self.app.copy_to_clipboard(summary_json(summary))
            self.notify("JSON copied")

    def action_preview(self) -> None:
        """Show or hide the preview."""
        self.toggle_class("-no-preview")
        self._preview_again()

    def action_back(self) -> None:
        """Leave the filter line, or the library."""
        if self.focused is self.query_one("#filter"):
            self._table.focus()
        else:
            self.dismiss()

"""A recorded episode again, at any speed and from any step, and beside it another one of the same seed."""

from __future__ import annotations

import json
import time
from functools import partial
from pathlib import Path
from typing import ClassVar, Final, Literal

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.screen import Screen
from textual.widgets import Footer

from ldp_tui.engine.codec import event_to_wire
from ldp_tui.engine.replay import RecordedEpisode, load_episode, read_steps
from ldp_tui.engine.seek import state_at
from ldp_tui.engine.session import SessionState, reduce
from ldp_tui.graph.sketch import Sketch
from ldp_tui.store.errors import StoreCorrupt, StoreError
from ldp_tui.store.reader import Reader
from ldp_tui.store.results import EpisodeFilter, EpisodeNode, EpisodeSummary
from ldp_tui.tui.actions import bindings
from ldp_tui.tui.branch_actions import branch_actions
from ldp_tui.tui.episode_text import duration, return_text
from ldp_tui.tui.query_thread import QueryThread
from ldp_tui.tui.screens.branches import BranchesDialog
from ldp_tui.tui.screens.dialogs import Choice, Picker
from ldp_tui.tui.screens.graph import GraphScreen
from ldp_tui.tui.screens.jump_dialog import JumpDialog
from ldp_tui.tui.step_source import StepSource
from ldp_tui.tui.tape import Tape, load_tape
from ldp_tui.tui.timeline import Playhead
from ldp_tui.tui.widgets.replay_lane import ReplayLane
from ldp_tui.tui.widgets.scrubber import Scrubber
from ldp_tui.tui.widgets.title_bar import TitleBar

FRAME_S: Final = 1 / 30
POLL_S: Final = 1.0
BESIDE_AT_MOST: Final = 200
CONVERSATION: Final = 40
"""Steps of a conversation that are shown together."""


class ReplayScreen(Screen[None]):
    """Positions count steps, from 0 (the reset). All lanes are at the same one, the shorter ones at their end."""

    SCOPE: Literal["replay"] = "replay"
    CSS_PATH = "replay.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("replay")]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide"), (160, "-huge")]  # noqa: RUF012 (Textual's declaration)
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]  # noqa: RUF012
    AUTO_FOCUS = "Scrubber"
    HELP = (
        "Marks on the line: `!` an error, `▲` `▼` an unusually big reward, `r` a reflection, `■` the end."
        " At speed 1 each step shows as long as it took, but at least 0.1 and at most 2 seconds."
    )

    def __init__(self, db: Path, uid: str, other_uid: str | None = None, *, position: int = 0) -> None:
        """`position` is where it begins."""
        super().__init__()
        self._db = db
        self._uids = [uid] if other_uid is None else [uid, other_uid]
        self._queries = QueryThread(partial(Reader, db))
        self._lanes = [ReplayLane() for _ in self._uids]
        self._bar, self._scrubber = TitleBar("Replay"), Scrubber()
        self._tapes: dict[str, Tape] = {}
        self._sources: dict[str, StepSource] = {}
        self._version: int | None = None
        self._head = Playhead().at(position)
        self._shown: int | None = None
        """The position that the lanes are at, or on their way to; None when they have to be shown anew."""
        self._following = False
        self._last_tick = 0.0

    def compose(self) -> ComposeResult:
        """Lanes over the scrubber."""
        yield self._bar
        yield Container(*self._lanes, id="lanes")
        yield Container(self._scrubber, id="line")
        yield Footer()

    def on_mount(self) -> None:
        """Read the episodes."""
        self.set_class(len(self._uids) > 1, "-two")
        self._clock = self.set_interval(FRAME_S, self._tick, pause=True)
        self.set_interval(POLL_S, self._poll)
        for index in range(len(self._uids)):
            self._open(index)

    def on_unmount(self) -> None:
        """Let go of the database."""
        self._queries.close()
        for source in self._sources.values():
            source.close()

    @property
    def _last(self) -> int:
        """The last position of the longest lane."""
        return max((tape.steps for tape in self._tapes.values()), default=0)

    # -- reading ----------------------------------------------------------------------------------------------------

    @work(group="open")
    async def _open(self, index: int) -> None:
        """Show the start of an episode as soon as it is read, then learn the rest."""
        lane, uid = self._lanes[index], self._uids[index]
        try:
            episode = await self._queries.run(partial(load_episode, key=uid))
            lane.show_episode(episode)
            if self._head.position == 0:
                lane.show_state(reduce(SessionState(), episode.started))
            self._show_heading(episode)
            await self._learn(index, episode.header.summary.id)
        except StoreError as error:
            lane.show_problem(str(error))

    async def _learn(self, index: int, episode: int) -> None:
        """Take in an episode as it is now."""
        tape = await self._queries.run(partial(load_tape, key=episode))
        uid, lane = self._uids[index], self._lanes[index]
        if uid in self._sources:
            self._sources[uid].close()
        self._sources[uid] = StepSource(partial(Reader, self._db), episode, tape.steps)
        self._tapes[uid] = tape
        lane.show_episode(tape.episode)
        lane.show_steps(self._sources[uid], tape.returns)
        marked = {
            position: symbol for tape in reversed(self._tapes.values()) for position, symbol in tape.marks.items()
        }
        self._scrubber.show(self._last, self._head.position, marked)
        self._shown = None
        self._seek(self._head.position)

    @work(exclusive=True, group="poll")
    async def _poll(self) -> None:
        """Follow episodes that are still being played."""
        running = [uid for uid, tape in self._tapes.items() if tape.episode.ended is None]
        if not running:
            return
        try:
            version = await self._queries.run(Reader.version)
            if version == self._version:
                return
            self._version = version
            for uid in running:
                at_end = self._head.position >= self._last
                await self._learn(self._uids.index(uid), self._tapes[uid].episode.header.summary.id)
                if at_end:
                    self._seek(self._last)
        except StoreError as error:
            self.notify(str(error), title="Not read", severity="warning", markup=False)

    # -- moving -----------------------------------------------------------------------------------------------------

    def _seek(self, position: int) -> None:
        self._move(self._head.at(max(0, min(position, self._last))))

    def _move(self, head: Playhead) -> None:
        """Put the playhead somewhere; the lanes follow as fast as they can be read."""
        self._head = head
        self._scrubber.show(self._last, head.position)
        self._show_clock()
        if not self._following:
            self._following = True
            self._follow()

    @work(group="follow")
    async def _follow(self) -> None:
        """Show the playhead's position; by then it may have moved on."""
        try:
            while self._shown != (wanted := self._head.position):
                self._shown = wanted
                for index, uid in enumerate(self._uids):
                    if (tape := self._tapes.get(uid)) is not None:
                        lane = self._lanes[index]
                        lane.show_state(await self._queries.run(partial(_state, tape=tape, position=wanted)))
        except StoreError as error:
            self.notify(str(error), title="Step not read", severity="error", markup=False)
        finally:
            self._following = False

    def _tick(self) -> None:
        now = time.monotonic()
        elapsed, self._last_tick = now - self._last_tick, now
        reached = max((tape.reached for tape in self._tapes.values()), key=len)
        self._play(self._head.advanced(elapsed, reached))

    def _play(self, head: Playhead) -> None:
        """Move, and let the clock run or rest."""
        if head.playing and not self._head.playing:
            self._last_tick = time.monotonic()
            self._clock.resume()
        if not head.playing:
            self._clock.pause()
        self._move(head)

    def _show_heading(self, episode: RecordedEpisode) -> None:
        started = episode.started
        seed = "" if started.seed is None else f" · seed {started.seed}"
        agent = "" if len(self._uids) > 1 else f" · {started.agent.name}"
        self._bar.heading = f"Replay · {started.environment.name}{agent}{seed}"

    def _show_clock(self) -> None:
        longest = max(self._tapes.values(), key=lambda tape: tape.steps, default=None)
        mode = "▸ playing" if self._head.playing else "paused"
        clock = f"{mode} {self._head.speed:g}×"
        if longest is not None:
            clock += f"   {duration(longest.recorded[self._head.position])} / {duration(longest.recorded[-1])}"
        self._bar.state = clock

    # -- actions ----------------------------------------------------------------------------------------------------

    @on(Scrubber.Moved)
    def _scrubbed(self, event: Scrubber.Moved) -> None:
        self._seek(event.position)

    @on(ReplayLane.StepChosen)
    def _step_chosen(self, event: ReplayLane.StepChosen) -> None:
        self._seek(event.position)

    def action_play(self) -> None:
        """Play or hold; from the start where the end was reached."""
        if not self._last:
            return
        head = self._head
        if not head.playing and head.position >= self._last:
            head = head.at(0)
        self._play(head.toggled())

    def action_move(self, steps: int) -> None:
        """Some steps on or back."""
        self._seek(self._head.position + steps)

    def action_percent(self, percent: int) -> None:
        """To a share of the whole."""
        self._seek(round(self._last * percent / 100))

    def action_speed(self, steps: int) -> None:
        """Faster or slower."""
        self._play(self._head.faster(steps))

    def action_mark(self, direction: int) -> None:
        """To the next mark."""
        self._scrubber.action_mark(direction)

    @work(exclusive=True, group="dialog")
    async def action_jump(self) -> None:
        """To a step that is asked for."""
        position = await self.app.push_screen_wait(JumpDialog(self._last))
        if position is not None:
            self._seek(position)

    @work(exclusive=True, group="copy")
    async def action_copy_step(self) -> None:
        """Copy the newest step of the first lane, or its start, as JSON without the picture."""
        if (tape := self._tapes.get(self._uids[0])) is None:
            return
        position = min(self._head.position, tape.steps)
        episode = tape.episode.header.summary.id
        steps = await self._queries.run(lambda reader: read_steps(reader, episode, max(0, position - 1), position))
        wire = event_to_wire(steps[0] if steps else tape.episode.started) | {
            "episode": self._uids[0],
            "rendering": None,
        }
        self.app.copy_to_clipboard(json.dumps(wire, ensure_ascii=False, indent=2))
        self.notify(f"Step {position} copied as JSON")

    @work(exclusive=True, group="dialog")
    async def action_beside(self) -> None:
        """Choose another episode of the same environment and seed, and show both."""
        if (tape := self._tapes.get(self._uids[0])) is None:
            return
        summary = tape.episode.header.summary
        others = await self._queries.run(partial(_others_like, summary=summary))
        if not others:
            self.notify(f"No other episode of {summary.env} with this seed", markup=False)
            return
        names = {f"{other.agent} {other.id}": other.uid for other in others}
        choices = [
            Choice(name, summary=f"return {return_text(other)} in {other.steps:,} steps")
            for name, other in zip(names, others, strict=True)
        ]
        chosen = await self.app.push_screen_wait(Picker(f"Beside episode {summary.id}", choices))
        if chosen in names:
            await self._show_beside(names[chosen])

    @work(exclusive=True, group="dialog")
    async def action_branches(self) -> None:
        """Show the tree of the episode's forks; the one that is chosen is replayed from where it forks."""
        try:
            root, actions = await self._queries.run(partial(_branches, key=self._uids[0]))
        except StoreError as error:
            self.notify(str(error), title="Branches not read", severity="error", markup=False)
            return
        if not root.children:
            self.notify("This episode has no branches: it forks from none, and none forks from it.")
            return
        chosen = await self.app.push_screen_wait(BranchesDialog(root, self._uids[0], actions))
        if chosen is not None and chosen.uid != self._uids[0]:
            self.app.switch_screen(ReplayScreen(self._db, chosen.uid, position=chosen.fork_t or 0))

    def action_graph(self) -> None:
        """Open the drawing of the graph that led to this step's action."""
        if (tape := self._tapes.get(self._uids[0])) is None:
            return
        if not tape.steps:
            self.notify("This episode has no steps.")
            return
        episode = tape.episode.header.summary.id

        async def sketches(position: int) -> Sketch | None:
            return await self._queries.run(partial(_sketch, episode=episode, position=position))

        self.app.push_screen(GraphScreen(sketches, min(self._head.position, tape.steps), tape.steps))

    async def _show_beside(self, uid: str) -> None:
        for gone in self._uids[1:]:
            self._tapes.pop(gone, None)
        if len(self._lanes) == 1:
            self._lanes.append(ReplayLane())
            await self.query_one("#lanes").mount(self._lanes[1])
        self._uids = [self._uids[0], uid]
        self.add_class("-two")
        self._open(1)

    def action_back(self) -> None:
        """Close."""
        self.dismiss()

    @on(events.ScreenSuspend)
    def _suspended(self) -> None:
        """Hold while another screen is in front."""
        if self._head.playing:
            self._play(self._head.toggled())


def _state(reader: Reader, tape: Tape, position: int) -> SessionState:
    """The state at a position, or at the end of an episode that is shorter; conversations with what was said before."""
    log = CONVERSATION if tape.episode.started.rendering is None else 1
    return state_at(reader, tape.episode, tape.stored, min(position, tape.steps), log=log)


def _branches(reader: Reader, key: str) -> tuple[EpisodeNode, dict[int, str]]:
    """The tree of forks that an episode belongs to, and the action that begins each."""
    root = reader.tree(key)
    return root, branch_actions(reader, root)


def _sketch(reader: Reader, episode: int, position: int) -> Sketch | None:
    """The compute graph behind the action that led to `position`."""
    (step,) = read_steps(reader, episode, position - 1, position)
    try:
        return None if step.graph is None else Sketch.from_json(step.graph)
    except ValueError as error:
        raise StoreCorrupt(f"Step {position}: {error}") from error


def _others_like(reader: Reader, summary: EpisodeSummary) -> list[EpisodeSummary]:
    """Other episodes of the same environment and seed, newest first."""
    wanted = EpisodeFilter(envs=(summary.env,), seeds=(summary.seed,) if summary.seed is not None else ())
    page = reader.episodes(wanted, limit=BESIDE_AT_MOST)
    same = (other for other in page.episodes if (other.env, other.seed) == (summary.env, summary.seed))
    return [other for other in same if other.uid != summary.uid]

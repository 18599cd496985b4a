"""The tree of a search, and the graph behind an action, in Replay: recorded by the real search and a real agent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ldp_tui.alg import TreeSearchRollout
from ldp_tui.core.dummy import DummyEnv
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolCall, ToolRequestMessage
from ldp_tui.core.tools import Tool
from ldp_tui.engine.events import StepTaken
from ldp_tui.engine.record import record
from ldp_tui.engine.replay import replay
from ldp_tui.engine.rollout import rollout
from ldp_tui.graph import Agent, FxnOp, OpResult, compute_graph, eval_mode
from ldp_tui.store import connect_writer
from ldp_tui.store.reader import Reader
from ldp_tui.store.results import EpisodeNode
from ldp_tui.tui.screens.branches import BranchesDialog
from ldp_tui.tui.screens.graph import GraphScreen
from ldp_tui.tui.screens.replay import ReplayScreen
from ldp_tui.tui.widgets.scrubber import Scrubber
from tests.alg.searching import Digits, Trying
from tests.tui.watching import watch


class Composed(Agent[int]):
    """Decides by two ops: one thinks of a word, one makes the call."""

    def __init__(self) -> None:
        self.think = FxnOp(lambda turn: f"word {turn} 中 [bold]\x1b[31m")
        self.call = FxnOp(lambda word: ToolRequestMessage(tool_calls=[ToolCall.from_name("cast_int", x=len(word))]))

    async def init_state(self, tools: list[Tool]) -> int:
        return 0

    @compute_graph()
    async def get_asv(self, agent_state: int, obs: list[Message]) -> tuple[OpResult[ToolRequestMessage], int, float]:
        return await self.call(await self.think(agent_state)), agent_state + 1, 0.0


async def searched(db: Path) -> str:
    """A recorded search with two choices at each of two steps; the uid of its root."""
    with connect_writer(db) as writer:
        search = TreeSearchRollout(Trying(1, 2), 2, store=writer)
        await search.sample_tree(Digits(2), max_depth=2)
    with Reader(db) as reader:
        return reader.tree(1).uid


async def composed(db: Path) -> str:
    """A recorded episode of an agent made of ops."""
    with connect_writer(db) as writer:
        events = record(rollout(DummyEnv(), Composed(), max_steps=2), writer, run_uid="graphs")
        played = [event async for event in events]
    return str(played[0].uid)


async def test_the_tree_of_a_search_is_walked(tmp_path: Path) -> None:
    """b shows every branch with where it forks and what it earned; Enter replays one from its fork."""
    db = tmp_path / "search.db"
    root = await searched(db)
    async with watch(ReplayScreen(db, root)) as screen:
        await screen.until_shown("0/2")
        await screen.press("b")
        await screen.until(lambda: isinstance(screen.app.screen, BranchesDialog))
        await screen.until_shown("Branches · 4 episodes", "root", "step 1  choose(digit=2)", "step 0  choose(digit=2)")
        await screen.press("down", "enter")
        await screen.until(lambda: isinstance(screen.app.screen, ReplayScreen))
        with Reader(db) as reader:
            first = reader.tree(root).children[0]
        await screen.until(lambda: screen.find(Scrubber).position == first.fork_t and screen.shows(f"{first.fork_t}/2"))


async def test_a_long_action_is_shortened(tmp_path: Path) -> None:
    """In the tree; below, the branch under the cursor tells it in full."""
    root = EpisodeNode(1, "one", None, None, 0, "done", 2, 0.0, None, None, ())
    fork = EpisodeNode(2, "two", "one", 1, 1, "done", 2, 1.0, True, None, ())
    said = f"say(text='{'中' * 18} [b]end')"
    dialog = BranchesDialog(replace(root, children=(fork,)), "two", {2: said})
    async with watch(dialog) as screen:
        await screen.until_shown("step 1  say(text='中中", "…  return 1.00", "[b]end')")
        assert screen.shows("root  return 0.00")


async def test_an_episode_without_branches_says_so(tmp_path: Path) -> None:
    db = tmp_path / "one.db"
    uid = await composed(db)
    async with watch(ReplayScreen(db, uid)) as screen:
        await screen.until_shown("0/2")
        await screen.press("b")
        await screen.until_shown("no branches")


async def test_the_graph_of_a_step_is_drawn(tmp_path: Path) -> None:
    """g draws the calls that led to the action; . and , go to other steps; hostile text stays text; s saves it."""
    db = tmp_path / "graph.db"
    uid = await composed(db)
    async with watch(ReplayScreen(db, uid)) as screen:
        await screen.until_shown("0/2")
        await screen.press("g")
        await screen.until(lambda: isinstance(screen.app.screen, GraphScreen))
        await screen.until_shown("think", "word 0 中 [bold]", "call", "cast_int(x=", "step 1 of 2", "▼")
        await screen.press("full_stop")
        await screen.until_shown("word 1", "step 2 of 2")
        screen.app.screen._folder = lambda: tmp_path
        await screen.press("s")
        await screen.until((tmp_path / "graph-step-2.svg").exists)
        assert "<svg" in (tmp_path / "graph-step-2.svg").read_text()


async def test_an_action_without_a_graph_says_so(tmp_path: Path) -> None:
    db = tmp_path / "search.db"
    root = await searched(db)
    async with watch(ReplayScreen(db, root)) as screen:
        await screen.until_shown("0/2")
        await screen.press("g")
        await screen.until_shown("No graph led to this action")


async def test_the_graph_is_part_of_the_record(tmp_path: Path) -> None:
    """What is replayed is what was played, graph included."""
    db = tmp_path / "graph.db"
    with connect_writer(db) as writer:
        events = record(rollout(DummyEnv(), Composed(), max_steps=2), writer, run_uid="graphs")
        played = [event.graph async for event in events if hasattr(event, "graph")]
    with Reader(db) as reader:
        assert [event.graph for event in replay(reader, 1) if hasattr(event, "graph")] == played
    assert len(played) == 2
    assert [len(graph["boxes"]) for graph in played] == [2, 2]


async def test_a_graph_that_was_not_kept_costs_no_episode() -> None:
    """In evaluation mode, and where an op in the middle ran in it, there is no drawing, and play goes on."""

    class Half(Composed):
        @compute_graph()
        async def get_asv(
            self, agent_state: int, obs: list[Message]
        ) -> tuple[OpResult[ToolRequestMessage], int, float]:
            async with eval_mode:
                thought = await self.think(agent_state)
            return await self.call(thought), agent_state + 1, 0.0

    events = [event async for event in rollout(DummyEnv(), Half(), max_steps=2)]
    async with eval_mode:
        events += [event async for event in rollout(DummyEnv(), Composed(), max_steps=2)]
    steps = [event for event in events if isinstance(event, StepTaken)]
    assert [step.graph for step in steps] == [None] * 4


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_both_fit_other_terminals(tmp_path: Path, size: tuple[int, int]) -> None:
    db = tmp_path / "graph.db"
    uid = await composed(db)
    async with watch(ReplayScreen(db, uid), size) as screen:
        await screen.until_shown("0/2")
        await screen.press("g")
        await screen.until_shown("cast_int(x=")
        await screen.press("escape")
        await screen.until(lambda: isinstance(screen.app.screen, ReplayScreen))

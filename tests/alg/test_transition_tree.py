"""Trees of transitions: paths, values, advantages, pruning, merging."""

from __future__ import annotations

import subprocess
import sys
from typing import Any
from uuid import uuid4

import pytest

from ldp_tui.alg.transition_tree import TransitionTree
from ldp_tui.core.agent import PlainAction
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolCall, ToolRequestMessage
from ldp_tui.core.trajectory import Transition


def step(timestep: int = 0, **fields: Any) -> Transition:
    return Transition(timestep=timestep, **{"observation": [], **fields})


def grown(**rewards: float) -> TransitionTree:
    """Tree of root `r`; `r_0_1=2.0` adds step r:0:1 with reward 2."""
    tree = TransitionTree("r")
    for name, reward in rewards.items():
        path = name.split("_")
        tree.add_transition(":".join(path), step(len(path) - 2, reward=reward))
    return tree


def test_paths() -> None:
    """A trajectory for each end, in the order of time, under the id of its last step."""
    tree = TransitionTree(root := uuid4())
    tree.add_transition(f"{root}:0", step(0, reward=1.0))
    tree.add_transition(f"{root}:1", step(0, done=True))
    tree.add_transition(f"{root}:0:0", step(1, truncated=True))
    tree.add_transition(f"{root}:0:1", step(1))
    assert [(t.traj_id, len(t.steps), t.done) for t in tree.get_trajectories()] == [
        (f"{root}:1", 1, True), (f"{root}:0:0", 2, False), (f"{root}:0:1", 2, False),
    ]  # fmt: skip
    assert [s.timestep for s in tree.get_trajectories()[1].steps] == [0, 1]
    assert (tree.parent(f"{root}:0:1"), tree.children(f"{root}:0")) == (f"{root}:0", (f"{root}:0:0", f"{root}:0:1"))
    assert (len(tree), f"{root}:0" in tree, "x" in tree) == (4, True, False)


@pytest.mark.parametrize("step_id", ["r:0", "r:5:0", "x:0", "r"])
def test_steps_without_a_place(step_id: str) -> None:
    """One that is there, one without a parent, one of another root, the root itself."""
    with pytest.raises(ValueError, match=r"is in the tree already|has no parent"):
        grown(r_0=0.0).add_transition(step_id, step())


def test_root() -> None:
    """It has neither transition nor parent."""
    for ask in (TransitionTree("r").get_transition, TransitionTree("r").parent):
        with pytest.raises(ValueError, match="root"):
            ask("r")


def test_values() -> None:
    """Q is the reward plus the discounted mean of the children's Q."""
    tree = grown(r_0=0.0, r_0_0=1.0, r_0_0_0=0.0, r_0_0_1=1.0, r_0_0_2=2.0, r_0_1=-1.0)
    tree.assign_mc_value_estimates(0.9)
    values = {step_id: tree.get_transition(step_id).value for step_id in tree}
    assert values == pytest.approx(
        {"r:0": 0.9 * (1.9 - 1) / 2, "r:0:0": 1.9, "r:0:0:0": 0.0, "r:0:0:1": 1.0, "r:0:0:2": 2.0, "r:0:1": -1.0}
    )


def test_weights() -> None:
    """They weigh the means of values and baselines."""
    tree = TransitionTree("r")
    tree.add_transition("r:0", step())
    tree.add_transition("r:0:0", step(1, reward=1.0), weight=3.0)
    tree.add_transition("r:0:1", step(1, reward=5.0))
    tree.assign_mc_value_estimates()
    assert tree.get_transition("r:0").value == 2.0
    assert tree.compute_advantages() == {"r:0": 0.0, "r:0:0": -1.0, "r:0:1": 3.0}


def test_advantages() -> None:
    """Against the mean of the siblings at every level, the first included; the values stay."""
    tree = grown(r_0=1.0, r_1=3.0, r_1_0=0.0, r_1_1=4.0)
    tree.assign_mc_value_estimates()
    values = {step_id: tree.get_transition(step_id).value for step_id in tree}
    advantages = tree.compute_advantages()
    assert advantages == {"r:0": -2.0, "r:1": 2.0, "r:1:0": -2.0, "r:1:1": 2.0}
    assert values == {step_id: tree.get_transition(step_id).value for step_id in tree} != advantages
    assert {step_id: tree.get_transition(step_id).metadata["advantage"] for step_id in tree} == advantages
    assert tree.compute_advantages() == advantages


def test_failed_steps() -> None:
    """They count in no mean and have no advantage."""
    tree = grown(r_0=0.0, r_0_0=1.0)
    tree.add_transition("r:0:1", step(1, metadata={"exception": "E()"}))
    tree.assign_mc_value_estimates()
    assert tree.get_transition("r:0").value == 1.0
    assert set(tree.compute_advantages()) == {"r:0", "r:0:0"}
    assert [t.failed for t in tree.get_trajectories()] == [False, True]


def test_pruning() -> None:
    """Only branches that end in a finished task stay, with their weights; the tree itself stays whole."""
    tree = grown(r_0=0.0, r_1=0.0)
    tree.add_transition("r:0:0", step(1, done=True), weight=2.0)
    tree.add_transition("r:0:1", step(1, truncated=True))
    tree.add_transition("r:1:0", step(1, metadata={"exception": "E()"}))
    kept = tree.remove_nonterminal_branches()
    assert list(kept) == ["r:0", "r:0:0"]
    assert kept.get_weight("r:0:0") == 2.0
    assert len(tree) == 5


def saying(text: str, call_id: str = "1") -> PlainAction:
    return PlainAction(ToolRequestMessage(tool_calls=[ToolCall.from_name("say", id=call_id, text=text)]))


def test_merging() -> None:
    """Equal siblings become one, whose children are merged in turn; ids, weights and lineage tell of all of them."""
    tree = TransitionTree("r")
    for number, (state, call_id) in enumerate([(0, "a"), (0, "b"), (1, "a")]):
        tree.add_transition(f"r:{number}", step(agent_state=state, action=saying("x", call_id)))
        tree.add_transition(f"r:{number}:0", step(1, agent_state=5, action=saying(str(number // 2))))
    merged = tree.merge_identical_nodes(lambda state: state)
    assert {step_id: merged.get_weight(step_id) for step_id in merged} == {
        "r:0": 2.0, "r:0:0": 2.0, "r:2": 1.0, "r:2:0": 1.0,
    }  # fmt: skip
    assert merged.lineage == {"r:0": ("r:0", "r:1"), "r:0:0": ("r:0:0", "r:1:0"), "r:2": ("r:2",), "r:2:0": ("r:2:0",)}
    assert len(tree) == 6


def test_children_of_merged_steps() -> None:
    """Those that differ stay, under the merged parent, and paths lead through it."""
    tree = TransitionTree("r")
    for number in (0, 1):
        tree.add_transition(f"r:{number}", step(agent_state=0))
        tree.add_transition(f"r:{number}:0", step(1, agent_state=number, done=True))
    merged = tree.merge_identical_nodes(lambda state: state)
    assert merged.children("r:0") == ("r:0:0", "r:1:0")
    assert [[s.agent_state for s in t.steps] for t in merged.get_trajectories()] == [[0, 0], [0, 1]]
    assert list(merged.remove_nonterminal_branches()) == ["r:0", "r:0:0", "r:1:0"]
    again = merged.merge_identical_nodes(lambda _: 0)
    assert again.lineage["r:0:0"] == ("r:0:0", "r:1:0")


@pytest.mark.parametrize(
    "difference",
    [
        {"reward": 1.0}, {"done": True}, {"observation": [Message(content="x")]},
        {"next_observation": [Message(content="x")]}, {"action": saying("x")},
    ],
)  # fmt: skip
def test_steps_that_differ(difference: dict[str, Any]) -> None:
    """They are not merged."""
    tree = TransitionTree("r")
    tree.add_transition("r:0", step())
    tree.add_transition("r:1", step(**difference))
    assert len(tree.merge_identical_nodes(lambda state: state)) == 2


def test_colliding_hashes() -> None:
    """Values of equal hash that are not equal are told apart."""
    assert hash(-1) == hash(-2)
    tree = TransitionTree("r")
    for number in (1, 2):
        tree.add_transition(f"r:{number}", step(agent_state=-number))
    assert len(tree.merge_identical_nodes(lambda state: state)) == 2


def test_graph() -> None:
    """networkx gets nodes with transition and weight, and edges both ways."""
    pytest.importorskip("networkx")
    tree = grown(r_0=1.0, r_0_0=2.0)
    assert list(tree.tree.edges) == [("r", "r:0"), ("r:0", "r:0:0")]
    assert list(tree.rev_tree.edges) == [("r:0", "r"), ("r:0:0", "r:0")]
    assert tree.tree.nodes["r:0"]["transition"].reward == 1.0
    assert tree.tree.nodes["r"] == {"transition": None, "weight": 1.0}


def test_without_networkx() -> None:
    """Everything but the graph works, and the graph names what it needs."""
    script = """
import sys
sys.modules["networkx"] = None
from ldp_tui.alg import TransitionTree
from ldp_tui.core.errors import MissingExtra
from ldp_tui.core.trajectory import Transition
tree = TransitionTree("r")
tree.add_transition("r:0", Transition(timestep=0, observation=[], reward=1.0))
tree.assign_mc_value_estimates()
assert tree.compute_advantages() == {"r:0": 0.0}
assert len(tree.merge_identical_nodes(lambda s: s).get_trajectories()) == 1
try:
    tree.tree
except MissingExtra as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert "pip install" in done.stdout

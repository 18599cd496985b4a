"""Transitions as a tree: every path from the root to a leaf is a trajectory."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ldp_tui.core.errors import MissingExtra
from ldp_tui.core.messages import Message, join
from ldp_tui.core.tool_calls import ToolRequestMessage
from ldp_tui.core.trajectory import Trajectory, Transition

if TYPE_CHECKING:
    import networkx as nx

ADVANTAGE = "advantage"
"""Key of a transition's metadata that `compute_advantages` sets."""


@dataclass(slots=True)
class _Node:
    parent: str
    transition: Transition | None
    weight: float
    children: list[str] = field(default_factory=list)


class TransitionTree:
    """Steps that branch: the children of a step begin where it ended.

    Ids are paths: the root's, then the number of a child at each level, as in `root:0:2`. Which node is whose parent is
    kept beside them, so that a merged tree, whose ids are those of one of the merged nodes, is a tree all the same.
    A node's weight is its relative probability among its siblings. Iterating gives the ids of all steps, parents first.
    """

    def __init__(self, root_id: str | UUID) -> None:
        self.root_id = str(root_id)
        self.lineage: dict[str, tuple[str, ...]] = {}
        """In a merged tree: by id of a step, the ids of all steps of the original tree that it stands for."""
        self._nodes: dict[str, _Node] = {self.root_id: _Node("", None, 1.0)}

    def add_transition(self, step_id: str, step: Transition, weight: float = 1.0) -> None:
        """Add `step` under the path `{parent's id}:{number}`.

        Raises:
            ValueError: If the parent is not in the tree, or the id is already.
        """
        self._add(step_id, step_id.rpartition(":")[0], step, weight)

    def _add(self, step_id: str, parent: str, step: Transition, weight: float) -> None:
        if step_id in self._nodes:
            raise ValueError(f"Step {step_id} is in the tree already.")
        if parent not in self._nodes:
            raise ValueError(f"Step {step_id} has no parent in the tree of root {self.root_id}; add {parent!r} first.")
        self._nodes[parent].children.append(step_id)
        self._nodes[step_id] = _Node(parent, step, weight)

    def __contains__(self, step_id: object) -> bool:
        return step_id in self._nodes

    def __len__(self) -> int:
        return len(self._nodes) - 1

    def __iter__(self) -> Iterator[str]:
        return (step_id for step_id in self._nodes if step_id != self.root_id)

    def get_transition(self, step_id: str) -> Transition:
        """The step of that id; raises ValueError for the root, which has none."""
        transition = self._nodes[step_id].transition
        if transition is None:
            raise ValueError("The root has no transition.")
        return transition

    def get_weight(self, step_id: str) -> float:
        """Relative probability among the siblings."""
        return self._nodes[step_id].weight

    def parent(self, step_id: str) -> str:
        """Id of the parent; raises ValueError for the root."""
        if step_id == self.root_id:
            raise ValueError("The root has no parent.")
        return self._nodes[step_id].parent

    def children(self, step_id: str) -> tuple[str, ...]:
        """Ids of the steps that begin where this one ended, in the order in which they were added."""
        return tuple(self._nodes[step_id].children)

    def get_trajectories(self) -> list[Trajectory]:
        """One for each step that ends: done, truncated, failed, or without children. Its id is that step's."""
        return [Trajectory(traj_id=step_id, steps=self._path(step_id)) for step_id in self if self._ends(step_id)]

    def _ends(self, step_id: str) -> bool:
        step = self.get_transition(step_id)
        return step.done or step.truncated or step.failed or not self._nodes[step_id].children

    def _path(self, step_id: str) -> list[Transition]:
        steps = []
        while step_id != self.root_id:
            steps.append(self.get_transition(step_id))
            step_id = self._nodes[step_id].parent
        return steps[::-1]

    def assign_mc_value_estimates(self, discount_factor: float = 1.0) -> None:
        """Set each step's `value` to Q(s, a) = r + discount · V(s'), where V is the weighted mean over the children.

        Failed steps tell nothing of the task: they take no part in the means. V is 0 where there are no children.
        """
        for step_id in reversed(list(self)):
            step = self.get_transition(step_id)
            step.value = step.reward + discount_factor * self._state_value(step_id)

    def compute_advantages(self) -> dict[str, float]:
        """A(s, a) = Q(s, a) − V(s), where V(s) is the weighted mean of Q over the siblings, at every level.

        Q is each step's `value` (see `assign_mc_value_estimates`), which stays. Advantages are returned by id, and put
        into `metadata["advantage"]`. Failed steps have none.
        """
        advantages: dict[str, float] = {}
        for parent in self._nodes:
            baseline = self._state_value(parent)
            for step_id in self._counted(parent):
                step = self.get_transition(step_id)
                advantages[step_id] = step.value - baseline
                step.metadata[ADVANTAGE] = advantages[step_id]
        return advantages

    def _counted(self, parent: str) -> list[str]:
        return [child for child in self._nodes[parent].children if not self.get_transition(child).failed]

    def _state_value(self, step_id: str) -> float:
        children = self._counted(step_id)
        weights = [self.get_weight(child) for child in children]
        total = sum(weights)
        if not total:
            return 0.0
        values = (self.get_transition(child).value for child in children)
        return sum(weight * value for weight, value in zip(weights, values, strict=True)) / total

    def remove_nonterminal_branches(self) -> TransitionTree:
        """A new tree of the same steps, with only the branches that end in a finished task."""
        kept: set[str] = set()
        for step_id in self:
            if self.get_transition(step_id).done:
                while step_id not in kept and step_id != self.root_id:
                    kept.add(step_id)
                    step_id = self._nodes[step_id].parent  # noqa: PLW2901 (up the branch)
        tree = TransitionTree(self.root_id)
        for step_id in self:
            if step_id in kept:
                node = self._nodes[step_id]
                tree._add(step_id, node.parent, self.get_transition(step_id), node.weight)
        tree.lineage = {step_id: names for step_id, names in self.lineage.items() if step_id in kept}
        return tree

    def merge_identical_nodes(
        self,
        agent_state_hash_fn: Callable[[Any], Hashable],
        observation_hash_fn: Callable[[Sequence[Message]], Hashable] = join,
        next_observation_hash_fn: Callable[[Sequence[Message]], Hashable] = join,
    ) -> TransitionTree:
        """A new tree in which equal siblings are one; so are the equal children of those, and so on.

        Equal are steps of the same (merged) parent with the same agent state, observation, action (call ids aside),
        next observation, reward and end, as far as the given functions tell: what they return is compared, not only
        hashed. Weights add up. The new tree's `lineage` tells which steps each of its steps stands for.
        """
        tree = TransitionTree(self.root_id)
        names: dict[str, str] = {self.root_id: self.root_id}
        known: dict[Hashable, str] = {}
        lineage: dict[str, list[str]] = {}
        for step_id in self:
            step = self.get_transition(step_id)
            parent = names[self._nodes[step_id].parent]
            key = (
                parent,
                agent_state_hash_fn(step.agent_state),
                observation_hash_fn(step.observation),
                _action_key(step.action),
                next_observation_hash_fn(step.next_observation),
                (step.reward, step.done, step.truncated, step.failed),
            )
            name = names[step_id] = known.setdefault(key, step_id)
            if name == step_id:
                tree._add(step_id, parent, step, self.get_weight(step_id))
            else:
                tree._nodes[name].weight += self.get_weight(step_id)
            lineage.setdefault(name, []).extend(self.lineage.get(step_id, (step_id,)))
        tree.lineage = {name: tuple(merged) for name, merged in lineage.items()}
        return tree

    @property
    def tree(self) -> nx.DiGraph[str]:
        """A networkx graph of the ids, edges from parent to child, nodes with `transition` and `weight`.

        Raises:
            MissingExtra: If networkx is not installed.
        """
        try:
            import networkx
        except ImportError as error:
            raise MissingExtra("A networkx graph of a tree", "graph") from error
        graph: nx.DiGraph[str] = networkx.DiGraph()
        for step_id, node in self._nodes.items():
            graph.add_node(step_id, transition=node.transition, weight=node.weight)
            if step_id != self.root_id:
                graph.add_edge(node.parent, step_id)
        return graph

    @property
    def rev_tree(self) -> nx.DiGraph[str]:
        """The same with edges from child to parent."""
        return self.tree.reverse()


def _action_key(action: Any) -> Hashable:
    message = getattr(action, "value", None)
    if isinstance(message, ToolRequestMessage):
        return message.content or "", tuple(str(call) for call in message.tool_calls)
    return None if message is None else message.content

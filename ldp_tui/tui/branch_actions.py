"""What tells the branches of a tree of episodes apart."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from ldp_tui.engine.replay import read_steps
from ldp_tui.store.reader import Reader
from ldp_tui.store.results import EpisodeNode
from ldp_tui.tui.lane_words import action_text

BRANCHES_AT_MOST: Final = 2000
"""Of so many branches the actions are read: a third of a millisecond each."""


def branch_actions(reader: Reader, root: EpisodeNode) -> dict[int, str]:
    """Episode id → the first action that is not its parent's, in one line. Branches that never acted are left out."""
    forks = ((node.id, node.fork_t) for node in _nodes(root) if node.fork_t is not None and node.steps > node.fork_t)
    return {
        id_: action_text(step.action)
        for id_, fork in islice(forks, BRANCHES_AT_MOST)
        for step in read_steps(reader, id_, fork, fork + 1)
    }


def _nodes(node: EpisodeNode) -> Iterator[EpisodeNode]:
    yield node
    for child in node.children:
        yield from _nodes(child)

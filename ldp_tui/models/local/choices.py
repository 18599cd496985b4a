"""Given replies as one tree of tokens, so that what they have in common is read once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self


@dataclass(slots=True)
class ChoiceTree:
    """Tokens that must be read to know how probable each choice is: all but those that only end one.

    Node 0 is what comes before the choices, the end of the prompt; node `i` is `tokens[i - 1]`.
    """

    tokens: list[int] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    """The node that each token follows."""
    depths: list[int] = field(default_factory=list)
    """How many tokens of the tree come before it."""
    wanted: list[tuple[int, int, int]] = field(default_factory=list)
    """Choice, node, and the token whose log-probability after that node belongs to the choice."""

    @classmethod
    def of(cls, choices: Sequence[Sequence[int]]) -> Self:
        """The tree of some choices, in their order."""
        tree, nodes = cls(), dict[tuple[int, int], int]()
        for number, choice in enumerate(choices):
            node = 0
            for position, token in enumerate(choice):
                tree.wanted.append((number, node, token))
                if position == len(choice) - 1:
                    break
                if (node, token) not in nodes:
                    tree.tokens.append(token)
                    tree.parents.append(node)
                    tree.depths.append(position)
                    nodes[node, token] = len(tree.tokens)
                node = nodes[node, token]
        return tree

    def ancestors(self) -> list[list[int]]:
        """For each token of the tree the indices of those before it on its branch, and its own."""
        found: list[list[int]] = []
        for index, parent in enumerate(self.parents):
            found.append([*(found[parent - 1] if parent else ()), index])
        return found


def in_trees(choices: Sequence[Sequence[int]], *, most: int) -> list[ChoiceTree]:
    """The choices, in their order, in as few trees as fit with at most `most` tokens each, or one choice."""
    trees, group, tokens = list[ChoiceTree](), list[Sequence[int]](), 0
    for choice in choices:
        if group and tokens + len(choice) > most:
            trees.append(ChoiceTree.of(group))
            group, tokens = [], 0
        group.append(choice)
        tokens += len(choice)
    return [*trees, ChoiceTree.of(group)]

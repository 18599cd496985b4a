"""Branches: the forks of an episode as a tree, to walk through and to choose from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Final

from rich.cells import cell_len, set_cell_size
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static, Tree
from textual.widgets.tree import TreeNode

from ldp_tui.store.results import EpisodeNode
from ldp_tui.tui.episode_text import ENDINGS, number
from ldp_tui.tui.plain import plain_line

ACTION_CELLS: Final = 36
"""How wide an action is in the tree; below it, the one under the cursor is told in full."""


def counted(root: EpisodeNode) -> int:
    """How many episodes a tree has."""
    return 1 + sum(map(counted, root.children))


class BranchesDialog(ModalScreen[EpisodeNode | None]):
    """Returns the episode that was chosen, or None."""

    CSS_PATH = "dialogs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "Close", show=False)]

    def __init__(self, root: EpisodeNode, current: str, actions: Mapping[int, str]) -> None:
        """`current` is the uid of the episode under the cursor at first, `actions` how branches begin, by id."""
        super().__init__()
        self._root, self._current, self._actions = root, current, actions

    def compose(self) -> ComposeResult:
        """The tree, and what the branch under the cursor is."""
        with Vertical(classes="dialog") as box:
            box.border_title = f"Branches · {counted(self._root)} episodes"
            box.border_subtitle = "enter: replay from the fork · space: fold"
            tree: Tree[EpisodeNode] = Tree("", data=self._root)
            tree.guide_depth = 3
            yield tree
            yield Static(classes="about")

    def on_mount(self) -> None:
        """Unfold everything, with the cursor on the episode that is shown."""
        tree, colours = self.query_one(Tree), self.app.theme_variables
        tree.root.set_label(self._label(self._root, colours))
        self._grow(tree.root, self._root, colours)
        tree.root.expand_all()
        tree.focus()
        here = next(
            (node for node in _nodes(tree.root) if node.data is not None and node.data.uid == self._current), tree.root
        )
        self.call_after_refresh(tree.move_cursor, here)

    @on(Tree.NodeHighlighted)
    def _moved(self, event: Tree.NodeHighlighted[EpisodeNode]) -> None:
        event.stop()
        if (node := event.node.data) is not None:
            self.query_one(".about", Static).update(_about(node, self._actions.get(node.id, "")))

    @on(Tree.NodeSelected)
    def _chosen(self, event: Tree.NodeSelected[EpisodeNode]) -> None:
        event.stop()
        self.dismiss(event.node.data)

    def _grow(self, place: TreeNode[EpisodeNode], node: EpisodeNode, colours: Mapping[str, str]) -> None:
        for child in node.children:
            if child.children:
                self._grow(place.add(self._label(child, colours), data=child), child, colours)
            else:
                place.add_leaf(self._label(child, colours), data=child)

    def _label(self, node: EpisodeNode, colours: Mapping[str, str]) -> Text:
        return _label(node, _short(self._actions.get(node.id, "")), colours)


def _nodes(place: TreeNode[EpisodeNode]) -> Iterator[TreeNode[EpisodeNode]]:
    yield place
    for child in place.children:
        yield from _nodes(child)


def _label(node: EpisodeNode, action: str, colours: Mapping[str, str]) -> Text:
    """`step 3  left  return 1.00  7 steps ✓`: where and how it leaves its parent, and what came of it."""
    muted = colours["foreground-muted"].partition(" ")[0]
    value = colours["reward-up"] if node.return_ > 0 else colours["reward-down"] if node.return_ < 0 else ""
    sign, hue = {True: (" ✓", colours["success"]), False: (" ✗", colours["error"]), None: ("", "")}[node.success]
    return Text.assemble(
        ("root", "bold") if node.fork_t is None else f"step {node.fork_t}",
        (f"  {action}" if action else "", colours["accent"]),
        ("  return ", muted),
        (number(node.return_), value),
        (f"  {node.steps:,} step{'' if node.steps == 1 else 's'}", muted),
        (sign, hue),
        (f"  {ENDINGS.get(node.status, node.status)}", muted),
    )


def _short(action: str) -> str:
    return action if cell_len(action) <= ACTION_CELLS else f"{set_cell_size(action, ACTION_CELLS - 1).rstrip()}…"


def _about(node: EpisodeNode, action: str) -> Content:
    first = f" · {action}" if action else ""
    detail = f" · {plain_line(node.detail)}" if node.detail else ""
    return Content(f"episode {node.id} · {node.uid}{first}{detail}")

"""Menu: what can be done here, one line each, with its key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option


class Menu(OptionList):
    """An option list of (id, key, label, explanation)."""

    HELP = "Up and down move, Enter chooses; each line's key works from anywhere on this screen."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", "Down", show=False),
        Binding("k", "cursor_up", "Up", show=False),
    ]

    def __init__(self, entries: Sequence[tuple[str, str, str, str]], *, id: str | None = None) -> None:  # noqa: A002
        width = max(len(label) for _, _, label, _ in entries)
        options = [
            Option(
                Content.assemble((f"{key} ", "$accent"), f"{label:<{width}}", (f"  {about}", "$foreground-muted")),
                id=name,
            )
            for name, key, label, about in entries
        ]
        super().__init__(*options, id=id, markup=False, compact=True)

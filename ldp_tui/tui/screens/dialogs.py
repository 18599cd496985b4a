"""Small windows over a screen: what went wrong, are you sure, which one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.fuzzy import FuzzySearch
from textual.screen import ModalScreen
from textual.widgets import Button, Input, OptionList, Static
from textual.widgets.option_list import Option

from ldp_tui.tui.plain import plain, plain_line

ERROR_WIDTH: Final = 66
"""Cells in a line of a picker where the terminal has 80 columns."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something went wrong, in the words of the person it happened to."""

    what: str
    why: str
    advice: str = ""


class TroubleDialog(ModalScreen[str]):
    """Says what happened, why, and what can be done; returns the name of the chosen way on."""

    CSS_PATH = "dialogs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", "Close", show=False)]

    def __init__(self, trouble: Trouble, *, ways: Sequence[str] = ("Close",)) -> None:
        """The first of `ways` is the harmless one: focused, and returned on Escape."""
        super().__init__()
        self._trouble, self._ways = trouble, tuple(ways)

    def compose(self) -> ComposeResult:
        """What, why, what to do, and the ways on."""
        with Vertical(classes="dialog -trouble") as box:
            box.border_title = Content(plain_line(self._trouble.what))
            with VerticalScroll(classes="why", can_focus=False):
                yield Static(Content(plain(self._trouble.why)))
            if self._trouble.advice:
                yield Static(Content(plain(self._trouble.advice)), classes="advice")
            with Horizontal(classes="buttons"):
                for index, way in enumerate(self._ways):
                    yield Button(way, id=f"way-{index}", variant="default" if index else "primary", compact=True)

    @on(Button.Pressed)
    def _choose(self, event: Button.Pressed) -> None:
        event.stop()
        self.dismiss(self._ways[int((event.button.id or "way-0").removeprefix("way-"))])

    def action_close(self) -> None:
        """Take the harmless way."""
        self.dismiss(self._ways[0])


class ConfirmDialog(ModalScreen[bool]):
    """Asks before something that cannot be undone; the focus is on No."""

    CSS_PATH = "dialogs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes", show=False),
        Binding("n,escape", "answer(False)", "No", show=False),
    ]

    def __init__(self, question: str, consequence: str = "") -> None:
        super().__init__()
        self._question, self._consequence = question, consequence

    def compose(self) -> ComposeResult:
        """The question, what follows from Yes, and both answers."""
        with Vertical(classes="dialog") as box:
            box.border_title = Content(plain_line(self._question))
            yield Static(Content(plain(self._consequence)))
            with Horizontal(classes="buttons"):
                yield Button("No", id="no", variant="primary", compact=True)
                yield Button("Yes", id="yes", compact=True)

    @on(Button.Pressed)
    def _choose(self, event: Button.Pressed) -> None:
        event.stop()
        self.dismiss(event.button.id == "yes")

    def action_answer(self, yes: bool) -> None:
        """Answer by key."""
        self.dismiss(yes)


@dataclass(frozen=True, slots=True)
class Choice:
    """One line of a picker. With `needs` (what is missing) or `error` (what is wrong) it cannot be chosen."""

    name: str
    group: str = ""
    summary: str = ""
    needs: str = ""
    error: str = ""

    @property
    def refused(self) -> bool:
        """Whether it is listed only to say why it cannot be had."""
        return bool(self.needs or self.error)


class Picker(ModalScreen[str | None]):
    """Choose a name by typing part of it; a text that is in no list can be taken as it is. None: nothing chosen."""

    CSS_PATH = "dialogs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Close", show=False),
        Binding("down", "move('cursor_down')", "Down", show=False),
        Binding("up", "move('cursor_up')", "Up", show=False),
        Binding("pagedown", "move('page_down')", "Page down", show=False),
        Binding("pageup", "move('page_up')", "Page up", show=False),
    ]

    def __init__(self, title: str, choices: Sequence[Choice], *, current: str = "", hint: str = "") -> None:
        super().__init__()
        self._title, self._choices, self._current, self._hint = title, tuple(choices), current, hint
        self._search = FuzzySearch()

    def compose(self) -> ComposeResult:
        """The field to type in, and what matches."""
        with Vertical(classes="dialog -picker") as box:
            box.border_title = self._title
            box.border_subtitle = self._hint
            yield Input(placeholder="type part of a name", compact=True)
            yield OptionList(markup=False, compact=True)

    def on_mount(self) -> None:
        """Show everything, with the current choice under the cursor."""
        self._list("")
        names = [choice.name for choice in self._choices]
        if self._current in names:
            self.query_one(OptionList).highlighted = names.index(self._current)

    def replace(self, choices: Sequence[Choice]) -> None:
        """Show what has become known of the choices; what is typed and where the cursor is stay."""
        if self._choices == tuple(choices):
            return
        options = self.query_one(OptionList)
        highlighted = options.highlighted_option
        self._choices = tuple(choices)
        self._list(self.query_one(Input).value.strip())
        names = [option.id for option in options.options if not option.disabled]
        if highlighted is not None and highlighted.id in names:
            options.highlighted = options.get_option_index(highlighted.id or "")

    @on(Input.Changed)
    def _narrow(self, event: Input.Changed) -> None:
        self._list(event.value.strip())

    @on(Input.Submitted)
    def _take_highlighted(self, event: Input.Submitted) -> None:
        event.stop()
        self.query_one(OptionList).action_select()

    @on(OptionList.OptionSelected)
    def _take(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(event.option.id)

    def action_move(self, direction: str) -> None:
        """Move the cursor of the list while the focus stays in the field."""
        getattr(self.query_one(OptionList), f"action_{direction}")()

    def _list(self, query: str) -> None:
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options(self._option(choice) for choice in self._matching(query))
        if query and all(choice.name != query for choice in self._choices):
            line = Content.assemble((query, "bold"), ("  as typed", "$foreground-muted"))
            options.add_option(Option(line, id=query))
        options.highlighted = next((i for i, option in enumerate(options.options) if not option.disabled), None)

    def _matching(self, query: str) -> list[Choice]:
        if not query:
            return list(self._choices)
        scored = [(self._score(query, choice), choice) for choice in self._choices]
        return [choice for score, choice in sorted(scored, key=lambda item: -item[0]) if score > 0]

    def _score(self, query: str, choice: Choice) -> float:
        name = self._search.match(query, choice.name)[0]
        about = query.casefold() in f"{choice.group} {choice.summary}".casefold()
        return name + 0.2 * about - (0.1 if choice.refused and (name or about) else 0.0)

    def _option(self, choice: Choice) -> Option:
        width = max((len(item.name) for item in self._choices), default=0)
        groups = max((len(item.group) for item in self._choices), default=0)
        line = Content.assemble(
            f"{choice.name:<{width}}",
            (f"  {choice.group:<{groups}}" if groups else "", "$foreground-muted"),
            self._about(choice),
        )
        return Option(line, id=choice.name, disabled=choice.refused)

    def _about(self, choice: Choice) -> tuple[str, str]:
        if choice.error:  # whole, on lines of its own
            lines = wrap(plain_line(choice.error), ERROR_WIDTH, initial_indent="  ", subsequent_indent="  ")
            return "\n" + "\n".join(lines), "$text-error"
        if choice.needs:
            return f"  needs {choice.needs}", ""
        return f"  {choice.summary}", "$foreground-muted"

"""ToolForm: a person calls a tool by filling in a form."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Button, Input, Select, Static, TextArea

from ldp_tui.core.arguments import ArgumentError, ArgumentSchema, Problem
from ldp_tui.tui.plain import plain, plain_line
from ldp_tui.tui.widgets.tool_form.field import UNSET, ToolField
from ldp_tui.tui.widgets.tool_form.fields import field_specs, reflowed
from ldp_tui.tui.widgets.tool_form.sendable import unsendable
from ldp_tui.tui.widgets.tool_form.tabs import ToolTabs


class ToolForm(VerticalScroll, can_focus=False):
    """One form per tool; what is sent has passed the tool's schema, and what does not pass is not sent.

    Tools are dictionaries with `name`, `description` and `parameters` (a JSON Schema). What was typed for a tool stays
    while another is looked at.
    """

    DEFAULT_CSS = """
    ToolForm {
        width: 1fr; height: 1fr; scrollbar-size-vertical: 1;
        & > .description { color: $text-muted; height: auto; padding: 0 1; margin-bottom: 1; }
        & > .problem { color: $text-error; height: auto; padding: 0 1; display: none; }
        & > .problem.-shown { display: block; }
        & > .page { height: auto; padding: 0 1; }
        & > .page.-hidden { display: none; }
        & > Button { margin: 0 1; }
        & > ToolTabs { dock: top; margin-bottom: 1; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2", "send", "Send", show=False),
        Binding("ctrl+pagedown", "next_tool(1)", "Next tool", show=False),
        Binding("ctrl+pageup", "next_tool(-1)", "Previous tool", show=False),
    ]

    @dataclass
    class Submitted(Message):
        """A call that fits the tool's schema: coerced, with defaults filled in."""

        form: ToolForm
        name: str
        arguments: dict[str, Any]

        @property
        def control(self) -> ToolForm:
            """The form, for `@on(ToolForm.Submitted, "#id")`."""
            return self.form

    def __init__(
        self,
        tools: Sequence[Mapping[str, Any]] = (),
        *,
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._tools = tuple(tools)
        self._schemas = [ArgumentSchema(tool.get("parameters")) for tool in tools]
        self._current = 0

    @property
    def tool_name(self) -> str | None:
        """The tool whose form is shown."""
        return str(self._tools[self._current]["name"]) if self._tools else None

    async def show_tools(self, tools: Sequence[Mapping[str, Any]]) -> None:
        """Offer other tools; the same ones leave the form as it is."""
        if tuple(tools) == self._tools:
            return
        self._tools = tuple(tools)
        self._schemas = [ArgumentSchema(tool.get("parameters")) for tool in tools]
        self._current = 0
        await self.recompose()

    def compose(self) -> ComposeResult:
        """Tabs where there is a choice, then the fields of each tool, of which one is shown."""
        if not self._tools:
            yield Static("this environment offers no tools", classes="description")
            return
        if len(self._tools) > 1:
            yield ToolTabs([str(tool["name"]) for tool in self._tools])
        yield Static(self._description, classes="description", markup=False)
        for index, tool in enumerate(self._tools):
            fields = [ToolField(spec) for spec in field_specs(tool.get("parameters") or {})]
            yield Vertical(*fields, classes="page" if index == self._current else "page -hidden")
        yield Static("", classes="problem", markup=False)
        yield Button(self._send_label, variant="primary", compact=True)

    def fill(self, name: str, arguments: Mapping[str, Any]) -> None:
        """Show the form of the tool `name` with these arguments; a tool that is not offered changes nothing."""
        names = [str(tool["name"]) for tool in self._tools]
        if name not in names:
            return
        self.choose(names.index(name))
        self._current = names.index(name)
        for field in self._fields:
            field.fill(arguments.get(field.spec.name, UNSET))

    def focus_first(self) -> None:
        """Put the focus where typing begins: the first field, else the send button."""
        controls: list[Widget] = [field.control for field in self._fields]
        (controls or [*self.query(Button)] or [self])[0].focus()

    def action_send(self) -> None:
        """Send the call if it fits the schema and the wire; else mark what does not."""
        if not self._tools:
            return
        self._clear_problems()
        values = {field.spec.name: field.value for field in self._fields}
        entered = {name: value for name, value in values.items() if value is not UNSET}
        try:
            arguments = self._schemas[self._current].coerce(entered)
        except ArgumentError as error:
            self._show_problems(error.problems)
            return
        if problems := unsendable(arguments):
            self._show_problems(problems)
        else:
            self.post_message(self.Submitted(self, str(self._tools[self._current]["name"]), arguments))

    def action_next_tool(self, step: int) -> None:
        """Show the form of the next or previous tool."""
        self.choose((self._current + step) % len(self._tools) if self._tools else 0)

    def choose(self, index: int) -> None:
        """Show the form of the tool at `index`, if there is one."""
        if len(self._tools) > 1 and 0 <= index < len(self._tools):
            self.query_one(ToolTabs).choose(index)

    def on_key(self, event: events.Key) -> None:
        """On the send button, where digits are not text, a digit chooses a tool."""
        if isinstance(self.app.focused, Button) and event.character and event.character.isdecimal():
            event.stop()
            event.prevent_default()
            self.choose(int(event.character) - 1)

    @on(ToolTabs.Chosen)
    def _show_page(self, event: ToolTabs.Chosen) -> None:
        """Show the chosen tool's page; who was filling in a form goes on in the new one."""
        event.stop()
        self._current = event.index
        if self.has_focus_within and not self.query_one(ToolTabs).has_focus:
            self.call_after_refresh(self.focus_first)
        for index, page in enumerate(self.query(".page")):
            page.set_class(index != self._current, "-hidden")
        self._clear_problems()
        self.query_one(".description", Static).update(Content(self._description))
        self.query_one(Button).label = self._send_label

    @on(Input.Submitted)
    @on(Button.Pressed)
    def _send(self, event: Message) -> None:
        event.stop()
        self.action_send()

    @on(Input.Changed)
    @on(TextArea.Changed)
    @on(Select.Changed)
    def _forget_problem(self, event: Input.Changed | TextArea.Changed | Select.Changed) -> None:
        event.stop()
        for field in event.control.ancestors:
            if isinstance(field, ToolField):
                field.clear_problem()

    @property
    def _fields(self) -> list[ToolField]:
        pages = self.query(".page")
        return list(pages[self._current].query(ToolField)) if pages else []

    @property
    def _description(self) -> str:
        return reflowed(str(self._tools[self._current].get("description") or ""))

    @property
    def _send_label(self) -> Content:
        return Content(f"Send {plain_line(str(self.tool_name))}")

    def _clear_problems(self) -> None:
        for field in self.query(ToolField):
            field.clear_problem()
        self.query_one(".problem").remove_class("-shown")

    def _show_problems(self, problems: Sequence[Problem]) -> None:
        fields = {field.spec.name: field for field in self._fields}
        elsewhere: list[str] = []
        marked: set[ToolField] = set()
        for problem in problems:
            name, inside = _split(problem.path, fields)
            if name is None:
                elsewhere.append(str(problem))
            elif fields[name] not in marked:
                fields[name].show_problem(f"{inside}: {problem.reason}" if inside else problem.reason)
                marked.add(fields[name])
        if elsewhere:
            note = self.query_one(".problem", Static)
            note.update(Content("✗ " + plain("\n✗ ".join(elsewhere))))
            note.add_class("-shown")
        for field in self._fields:
            if field in marked:
                field.control.focus()
                break


def _split(path: str, names: Mapping[str, object]) -> tuple[str | None, str]:
    """The field a problem's path begins with, and the place inside its value."""
    if path in names:
        return path, ""
    name = re.split(r"[.\[]", path, maxsplit=1)[0]
    return (name, path[len(name) :].lstrip(".")) if name in names else (None, path)

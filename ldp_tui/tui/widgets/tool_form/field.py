"""One labelled field of a tool's form."""

from __future__ import annotations

from typing import Any, Final

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Label, Select, Static, TextArea

from ldp_tui.tui.plain import plain, plain_line
from ldp_tui.tui.widgets.tool_form.fields import FieldSpec, as_text

UNSET: Final = object()
"""The value of a field that was left empty, or at its default."""


class ToolField(Widget):
    """A label, a control, and below them the hint or what is wrong."""

    DEFAULT_CSS = """
    ToolField {
        layout: vertical; height: auto; margin-bottom: 1;
        & > Horizontal { height: auto; }
        & Label { width: 14; padding-right: 1; color: $foreground; }
        & Input, & Select, & TextArea { width: 1fr; }
        & TextArea { height: 4; border: none; padding: 0 1; background: $surface; }
        & TextArea:focus { background: $surface; border: none; }
        & .hint { color: $text-muted; padding-left: 14; height: auto; }
        &.-invalid Label { color: $text-error; text-style: bold; }
        &.-invalid .hint { color: $text-error; }
    }
    """

    def __init__(self, spec: FieldSpec) -> None:
        super().__init__()
        self.spec = spec
        self._filled: tuple[str, Any] | None = None

    def compose(self) -> ComposeResult:
        """Lay out the label, the control and the hint."""
        mark = " *" if self.spec.required else ""
        with Horizontal():
            yield Label(plain_line(self.spec.name) + mark, markup=False)
            yield self._control()
        hint = Static(self._hint, classes="hint", markup=False)
        hint.display = bool(self._hint)
        yield hint

    @property
    def control(self) -> Input | TextArea | Select[int]:
        """What takes the focus."""
        return self.query_one("Input, TextArea, Select")  # type: ignore[return-value]

    @property
    def value(self) -> Any:
        """What was entered, text as text; UNSET if there is nothing, or only the default."""
        control = self.control
        if isinstance(control, Select):
            return UNSET if control.is_blank() else self.spec.choices[int(str(control.value))]
        text = control.value if isinstance(control, Input) else control.text
        if self._filled is not None and text == self._filled[0]:
            return self._filled[1]
        if not text.strip() or text == self._initial:
            return UNSET
        if self.spec.kind == "lines" and not text.lstrip().startswith("["):
            return [line for line in text.splitlines() if line.strip()]
        return text

    def fill(self, value: Any) -> None:
        """Put a value in, as a person would have typed it; UNSET brings the default back."""
        control, spec = self.control, self.spec
        if isinstance(control, Select):
            texts = [as_text(choice) for choice in spec.choices]
            text = spec.initial if value is UNSET else as_text(value)
            control.value = texts.index(text) if text in texts else Select.NULL
            return
        self._filled = None
        text = self._initial if value is UNSET else as_text(value)
        if spec.kind == "lines" and isinstance(value, list) and all(isinstance(item, str) for item in value):
            text = "\n".join(value)
        if isinstance(control, Input):
            text = control.value = plain_line(text)
        else:
            text = control.text = plain(text)
        if value is not UNSET:
            self._filled = text, value  # as it was given, whatever a field can show of it

    def show_problem(self, reason: str) -> None:
        """Mark the field with the reason it is refused."""
        self.add_class("-invalid")
        self._say(f"✗ {plain(reason)}")

    def clear_problem(self) -> None:
        """Show the hint again."""
        self.remove_class("-invalid")
        self._say(self._hint)

    def _say(self, text: str) -> None:
        hint = self.query_one(".hint", Static)
        hint.update(Content(text))
        hint.display = bool(text)

    @property
    def _initial(self) -> str:
        """The default as the control shows it."""
        return plain_line(self.spec.initial) if self.spec.kind == "line" else plain(self.spec.initial)

    @property
    def _hint(self) -> str:
        return " · ".join(part for part in (self.spec.type_name, self.spec.description) if part)

    def _control(self) -> Input | TextArea | Select[int]:
        spec = self.spec
        match spec.kind:
            case "choice":
                options = [(Content(plain_line(as_text(choice))), index) for index, choice in enumerate(spec.choices)]
                texts = [as_text(choice) for choice in spec.choices]
                chosen = texts.index(spec.initial) if spec.initial in texts else Select.NULL
                return Select(options, value=chosen, prompt="choose", compact=True)
            case "text" | "lines":
                return TextArea(self._initial, compact=True, highlight_cursor_line=False)
            case "line":
                return Input(self._initial, compact=True)

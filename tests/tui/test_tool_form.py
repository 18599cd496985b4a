from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.widgets import Input, Select, Static, TextArea

from ldp_tui.tui.widgets.tool_form import ToolForm
from ldp_tui.tui.widgets.tool_form.field import ToolField
from ldp_tui.tui.widgets.tool_form.fields import field_specs
from ldp_tui.tui.widgets.tool_form.tabs import ToolTabs


def tool(name: str, *required: str, **properties: Any) -> dict[str, Any]:
    return {
        "name": name,
        "description": f"What {name} does.",
        "parameters": {"type": "object", "properties": properties, "required": list(required)},
    }


ADD = tool("add", "a", "b", a={"type": "integer", "maximum": 9}, b={"type": "integer", "default": 1})
SAY = tool("say", "text", text={"type": "string"})
STOP = {"name": "stop", "description": None, "parameters": None}


class OneForm(App[None]):
    def __init__(self, *tools: dict[str, Any]) -> None:
        super().__init__()
        self.tools = tools
        self.sent: list[tuple[str, dict[str, Any]]] = []

    def compose(self) -> ComposeResult:
        yield ToolForm(self.tools)

    def on_mount(self) -> None:
        self.form.focus_first()

    def on_tool_form_submitted(self, message: ToolForm.Submitted) -> None:
        self.sent.append((message.name, message.arguments))

    @property
    def form(self) -> ToolForm:
        return self.query_one(ToolForm)

    def field(self, name: str) -> ToolField:
        return next(field for field in self.query(ToolField) if field.spec.name == name)

    def hint(self, name: str) -> str:
        return str(self.field(name).query_one(".hint", Static).render())


@pytest.mark.parametrize(
    ("schema", "kind", "type_name"),
    [
        ({"type": "string"}, "line", "text"),
        ({"type": "string", "maxLength": 5000}, "text", "text"),
        ({"type": "string", "default": "a\nb"}, "text", "text"),
        ({"type": "integer", "minimum": 0, "maximum": 9}, "line", "integer 0…9"),
        ({"type": "number"}, "line", "number"),
        ({"type": "boolean"}, "choice", "yes or no"),
        ({"enum": ["x", 2]}, "choice", ""),
        ({"type": "array", "items": {"type": "string"}}, "lines", "list of text, one a line"),
        ({"type": "array", "items": {"type": "object"}}, "text", "JSON list"),
        ({"type": "object"}, "text", "JSON object"),
        ({}, "text", "JSON"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "line", "integer"),
        ({"$ref": "#/$defs/Colour"}, "choice", ""),
        ({"anyOf": [{"$ref": "#/$defs/Colour"}, {"type": "null"}]}, "choice", ""),
    ],
)
def test_schema_of_a_parameter(schema: dict[str, Any], kind: str, type_name: str) -> None:
    """It decides the kind of field and what the hint calls it."""
    (spec,) = field_specs({"properties": {"p": schema}, "$defs": {"Colour": {"enum": ["red", "blue"]}}})
    assert (spec.kind, spec.type_name) == (kind, type_name)


def test_required_parameters() -> None:
    """They come first; one with a default need not be filled in."""
    specs = field_specs(tool("t", "b", "c", a={}, b={"default": 3}, c={})["parameters"])
    assert [(spec.name, spec.required, spec.initial) for spec in specs] == [
        ("c", True, ""),
        ("a", False, ""),
        ("b", False, "3"),
    ]


def test_description_of_several_lines() -> None:
    """Line breaks of the source are undone, paragraphs stay."""
    (spec,) = field_specs({"properties": {"p": {"description": "one\n    two\n\nthree\n"}}})
    assert spec.description == "one two\nthree"


async def test_tall_form_in_a_small_pane() -> None:
    """The fields scroll to the one in focus; the tabs stay in sight."""
    tall = tool("tall", **{f"p{index}": {"type": "string", "description": "text"} for index in range(9)})
    async with OneForm(tall, SAY).run_test(size=(50, 8)) as pilot:
        pilot.app.field("p8").control.focus()
        await pilot.pause()
        await pilot.wait_for_scheduled_animations()
        rows = [strip.text for strip in pilot.app.screen._compositor.render_strips()]
        assert "1 tall" in rows[0]
        assert any("p8" in row for row in rows)


async def test_number_typed_and_enter() -> None:
    """The call is sent with numbers, not text, and with defaults."""
    async with OneForm(ADD).run_test() as pilot:
        await pilot.press("4", "enter")
        assert pilot.app.sent == [("add", {"a": 4, "b": 1})]


async def test_value_that_breaks_the_schema() -> None:
    """Nothing is sent; the field gets the schema's reason and the focus; typing again takes the mark away."""
    async with OneForm(ADD).run_test() as pilot:
        await pilot.press("1", "0", "tab", "f2")
        assert pilot.app.sent == []
        assert pilot.app.hint("a") == "✗ must be at most 9, not 10"
        assert pilot.app.focused is pilot.app.field("a").control
        await pilot.press("8")
        assert pilot.app.hint("a") == "integer …9"
        await pilot.press("enter")
        assert pilot.app.sent == [("add", {"a": 8, "b": 1})]


async def test_required_field_left_empty() -> None:
    """It says so."""
    async with OneForm(SAY).run_test() as pilot:
        await pilot.press("space", "enter")
        assert pilot.app.sent == []
        assert pilot.app.hint("text") == "✗ is required"


async def test_every_kind_of_field() -> None:
    """Choices keep their type, lines are a list, JSON is parsed, what is empty is left out."""
    everything = tool(
        "all",
        choice={"enum": ["x", 2]},
        flag={"type": "boolean"},
        items={"type": "array", "items": {"type": "integer"}},
        options={"type": "object"},
        nothing={"type": "string"},
    )
    async with OneForm(everything).run_test(size=(80, 50)) as pilot:
        pilot.app.field("choice").query_one(Select).value = 1
        pilot.app.field("flag").query_one(Select).value = 1
        pilot.app.field("items").query_one(TextArea).text = "3\n\n4\n"
        pilot.app.field("options").query_one(TextArea).text = '{"deep": [1]}'
        await pilot.press("f2")
        assert pilot.app.sent == [
            ("all", {"choice": 2, "flag": False, "items": [3, 4], "options": {"deep": [1]}}),
        ]


async def test_problem_inside_a_list() -> None:
    """The list's field says which item."""
    async with OneForm(tool("t", x={"type": "array", "items": {"type": "integer"}})).run_test() as pilot:
        pilot.app.field("x").query_one(TextArea).text = "1\ntwo"
        await pilot.press("f2")
        assert pilot.app.hint("x") == '✗ [1]: must be a whole number, not "two"'


@pytest.mark.parametrize("number", [2**64, -(2**63) - 1, 10**40])
async def test_whole_number_that_cannot_be_sent(number: int) -> None:
    """Its field says which numbers can; nothing is sent."""
    async with OneForm(tool("t", x={"type": "integer"}, y={})).run_test() as pilot:
        pilot.app.field("x").query_one(Input).value = str(number)
        await pilot.press("f2")
        assert pilot.app.sent == []
        assert pilot.app.hint("x") == "✗ must be between −2^63 and 2^64−1 to be sent"
        assert pilot.app.focused is pilot.app.field("x").control


async def test_whole_numbers_that_can_just_be_sent() -> None:
    """Both ends of the range pass."""
    async with OneForm(tool("t", x={"type": "integer"}, y={"type": "integer"})).run_test() as pilot:
        pilot.app.field("x").query_one(Input).value = str(-(2**63))
        pilot.app.field("y").query_one(Input).value = str(2**64 - 1)
        await pilot.press("f2")
        assert pilot.app.sent == [("t", {"x": -(2**63), "y": 2**64 - 1})]


async def test_whole_number_that_cannot_be_sent_inside_json() -> None:
    """The field of the JSON text says where in it the number is."""
    async with OneForm(tool("t", x={"type": "object"})).run_test() as pilot:
        pilot.app.field("x").query_one(TextArea).text = f'{{"deep": [1, {{"n": {2**70}}}]}}'
        await pilot.press("f2")
        assert pilot.app.sent == []
        assert pilot.app.hint("x") == "✗ deep[1].n: must be between −2^63 and 2^64−1 to be sent"


async def test_tool_chosen_on_the_tabs() -> None:
    """A digit or a first letter chooses, enter goes to its form; what was typed before is still there."""
    async with OneForm(ADD, SAY, STOP).run_test() as pilot:
        await pilot.press("7")
        pilot.app.query_one(ToolTabs).focus()
        await pilot.press("3")
        assert pilot.app.form.tool_name == "stop"
        await pilot.press("a", "enter")
        assert pilot.app.form.tool_name == "add"
        await pilot.press("f2")
        assert pilot.app.sent == [("add", {"a": 7, "b": 1})]


async def test_tool_chosen_while_typing() -> None:
    """Ctrl+pagedown shows the next tool's form and puts the focus into it."""
    async with OneForm(ADD, SAY).run_test() as pilot:
        await pilot.press("ctrl+pagedown")
        await pilot.pause()
        await pilot.press("h", "1", "enter")
        assert pilot.app.sent == [("say", {"text": "h1"})]


async def test_tool_chosen_on_the_button() -> None:
    """A digit chooses there too, as it is no text."""
    async with OneForm(STOP, SAY).run_test() as pilot:
        await pilot.press("2")
        await pilot.pause()
        await pilot.press("h", "i", "enter")
        assert pilot.app.sent == [("say", {"text": "hi"})]


async def test_many_tools() -> None:
    """Their names flow into rows; arrows go around."""
    tools = [tool(f"tool_number_{index}") for index in range(9)]
    async with OneForm(*tools).run_test(size=(40, 20)) as pilot:
        rows = [strip.text.strip() for strip in pilot.app.screen._compositor.render_strips()]
        assert rows[:2] == ["1 tool_number_0  2 tool_number_1", "3 tool_number_2  4 tool_number_3"]
        pilot.app.query_one(ToolTabs).focus()
        await pilot.press("left", "f2")
        assert pilot.app.sent == [("tool_number_8", {})]


async def test_tool_without_parameters() -> None:
    """Its button is all there is, and sends."""
    async with OneForm(STOP).run_test() as pilot:
        await pilot.press("enter")
        assert pilot.app.sent == [("stop", {})]


async def test_mouse_only() -> None:
    """Tab, field and button can be clicked."""
    async with OneForm(STOP, SAY).run_test() as pilot:
        await pilot.click(ToolTabs, offset=(10, 0))
        await pilot.click(Input)
        await pilot.press("h", "i")
        await pilot.click("Button")
        assert pilot.app.sent == [("say", {"text": "hi"})]


async def test_other_tools() -> None:
    """They replace the form; the same tools leave what was typed."""
    async with OneForm(ADD).run_test() as pilot:
        await pilot.press("5")
        await pilot.app.form.show_tools([dict(ADD)])
        assert pilot.app.field("a").query_one(Input).value == "5"
        await pilot.app.form.show_tools([SAY])
        assert pilot.app.form.tool_name == "say"
        assert [field.spec.name for field in pilot.app.query(ToolField)] == ["text"]


async def test_hostile_tool() -> None:
    """Markup and control characters in its texts are shown as text."""
    evil = tool("[red]x\x1b", "[b]", **{"[b]": {"type": "string", "description": "[/]\x1b[2J", "default": "[i]"}})
    async with OneForm(evil, STOP).run_test() as pilot:
        await pilot.press("f2")
        assert pilot.app.hint("[b]") == "text · [/]␛[2J"
        assert pilot.app.sent == [("[red]x\x1b", {"[b]": "[i]"})]

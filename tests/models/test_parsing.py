"""The ladder from a reply to an action."""

from __future__ import annotations

import json
import string
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldp_tui.core.tool_calls import INVALID_TOOL_NAME, ToolCall, ToolCallFunction
from ldp_tui.core.tools import FunctionInfo, Parameters, Tool
from ldp_tui.models.parsing import ReplyReader, Said, correction


def tool(name: str, properties: dict[str, object], required: list[str] | None = None) -> Tool:
    parameters = Parameters(properties=properties, required=list(properties) if required is None else required)
    return Tool(info=FunctionInfo(name=name, description="", parameters=parameters))


CARDS = [tool("act", {"action": {"type": "string", "enum": ["stick", "hit"]}})]
TORQUE = [tool("act", {"action": {"type": "number", "minimum": -2, "maximum": 2}})]
OFFICE = [
    tool("look", {}),
    tool("move", {"direction": {"type": "string"}, "steps": {"type": "integer"}}, ["direction"]),
]
CARD_READER = ReplyReader(CARDS, aliases={"0": "stick", "1": "hit"})


def read(text: str, reader: ReplyReader = CARD_READER) -> tuple[str, str, str | None]:
    """Calls, reflection and rung of a reply, as text."""
    reading = reader.read(Said(text))
    return ", ".join(map(written, reading.calls)), reading.reflection, reading.rung


def written(call: ToolCall) -> str:
    """A call as a person would write it."""
    return f"{call.function.name}({', '.join(f'{name}={value!r}' for name, value in call.function.arguments.items())})"


HIT = "act(action='hit')"


@pytest.mark.parametrize(
    ("reply", "reflection", "rung"),
    [
        ('{"reflection": "14 is low.", "action": "hit"}', "14 is low.", "json"),
        ('{"reflection": "14 is low.", "action": 1}', "14 is low.", "json"),
        ('{"Reflection": "x", "Action": "HIT"}', "x", "json"),
        ('{"action": {"action": "hit"}}', "", "json"),
        ('{"reflection": "x", "action": {"name": "act", "arguments": {"action": "hit"}}}', "x", "json"),
        ('{"reflection": "x", "action": {"name": "act", "arguments": "{\\"action\\": \\"hit\\"}"}}', "x", "json"),
        ('{"name": "act", "arguments": {"action": "hit"}}', "", "json"),
        ('{"function": {"name": "act", "arguments": {"action": "hit"}}, "type": "function"}', "", "json"),
        ('"hit"', "", "json"),
        ('I think so: {"reflection": "x", "action": "hit"} Good luck!', "x", "embedded"),
        ('First {"action": "stick"}, no: {"action": "hit"}', "First", "embedded"),
        ('Low.\n```json\n{"action": "hit"}\n```', "Low.", "fenced"),
        ("Low.\n```\nhit\n```", "Low.", "fenced"),
        ("{'reflection': 'Low.', 'action': 'hit'}", "Low.", "pattern"),
        ('{"reflection": "Low", "action": "hit"', "Low", "pattern"),
        ("Thinking.\nAction: hit", "Thinking.", "pattern"),
        ("**Action:** hit", "", "pattern"),
        ('Then act("hit").', "Then", "pattern"),
        ("act(action=hit)", "", "pattern"),
        ("Hit.", "", "pattern"),
        ("1", "", "json"),
        ("With fourteen I will hit.", "With fourteen I will hit.", "pattern"),
        ("Either may do.\nI choose to hit", "Either may do.\nI choose to hit", "pattern"),
    ],
)
def test_replies_that_mean_hit(reply: str, reflection: str, rung: str) -> None:
    """Every way in which models write an action is read, with the reflection that stands beside it."""
    assert read(reply) == (HIT, reflection, rung)


@pytest.mark.parametrize(
    ("reply", "kinds"),
    [
        ("", ["empty"]),
        ("   ", ["empty"]),
        ("Let me think about it.", ["no_action"]),
        ("I could stick or hit.", ["ambiguous"]),
        ('{"reflection": "x", "action": "fold"}', ["bad_arguments"]),
        ('{"reflection": "x", "action": 7}', ["bad_arguments"]),
        ('{"reflection": "x", "action": null}', ["bad_arguments"]),
        ('{"reflection": "x"}', ["no_action"]),
        ('{"name": "play", "arguments": {"card": "hat"}}', ["unknown_tool"]),
        ('{"reflection": "x", "action": ', ["malformed_json"]),
        ("{" * 100_000, ["malformed_json"]),
        ("[" * 100_000, ["malformed_json"]),
    ],
)
def test_replies_that_mean_nothing(reply: str, kinds: list[str]) -> None:
    """What cannot be read has a kind, and a sentence that tells the model."""
    reading = CARD_READER.read(Said(reply))
    assert (reading.calls, [fault.kind for fault in reading.faults]) == ((), kinds)
    assert reading.faults[-1].detail in correction(reading.faults, "Reply with JSON.")


def test_a_reply_that_was_cut_off() -> None:
    """A reply that ended for its length is told so, not that it names no action."""
    assert CARD_READER.read(Said("I think that", cut=True)).faults[0].kind == "cut"


def test_native_tool_calls() -> None:
    """A native call is taken first, its arguments checked; the text beside it is the reflection."""
    call = ToolCall.from_name("act", action="HIT")
    reading = CARD_READER.read(Said("Low.", (call,)))
    assert (written(reading.calls[0]), reading.reflection, reading.rung) == (HIT, "Low.", "tool_call")
    assert reading.calls[0].id == call.id


@pytest.mark.parametrize(
    ("name", "kind"), [("play", "unknown_tool"), (INVALID_TOOL_NAME, "malformed_json"), ("act", "bad_arguments")]
)
def test_a_wrong_native_call_with_a_right_text(name: str, kind: str) -> None:
    """The fault of the call is kept, and the text is read instead."""
    call = ToolCall(id="1", function=ToolCallFunction(name=name, arguments={"action": "fold"}))
    reading = CARD_READER.read(Said('{"action": "hit"}', (call,)))
    assert (written(reading.calls[0]), reading.rung, [fault.kind for fault in reading.faults]) == (HIT, "json", [kind])


def test_several_tools() -> None:
    """With several tools an action is a call: as an object, several in a list, a bare name, or as in a program."""
    reader = ReplyReader(OFFICE)
    move = '{"name": "move", "arguments": {"direction": "north", "steps": "2"}}'
    assert read(f'{{"reflection": "x", "action": {move}}}', reader)[0] == "move(direction='north', steps=2)"
    assert read(f'{{"action": [{move}, {{"name": "look"}}]}}', reader)[0] == "move(direction='north', steps=2), look()"
    assert read('{"action": "look"}', reader)[0] == "look()"
    assert read('I go: move("north", 2)', reader)[0] == "move(direction='north', steps=2)"
    assert read("look()", reader)[0] == "look()"
    assert read('{"action": "north"}', reader) == ("", "", None)


def test_a_number_as_action() -> None:
    """A continuous action is a number, alone or in JSON."""
    reader = ReplyReader(TORQUE)
    assert read('{"reflection": "", "action": -0.5}', reader)[0] == "act(action=-0.5)"
    assert read("0.25", reader)[0] == "act(action=0.25)"
    assert read("action: 1.5", reader)[0] == "act(action=1.5)"
    assert read('{"action": 3}', reader) == ("", "", None)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["action", "name", "arguments", "reflection", "function", "x"]), inner)
    ),
    max_leaves=12,
)
MARKS = ['"', "{", "}", "[", "]", "\\", "```json\n", "```", "act(", ")", "\n", ",", "-", "'", "\\u12", "\x00"]
WORDS = ['{"reflection": "', '"action": ', "hit", "stick", "Action:", "1e999", "null", "😀", "<tool_call>"]
PIECES = st.sampled_from([*MARKS, *WORDS])
HOSTILE = st.lists(PIECES | st.text(alphabet=string.printable, max_size=6), max_size=40).map("".join)


@pytest.mark.parametrize("tools", [CARDS, TORQUE, OFFICE, []], ids=["cards", "torque", "office", "none"])
@settings(max_examples=150, deadline=None)
@given(text=HOSTILE | VALUES.map(json.dumps), arguments=VALUES, name=st.sampled_from(["act", "move", "", "look"]))
def test_hostile_replies(tools: list[Tool], text: str, arguments: object, name: str) -> None:
    """Whatever a model says, there is either an action that the tools allow or a fault; nothing is raised."""
    given_arguments = {str(key): value for key, value in arguments.items()} if isinstance(arguments, dict) else {}
    calls = (ToolCall(id="1", function=ToolCallFunction(name=name, arguments=given_arguments)),) if name else ()
    reading = ReplyReader(tools).read(Said(text, calls))
    assert bool(reading.calls) == (reading.rung is not None)
    assert reading.calls or reading.faults
    assert all(call.function.name in {each.info.name for each in tools} for call in reading.calls)


@settings(max_examples=100, deadline=None)
@given(reflection=st.text(max_size=200), action=st.sampled_from(["stick", "hit"]))
def test_replies_of_the_form_that_was_asked_for(reflection: str, action: str) -> None:
    """What a model writes as asked is read exactly, whatever it reflects."""
    text = json.dumps({"reflection": reflection, "action": action})
    assert read(text) == (f"act(action={action!r})", reflection, "json")


@pytest.mark.parametrize(
    "unit",
    [
        "{",
        "[",
        '{"a":',
        '{"a":[',
        '{"a":1,',
        "```\n",
        "action: ",
        "act(",
        '"',
        "\\",
        "x",
        " ",
        '{"reflection": "',
        "hit ",
    ],
)
def test_ten_megabytes(unit: str) -> None:
    """Ten megabytes of anything are read in the time of a few hundred kilobytes: a bounded part is looked at."""
    text = (unit * (10_000_000 // len(unit)))[:10_000_000]
    began = time.process_time()
    CARD_READER.read(Said(text))
    assert time.process_time() - began < 5.0


def test_ten_megabytes_of_json() -> None:
    """A reply that is JSON as a whole is read as a whole."""
    text = json.dumps({"reflection": "x" * 10_000_000, "action": "hit"})
    assert read(text)[0] == HIT


def test_an_action_behind_ten_megabytes() -> None:
    """The end of a long reply is looked at."""
    assert read("so " * 3_000_000 + '{"reflection": "y", "action": "hit"}')[0] == HIT

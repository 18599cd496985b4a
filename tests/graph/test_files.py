"""Graphs saved and loaded: what comes back, and what becomes of files that are no graphs."""

from __future__ import annotations

import contextlib
import json
import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from ldp_tui.core.dummy import DummyEnv
from ldp_tui.core.messages import EnvStateMessage, Message
from ldp_tui.core.tool_calls import ToolCall, ToolRequestMessage, ToolResponseMessage
from ldp_tui.core.tools import Tool
from ldp_tui.graph import (
    Described,
    FxnOp,
    GraphFileError,
    IdentityOp,
    NotRecorded,
    OpResult,
    UnknownOp,
    compute_graph,
    dump_graph,
    eval_mode,
    load_graph,
    parse_graph,
    save_graph,
)
from ldp_tui.graph.gradient_estimators import straight_through_estimator
from tests.graph.stories import Remembering, act, diamond, remembered_step

ROOT = Path(__file__).parents[2]


async def there_and_back(value: Any, **options: Any) -> Any:
    """`value` as it is after a round trip."""
    return parse_graph(dump_graph(await IdentityOp[Any]()(value)), **options).value


async def test_a_step(tmp_path: Path) -> None:
    """The whole graph comes back: values, inputs, gradients, what ops noted; and the file of it is the same again."""
    action = await remembered_step()
    action.compute_grads(1.0, backward_fns={FxnOp: straight_through_estimator})
    save_graph(action, tmp_path / "step.json")
    loaded = load_graph(tmp_path / "step.json")
    assert dump_graph(loaded) == (tmp_path / "step.json").read_text()
    assert loaded == action
    assert isinstance(loaded.value, ToolRequestMessage)
    for before, after in zip(action.traverse(), loaded.traverse(), strict=True):
        assert after is not before
        assert (after, after.op_name, after.op_class_name) == (before, before.op_name, before.op_class_name)
        assert (after.value, after.grad) == (before.value, before.grad)
        if before is not action:
            assert after.inputs == before.inputs
    (tools,) = loaded.inputs[1]["tools"]
    assert isinstance(tools, Tool)
    assert tools.info == Tool.from_function(act).info
    assert list(tmp_path.iterdir()) == [tmp_path / "step.json"]


async def test_where_nothing_is_known() -> None:
    """In a process without the ops it is read, walked and drawn; gradients need the class, or functions for it."""
    script = """
import sys
from ldp_tui.graph import parse_graph, to_text, UnknownOp
from ldp_tui.graph.gradient_estimators import stop_grad
result = parse_graph(sys.stdin.read())
assert len(list(result.traverse())) == 1 and "Strange" in to_text(result)
try:
    result.compute_grads()
except UnknownOp as error:
    print(error)
result.compute_grads(1.0, backward_fns={result.op_name: stop_grad})
print(result.grad)
"""

    class Strange(IdentityOp[int]):
        pass

    text = dump_graph(await Strange()(1))
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=text,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    refusal, gradient = done.stdout.splitlines()
    assert refusal.startswith(f"The op class {__name__}.Strange is not in this process: import its module")
    assert gradient == "1.0"


async def test_training_what_was_loaded() -> None:
    """Ops of the same names find its calls, as those that recorded them did."""
    text = dump_graph(await remembered_step())
    agent = Remembering()
    loaded = parse_graph(text)
    loaded.compute_grads(2.0, backward_fns={FxnOp: straight_through_estimator})
    (call_id,) = agent.memory_op.get_call_ids({loaded.run_id})
    assert agent.memory_op.ctx.get(call_id, "output").value == ["won at 17", "lost at 21"]
    assert [agent.config_op.ctx.get(each, "grad_output") for each in agent.config_op.get_call_ids({loaded.run_id})] == [
        {"name": 2.0, "temperature": 2.0}
    ]
    assert loaded.op is agent.llm_op
    assert loaded.op_class is FxnOp


async def test_loading_what_is_still_alive() -> None:
    """The copy is apart from the run that lives: neither's gradients are the other's."""
    results = await diamond()
    loaded = parse_graph(dump_graph(results["d"]))
    loaded.compute_grads(1.0, backward_fns={FxnOp: straight_through_estimator})
    assert loaded.grad == 1.0
    assert [each.grad for each in results["d"].traverse()] == [None] * 4
    results["d"].compute_grads(5.0)
    assert loaded.grad == 1.0


class Colour(BaseModel):
    red: int
    message: Message


@dataclass
class Point:
    x: int
    y: list[int]


VALUES = [
    None,
    True,
    -1,
    2**63 - 1,
    -(2**63),
    2**5000,
    0.1,
    -0.0,
    math.inf,
    "",
    "ä" * 300,
    "\ud800 alone",
    b"\x00\xff",
    [],
    {},
    (),
    (1, [2, (3,)]),
    {1, 2},
    frozenset({"a"}),
    {"$": 1},
    {"a\nb": {1: (2,)}},
    {(1, 2): [3]},
    UUID(int=7),
    datetime(2025, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
    date(2025, 1, 2),
    Message(content="hi", info={"a": [1]}),
    Message(content=[{"type": "text", "text": "a"}], cache_breakpoint=True),
    EnvStateMessage(content="state"),
    ToolRequestMessage(content=None, tool_calls=[ToolCall.from_name("f", x=[1, {"y": None}])]),
    ToolResponseMessage(content="1", name="f", tool_call_id="id"),
    ["long text " * 30] * 3,
    [[[["deep"]]]],
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: f"{type(value).__name__} {str(value)[:20]!a}")
async def test_values(value: Any) -> None:
    """They come back equal and of the same type."""
    back = await there_and_back(value)
    assert back == value
    assert type(back) is type(value)
    if isinstance(value, Message):
        assert back.__dict__ == value.__dict__


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3)
        | st.tuples(inner, inner)
    ),
    max_leaves=12,
)


@given(value=json_like)
@settings(max_examples=200, deadline=None)
async def test_any_value(value: Any) -> None:
    """It comes back as it was."""
    assert await there_and_back(value) == value


async def test_not_a_number() -> None:
    """It comes back, in a file that every reader of JSON reads."""
    text = dump_graph(await IdentityOp[float]()(math.nan))
    assert math.isnan(parse_graph(text).value)
    json.loads(text, parse_constant=pytest.fail)


async def test_environments_tools() -> None:
    """Tools of an environment come back with their schemas, without their functions."""
    _, tools = await DummyEnv().reset()
    back = await there_and_back(tools)
    assert [tool.model_dump() for tool in back] == [tool.model_dump() for tool in tools]


async def test_arrays() -> None:
    """NumPy's numbers come back with type and shape; arrays of objects are described."""
    numpy = pytest.importorskip("numpy")
    for array in (
        numpy.arange(6, dtype="int16").reshape(2, 3),
        numpy.array([], dtype="float32"),
        numpy.array([[1 + 2j]]),
        numpy.asfortranarray([[1.5, 2.5], [3.5, 4.5]]),
        numpy.array([1, 2], dtype=">i4"),
    ):
        back = await there_and_back(array)
        assert numpy.array_equal(back, array)
        assert back.dtype == array.dtype.newbyteorder("=")
        back[...] = 0
    assert await there_and_back(numpy.int64(3)) == 3
    assert await there_and_back(numpy.array([object()])) == Described(
        "numpy.ndarray", "array([<object object>], dtype=object)"
    )


async def test_other_objects() -> None:
    """They are described: type, text without addresses, fields where they have some."""

    class Odd:
        def __repr__(self) -> str:
            raise ValueError

    assert await there_and_back([print, object(), Odd()]) == [
        Described("builtins.builtin_function_or_method", "<built-in function print>"),
        Described("builtins.object", "<object object>"),
        Described(f"{__name__}.test_other_objects.<locals>.Odd", "<Odd: its repr raised ValueError>"),
    ]
    assert await there_and_back(Point(1, [2])) == Described(
        f"{__name__}.Point", "Point(x=1, y=[2])", {"x": 1, "y": [2]}
    )
    assert len((await there_and_back(Point(1, [2] * 10_000))).text) == 400
    itself: list[Any] = [1]
    itself.append(itself)
    assert await there_and_back(itself) == [1, Described("builtins.list", "… (refers to itself)")]
    deep: list[Any] = []
    for _ in range(500):
        deep = [deep]
    assert "nests too deep" in str(await there_and_back(deep))


async def test_models_of_others() -> None:
    """They are described with their fields, and made again where the reader names their classes."""
    value = Colour(red=1, message=Message(content="hi"))
    described = await there_and_back([value])
    assert described == [
        Described(f"{__name__}.Colour", "Colour(red, message)", {"red": 1, "message": Message(content="hi")})
    ]
    assert await there_and_back([value], types=[Colour]) == [value]
    text = dump_graph(await IdentityOp[Colour]()(value))
    assert parse_graph(dump_graph(parse_graph(text)), types=[Colour]).value == value


async def test_results_of_other_runs() -> None:
    """One within a value comes back as a result without a graph."""
    earlier = await IdentityOp[int]()(1)
    result = await FxnOp(lambda state: 1)([earlier])
    text = dump_graph(result)
    del earlier, result
    (inner,) = parse_graph(text).inputs[1]["state"]
    assert isinstance(inner, OpResult)
    assert inner.value == 1
    with pytest.raises(NotRecorded):
        _ = inner.inputs


async def test_a_result_within_a_list() -> None:
    """One of the same run is that node of the graph."""
    async with compute_graph():
        inner = await IdentityOp[int]()(1)
        result = await FxnOp(lambda values, x: 1)([inner], inner)
    loaded = parse_graph(dump_graph(result))
    assert loaded.inputs[1]["values"] == [loaded.inputs[1]["x"]] == [inner]


async def test_shared_values() -> None:
    """A long value is written once, however often it was used."""
    message = Message(content="once only " * 100)
    op = FxnOp(lambda messages, more=None: messages)
    async with compute_graph():
        result = await op([message])
        for _ in range(20):
            result = await op(result, more=[message, message])
    text = dump_graph(result)
    assert text.count(message.content or "") == 1
    assert len(text) < 30_000
    assert parse_graph(text).value == [message]


async def test_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys do not reach the file: by the name of a field, by their shape, by the environment, or as SecretStr."""

    class Config(BaseModel):
        api_key: SecretStr
        other: str

    monkeypatch.setenv("SOME_API_KEY", "from-the-environment")
    secret = "sk-" + "a1B2" * 10
    text = dump_graph(
        await IdentityOp[Any]()(
            [
                {"api_key": "plain-secret-1", "password": "plain-secret-2", "max_tokens": "kept"},
                Config(api_key=SecretStr("plain-secret-3"), other=f"key {secret}"),
                "from-the-environment",
                Message(content=secret),
            ]
        )
    )
    for word in ("plain-secret", secret, "from-the-environment"):
        assert word not in text
    assert "kept" in text
    assert parse_graph(text).value[2] == "[redacted:environment]"


async def test_nothing_was_kept() -> None:
    """A result of evaluation mode has no graph to save."""
    with eval_mode:
        result = await IdentityOp[int]()(1)
    with pytest.raises(NotRecorded, match="evaluation mode"):
        dump_graph(result)


async def test_saving_fails(tmp_path: Path) -> None:
    """What was there stays, and nothing is left beside it."""
    result = await IdentityOp[int]()(1)
    (tmp_path / "there").mkdir()
    with pytest.raises(OSError, match="there"):
        save_graph(result, tmp_path / "there")
    assert [path.name for path in tmp_path.iterdir()] == ["there"]
    with pytest.raises(FileNotFoundError):
        load_graph(tmp_path / "missing.json")


async def sample() -> dict[str, Any]:
    """A graph file of three nodes, the first of which has a long value."""
    async with compute_graph():
        leaf = await IdentityOp[str]()("long " * 50)
        result = await FxnOp(lambda x, y: x)(await FxnOp(lambda x: x)(leaf), y=Message())
    document: dict[str, Any] = json.loads(dump_graph(result))
    return document


def value_of(document: dict[str, Any]) -> str:
    return next(iter(document["values"]))


def set_output(encoded: Any) -> Callable[[dict[str, Any]], None]:
    return lambda document: document["nodes"][1].update(output=encoded)


def nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


DAMAGE: list[tuple[str, Callable[[dict[str, Any]], Any], str]] = [
    ("no format", lambda d: d.pop("format"), "no graph file"),
    ("another format", lambda d: d.update(format="x"), "no graph file"),
    ("a later version", lambda d: d.update(version=2), "later version of ldp-tui: format 2, this one reads 1"),
    ("no version", lambda d: d.update(version="1"), "no version number"),
    ("no run", lambda d: d.pop("run_id"), "`run_id` is missing, not text"),
    ("a bad run", lambda d: d.update(run_id="x"), "`run_id` is no UUID: 'x'"),
    ("no nodes", lambda d: d.update(nodes=[]), "node .* is not among those behind it"),
    ("nodes that are none", lambda d: d.update(nodes={}), "`nodes` is an object, not a list"),
    ("a node that is none", lambda d: d["nodes"].append(1), r"nodes\[3\]: it is a number, not an object"),
    ("no values", lambda d: d.pop("values"), "`values` is missing, not an object"),
    ("a missing value", lambda d: d["values"].clear(), r"nodes\[2\]: the value \w+ is missing"),
    ("an altered value", lambda d: d["values"].update({value_of(d): "x"}), "does not fit its hash"),
    ("a node twice", lambda d: d["nodes"].append(d["nodes"][0]), r"nodes\[\d\]"),
    ("a cycle", lambda d: d["nodes"][2]["args"].append({"$": "node", "id": d["root"]}), r"nodes\[2\]: the node"),
    ("a root elsewhere", lambda d: d.update(root=d["run_id"]), "the node .* is not among"),
    ("no op name", lambda d: d["nodes"][1].pop("op_name"), r"nodes\[1\]: `op_name` is missing"),
    ("no inputs", lambda d: d["nodes"][1].update(kwargs=None), r"nodes\[1\]: `kwargs` is missing"),
    ("no kind", set_output({"$": "wizard"}), "no kind of value 'wizard'"),
    ("a kind that is none", set_output({"$": ["a"]}), "no kind of value"),
    ("a bad number", set_output({"$": "int", "value": "12g"}), "'12g' is no hexadecimal number"),
    ("a bad date", set_output({"$": "date", "value": "today"}), "'today' is no date"),
    ("bad bytes", set_output({"$": "bytes", "value": "?"}), "no base64"),
    ("bad text", set_output({"$": "text", "value": "/w=="}), "`value` is no text"),
    ("a bad set", set_output({"$": "set", "items": [[]]}), "an item of a set is none: unhashable"),
    ("a bad dict", set_output({"$": "dict", "items": [[[], 1]]}), "a key of a dict is none"),
    ("a bad pair", set_output({"$": "dict", "items": [[1]]}), "no pair"),
    ("a bad model", set_output({"$": "model", "type": "Message", "fields": {"role": "x"}}), "no Message: role"),
    ("a bad shape", set_output({"$": "array", "dtype": "<i4", "shape": [-1], "value": ""}), "no shape"),
    ("a bad type", set_output({"$": "array", "dtype": "O", "shape": [1], "value": "AAAAAAAAAAA="}), "no array of O"),
    ("a huge array", set_output({"$": "array", "dtype": "<i4", "shape": [10**9] * 9, "value": ""}), "0 bytes are no"),
    ("deep values", set_output(nested(300)), "nest too deep"),
    ("very deep values", set_output(nested(900)), "nest too deep"),
]


@pytest.mark.parametrize(("damage", "said"), [case[1:] for case in DAMAGE], ids=[case[0] for case in DAMAGE])
async def test_damaged_files(tmp_path: Path, damage: Callable[[dict[str, Any]], Any], said: str) -> None:
    """Each is refused with the file, the place and the reason."""
    document = await sample()
    damage(document)
    path = tmp_path / "damaged.json"
    path.write_text(json.dumps(document))
    with pytest.raises(GraphFileError, match=said) as caught:
        load_graph(path)
    assert str(caught.value).startswith(str(path))
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "line 1, column 1: Expecting value"),
        (b"[]", "the file is a list, not an object"),
        (b"\xff\xfe\x00", "truncated|UTF-8"),
        (b'{"a": "\xff"}', "byte 7: it is not UTF-8"),
        (b'{"a": NaN}', "NaN is no JSON"),
        (b'{"a": ' + b"1" * 5000 + b"}", "4300 digits"),
        (b"[" * 100_000, "nest too deep"),
        (b"PK\x03\x04", "Expecting value"),
    ],
)
def test_what_is_no_json(content: bytes, said: str) -> None:
    """It is refused with the place."""
    with pytest.raises(GraphFileError, match=said) as caught:
        parse_graph(content, source="this.json")
    assert str(caught.value).startswith("this.json")


async def test_torn_files() -> None:
    """Wherever it was cut, a file is refused."""
    text = dump_graph(await remembered_step())
    for end in range(0, len(text), 97):
        with pytest.raises(GraphFileError):
            parse_graph(text[:end])


async def test_a_file_that_unfolds() -> None:
    """Values within values within values: refused before it takes the memory."""
    from ldp_tui.graph.values import canonical, content_hash

    document = await sample()
    inner: Any = ["x"] * 50
    for _ in range(20):
        digest = content_hash(canonical(inner))
        document["values"][digest] = inner
        inner = [{"$": "ref", "id": digest}] * 50
    document["nodes"][0]["output"] = inner
    with pytest.raises(GraphFileError, match="more than 50,000,000 items"):
        parse_graph(json.dumps(document))


@given(data=st.data())
@settings(max_examples=150, deadline=None)
async def test_any_damage(data: st.DataObject) -> None:
    """A changed character gives a GraphFileError or a graph, and nothing else."""
    text = dump_graph(await diamond_result())
    at = data.draw(st.integers(0, len(text) - 1))
    changed = text[:at] + data.draw(st.sampled_from('{}[]",:$0a\\')) + text[at + 1 :]
    with contextlib.suppress(GraphFileError):
        list(parse_graph(changed).traverse())


async def diamond_result() -> OpResult[int]:
    return (await diamond())["d"]


def test_a_file_runs_nothing(tmp_path: Path) -> None:
    """A file that names a class brings neither its import nor its call."""
    (tmp_path / "evil_module_of_a_file.py").write_text("raise SystemExit('imported')")
    sys.path.insert(0, str(tmp_path))
    try:
        document = {
            "format": "ldp-tui graph",
            "version": 1,
            "run_id": str(UUID(int=1)),
            "root": str(UUID(int=2)),
            "nodes": [
                {
                    "id": str(UUID(int=2)),
                    "op_name": "op",
                    "op_class_name": "evil_module_of_a_file.Op",
                    "output": {"$": "model", "type": "evil_module_of_a_file.Model", "fields": {"x": 1}},
                    "args": [],
                    "kwargs": {},
                    "records": {},
                }
            ],
            "values": {},
        }
        result = parse_graph(json.dumps(document))
    finally:
        sys.path.remove(str(tmp_path))
    assert result.value == Described("evil_module_of_a_file.Model", "Model(x)", {"x": 1})
    with pytest.raises(UnknownOp):
        result.compute_grads()

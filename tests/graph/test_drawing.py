"""Drawings: as text, SVG, dot, Mermaid and networkx."""

from __future__ import annotations

import json
import random
import re
from collections import defaultdict
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolCall, ToolRequestMessage
from ldp_tui.graph import (
    FxnOp,
    IdentityOp,
    NotRecorded,
    OpResult,
    compute_graph,
    dump_graph,
    eval_mode,
    parse_graph,
    to_dot,
    to_mermaid,
    to_network,
    to_svg,
    to_text,
)
from ldp_tui.graph.cells import cut, pad, plain, width
from ldp_tui.graph.gradient_estimators import straight_through_estimator
from ldp_tui.graph.layout import Line, lay_out
from ldp_tui.graph.sketch import Arrow, Box, Sketch, sketch, summary
from ldp_tui.graph.text import draw
from tests.graph.stories import diamond, remembered_step

# pydot 4 uses names that pyparsing 3.3 has renamed.
PYDOT = pytest.mark.filterwarnings("ignore::DeprecationWarning:pydot")

DIAMOND = """\
          ┌───────┐
          │ first │
          │ FxnOp │
          │ → 3   │
          └───┬───┘
      ┌───────┴──────┐
┌─────▼─────┐  ┌─────▼─────┐
│ add       │  │ add       │
│ FxnOp     │  │ FxnOp     │
│ x ← first │  │ x ← first │
│ by = 1    │  │ by = 2    │
│ → 4       │  │ → 5       │
└─────┬─────┘  └─────┬─────┘
      └────┐   ┌─────┘
        ┌──▼───▼──┐
        │ total   │
        │ FxnOp   │
        │ 0 ← add │
        │ 1 ← add │
        │ 2 = 5   │
        │ → 14    │
        └─────────┘"""

NASTY = [
    "",
    [],
    {},
    None,
    "two\nlines",
    'quotes " and \\ back \\" slashes',
    "<b>&amp;</b> ]]> <!-- -->",
    "\x1b[31mred\x1b[0m \x00\x07\x9b2J \u202e right to left \u2066",
    "\ud800 \ufffe \u2028 next",
    "日本語 한국어 🎲🂡 e\u0301 👩\u200d🔬 ﷽",
    "`code` %%{init: {}}%% # ; | {x} [y] (z) --> end",
    "\\N \\G \\l {a|b} :port",
    [Message(content="hi"), Message(content=None)],
    ToolRequestMessage(tool_calls=[ToolCall.from_name("f", x='"')]),
    "x" * 5_000,
    list(range(100_000)),
    {"deep": [[[[[[1]]]]]]},
]


async def nasty_result() -> OpResult[Any]:
    """A graph that has been given everything that is hard to draw, under hard names."""
    op = FxnOp(lambda *args, **kwargs: args[1:], fxn_name='<f> "\n')
    op.set_name('a "name" <with> \x1b[1m\n日本')
    async with compute_graph():
        leaf = await IdentityOp[str]()(NASTY[7])
        result = await op(leaf, *NASTY, **{'a "key"': leaf, "<b>": 1})
    result.compute_grads(1.0, backward_fns={FxnOp: straight_through_estimator})
    return result


async def test_a_diamond() -> None:
    """Boxes in layers, arrows that join where they are of one result; the same for what was loaded from a file."""
    results = await diamond()
    assert to_text(results["d"]) == to_text(parse_graph(dump_graph(results["d"]))) == DIAMOND


async def test_a_single_op() -> None:
    """It is one box."""
    result = await IdentityOp[list[int]]()([])
    result.op.set_name("alone")
    result = await result.op([])
    assert (
        to_text(result)
        == "┌────────────┐\n│ alone      │\n│ IdentityOp │\n│ value = [] │\n│ → []       │\n└────────────┘"
    )


async def test_a_step() -> None:
    """Names, values, tools and gradients are in the drawing."""
    action = await remembered_step()
    action.compute_grads(0.5)
    drawn = to_text(action)
    for shown in (
        "│ memory_op ",
        "│ FxnOp _answer",
        "│ query ← query_op",
        "│ matches = 2",
        "│ → Remember: ['won at 17', 'lost at 21']",
        "│ config ← config_op",
        "│ tools = tool act",
        "│ → assistant: a-model read 2.",
        "│   act(action='stick')",
        "│ grad 0.5",
        "│ grad {'name': 0.0, 'temperature': 0.0}",
    ):
        assert shown in drawn


async def test_limits() -> None:
    """Lines and their lengths are bounded as asked."""
    result = await IdentityOp[str]()("\n".join(f"line {index} " + "x" * 100 for index in range(10)))
    lines = sketch(result, max_label_height=3, max_label_width=20).boxes[0].lines
    assert lines[1:] == (
        "value = line 0 xxxx…",
        "        line 1 xxxx…",
        "        … 8 more li…",
        "→ line 0 xxxxxxxxxx…",
        "  line 1 xxxxxxxxxx…",
        "  … 8 more lines",
    )
    assert len(sketch(result, max_label_height=None, max_label_width=None).boxes[0].lines) == 21


async def test_what_was_not_kept() -> None:
    """There is nothing to draw."""
    with eval_mode:
        result = await IdentityOp[int]()(1)
    for draw_it in (to_text, to_svg, to_dot, to_mermaid):
        with pytest.raises(NotRecorded):
            draw_it(result)


async def test_text_of_nasty_values() -> None:
    """No control characters; all lines of boxes align, also in the widths that Textual knows."""
    drawn = to_text(await nasty_result())
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", drawn)
    rows = [row for row in drawn.splitlines() if row.lstrip().startswith("│ ") and row.endswith(" │")]
    assert len(rows) > 20
    edges = {cell_len(row) for row in rows if 'a "name"' in row or "→" in row or "=" in row}
    assert len(edges) == 2  # the right sides of the two boxes
    assert len(drawn) < 20_000


async def test_svg_of_nasty_values() -> None:
    """It is XML without script or reference, and every text fits its box."""
    svg = to_svg(await nasty_result())
    root = ElementTree.fromstring(svg)
    names = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert names == {"svg", "style", "path", "rect", "text"}
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")
    texts = [element.text or "" for element in root.iter() if element.tag.endswith("text")]
    assert any("<b>&amp;</b>" in text.replace("\N{NO-BREAK SPACE}", " ") for text in texts)
    rectangles = [
        tuple(float(element.attrib[name]) for name in ("x", "y", "width", "height"))
        for element in root.iter()
        if element.tag.endswith("rect")
    ]
    for element in root.iter():
        if element.tag.endswith("text"):
            x, y = float(element.attrib["x"]), float(element.attrib["y"])
            end = x + float(element.attrib.get("textLength", 0))
            assert any(left < x and end < left + w and top < y < top + h for left, top, w, h in rectangles)
    assert float(root.attrib["width"]) >= max(x + w for x, _, w, _ in rectangles)


@PYDOT
async def test_dot_of_nasty_values() -> None:
    """pydot reads it, and finds every call and arrow."""
    pydot = pytest.importorskip("pydot")
    text = to_dot(await nasty_result())
    (graph,) = pydot.graph_from_dot_data(text)
    assert {node.get_name() for node in graph.get_nodes()} >= {"n0", "n1"}
    assert [edge.get_label() for edge in graph.get_edges()] == ['"0\\l"', '"a \\"key\\"\\l"']


def test_dot_strings() -> None:
    """Quotes and backslashes are escaped; lines are flush left."""
    from ldp_tui.graph.languages import quoted

    assert quoted(['a "b"', "c\\N"]) == '"a \\"b\\"\\lc\\\\N\\l"'


async def test_mermaid_of_nasty_values() -> None:
    """Every line is a node or an arrow, whose labels hold nothing that Mermaid would read as its own."""
    text = to_mermaid(await nasty_result())
    first, *lines = text.splitlines()
    assert first == "flowchart TB"
    for line in lines:
        found = re.fullmatch(r'  n\d+(?:\["(.*)"\]| -->\|"(.*)"\| n\d+)', line)
        assert found is not None, line
        label = (found[1] or found[2]).replace("<br/>", "")
        assert not re.search(r'["<>{}|`%\\;]', re.sub(r"#\d+;", "", label)), label


async def test_networkx() -> None:
    """Calls, results and values are nodes, gradients dotted edges back; a graph can be added to."""
    pytest.importorskip("networkx")
    results = await diamond()
    results["d"].compute_grads(1.0, backward_fns={FxnOp: straight_through_estimator})
    graph = to_network(results["d"])
    kinds = defaultdict(int)
    for node in graph:
        kinds[node.partition("-")[0]] += 1
    assert kinds == {"call": 4, "result": 4, "value": 3}
    forward = [edge for edge in graph.edges(data=True) if edge[2].get("style") != "dotted"]
    assert len(forward) == 4 + 7
    assert graph.number_of_edges() - len(forward) == 4 + 7
    other = await IdentityOp[int]()(1)
    assert to_network(other, G=graph) is graph
    assert sum(node.startswith("call-") for node in graph) == 5


@PYDOT
async def test_networkx_to_dot() -> None:
    """What networkx writes for Graphviz can be read, whatever the values."""
    pydot, networkx = pytest.importorskip("pydot"), pytest.importorskip("networkx")
    graph = to_network(await nasty_result(), max_label_height=3, max_label_width=30)
    text = networkx.drawing.nx_pydot.to_pydot(graph).to_string()
    (read,) = pydot.graph_from_dot_data(text)
    assert len(read.get_nodes()) == graph.number_of_nodes()
    assert len(read.get_edges()) == graph.number_of_edges()


@pytest.mark.parametrize("value", NASTY, ids=range(len(NASTY)))
def test_summaries(value: Any) -> None:
    """They are bounded whatever the value, and have at least a line."""
    lines = summary(value)
    assert lines
    assert sum(map(len, lines)) < 6_000


def test_summaries_of_arrays() -> None:
    """Shape and type."""
    numpy = pytest.importorskip("numpy")
    assert summary(numpy.zeros((1000, 1000), "float32")) == ["ndarray float32 1000×1000"]
    assert summary([numpy.zeros(3)]) == ["[ndarray float64 3]"]


@given(st.text())
def test_cells(text: str) -> None:
    """Plain text has no characters that act; its width, cuts and padding agree with each other."""
    clean = plain(text)
    assert not re.search("[\x00-\x1f\x7f-\x9f]", clean)
    assert plain(clean) == clean
    for cells in range(8):
        assert width(cut(clean, cells)) <= cells
    assert cut(clean, width(clean)) == clean
    assert width(pad(clean, 40)) >= 40


def test_widths() -> None:
    """They are those of the terminal library."""
    for text in ("abc", "日本語", "한", "ﬁ→▼│", "e\u0301", "🎲", "Ａ", "ä"):
        assert width(plain(text)) == cell_len(text), text


def random_sketch(seed: int) -> Sketch:
    rng = random.Random(seed)
    count = rng.randint(1, 25)
    arrows = [
        Arrow(f"n{source}", f"n{target}", "")
        for source in range(1, count)
        for target in rng.sample(range(source), min(source, rng.choice([1, 1, 2, 3])))
    ]
    boxes = [
        Box(f"n{index}", tuple("x" * rng.randint(1, 12) for _ in range(rng.randint(1, 5)))) for index in range(count)
    ]
    return Sketch(tuple(boxes), tuple(arrows))


def points(line: Line) -> list[tuple[int, int]]:
    return [(x, y) for x in range(line.x1, line.x2 + 1) for y in range(line.y1, line.y2 + 1)]


def connected(start: tuple[int, int], cells: set[tuple[int, int]]) -> set[tuple[int, int]]:
    """The cells that a walk from `start` within `cells` reaches."""
    waiting, reached = [start], {start}
    while waiting:
        x, y = waiting.pop()
        new = {(x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)} & cells - reached
        reached |= new
        waiting += new
    return reached


@given(st.integers(0, 10**9))
@settings(max_examples=300, deadline=None)
def test_layouts(seed: int) -> None:
    """Boxes do not touch, no two results share a line, lines keep out of boxes, and every arrow arrives."""
    drawn = random_sketch(seed)
    layout = lay_out(drawn)
    boxes = {
        place.net: {
            (x, y) for x in range(place.x, place.x + place.width) for y in range(place.y, place.y + place.height)
        }
        for place in layout.places
    }
    assert len(set().union(*boxes.values())) == sum(map(len, boxes.values()))
    lines: dict[str, set[tuple[int, int]]] = defaultdict(set)
    owners: dict[tuple[int, int, bool], str] = {}
    for line in layout.lines:
        lines[line.net].update(points(line))
        for x, y in points(line) if len(points(line)) > 1 else []:
            assert owners.setdefault((x, y, line.x1 == line.x2), line.net) == line.net
    for place in layout.places:
        assert 0 <= place.x <= place.x + place.width <= layout.width
        users = {arrow.target for arrow in drawn.arrows if arrow.source == place.net}
        cells = lines[place.net]
        for other in layout.places:
            rows = [y for _, y in cells & boxes[other.net]]
            if other is place:
                assert set(rows) <= {place.y + place.height - 1}
            else:
                assert rows == [other.y] * (other.net in users)
        assert not cells or connected((place.exit, place.y + place.height - 1), cells) == cells
    assert all(width(row) <= layout.width for row in draw(layout).splitlines())


@given(st.integers(0, 10**9))
@settings(max_examples=50, deadline=None)
def test_sketches_as_json(seed: int) -> None:
    """They are read as they were written."""
    drawn = random_sketch(seed)
    assert Sketch.from_json(json.loads(json.dumps(drawn.as_json()))) == drawn


@pytest.mark.parametrize(
    ("boxes", "arrows"),
    [
        ([], []),
        ([["a", []]], []),
        ([["a", ["x"]], ["a", ["x"]]], []),
        ([["a", ["x"]]], [["a", "a", ""]]),
        ([["a", ["x"]], ["b", ["x"]]], [["a", "b", ""], ["b", "a", ""]]),
        ([["a", ["x"]]], [["a", "c", ""]]),
        ([["a", ["x"]]], [["c", "a", ""]]),
        ([["a"]], []),
        (None, []),
        ([["a", ["x"]]], [1]),
    ],
)
def test_what_is_no_sketch(boxes: Any, arrows: Any) -> None:
    """It is refused: a recording may come from anywhere."""
    with pytest.raises(ValueError, match="no sketch of a graph"):
        Sketch.from_json({"boxes": boxes, "arrows": arrows})


async def test_a_large_graph() -> None:
    """Hundreds of calls, with arrows over many layers."""
    boxes = tuple(Box(f"n{index}", ("op", "→ 1")) for index in range(400))
    arrows = tuple(
        Arrow(f"n{index}", f"n{target}", "") for index in range(1, 400) for target in {index - 1, max(index - 7, 0)}
    )
    layout = lay_out(Sketch(boxes, arrows))
    assert len(layout.places) == 400
    assert draw(layout).count("▼") == len(arrows)

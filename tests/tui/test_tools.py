"""The tool browser: what an environment lets a player do."""

from __future__ import annotations

from pathlib import Path

import pytest

from ldp_tui.core.errors import UsageError
from ldp_tui.lint.remarks import Remark
from ldp_tui.play.inspection import ToolSheet, tool_sheets
from ldp_tui.tui.screens.tools import ToolsScreen
from ldp_tui.tui.tool_words import call_words, type_words
from ldp_tui.tui.widgets.title_bar import TitleBar
from tests.tui.app_pilot import Stage, running, shown, until

SCHEMA = {
    "name": "paint",
    "description": "Paint a wall [bold]red\x1b[31m[/bold].",
    "parameters": {
        "type": "object",
        "properties": {
            "wall": {"enum": ["north", "south"], "description": "Which wall."},
            "coats": {"type": "integer", "minimum": 1, "default": 2, "description": "How often."},
        },
        "required": ["wall"],
    },
}
SHEETS = [
    ToolSheet(SCHEMA, concurrency_safe=False, source="paint.py:7"),
    ToolSheet(
        {"name": "rest", "description": "Wait.", "parameters": {"type": "object", "properties": {}}},
        concurrency_safe=True,
        source="",
        remarks=(Remark(9, "missing-annotation", "rest", "Parameter 'x' needs a type."),),
    ),
]


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_tool_in_words_and_as_json(tmp_path: Path, size):
    """The tool under the cursor is described; j shows what a model gets; text of the environment stays text."""
    stage = Stage(tmp_path)
    async with running(stage, size) as pilot:
        await stage.app.push_screen(ToolsScreen("house", sheets=lambda _: SHEETS))
        await until(pilot, lambda: "Runs alone" in shown(stage.app))
        text = shown(stage.app)
        assert "paint(wall, coats=2)" in text
        assert "north | south" in text
        assert "integer ≥ 1" in text
        assert "default 2" in text
        assert "[bold]red␛[31m[/bold]" in text
        await pilot.press("j")
        await until(pilot, lambda: '"coats"' in shown(stage.app))
        await pilot.press("j", "down")
        await until(pilot, lambda: "missing-annotation" in shown(stage.app))
        assert "line 9" in shown(stage.app)
        assert stage.app.screen.query_one(TitleBar).state == "2 tools · 1 remark"


async def test_why_there_are_no_tools(tmp_path: Path):
    """An environment that cannot be reset says why; r looks again."""

    def sheets(_: str) -> list[ToolSheet]:
        if not asked:
            asked.append(1)
            raise UsageError("house cannot be reset: no roof")
        return SHEETS

    asked: list[int] = []
    stage = Stage(tmp_path)
    async with running(stage) as pilot:
        await stage.app.push_screen(ToolsScreen("house", sheets=sheets))
        await until(pilot, lambda: "no roof" in shown(stage.app))
        await pilot.press("r")
        await until(pilot, lambda: "paint(wall" in shown(stage.app))


async def test_from_home_with_a_real_environment(tmp_path: Path):
    """t on Home opens the tools of the chosen environment, read in a process of its own; escape leaves."""
    stage = Stage(tmp_path)
    async with running(stage) as pilot:
        stage.app.screen.query_one("#environment").value = "maze"
        await pilot.press("t")
        await until(pilot, lambda: "move(direction)" in shown(stage.app), tries=3000)
        assert "The linter has none." in shown(stage.app)
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(stage.app.screen, ToolsScreen))


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "array", "items": {"type": "string"}}, "list of string"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "integer | null"),
        ({"$ref": "#/$defs/Point"}, "Point"),
        ({"type": "object", "additionalProperties": {"type": "number"}}, "object of number"),
        ({"type": ["string", "null"]}, "string | null"),
        ({}, "anything"),
        ({"const": "stop"}, '"stop"'),
    ],
)
def test_types_in_words(schema, words):
    assert type_words(schema) == words


def test_a_call_in_words():
    assert call_words(SCHEMA) == "paint(wall, coats=2)"


def test_an_environment_that_ends_its_process_is_told_in_a_line(tmp_path: Path):
    """`os._exit` in an environment ends the process that looks, and nothing else."""
    file = tmp_path / "quits.py"
    file.write_text('"""Quits."""\nimport os\n\ndef make():\n    os._exit(7)\n')
    with pytest.raises(UsageError, match="status 7"):
        tool_sheets(str(file))


def test_what_an_environment_prints_is_no_answer(tmp_path: Path):
    file = tmp_path / "talks.py"
    file.write_text(
        '"""Talks."""\nfrom ldp_tui import fenv\n\nprint("hello")\n\n@fenv.start()\ndef game():\n    print("again")\n'
        '    return "Go.", {}\n\n@game.tool()\ndef act(x: list) -> str:\n    """Act."""\n    return ""\n\nmake = game\n'
    )
    (sheet,) = tool_sheets(str(file))
    assert sheet.name == "act"
    assert [remark.rule for remark in sheet.remarks] == ["bare-container"]
    assert sheet.source == f"{file}:11"

"""What the linter says of source text: one rule a test, and nothing of tools that are right."""

from __future__ import annotations

import textwrap

import pytest

from ldp_tui.core.tools import Tool
from ldp_tui.environment_files import bundled_folder
from ldp_tui.lint.remarks import RULES
from ldp_tui.lint.tools import lint_source, lint_tool, source_place, tool_names

HEAD = "from ldp_tui import Tool, fenv\n\n"


def said(source: str) -> list[tuple[int, str, str]]:
    return [(remark.line, remark.rule, remark.tool) for remark in lint_source(textwrap.dedent(source))]


def tool(definition: str) -> list[tuple[int, str]]:
    """Remarks (line in `definition`, rule) on the function `act` that `definition` defines, made a tool."""
    source = textwrap.dedent(definition).lstrip() + "\n\nTool.from_function(act)\n"
    return [(remark.line, remark.rule) for remark in lint_source(source)]


def test_a_good_tool_gets_no_remark() -> None:
    assert (
        tool('''
            async def act(path: list[str], depth: int | None = None, state=None) -> str:
                """Walk along a path.

                Args:
                    path: Names of the rooms.
                    depth: Where to stop.
                """
            ''')
        == []
    )


@pytest.mark.parametrize("path", sorted(bundled_folder().glob("*.py")), ids=lambda path: path.stem)
def test_bundled_environments_are_clean(path) -> None:
    assert lint_source(path.read_text()) == []


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        ("def act(x: int) -> None:\n    pass", [(1, "missing-docstring")]),
        ('def act(x: int) -> None:\n    """Act."""', [(1, "missing-description")]),
        ('def act(x) -> None:\n    """Act.\n\n    Args:\n        x: How often.\n    """', [(1, "missing-annotation")]),
        ('def act(*names: str) -> None:\n    """Act."""', [(1, "positional")]),
        ('def act(x: int, /) -> None:\n    """Act.\n\n    Args:\n        x: How often.\n    """', [(1, "positional")]),
        ('def act(**more: str) -> None:\n    """Act."""', [(1, "keyword-catch-all")]),
        (
            'def act(x: int) -> None:\n    """Act.\n\n    Args:\n        x: How often.\n        y: Gone.\n    """',
            [(6, "unknown-parameter")],
        ),
        ('def act() -> None:\n    """Act.\\f Not for models."""', [(2, "form-feed")]),
        ('def act() -> None:\n    """Act.\n\n    Send {"a": 1}.\n    """', [(4, "braces")]),
        (
            'def act(x: list) -> None:\n    """Act.\n\n    Args:\n        x: Things.\n    """',
            [(1, "bare-container")],
        ),
        (
            'def act(x: "dict | None" = None) -> None:\n    """Act.\n\n    Args:\n        x: Things.\n    """',
            [(1, "bare-container")],
        ),
        ('def act() -> set[int]:\n    """Act."""', [(1, "result")]),
        ('async def act() -> None:\n    """Act."""\n    time.sleep(3)', [(3, "blocking")]),
        ('def act() -> str:\n    """Ask."""\n    return input()', [(3, "keyboard")]),
        (f'def act() -> None:\n    """{"Long. " * 200}"""', [(2, "long-description")]),
    ],
    ids=lambda value: value[0][1] if isinstance(value, list) else "",
)
def test_each_rule(definition: str, expected: list[tuple[int, str]]) -> None:
    """The rule is named, with its line."""
    assert tool(definition) == expected


def test_a_raw_docstring_may_hide_text() -> None:
    assert tool('def act() -> None:\n    r"""Act.\\f Send {this} to nobody."""') == []


def test_a_name_that_providers_refuse() -> None:
    assert [rule for _, rule, _ in said('def größe():\n    """Tell."""\n\nTool.from_function(größe)\n')] == ["name"]


def test_braces_that_are_filled_in_are_meant() -> None:
    assert said('def act():\n    """Act in {place}."""\n\nTool.from_function(act, place="Rome")\n') == []


def test_methods_of_a_loop_over_a_tuple_are_found() -> None:
    """As DummyEnv does it: a tuple of methods, then a comprehension over it."""
    source = textwrap.dedent('''
        class Env:
            async def reset(self):
                functions = (self.go, self.stop)
                self.tools = [Tool.from_function(function) for function in functions]

            def go(self, x):
                """Go."""

            def stop(self):
                """Stop."""

            def other(self, x):
                pass
        ''')
    assert tool_names(source) == ["go", "stop"]
    assert said(source) == [(7, "missing-annotation", "go"), (7, "missing-description", "go")]


def test_functional_environments_need_no_parameter_descriptions() -> None:
    source = HEAD + textwrap.dedent('''
        @fenv.start()
        def game():
            return "Play.", {}

        @game.tool()
        def act(x: int, state) -> None:
            """Act."""
        ''')
    assert tool_names(source) == ["act"]
    assert lint_source(source) == []


def test_a_lambda_and_a_partial() -> None:
    assert said("Tool.from_function(lambda x: x)\nTool.from_function(functools.partial(act, 1))\n") == [
        (1, "not-a-function", ""),
        (2, "partial", "act"),
    ]


def test_a_tool_that_lives_elsewhere() -> None:
    """A served tool is known by its schema alone: nothing is said of a function that is not its own."""
    described = Tool.model_validate({"function": {"name": "go", "description": "Go.", "parameters": None}})
    assert (lint_tool(described), source_place(described)) == ([], "")


def test_what_is_no_python_is_said_with_its_line() -> None:
    assert said("x = 1\ndef (\n") == [(2, "syntax", "")]


def test_functions_that_are_no_tools_are_left_alone() -> None:
    assert said("def untyped(x):\n    return x\n") == []


def test_each_rule_has_a_severity_and_a_meaning() -> None:
    assert all(severity in {"error", "warning"} and meaning for severity, meaning in RULES.values())

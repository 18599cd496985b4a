"""The two ways in: a source text, read without importing it, and a tool that exists."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from functools import partial
from typing import Any

from ldp_tui.core.tools import Tool, is_description
from ldp_tui.lint.discovery import discover
from ldp_tui.lint.functions import ToolFunction, remarks_on
from ldp_tui.lint.remarks import Remark


def lint_source(source: str) -> list[Remark]:
    """Remarks on every function of `source` that is made a tool, in the order of their lines. Nothing is run."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        return [Remark(getattr(error, "lineno", None) or 1, "syntax", "", f"{getattr(error, 'msg', error)}.")]
    found = discover(tree)
    remarks = [remark for tool in found.tools.values() for remark in remarks_on(tool, source)]
    return sorted([*found.remarks, *remarks])


def tool_names(source: str) -> list[str]:
    """Names of the functions of `source` that are made tools; empty where it is not valid Python."""
    try:
        return [function.name for function in discover(ast.parse(source)).tools]
    except (SyntaxError, ValueError):
        return []


def lint_tool(tool: Tool) -> list[Remark]:
    """Remarks on a tool that exists; lines are those of its source file, or 0 where there is no source."""
    remarks: list[Remark] = []
    if is_description(tool):
        return remarks
    if isinstance(tool.function, partial):
        remarks.append(Remark(0, "partial", tool.info.name, "aviary makes no tool of a partial; write a function."))
    try:
        lines, first = inspect.getsourcelines(_written(tool))
        source = textwrap.dedent("".join(lines))
        node = ast.parse(source).body[0]
    except (OSError, TypeError, SyntaxError, IndexError):  # built in, made at run time, or a part of an expression
        return remarks
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        described = all(schema.get("description") for schema in tool.info.get_properties().values())
        is_method = inspect.ismethod(inspect.unwrap(tool.function))
        linted = ToolFunction(node, is_method, allow_empty_descriptions=not described)
        remarks += remarks_on(linted, source, offset=first - 1)
    return sorted(remarks)


def source_file(tool: Tool) -> str | None:
    """File that the tool's function is written in; None where there is none."""
    try:
        return inspect.getsourcefile(_written(tool))
    except TypeError:
        return None


def source_place(tool: Tool) -> str:
    """`FILE:LINE` of the tool's function; empty where it has no source."""
    file = None if is_description(tool) else source_file(tool)
    code = getattr(_written(tool), "__code__", None)
    return f"{file}:{code.co_firstlineno}" if file is not None and code is not None else ""


def _written(tool: Tool) -> Callable[..., Any]:
    """The function as it stands in a file: without partials, decorators and bindings."""
    function: Callable[..., Any] = tool.function
    while isinstance(function, partial):
        function = function.func
    unwrapped = inspect.unwrap(function)
    written: Callable[..., Any] = getattr(unwrapped, "__func__", unwrapped)
    return written

"""What can be said of one tool function from its syntax tree."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from docstring_parser import parse

from ldp_tui.core.signatures import HIDDEN_PARAMETERS
from ldp_tui.lint.remarks import Remark

AnyFunction = ast.FunctionDef | ast.AsyncFunctionDef

NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""Function names that every model provider takes."""

LONGEST: Final = 1024
"""Characters of a description that every model provider takes."""

_FORMAT = re.compile(r"\{[^{}]*\}")
_BARE: Final = {"list", "dict", "tuple", "set", "List", "Dict", "Tuple", "Set", "Any", "object", "Sequence", "Mapping"}
_NO_TEXT: Final = {"bytes", "bytearray", "set", "frozenset", "complex", "Set", "FrozenSet", "Iterator", "Generator"}
_WAITS: Final = {
    "time.sleep": "asyncio.sleep",
    "requests.get": "httpx.AsyncClient",
    "requests.post": "httpx.AsyncClient",
}
_FORM_FEED: Final = "\f"


@dataclass(frozen=True, slots=True)
class ToolFunction:
    """A function that is made a tool, where it stands, and how it is made one."""

    node: AnyFunction
    is_method: bool = False
    allow_empty_descriptions: bool = False
    with_formats: bool = False
    """Its docstring is meant to be formatted."""


def remarks_on(tool: ToolFunction, source: str, *, offset: int = 0) -> list[Remark]:
    """Remarks on one tool. `source` is the text that `tool.node` was parsed from; `offset` is added to its lines."""
    found = [*_parameters(tool), *_docstring(tool, source), *_name_and_result(tool.node), *_body(tool.node)]
    return sorted(Remark(line + offset, rule, tool.node.name, text) for line, rule, text in found)


_Found = tuple[int, str, str]


def _parameters(tool: ToolFunction) -> Iterator[_Found]:
    arguments = tool.node.args
    for argument in arguments.posonlyargs[1 if tool.is_method else 0 :]:
        yield argument.lineno, "positional", f"{argument.arg!r} cannot be given by name; move it behind the slash."
    if arguments.vararg is not None:
        yield (
            arguments.vararg.lineno,
            "positional",
            f"*{arguments.vararg.arg} cannot be described; name each parameter.",
        )
    if arguments.kwarg is not None:
        yield (
            arguments.kwarg.lineno,
            "keyword-catch-all",
            f"**{arguments.kwarg.arg} takes arguments that no player is told of, and aviary refuses it.",
        )
    for argument in _visible(tool):
        if argument.annotation is None:
            yield argument.lineno, "missing-annotation", f"Parameter {argument.arg!r} needs a type, such as `str`."
        elif (bare := _bare_name(argument.annotation)) is not None:
            yield (
                argument.lineno,
                "bare-container",
                f"Parameter {argument.arg!r}: `{bare}` does not say what it holds; write `{_example(bare)}`.",
            )


def _visible(tool: ToolFunction) -> list[ast.arg]:
    """Parameters that a player sees: without self, `state`, `tool_call_id`, and the catch-alls."""
    arguments = tool.node.args
    positional = [*arguments.posonlyargs, *arguments.args][1 if tool.is_method else 0 :]
    return [argument for argument in (*positional, *arguments.kwonlyargs) if argument.arg not in HIDDEN_PARAMETERS]


def _docstring(tool: ToolFunction, source: str) -> Iterator[_Found]:
    node = tool.node
    literal = _docstring_literal(node)
    if literal is None or not str(literal.value).strip():
        yield (
            node.lineno,
            "missing-docstring",
            "Say in a docstring what the tool does; a model sees nothing else of it.",
        )
        return
    text = ast.get_docstring(node) or ""
    shown = text.replace(_FORM_FEED, "\\f").split("\\f", 1)[0]
    if _FORM_FEED in str(literal.value):
        yield (
            literal.lineno,
            "form-feed",
            r'Write the docstring as r"""…""": without the r, aviary shows what stands behind the \f to the model.',
        )
    if not tool.with_formats and (braces := _FORMAT.search(shown)) is not None:
        yield (
            _line_of(literal, source, braces.group()),
            "braces",
            f"aviary formats docstrings, and {braces.group()!r} raises or vanishes there; write it without braces.",
        )
    if len(shown.strip()) > LONGEST:
        yield literal.lineno, "long-description", f"{len(shown):,} characters; some providers take {LONGEST:,}."
    yield from _descriptions(tool, literal, source)


def _descriptions(tool: ToolFunction, literal: ast.Constant, source: str) -> Iterator[_Found]:
    parsed = parse((ast.get_docstring(tool.node) or "").replace(_FORM_FEED, "\\f"))
    described = {p.arg_name: (p.description or "").split("\\f", 1)[0].strip() for p in parsed.params}
    visible = {argument.arg: argument for argument in _visible(tool)}
    if not parsed.description:
        yield (
            literal.lineno,
            "missing-docstring",
            "The docstring describes parameters only; begin with what the tool does.",
        )
    for name, argument in visible.items():
        if not described.get(name) and not tool.allow_empty_descriptions:
            yield (
                argument.lineno,
                "missing-description",
                f"Describe parameter {name!r} in the docstring's Args section.",
            )
    for name in described:
        if name not in visible and name not in HIDDEN_PARAMETERS:
            yield (
                _line_of(literal, source, name),
                "unknown-parameter",
                f"The docstring describes {name!r}, but the parameters are {', '.join(visible) or 'none'}.",
            )


def _name_and_result(node: AnyFunction) -> Iterator[_Found]:
    if NAME.fullmatch(node.name) is None:
        yield node.lineno, "name", "Model providers take letters, digits, _ and -, at most 64 of them."
    if node.returns is not None and (name := _outer_name(node.returns)) in _NO_TEXT:
        yield node.lineno, "result", f"A {name} cannot be sent as text; return a string, a number, a list, or a model."


def _body(node: AnyFunction) -> Iterator[_Found]:
    for inner in ast.walk(node):
        if not isinstance(inner, ast.Call):
            continue
        called = ast.unparse(inner.func)
        if isinstance(node, ast.AsyncFunctionDef) and called in _WAITS:
            yield inner.lineno, "blocking", f"{called} stops every lane of this process; use {_WAITS[called]}."
        if called == "input":
            yield (
                inner.lineno,
                "keyboard",
                "input() reads the terminal that the application owns; take a parameter instead.",
            )


def _docstring_literal(node: AnyFunction) -> ast.Constant | None:
    match node.body[0]:
        case ast.Expr(value=ast.Constant(value=str()) as literal):
            return literal
        case _:
            return None


def _line_of(literal: ast.Constant, source: str, text: str) -> int:
    """Line on which `text` stands as a word inside the docstring; the docstring's first where it is not found."""
    lines = source.split("\n")[literal.lineno - 1 : literal.end_lineno]
    word = re.compile(rf"(?<!\w){re.escape(text)}(?!\w)")
    for number, line in enumerate(lines, literal.lineno):
        if word.search(line):
            return number
    return literal.lineno


def _bare_name(annotation: ast.expr) -> str | None:
    """Name of a container type that does not say what it contains, also inside a union; None if there is none."""
    match annotation:
        case ast.Constant(value=str(text)):
            try:
                return _bare_name(ast.parse(text, mode="eval").body)
            except SyntaxError:
                return None
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _bare_name(left) or _bare_name(right)
        case ast.Subscript(value=value, slice=inner) if _outer_name(value) == "Annotated":
            return _bare_name(inner.elts[0]) if isinstance(inner, ast.Tuple) else None
        case ast.Subscript(value=value, slice=inner) if _outer_name(value) == "Optional":
            return _bare_name(inner)
        case ast.Name() | ast.Attribute():
            name = _outer_name(annotation)
            return name if name in _BARE else None
        case _:
            return None


def _outer_name(annotation: ast.expr) -> str:
    match annotation:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(value=value):
            return _outer_name(value)
        case _:
            return ""


def _example(bare: str) -> str:
    if bare in {"dict", "Dict", "Mapping"}:
        return "dict[str, int]"
    return "str | int" if bare in {"Any", "object"} else f"{bare.lower() if bare != 'Sequence' else 'list'}[str]"

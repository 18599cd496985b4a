"""Which functions of a source file are made tools, read from its syntax tree: nothing is imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ldp_tui.lint.functions import AnyFunction, ToolFunction
from ldp_tui.lint.remarks import Remark

_OPTIONS = frozenset(
    {"docstring_style", "allow_empty_param_descriptions", "types_in_param_descriptions", "concurrency_safe", "tool_fn"}
)


@dataclass(slots=True)
class Discovered:
    """The tools of a file, each once, and remarks on what could not become one."""

    tools: dict[AnyFunction, ToolFunction] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Scope:
    """What names mean at a place: functions, the class around it, and what a loop runs over."""

    functions: Mapping[str, AnyFunction]
    methods: Mapping[str, AnyFunction]
    lists: Mapping[str, list[ast.expr]]


def discover(tree: ast.Module) -> Discovered:
    """Functions that are given to `Tool.from_function` or decorated with `@….tool(…)`."""
    found = Discovered()
    _visit(tree, _Scope({}, {}, {}), found)
    return found


def _visit(node: ast.AST, scope: _Scope, found: Discovered) -> None:
    if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef):
        functions = {**scope.functions, **{f.name: f for f in _functions(node)}}
        scope = _Scope(functions, scope.methods, {**scope.lists, **dict(_lists(node))})
    if isinstance(node, ast.ClassDef):
        scope = _Scope(scope.functions, {f.name: f for f in _functions(node)}, {})
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        for decorator in node.decorator_list:
            if (options := _tool_decorator(decorator)) is not None:
                found.tools[node] = ToolFunction(node, allow_empty_descriptions=True, with_formats=bool(options))
    if isinstance(node, ast.Call) and _is_from_function(node.func):
        _add(node, scope, found)
    for child in ast.iter_child_nodes(node):
        _visit(child, scope, found)


def _functions(node: ast.Module | ast.ClassDef | AnyFunction) -> Iterator[AnyFunction]:
    """Functions defined in the body of `node`, also inside its `if` and `with` blocks."""
    waiting: list[ast.AST] = list(node.body)
    while waiting:
        statement = waiting.pop()
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            yield statement
        elif isinstance(statement, ast.If | ast.With | ast.Try | ast.For | ast.ExceptHandler):
            waiting.extend(ast.iter_child_nodes(statement))


def _lists(node: ast.Module | AnyFunction) -> Iterator[tuple[str, list[ast.expr]]]:
    """Names that `node` gives a literal list, or has run over one."""
    assigned: dict[str, list[ast.expr]] = {}
    for inner in ast.walk(node):
        match inner:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.List(elts=elements) | ast.Tuple(elts=elements)):
                assigned[name] = elements
            case _:
                pass
    yield from assigned.items()
    for inner in ast.walk(node):
        match inner:
            case ast.For(target=ast.Name(id=name), iter=ran) | ast.comprehension(target=ast.Name(id=name), iter=ran):
                if isinstance(ran, ast.List | ast.Tuple):
                    yield name, ran.elts
                elif isinstance(ran, ast.Name) and ran.id in assigned:
                    yield name, assigned[ran.id]
            case _:
                pass


def _tool_decorator(decorator: ast.expr) -> list[str] | None:
    """Names of formats given to a decorator `@….tool(…)`; None for any other decorator."""
    call = decorator.func if isinstance(decorator, ast.Call) else decorator
    if not (isinstance(call, ast.Attribute) and call.attr == "tool"):
        return None
    return _formats(decorator) if isinstance(decorator, ast.Call) else []


def _formats(call: ast.Call) -> list[str]:
    return [keyword.arg for keyword in call.keywords if keyword.arg and keyword.arg not in _OPTIONS]


def _is_from_function(called: ast.expr) -> bool:
    return (
        isinstance(called, ast.Attribute)
        and called.attr == "from_function"
        and isinstance(called.value, ast.Name | ast.Attribute)
        and (called.value.id if isinstance(called.value, ast.Name) else called.value.attr).endswith("Tool")
    )


def _add(call: ast.Call, scope: _Scope, found: Discovered) -> None:
    given = call.args[0] if call.args else next((k.value for k in call.keywords if k.arg == "function"), None)
    if given is None:
        return
    elements = scope.lists.get(given.id, [given]) if isinstance(given, ast.Name) else [given]
    allow_empty = any(
        keyword.arg == "allow_empty_param_descriptions"
        and not (isinstance(keyword.value, ast.Constant) and keyword.value.value is False)
        for keyword in call.keywords
    )
    for element in elements:
        function, is_method = _resolve(element, scope, found)
        if function is not None:
            found.tools[function] = ToolFunction(
                function, is_method, allow_empty_descriptions=allow_empty, with_formats=bool(_formats(call))
            )


def _resolve(given: ast.expr, scope: _Scope, found: Discovered) -> tuple[AnyFunction | None, bool]:
    """(the function that `given` names, whether its first parameter is bound); None where that cannot be seen."""
    match given:
        case ast.Name(id=name):
            return scope.functions.get(name), False
        case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name):
            method = scope.methods.get(name)
            return method, method is not None and not _is_static(method)
        case ast.Lambda():
            found.remarks.append(
                Remark(given.lineno, "not-a-function", "", "A lambda has no docstring; write a function with one.")
            )
        case ast.Call(func=called, args=[inner, *_]) if ast.unparse(called).rsplit(".", 1)[-1] == "partial":
            found.remarks.append(
                Remark(
                    given.lineno, "partial", ast.unparse(inner), "aviary makes no tool of a partial; write a function."
                )
            )
        case _:
            pass
    return None, False


def _is_static(method: AnyFunction) -> bool:
    return any(
        isinstance(decorator, ast.Name) and decorator.id == "staticmethod" for decorator in method.decorator_list
    )

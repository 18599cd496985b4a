"""Finding the ops of an agent, and naming them by the attributes that lead to them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from types import BuiltinFunctionType, FunctionType, MemberDescriptorType, MethodType, ModuleType
from typing import Any, Final

from ldp_tui.core.messages import Message
from ldp_tui.core.tools import Tool
from ldp_tui.graph.ops import Op

WIDTH: Final = 1_000
"""Containers with more items than this are not looked into: they hold data."""
OBJECTS: Final = 10_000
"""How many objects are looked at, those nearest to the start first."""

_DATA: Final = (str, bytes, bytearray, int, float, complex, Message, Tool)
_CODE: Final = (type, ModuleType, FunctionType, BuiltinFunctionType, MethodType)
_LIBRARIES: Final = frozenset({"numpy", "torch"})


def named_ops(root: object, path: str = "") -> Iterator[tuple[str, Op[Any]]]:
    """The ops that attributes, items of containers and their attributes lead to, each once, by the shortest path.

    Paths are like `module.op` or `ops.0`. Ops are not looked into, nor are arrays, tensors and torch modules.
    """
    seen = {id(root)}
    waiting = deque([(path, root)])
    while waiting:
        path, found = waiting.popleft()
        if isinstance(found, Op):
            yield path, found
            continue
        for name, part in _parts(found):
            if part is not None and not isinstance(part, _DATA + _CODE) and id(part) not in seen:
                if len(seen) >= OBJECTS:
                    break
                seen.add(id(part))
                waiting.append((f"{path}.{name}" if path else name, part))


def name_ops(root: object, path: str = "") -> None:
    """Give each op its path as name, unless it has been given one."""
    for op_path, op in named_ops(root, path):
        op.set_path(op_path)


def _parts(found: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(found, Mapping):
        if len(found) <= WIDTH:
            for key, value in found.items():
                yield str(key), value
    elif isinstance(found, list | tuple | set | frozenset | deque):
        if len(found) <= WIDTH:
            for index, value in enumerate(found):
                yield str(index), value
    elif type(found).__module__.partition(".")[0] not in _LIBRARIES:
        for attributes in (getattr(found, "__dict__", None), getattr(found, "__pydantic_private__", None)):
            if isinstance(attributes, dict) and len(attributes) <= WIDTH:
                yield from attributes.items()
        if not hasattr(found, "__dict__"):
            for name in _slots(type(found)):
                if hasattr(found, name):
                    yield name, getattr(found, name)


def _slots(cls: type) -> Iterator[str]:
    for base in cls.__mro__:
        for name, attribute in vars(base).items():
            if isinstance(attribute, MemberDescriptorType):
                yield name

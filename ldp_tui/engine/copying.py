"""Copies of environments that can be played without changing the original, or the reason why there is none."""

from __future__ import annotations

import copy
import dis
import gc
from collections import deque
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

from ldp_tui.core.environment import Environment
from ldp_tui.core.errors import EnvError
from ldp_tui.core.signatures import Signature

_MOST_OBJECTS = 20_000
"""Objects of a copy that are looked at for what they share with the original."""

_NOT_LOOKED_INTO = (type, ModuleType, str, bytes, int, float, Signature)
"""What calls do not change: code, atoms, and the schema of a tool, which is made of closures."""


class CannotCopy(EnvError):
    """A copy of the environment would not be independent of it; the message says why."""


def copy_environment(env: Environment[Any]) -> Environment[Any]:
    """Deep copy of `env` that can be played without changing it.

    Raises:
        CannotCopy: If it cannot be copied, or if the copy's functions would act on the original: `copy.deepcopy` leaves
            closures as they are.
    """
    name = type(env).__name__
    try:
        clone = copy.deepcopy(env)
    except Exception as error:
        raise CannotCopy(f"{name} cannot be copied ({type(error).__name__}: {error}).") from error
    if reason := entanglement(clone, env) or _open_closure(clone):
        raise CannotCopy(f"A copy of {name} acts on the original: {reason}.")
    return clone


def entanglement(clone: Environment[Any], original: Environment[Any]) -> str | None:
    """How playing `clone` reaches `original` or its state; None if no way was found."""
    if clone is original:
        return "it is the original itself"
    forbidden = {id(original): "it refers to the original environment"}
    state = getattr(original, "state", None)
    if _is_mutable(state) and (vars(original).get("state") is state):
        forbidden[id(state)] = "it shares the original's state"
    for reached in _reachable(clone):
        if id(reached) in forbidden:
            return forbidden[id(reached)]
    return None


def _open_closure(clone: Environment[Any]) -> str | None:
    """A function that copy and original share, with something in it that calls can change."""
    for reached in _reachable(clone):
        if isinstance(reached, FunctionType) and reached.__closure__:
            writes = any(
                step.opname == "STORE_DEREF" and step.argval in reached.__code__.co_freevars
                for step in dis.get_instructions(reached)
            )
            if writes or any(_is_mutable(value) for value in _cells(reached)):
                return f"the function {reached.__qualname__} is a closure over what calls may change"
    return None


def _reachable(root: object) -> Iterator[object]:
    """Objects that `root` refers to, through closures too, but not through classes and modules."""
    seen: set[int] = set()
    waiting: deque[object] = deque([root])
    while waiting and len(seen) < _MOST_OBJECTS:
        found = waiting.popleft()  # what is near the environment first: its tools, before what its data is made of
        if id(found) in seen or isinstance(found, _NOT_LOOKED_INTO):
            continue
        seen.add(id(found))
        yield found
        if isinstance(found, FunctionType):
            waiting += [*_cells(found), *(found.__defaults__ or ()), *(found.__kwdefaults__ or {}).values()]
        else:
            waiting += gc.get_referents(found)


def _cells(function: FunctionType) -> list[object]:
    values = []
    for cell in function.__closure__ or ():
        try:
            values.append(cell.cell_contents)
        except ValueError:  # not bound yet
            continue
    return values


def _is_mutable(value: object) -> bool:
    if isinstance(value, type | ModuleType | FunctionType):
        return False
    return isinstance(value, dict | list | set | bytearray) or hasattr(value, "__dict__")

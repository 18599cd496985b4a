"""Finding the ops of an agent that an optimizer works on."""

from __future__ import annotations

from typing import Any, TypeVar

from ldp_tui.graph import Op, named_ops

AnyOp = TypeVar("AnyOp", bound=Op[Any])


def ops_of(agent: object, kind: type[AnyOp]) -> dict[str, AnyOp]:
    """The agent's ops of that kind, by their path."""
    return {path: op for path, op in named_ops(agent) if isinstance(op, kind)}


def only_op(agent: object, kind: type[AnyOp]) -> AnyOp:
    """The agent's one op of that kind.

    Raises:
        TypeError: If it has none or several; the message names them.
    """
    found = ops_of(agent, kind)
    if len(found) != 1:
        which = ", ".join(found) or "none"
        raise TypeError(
            f"{type(agent).__name__} has {which} for {kind.__name__}, not exactly one: give the op to the optimizer."
        )
    return next(iter(found.values()))

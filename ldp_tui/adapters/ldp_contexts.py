"""LDP's global registries around one turn of an agent: what it cost is read from them, and what it left is removed.

LDP keeps contexts and ops by name, for the whole process and for good. A turn here runs inside one compute graph, so
what it left can be told from what other lanes are using at the same time.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property
from itertools import takewhile
from typing import Any
from uuid import UUID

from ldp_tui.adapters.ldp_core import OpCtx, compute_graph, get_training_mode, registries, set_training_mode

_RESULT = "result"
"""Key under which `LLMCallOp` keeps what its model answered."""
_HELD_BY_REGISTRY = 3
"""References to an op that nobody uses: the registry, a local variable, and the argument of getrefcount."""


class Turn:
    """One turn: the compute graph it runs in. What it left is looked up when the agent is done, and not before."""

    def __init__(self, run: UUID) -> None:
        self._run = run
        self._newest_op = next(reversed(registries._OP_REGISTRY), "")

    @cached_property
    def _contexts(self) -> list[Any]:
        return [context for context in list(OpCtx._CTX_REGISTRY.values()) if self._run in context.data]

    @cached_property
    def replies(self) -> dict[UUID, Any]:
        """What models answered in this turn (`lmi.LLMResult`) by the call of the op that asked, oldest first."""
        return {
            call: value
            for context in self._contexts
            for (call, key), value in context.data.get(self._run, {}).items()
            if key == _RESULT and hasattr(value, "completion_count")
        }

    def forget(self) -> None:
        """Take what the turn left out of the registries."""
        for context in self._contexts:
            context.data.pop(self._run, None)
        for name in list(takewhile(self._newest_op.__ne__, reversed(registries._OP_REGISTRY))):
            _drop_unused(name)


@asynccontextmanager
async def turn() -> AsyncIterator[Turn]:
    """Run the block in evaluation mode and in a compute graph of its own; leave nothing of it in the registries.

    The mode is set directly: LDP's `eval_mode` keeps the mode before in one shared object and leaves training off
    when it is nested.
    """
    training = get_training_mode()
    set_training_mode(False)
    try:
        async with compute_graph() as run:
            this = Turn(run)
            try:
                yield this
            finally:
                this.forget()
    finally:
        set_training_mode(training)


def _drop_unused(name: str) -> None:
    """Drop an op that was made for one call, as `wrap_action` does. Others are in use, here or in another lane."""
    op = registries._OP_REGISTRY.get(name)
    if op is not None and sys.getrefcount(op) <= _HELD_BY_REGISTRY and not op.ctx.data:
        registries._OP_REGISTRY.pop(name, None)
        OpCtx._CTX_REGISTRY.pop(name, None)

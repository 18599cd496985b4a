"""LDP's global registries around one turn of an agent: what it cost is read from them, and what it left is removed.

LDP keeps contexts and ops by name, for the whole process and for good. A turn here runs inside one compute graph, so
what it left can be told from what other lanes are using at the same time.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from ldp_tui.adapters.ldp_core import OpCtx, compute_graph, get_training_mode, registries, set_training_mode

_RESULT = "result"
"""Key under which `LLMCallOp` keeps what its model answered."""
_HELD_BY_REGISTRY = 3
"""References to an op that nobody uses: the registry, a local variable, and the argument of getrefcount."""


@dataclass(slots=True)
class Turn:
    """One turn: the compute graph it runs in, and the ops there were before."""

    run: UUID
    before: frozenset[str] = field(default_factory=lambda: frozenset(registries._OP_REGISTRY))

    def replies(self) -> dict[UUID, Any]:
        """What models answered in this turn (`lmi.LLMResult`) by the call of the op that asked, oldest first."""
        return {
            call: value
            for context in list(OpCtx._CTX_REGISTRY.values())
            for (call, key), value in context.data.get(self.run, {}).items()
            if key == _RESULT and hasattr(value, "completion_count")
        }


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
                _forget(this)
    finally:
        set_training_mode(training)


def _forget(this: Turn) -> None:
    for context in list(OpCtx._CTX_REGISTRY.values()):
        context.data.pop(this.run, None)
    for name in registries._OP_REGISTRY.keys() - this.before:
        _drop_unused(name)


def _drop_unused(name: str) -> None:
    """Take an op that was made for one call, as `wrap_action` does, out of the registries."""
    op = registries._OP_REGISTRY.get(name)
    if op is not None and sys.getrefcount(op) <= _HELD_BY_REGISTRY and not op.ctx.data:
        registries._OP_REGISTRY.pop(name, None)
        OpCtx._CTX_REGISTRY.pop(name, None)

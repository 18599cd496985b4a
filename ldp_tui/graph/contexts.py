"""An op's context: what its calls recorded in the runs that still live."""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Final
from uuid import UUID

from ldp_tui.graph.errors import NoGradients, NotRecorded
from ldp_tui.graph.runs import CallID, OpRecords, Stored, live_run

if TYPE_CHECKING:
    from ldp_tui.graph.ops import Op

logger = logging.getLogger(__name__)

_lock = threading.Lock()
_MISSING: Final = object()


class OpCtx:
    """What the calls of the ops of one name recorded. Ops of equal name share it, as a rebuilt agent's ops should.

    `data` maps run ids to records and holds neither: a run takes its records with it. Create by `get_or_create`.
    """

    __slots__ = ("__weakref__", "data", "op_name", "ops")

    _CTX_REGISTRY: ClassVar[weakref.WeakValueDictionary[str, OpCtx]] = weakref.WeakValueDictionary()

    def __init__(self, op_name: str) -> None:
        self.op_name: Final = op_name
        self.data: Final[weakref.WeakValueDictionary[UUID, OpRecords]] = weakref.WeakValueDictionary()
        self.ops: Final[weakref.WeakValueDictionary[int, Op[Any]]] = weakref.WeakValueDictionary()

    @classmethod
    def get_or_create(cls, op_name: str) -> OpCtx:
        """The context of that name."""
        ctx = cls._CTX_REGISTRY.get(op_name)
        if ctx is None:
            with _lock:
                ctx = cls._CTX_REGISTRY.setdefault(op_name, cls(op_name))
        return ctx

    @classmethod
    def clear_contexts(cls, op_names: Iterable[str] | None = None) -> None:
        """Drop what all ops recorded, or those named. Rarely needed: records go with their run."""
        if op_names is None:
            found = [ref() for ref in cls._CTX_REGISTRY.valuerefs()]
        else:
            found = []
            for name in op_names:
                found.append(cls._CTX_REGISTRY.get(name))
                if found[-1] is None:
                    logger.warning("No op is named %r; there is no context to clear.", name)
        for ctx in found:
            if ctx is not None:
                ctx.clear()

    def clear(self) -> None:
        """Drop what was recorded."""
        for reference in self.data.valuerefs():
            if (records := reference()) is not None:
                records.clear()
        self.data.clear()

    def get(self, call_id: CallID, key: str, default: Any = _MISSING) -> Any:
        """What the call recorded under `key`: `input` is (list of results or values, dict of them), `output` a result.

        Raises:
            NotRecorded: If there is no such record and no default: it ran in evaluation mode, or its run is over.
        """
        records = self.data.get(call_id.run_id)
        run = None if records is None else records.run()
        if records is not None and run is not None:
            value = records.get(call_id.fwd_id, {}).get(key, _MISSING)
            if value is not _MISSING:
                return value.opened(run) if isinstance(value, Stored) else value
        if default is _MISSING:
            raise NotRecorded(f"call_id={call_id}, key={key!r} not found in the context of op {self.op_name!r}.")
        return default

    def update(self, call_id: CallID, key: str, value: Any) -> None:
        """Record `value` for the call, up to the end of its run.

        Raises:
            NotRecorded: If the run is over.
        """
        records = self.data.get(call_id.run_id)
        if records is None:
            run = live_run(call_id.run_id)
            if run is None:
                raise NotRecorded(f"The run of {call_id} is over: nobody holds one of its results.")
            records = run.open_records(self)
        records.setdefault(call_id.fwd_id, {})[key] = value

    def forget(self, call_id: CallID) -> None:
        """Drop what was recorded for one call."""
        if (records := self.data.get(call_id.run_id)) is not None:
            records.pop(call_id.fwd_id, None)

    def get_input_grads(self, call_id: CallID) -> tuple[Any, Any]:
        """Gradients of the call's inputs: (list, dict); raises NoGradients if no backward pass reached the call."""
        gradients: tuple[Any, Any] | None = self.get(call_id, "grad_input", None)
        if gradients is None:
            raise NoGradients(f"No gradients have been computed for call_id={call_id}.")
        return gradients

    def __repr__(self) -> str:
        return f"OpCtx({self.op_name!r}, runs={len(self.data)})"

    def __copy__(self) -> OpCtx:
        return self

    def __deepcopy__(self, memo: object) -> OpCtx:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return OpCtx.get_or_create, (self.op_name,)

"""Runs and calls: a run is one forward pass through a graph, and owns what the ops of that pass recorded.

A run lives as long as someone is inside its `compute_graph()` or holds one of its results, and everything recorded
dies with it. What leads from ids and names back to runs is weak.
"""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import AsyncIterator
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from uuid import UUID, uuid4

from pydantic import BaseModel, ConfigDict, field_serializer

from ldp_tui.graph.errors import OutsideGraph

if TYPE_CHECKING:
    from ldp_tui.graph.contexts import OpCtx

CallRecord: TypeAlias = dict[str, Any]
"""What one call recorded: `input`, `output`, after a backward pass `grad_output` and `grad_input`, and the op's own."""


class CallID(BaseModel):
    """One call of one op: the run it belongs to, and its own id."""

    model_config = ConfigDict(frozen=True)

    run_id: UUID
    fwd_id: UUID

    def __init__(self, run_id: UUID | str, fwd_id: UUID | str) -> None:
        super().__init__(run_id=run_id, fwd_id=fwd_id)

    @field_serializer("run_id", "fwd_id")
    def _as_text(self, value: UUID) -> str:
        return str(value)

    def __str__(self) -> str:
        return f"{self.run_id}:{self.fwd_id}"

    __repr__ = __str__


class Stored:
    """A record that means results of its own run: it names them, so that a run holds no reference to itself."""

    __slots__ = ()

    def opened(self, run: Run) -> Any:
        """The record as its readers know it."""
        raise NotImplementedError


class OpRecords(dict[UUID, CallRecord]):
    """The records of one op in one run, by forward id. Owned by the run; keeps the op's context findable."""

    __slots__ = ("__weakref__", "ctx", "run")

    def __init__(self, run: Run, ctx: OpCtx) -> None:
        super().__init__()
        self.run: Final = weakref.ref(run)
        self.ctx: Final = ctx


class Run:
    """One forward pass. Copies of it are itself: a copied result belongs to the same pass."""

    __slots__ = ("__weakref__", "_records", "id")

    def __init__(self, run_id: UUID | None = None) -> None:
        self.id: Final = run_id or uuid4()
        self._records: dict[str, OpRecords] = {}

    def records(self, op_name: str) -> OpRecords | None:
        """What the ops of this name recorded here."""
        return self._records.get(op_name)

    def open_records(self, ctx: OpCtx) -> OpRecords:
        """The same, to write into; made if there is none."""
        records = self._records.get(ctx.op_name)
        if records is None:
            records = self._records[ctx.op_name] = OpRecords(self, ctx)
        if not records:  # new, or cleared since
            ctx.data[self.id] = records
        return records

    def __copy__(self) -> Run:
        return self

    def __deepcopy__(self, memo: object) -> Run:
        return self


_lock = threading.Lock()
_live_runs: weakref.WeakValueDictionary[UUID, Run] = weakref.WeakValueDictionary()

_RUN: ContextVar[Run] = ContextVar("ldp_tui_run")
_CALL_ID: ContextVar[CallID] = ContextVar("ldp_tui_call_id")


def new_run() -> Run:
    """A run that can be found by its id while it lives."""
    run = Run()
    _live_runs[run.id] = run
    return run


def adopt_run(run: Run) -> bool:
    """Make `run` findable by its id; False if another one of that id lives."""
    with _lock:
        return _live_runs.setdefault(run.id, run) is run


def live_run(run_id: UUID) -> Run | None:
    """The run of that id, if it still lives."""
    return _live_runs.get(run_id)


class in_run:  # noqa: N801 (used as a context manager)
    """Within the block there is a run: the one we are in already, else a new one."""

    __slots__ = ("_token",)

    def __init__(self) -> None:
        self._token: Token[Run] | None = None

    def __enter__(self) -> Run:
        run = _RUN.get(None)
        if run is None:
            run = new_run()
            self._token = _RUN.set(run)
        return run

    def __exit__(self, *exception: object) -> None:
        if self._token is not None:
            _RUN.reset(self._token)


class in_call:  # noqa: N801 (used as a context manager)
    """Within the block, `get_call_id` gives `call_id`."""

    __slots__ = ("_call_id", "_token")

    def __init__(self, call_id: CallID) -> None:
        self._call_id = call_id

    def __enter__(self) -> None:
        self._token = _CALL_ID.set(self._call_id)

    def __exit__(self, *exception: object) -> None:
        _CALL_ID.reset(self._token)


@contextlib.asynccontextmanager
async def compute_graph() -> AsyncIterator[UUID]:
    """Ops called within belong to one run, whose id this yields; inside another `compute_graph` they join its run.

    Also a decorator: `@compute_graph()` on a coroutine function.
    """
    with in_run() as run:
        yield run.id


@contextlib.asynccontextmanager
async def op_call() -> AsyncIterator[CallID]:
    """Within, there is a call id: the one of the call we are in already, else a new one.

    Raises:
        OutsideGraph: Outside `compute_graph()`.
    """
    call_id = _CALL_ID.get(None)
    if call_id is not None:
        get_run_id()
        yield call_id
        return
    call_id = CallID(get_run_id(), uuid4())
    with in_call(call_id):
        yield call_id


def get_run_id() -> UUID:
    """Id of the run we are in; raises OutsideGraph if there is none."""
    run = _RUN.get(None)
    if run is None:
        raise OutsideGraph("Attempting to access run ID, but not inside compute graph context.")
    return run.id


def get_call_id() -> CallID:
    """Id of the op call we are in, the innermost one; raises OutsideGraph if there is none."""
    call_id = _CALL_ID.get(None)
    if call_id is None:
        raise OutsideGraph("Attempting to access call ID, but not inside op call context.")
    return call_id

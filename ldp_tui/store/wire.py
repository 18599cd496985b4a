"""How operations and answers travel between processes: a 4-byte length, then msgpack."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import astuple, replace
from typing import Any, Final

import msgpack

from ldp_tui.store import errors
from ldp_tui.store.errors import RowRejected, StoreError
from ldp_tui.store.rows import (
    AddAnnotation,
    AddMemory,
    AddStep,
    AgentRow,
    AnnotationRow,
    BeginEpisode,
    EncodedPicture,
    EndEpisode,
    EnvRow,
    GenerationRow,
    MemoryRow,
    MessageRow,
    Operation,
    StepRow,
)

VERSION: Final = 3
LARGEST_FRAME: Final = 640 * 2**20
"""Bytes; a longer frame is refused, and the connection closed."""

_PICTURE, _MESSAGES, _GENERATIONS = 9, 12, 13
"""Where `_step` puts them."""

LENGTH: Final = struct.Struct(">I")


def pack(message: Any) -> bytes:
    """msgpack bytes. Raises RowRejected for a value of a foreign type."""
    try:
        packed = msgpack.packb(message, unicode_errors="surrogatepass")
    except (TypeError, ValueError, OverflowError) as error:
        raise RowRejected(f"A value cannot be sent to the writing process: {error}.") from error
    if len(packed) > LARGEST_FRAME:
        raise errors.ValueRefused(f"A row of {len(packed) / 2**20:,.0f} MB is too large to be recorded; shorten it.")
    return bytes(packed)


def unpack(frame: bytes) -> Any:
    """What `pack` packed. Raises StoreError for bytes that are not msgpack."""
    try:
        return msgpack.unpackb(frame, unicode_errors="surrogatepass", strict_map_key=False)
    except (ValueError, msgpack.UnpackException) as error:
        raise StoreError(f"A message between recording processes cannot be read: {error}.") from error


def framed(body: bytes) -> bytes:
    """`body` behind its length."""
    return LENGTH.pack(len(body)) + body


def pack_operation(operation: Operation) -> bytes:
    """One operation."""
    if isinstance(operation, AddStep):
        return pack(("step", operation.uid, _step(operation.row)))
    if isinstance(operation, EndEpisode):
        o = operation
        told = [astuple(row) for row in o.generations]
        return pack(("end", o.uid, o.status, o.ended_ns, o.success, o.wall_us, o.detail, told))
    if isinstance(operation, AddMemory):
        return pack(("memory", *astuple(operation.row)))
    if isinstance(operation, AddAnnotation):
        return pack(("annotation", operation.uid, *astuple(operation.row)))
    b, env, agent = operation, operation.env, operation.agent
    return pack(
        (
            "begin",
            b.uid,
            b.run_uid,
            (
                env.name,
                env.kind,
                env.spec,
                env.pkg_versions,
                env.observation_space,
                env.action_space,
                env.tools,
                env.deterministic,
            ),
            (agent.name, agent.kind, agent.model, agent.config, agent.prompt),
            b.task_id,
            b.seed,
            b.options,
            b.started_ns,
            b.parent_uid,
            b.fork_t,
            _step(b.first),
        )
    )


def unpack_operation(frame: bytes) -> Operation:
    """What `pack_operation` packed. Raises RowRejected for anything else."""
    try:
        match unpack(frame):
            case ["step", uid, row]:
                return AddStep(uid, _row(row))
            case ["end", *end, told]:
                return replace(EndEpisode(*end), generations=_generations(told))
            case ["memory", *memory]:
                return AddMemory(MemoryRow(*memory))
            case ["annotation", uid, *annotation]:
                return AddAnnotation(uid, AnnotationRow(*annotation))
            case ["begin", uid, run_uid, env, agent, *rest, first]:
                fields = [uid, run_uid, EnvRow(*env), AgentRow(*agent), *rest, _row(first)]
                return BeginEpisode(*fields)
    except (TypeError, ValueError) as error:
        raise RowRejected(f"An operation from another process cannot be read: {error}.") from error
    raise RowRejected("Another process sent something that is not an operation.")


def pack_failures(failures: Mapping[int, StoreError]) -> list[tuple[int, str, str]]:
    """Errors by ticket, as names and messages."""
    return [(ticket, type(error).__name__, str(error)) for ticket, error in failures.items()]


def unpack_failures(packed: Sequence[Sequence[Any]]) -> dict[int, StoreError]:
    """What `pack_failures` packed."""
    return {ticket: unpack_error(name, text) for ticket, name, text in packed}


def unpack_error(name: str, text: str) -> StoreError:
    """An error of the other process; an unknown one as StoreError."""
    kind = getattr(errors, name, StoreError)
    return kind(text) if isinstance(kind, type) and issubclass(kind, StoreError) else StoreError(text)


def _step(row: StepRow) -> tuple[Any, ...]:
    picture = row.picture
    return (
        row.t,
        row.action,
        row.reward,
        row.flags,
        row.value,
        row.tokens_in,
        row.tokens_out,
        row.cost_usd,
        row.dt_us,
        picture and (picture.hash, picture.width, picture.height, picture.codec, picture.base, picture.z),
        row.obs,
        row.info,
        [(m.role, m.kind, m.name, m.call_id, m.content, m.extra) for m in row.messages],
        [astuple(generation) for generation in row.generations],
    )


def _row(packed: Sequence[Any]) -> StepRow:
    fields = list(packed)
    if fields[_PICTURE] is not None:
        fields[_PICTURE] = EncodedPicture(*fields[_PICTURE])
    fields[_MESSAGES] = tuple(MessageRow(*message) for message in fields[_MESSAGES])
    fields[_GENERATIONS] = _generations(fields[_GENERATIONS])
    return StepRow(*fields)


def _generations(packed: Sequence[Any]) -> tuple[GenerationRow, ...]:
    return tuple(GenerationRow(*row) for row in packed)

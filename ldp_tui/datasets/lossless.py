"""Everything of an episode as JSON lines, and back into a database with an equal hash chain.

Line 1 names the format. Then, for each episode, one line `begin`, one line per `step`, one line `end` (missing while
the episode runs). Bytes are base64 under `{"base64": …}`, as is text with lone surrogates, which UTF-8 has no form
for (under `{"surrogates": …}`); NaN and infinite rewards are `{"float": "nan"}`.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import orjson

from ldp_tui.datasets.files import Exported, FileError, whole_file
from ldp_tui.store.reader import Reader
from ldp_tui.store.rows import (
    AddStep,
    AgentRow,
    BeginEpisode,
    EndEpisode,
    EnvRow,
    EpisodeOperation,
    GenerationRow,
    MessageRow,
    StepRow,
)
from ldp_tui.store.writer import Writer

FORMAT = {"format": "ldp-tui episodes", "version": 1}

_JSON_FIELDS: dict[type, tuple[str, ...]] = {
    BeginEpisode: ("options",),
    EnvRow: ("spec", "pkg_versions", "observation_space", "action_space", "tools"),
    AgentRow: ("config",),
    StepRow: ("action", "info", "obs"),
    MessageRow: ("extra",),
    GenerationRow: ("params",),
}

_UNSETTLED = 1_000
"""Operations of one episode that are submitted before they are waited for."""

_KINDS: dict[str, type[EpisodeOperation]] = {"begin": BeginEpisode, "step": AddStep, "end": EndEpisode}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def write_lossless(reader: Reader, ids: Iterable[int], path: Path) -> Exported:
    """Write episodes with pictures, timings and all. Parents of forks are written before them, asked for or not.

    Raises:
        FileError: If the file cannot be written; an existing one then stays as it was.
    """
    episodes = steps = 0
    written: dict[str, None] = {}
    with whole_file(path) as file:
        file.write(orjson.dumps(FORMAT, option=orjson.OPT_APPEND_NEWLINE))
        for key in ids:
            for uid in reader.lineage(key):
                if uid in written:
                    continue
                written[uid] = None
                episodes += 1
                for operation in reader.operations(uid):
                    steps += isinstance(operation, AddStep)
                    line = {"kind": _NAMES[type(operation)], **_to_json(operation)}
                    file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
    return Exported(path, episodes, steps, members=tuple(written))


def read_lossless(path: Path) -> Iterator[tuple[int, EpisodeOperation]]:
    """The operations in a file with their line numbers, checked one by one.

    Raises:
        FileError: For the first line that is not what this format allows, with its number.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror or error}.") from error
    with file:
        _check_format(path, file.readline())
        for number, line in enumerate(file, 2):
            if line.strip():
                yield number, _read_line(path, number, line)


def import_lossless(path: Path, writer: Writer) -> int:
    """Store all episodes of a file; returns how many. A file with a bad line is refused before anything is stored.

    Episodes that are stored already, with the same chain, are left as they are.

    Raises:
        FileError: For a bad line, or an episode that does not begin with its first row or skips one.
        StoreError: If an episode contradicts one that is stored.
    """
    _check_order(path, read_lossless(path))
    episodes = 0
    tickets: list[int] = []
    for _, operation in read_lossless(path):
        episodes += isinstance(operation, BeginEpisode)
        tickets.append(writer.submit(operation))
        if isinstance(operation, EndEpisode) or len(tickets) >= _UNSETTLED:
            _settle(writer, tickets)
    _settle(writer, tickets)
    return episodes


def _settle(writer: Writer, tickets: list[int]) -> None:
    """Wait for every operation, so that none is refused unnoticed, and forget them."""
    for ticket in tickets:
        writer.wait(ticket)
    tickets.clear()


def _check_order(path: Path, operations: Iterator[tuple[int, EpisodeOperation]]) -> None:
    next_row: dict[str, int] = {}
    for number, operation in operations:
        if isinstance(operation, BeginEpisode):
            next_row[operation.uid] = operation.first.t + 1
        elif operation.uid not in next_row:
            raise FileError(f"{path}:{number}: episode {operation.uid} has not begun; nothing was imported.")
        elif isinstance(operation, AddStep):
            expected = next_row[operation.uid]
            if operation.row.t != expected:
                raise FileError(
                    f"{path}:{number}: row {operation.row.t} where {expected} belongs; nothing was imported."
                )
            next_row[operation.uid] = expected + 1
        else:
            del next_row[operation.uid]


def _check_format(path: Path, line: bytes) -> None:
    try:
        head = orjson.loads(line)
    except orjson.JSONDecodeError:
        head = None
    if not isinstance(head, dict) or head.get("format") != FORMAT["format"]:
        raise FileError(f"{path}:1: this is not an export of episodes in the format jsonl; nothing was imported.")
    if head.get("version") != FORMAT["version"]:
        raise FileError(f"{path}:1: version {head.get('version')} of the format is newer than this program; update it.")


def _read_line(path: Path, number: int, line: bytes) -> EpisodeOperation:
    try:
        values = orjson.loads(line)
        kind = _KINDS[values.pop("kind")]
        operation: EpisodeOperation = _from_json(kind, values)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise FileError(f"{path}:{number}: not a line of this format ({reason}); nothing was imported.") from error
    return operation


def _to_json(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        told = {field.name: _to_json(getattr(value, field.name)) for field in fields(value)}
        if not told.get("generations", True):  # older programs, which do not know them, can read all other episodes
            del told["generations"]
        return told
    if isinstance(value, tuple):
        return [_to_json(item) for item in value]
    if isinstance(value, str) and not _is_utf8(value):
        return {"surrogates": base64.b64encode(value.encode("utf-8", "surrogatepass")).decode("ascii")}
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode("ascii")}
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    return value


def _is_utf8(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _from_json(kind: Any, value: Any) -> Any:
    """`value` as `kind`; raises TypeError or ValueError where it does not fit."""
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        return _from_union(get_args(kind), value)
    if origin is tuple:
        item = get_args(kind)[0]
        if not isinstance(value, list):
            raise TypeError(f"expected a list, found {type(value).__name__}")
        return tuple(_from_json(item, part) for part in value)
    if origin is not None:  # Literal
        if value not in get_args(kind):
            raise ValueError(f"{value!r} is not one of {', '.join(map(str, get_args(kind)))}")
        return value
    if is_dataclass(kind) and isinstance(kind, type):
        hints = _hints(kind)
        unknown = set(value) - set(hints)
        if unknown:
            raise ValueError(f"unknown field {min(unknown)!r}")
        made = kind(**{name: _from_json(hints[name], part) for name, part in value.items()})
        _check_json(made)
        return made
    if kind is bytes and isinstance(value, dict):
        return base64.b64decode(value["base64"], validate=True)
    if kind is str and isinstance(value, dict):
        return base64.b64decode(value["surrogates"], validate=True).decode("utf-8", "surrogatepass")
    if kind is float and isinstance(value, dict):
        return float(value["float"])
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise TypeError(f"expected {kind.__name__}, found {type(value).__name__}")
    return value


def _check_json(made: Any) -> None:
    """Raise ValueError where a field that holds JSON holds something else: it could be stored, but not read again."""
    names = _JSON_FIELDS.get(type(made), ())
    if isinstance(made, MessageRow) and made.kind == "tool_call":
        names = ("extra", "content")
    for name in names:
        text = getattr(made, name)
        if text is not None:
            orjson.loads(text)


def _from_union(alternatives: tuple[Any, ...], value: Any) -> Any:
    if value is None and NoneType in alternatives:
        return None
    present = [alternative for alternative in alternatives if alternative is not NoneType]
    if len(present) != 1:
        raise TypeError(f"{type(value).__name__} fits no alternative")
    return _from_json(present[0], value)


_hints_cache: dict[type, dict[str, Any]] = {}


def _hints(kind: type) -> dict[str, Any]:
    if kind not in _hints_cache:
        _hints_cache[kind] = get_type_hints(kind)
    return _hints_cache[kind]

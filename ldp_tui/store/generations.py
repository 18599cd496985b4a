"""Requests to models, beside the steps they led to. They are no part of the hash chain, as timings are none."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import astuple, replace
from typing import Any, Final

from ldp_tui.store.blobs import put_blob, unpack_blob
from ldp_tui.store.cleaning import clean_text
from ldp_tui.store.rows import GenerationRow
from ldp_tui.store.secrets import Redactor

_COLUMNS: Final = (
    "model", "params_json", "request_id", "finish", "tokens_in", "tokens_out", "tokens_cached", "cost_usd",
    "latency_us", "ttft_us", "token_ids", "logprobs",
)  # fmt: skip
_ADD: Final = (
    f"insert into generation(ep, t, i, {','.join(_COLUMNS)}, raw_id)"  # names from this file
    f" values(?, ?, ?, {','.join('?' * len(_COLUMNS))}, ?)"
)
_READ: Final = (
    f"select t, {','.join(f'g.{column}' for column in _COLUMNS)}, raw.codec, raw.z"  # noqa: S608  # as above
    " from generation g left join blob_text raw on raw.id=g.raw_id where g.ep=? and g.t>=? and g.t<? order by g.t, g.i"
)


def add_generations(
    connection: sqlite3.Connection, ep: int, t: int, rows: Sequence[GenerationRow], redactor: Redactor
) -> None:
    """Store the requests that row `t` of episode `ep` came of, without secrets."""
    for i, row in enumerate(rows):
        *values, raw = _valid(redactor.generation(row))
        raw_id = None if raw is None else put_blob(connection, raw.encode())
        connection.execute(_ADD, (ep, t, i, *values, raw_id))


def generations(connection: sqlite3.Connection, ep: int, start: int, stop: int) -> dict[int, list[GenerationRow]]:
    """By row, the requests of rows `start <= t < stop` that are stored under episode `ep` itself."""
    found: dict[int, list[GenerationRow]] = {}
    for t, *values, codec, raw in connection.execute(_READ, (ep, start, stop)).fetchall():
        text = None if raw is None else unpack_blob(codec, raw).decode()
        found.setdefault(t, []).append(replace(GenerationRow(*values), raw=text))
    return found


def _valid(row: GenerationRow) -> tuple[Any, ...]:
    return tuple(clean_text(value) if isinstance(value, str) else value for value in astuple(row))

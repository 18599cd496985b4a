"""Content-addressed texts and bytes: stored once, compressed when that pays."""

from __future__ import annotations

import sqlite3
from typing import Final

import zstandard

from ldp_tui.store.chain import digest
from ldp_tui.store.cleaning import check_size
from ldp_tui.store.errors import StoreCorrupt

INLINE: Final = 1024
"""Longer values do not go into `step` rows, whose table is clustered and must stay slim."""

_PLAIN: Final = 0
_ZSTD: Final = 1
_WORTH_COMPRESSING: Final = 1024


def blob_hash(content: bytes) -> bytes:
    """The name of `content`."""
    return digest(b"blob", content)


def put_blob(connection: sqlite3.Connection, content: bytes) -> int:
    """The id of `content` in `blob_text`, inserting it if it is new."""
    name = blob_hash(content)
    found = connection.execute("select id from blob_text where h=?", (name,)).fetchone()
    if found is not None:
        return int(found[0])
    check_size(len(content), "A value")
    codec, stored = _PLAIN, content
    if len(content) > _WORTH_COMPRESSING:
        packed = zstandard.ZstdCompressor(level=3).compress(content)
        if len(packed) < len(content):
            codec, stored = _ZSTD, packed
    cursor = connection.execute(
        "insert into blob_text(h, n, codec, z) values(?, ?, ?, ?)", (name, len(content), codec, stored)
    )
    return int(cursor.lastrowid or 0)


def get_blob(connection: sqlite3.Connection, blob_id: int) -> bytes:
    """The content of a `blob_text` row. Raises StoreCorrupt when it is missing or cannot be unpacked."""
    row = connection.execute("select codec, z from blob_text where id=?", (blob_id,)).fetchone()
    if row is None:
        raise StoreCorrupt(f"Value {blob_id} is missing from the database; restore a backup.")
    return unpack_blob(row[0], row[1])


def unpack_blob(codec: int, stored: bytes) -> bytes:
    """The content of the columns `codec` and `z`."""
    if codec == _PLAIN:
        return stored
    try:
        return zstandard.ZstdDecompressor().decompress(stored)
    except zstandard.ZstdError as error:
        raise StoreCorrupt(f"A stored value is damaged ({error}); restore a backup.") from error


def get_text(connection: sqlite3.Connection, blob_id: int | None) -> str | None:
    """The text of a `blob_text` row; None for no id. Lone surrogates come back as they were given."""
    return None if blob_id is None else get_blob(connection, blob_id).decode("utf-8", "surrogatepass")

"""The hash chain of an episode: each row's hash covers the row and the hash before it.

It covers everything but pictures, which verify by their own hash, and clocks. `genesis` covers the header, `link` one
row, `seal` the end; `episode.chain` is the newest of them.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

import orjson

SIZE: Final = 16


def digest(*parts: bytes) -> bytes:
    """16-byte blake2b of the parts, one after the other."""
    state = blake2b(digest_size=SIZE)
    for part in parts:
        state.update(part)
    return state.digest()


def canonical(*fields: object) -> bytes:
    """The JSON bytes that are hashed: an array, shortest float notation, UTF-8, no spaces."""
    return orjson.dumps(fields)


def genesis(
    env: bytes,
    agent: bytes,
    *,
    task_id: str | None,
    seed: str | None,
    options: str | None,
    parent_uid: str | None,
    fork_t: int | None,
    inherited: bytes,
) -> bytes:
    """Hash of the header. `inherited` is the parent's hash at the last row that the fork shares (empty: none)."""
    return digest(b"ldpt1", env, agent, canonical(task_id, seed, options, parent_uid, fork_t), inherited)


def link(previous: bytes, payload: bytes, obs: bytes | None) -> bytes:
    """Hash of a row: `payload` is `canonical(...)` of all but the observation's bytes."""
    if obs is None:
        return digest(previous, payload)
    return digest(previous, payload, obs)


def seal(previous: bytes, status: str, *, success: bool | None, detail: str | None) -> bytes:
    """Hash of an ended episode."""
    return digest(previous, canonical(status, success, detail))

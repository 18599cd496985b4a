"""A step row made ready to be hashed and stored: numbers cleaned, text valid, secrets gone."""

from __future__ import annotations

import itertools
import operator
import re
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson

from ldp_tui.store.cleaning import INLINE_TEXT, PICTURE_TEXT, PREVIEW, check_size, clean_number, clean_text
from ldp_tui.store.errors import ValueRefused
from ldp_tui.store.rows import AgentRow, BeginEpisode, EndEpisode, EnvRow, MemoryRow, MessageRow, StepRow
from ldp_tui.store.secrets import Redactor

_TEXTS: Final = frozenset({str, type(None)})
_NUMBERS: Final = frozenset({int, type(None)})
_PICTURE: Final = re.compile(r"[A-Za-z0-9+/=_-]{1024,}")
"""The bytes of a picture as base64."""
_NO_TEXTS: Final[dict[int, str]] = {}


@dataclass(slots=True)
class ReadyRow:
    """`payload` is what the chain covers besides `row.obs`; `messages` are (role, kind, name, call_id, content, extra).

    `beside`: message index to the whole text, for contents too long to stay in the row or not valid Unicode as given.
    """

    row: StepRow
    reward: float | None
    reward_x: str | None
    value: float | None
    cost_usd: float | None
    messages: list[tuple[str, str, str | None, str | None, str | None, str | None]]
    payload: bytes
    beside: dict[int, str]


def prepare(row: StepRow, redactor: Redactor) -> ReadyRow:
    """Make `row` ready. Raises ValueRefused for a value that cannot be stored."""
    ready = _plainly(row) or _carefully(row)
    if redactor.suspects(ready.payload) or redactor.blob(row.obs) is not row.obs:
        row = redactor.step(row)
        ready = _plainly(row) or _carefully(row)
    if len(ready.payload) > PICTURE_TEXT:
        _set_long_texts_beside(ready)
    if row.obs is not None and len(row.obs) > INLINE_TEXT:
        check_size(len(row.obs), "An observation")
    return ready


def _plainly(row: StepRow) -> ReadyRow | None:
    """The row as it stands; None when something in it needs care."""
    reward, value, cost = row.reward, row.value, row.cost_usd
    reward_x = None
    if type(reward) is not float or not -_HUGE < reward < _HUGE:
        reward, reward_x = clean_number(reward)
    else:
        reward += 0.0  # as in clean_number: no negative zero
    if value is not None:
        value, _ = clean_number(value)
    if cost is not None:
        cost, _ = clean_number(cost)
    messages = [(m.role, m.kind, m.name, m.call_id, m.content, m.extra) for m in row.messages]
    obs = row.obs
    # A wrong type would be hashed as it is but stored as what the column makes of it: 3 in a text column becomes "3".
    texts = (row.action, row.info, *itertools.chain.from_iterable(messages))
    numbers = (row.t, row.flags, row.tokens_in, row.tokens_out, row.dt_us)
    if not (_TEXTS.issuperset(map(type, texts)) and _NUMBERS.issuperset(map(type, numbers))):
        return None
    size = None if obs is None else len(obs)
    # fmt: off
    covered = (
        row.t, row.action, reward, reward_x, row.flags, value, row.tokens_in, row.tokens_out, cost, row.info, size,
        messages,
    )
    # fmt: on
    try:
        payload = orjson.dumps(covered)
    except TypeError:
        return None
    return ReadyRow(row, reward, reward_x, value, cost, messages, payload, _NO_TEXTS)


def _carefully(row: StepRow) -> ReadyRow:
    """The row after every field was made what its column holds."""
    try:
        plain = replace(
            row,
            t=operator.index(row.t),
            action=_text(row.action),
            flags=operator.index(row.flags),
            tokens_in=_integer(row.tokens_in),
            tokens_out=_integer(row.tokens_out),
            dt_us=_integer(row.dt_us),
            info=_text(row.info),
            messages=tuple(
                MessageRow(_text(m.role), m.kind, _text(m.name), _text(m.call_id), _text(m.content), _text(m.extra))
                for m in row.messages
            ),
        )
    except (TypeError, ValueError) as error:
        raise ValueRefused(f"Row {row.t} holds a value of the wrong type: {error}.") from error
    ready = _plainly(plain)
    if ready is None:
        raise ValueRefused(f"Row {row.t} holds a value that is neither text nor a number; convert it first.")
    given = enumerate(zip(row.messages, plain.messages, strict=True))
    ready.beside = {i: was.content for i, (was, now) in given if was.content is not None and was.content != now.content}
    return ready


def _set_long_texts_beside(ready: ReadyRow) -> None:
    long: dict[int, str] = {}
    for i, message in enumerate(ready.messages):
        kind, content = message[1], message[4]
        if content is not None and len(content) > _inline(kind):
            check_size(len(content), "A message")
            long[i] = content
    ready.beside = {**long, **ready.beside}


def _inline(kind: str) -> int:
    return PICTURE_TEXT if kind == "multimodal" else INLINE_TEXT


def preview(kind: str, content: Any) -> Any:
    """What the row holds of a message's content that lies beside it: all where it is short, pictures left out."""
    if not isinstance(content, str) or len(content) <= _inline(kind):
        return content
    return (_PICTURE.sub("…", content) if kind == "multimodal" else content)[:PREVIEW]


def _text(text: Any) -> Any:
    if text is None:
        return None
    if not isinstance(text, str):
        raise TypeError(f"text expected, not {type(text).__name__}")
    return clean_text(str(text))


def check_header(begin: BeginEpisode) -> BeginEpisode:
    """`begin` with valid text; not its row, environment and agent. Raises ValueRefused for a wrong type."""
    try:
        return replace(
            begin,
            uid=_text(begin.uid),
            run_uid=_text(begin.run_uid),
            task_id=_text(begin.task_id),
            seed=_text(begin.seed),
            options=_text(begin.options),
            started_ns=operator.index(begin.started_ns),
            parent_uid=_text(begin.parent_uid),
            fork_t=_integer(begin.fork_t),
        )
    except (TypeError, ValueError) as error:
        raise ValueRefused(f"The header of episode {begin.uid} holds a value of the wrong type: {error}.") from error


def check_env(env: EnvRow) -> EnvRow:
    """`env` with valid text. Raises ValueRefused for a wrong type."""
    try:
        return EnvRow(
            name=_text(env.name),
            kind=_text(env.kind),
            spec=_text(env.spec),
            pkg_versions=_text(env.pkg_versions),
            observation_space=_text(env.observation_space),
            action_space=_text(env.action_space),
            tools=_text(env.tools),
            deterministic=None if env.deterministic is None else bool(env.deterministic),
        )
    except (TypeError, ValueError) as error:
        raise ValueRefused(f"The environment {env.name} holds a value of the wrong type: {error}.") from error


def check_agent(agent: AgentRow) -> AgentRow:
    """`agent` with valid text. Raises ValueRefused for a wrong type."""
    try:
        return AgentRow(
            _text(agent.name), _text(agent.kind), _text(agent.model), _text(agent.config), _text(agent.prompt)
        )
    except (TypeError, ValueError) as error:
        raise ValueRefused(f"The agent {agent.name} holds a value of the wrong type: {error}.") from error


def check_end(end: EndEpisode) -> EndEpisode:
    """`end` with valid text and a plain `success`. Raises ValueRefused for a field of the wrong type."""
    try:
        success = None if end.success is None else bool(end.success)
        return replace(end, success=success, detail=_text(end.detail), ended_ns=operator.index(end.ended_ns))
    except (TypeError, ValueError) as error:
        raise ValueRefused(f"The end of episode {end.uid} holds a value of the wrong type: {error}.") from error


def check_memory(memory: MemoryRow) -> MemoryRow:
    """`memory` with valid text. Raises ValueRefused for a field of the wrong type."""
    try:
        return MemoryRow(
            uid=_text(memory.uid),
            collection=_text(memory.collection),
            query=_text(memory.query),
            input=_text(memory.input),
            output=_text(memory.output),
            value=_text(memory.value),
            metadata=_text(memory.metadata),
            run_uid=_text(memory.run_uid),
            template=_text(memory.template),
            embedding=_text(memory.embedding),
            vector=None if memory.vector is None else bytes(memory.vector),
            created_ns=operator.index(memory.created_ns),
        )
    except (TypeError, ValueError) as error:
        raise ValueRefused(f"The memory {memory.uid} holds a value of the wrong type: {error}.") from error


def _integer(number: Any) -> int | None:
    return None if number is None else operator.index(number)


_HUGE: Final = float("inf")

"""Reading episodes: summaries, headers, rows with their messages, pictures, and everything again as operations."""

from __future__ import annotations

import json
import sqlite3
from array import array
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from ldp_tui.store.blobs import get_blob, get_text
from ldp_tui.store.cleaning import clean_text, reward_of, summand
from ldp_tui.store.errors import EpisodeUnknown, StoreCorrupt
from ldp_tui.store.generations import generations
from ldp_tui.store.lineage import segments
from ldp_tui.store.pictures import CODEC_TEXT, PictureEncoder, decode_rgb, decode_text
from ldp_tui.store.results import EpisodeHeader, EpisodeSummary, StoredPicture
from ldp_tui.store.rows import (
    AddStep,
    AgentRow,
    BeginEpisode,
    EncodedPicture,
    EndEpisode,
    EnvRow,
    EpisodeOperation,
    GenerationRow,
    MessageRow,
    StepRow,
)

_SUMMARIES: Final = (
    "select e.id, e.uid, run.uid, env.name, agent.name, agent.kind, agent.model, e.status, e.seed, e.task_id,"
    " e.started_ns, e.ended_ns, e.n_steps, e.ret, e.ret_x, e.success, e.tokens_in, e.tokens_out, e.cost_usd, e.wall_us,"
    " e.detail, parent.uid, e.fork_t, e.decision, e.rating, e.flagged,"
    " (select json_group_array(tag) from tag where tag.ep=e.id)"
    " from json_each(?) as wanted cross join episode e on e.id=wanted.value cross join run on run.id=e.run_id"
    " cross join env on env.id=e.env_id cross join agent on agent.id=e.agent_id"
    " left join episode parent on parent.id=e.parent_id order by wanted.key"
)
_SUCCESS, _FLAGGED, _TAGS = 15, 25, 26

_HEADER: Final = (
    "select e.options_json, e.first_t, e.n_messages, e.chain, env.name, env.kind, env.spec_json, env.pkg_versions,"
    " env.obs_space, env.act_space, env.tools_id, env.deterministic, agent.name, agent.kind, agent.model,"
    " agent.config_json, agent.prompt_id"
    " from episode e join env on env.id=e.env_id join agent on agent.id=e.agent_id where e.id=?"
)
_STEPS: Final = (
    "select t, action, action_id, reward, reward_x, flags, value, tokens_in, tokens_out, cost_usd, dt_us, frame_id,"
    " info, info_id, obs, obs_id from step where ep=? and t>=? and t<? order by t"
)
_MESSAGES: Final = (
    "select t, role, kind, name, call_id, content, content_id, extra from message"
    " where ep=? and t>=? and t<? order by t, i"
)
_FRAME: Final = "select f.h, f.w, f.ht, f.codec, b.h, f.z from frame f left join frame b on b.id=f.base_id where f.id=?"
_ROWS_AT_ONCE: Final = 500


def find(connection: sqlite3.Connection, key: str) -> int:
    """The id of the episode whose uid is `key` or begins with it."""
    exact = connection.execute("select id from episode where uid=?", (key,)).fetchone()
    if exact is not None:
        return int(exact[0])
    found = connection.execute(
        "select id, uid from episode where uid>=? and uid<? order by uid limit 3", (key, key + "\U0010ffff")
    ).fetchall()
    if len(found) == 1 and key:
        return int(found[0][0])
    if not found or not key:
        raise EpisodeUnknown(f"There is no episode {key!r}; list them, or give the beginning of a uid.")
    examples = ", ".join(uid for _, uid in found)
    raise EpisodeUnknown(f"Several episodes begin with {key!r} ({examples}, …); give more of the uid.")


def summaries(connection: sqlite3.Connection, ids: Sequence[int]) -> list[EpisodeSummary]:
    """The episodes `ids`, in that order."""
    found: list[EpisodeSummary] = []
    for values in connection.execute(_SUMMARIES, (json.dumps(list(ids)),)).fetchall():
        row = list(values)
        row[_SUCCESS] = _truth(row[_SUCCESS])
        row[_FLAGGED] = bool(row[_FLAGGED])
        row[_TAGS] = tuple(json.loads(row[_TAGS]))
        found.append(EpisodeSummary(*row))
    return found


def header(connection: sqlite3.Connection, ep: int) -> EpisodeHeader:
    """All of an episode but its steps."""
    found = summaries(connection, [ep])
    if not found:
        raise EpisodeUnknown(f"There is no episode with id {ep}; it may have been deleted.")
    options, first_t, messages, link, *rest = connection.execute(_HEADER, (ep,)).fetchone()
    env, agent = rest[:8], rest[8:]
    env[6], env[7] = get_text(connection, env[6]), _truth(env[7])
    agent[4] = get_text(connection, agent[4])
    return EpisodeHeader(found[0], EnvRow(*env), AgentRow(*agent), options, first_t, messages, link)


def steps(connection: sqlite3.Connection, ep: int, start: int, stop: int | None, *, pictures: bool) -> list[StepRow]:
    """Rows `start <= t < stop`, those of ancestors included."""
    last = connection.execute("select max(t) from step where ep=?", (ep,)).fetchone()[0]
    if last is None:
        raise EpisodeUnknown(f"There is no episode with id {ep}; it may have been deleted.")
    upto = last + 1 if stop is None else min(stop, last + 1)
    found: list[StepRow] = []
    for segment in segments(connection, ep, max(0, start), upto):
        found += _rows(connection, segment.ep, segment.start, segment.stop, pictures=pictures, whole=False)
    return found


def picture(connection: sqlite3.Connection, ep: int, t: int) -> StoredPicture | None:
    """The newest picture at or before row `t`."""
    for segment in reversed(segments(connection, ep, 0, t + 1)):
        found = connection.execute(
            "select t, frame_id from step where ep=? and t>=? and t<? and frame_id is not null order by t desc limit 1",
            (segment.ep, segment.start, segment.stop),
        ).fetchone()
        if found is not None:
            encoded = _frame(connection, found[1])
            if encoded.codec == CODEC_TEXT:
                return StoredPicture(found[0], encoded.width, encoded.height, None, decode_text(encoded))
            rgb = decode_rgb(encoded, _base(connection, encoded))
            return StoredPicture(found[0], encoded.width, encoded.height, rgb, None)
    return None


def returns(connection: sqlite3.Connection, ep: int) -> array[float]:
    """The sum of finite rewards up to each row."""
    total, curve = 0.0, array("d")
    last = connection.execute("select max(t) from step where ep=?", (ep,)).fetchone()[0]
    for segment in segments(connection, ep, 0, -1 if last is None else last + 1):
        for (reward,) in connection.execute(
            "select reward from step where ep=? and t>=? and t<? order by t", (segment.ep, segment.start, segment.stop)
        ).fetchall():
            total += summand(reward, None)[0]
            curve.append(total)
    return curve


def lineage(connection: sqlite3.Connection, ep: int) -> list[str]:
    """Uids from the oldest ancestor to the episode itself."""
    found: list[str] = []
    following: int | None = ep
    while following is not None:
        row = connection.execute("select uid, parent_id from episode where id=?", (following,)).fetchone()
        if row is None:
            raise EpisodeUnknown(f"There is no episode with id {following}; it may have been deleted.")
        found.append(row[0])
        following = row[1]
    return found[::-1]


def operations(
    connection: sqlite3.Connection, ep: int, position: int | None
) -> tuple[list[EpisodeOperation], int | None]:
    """The operations of own rows from `position` on (None: from the start), and where to go on (None: all are told)."""
    head = header(connection, ep)
    summary = head.summary
    start = head.first_t if position is None else position
    rows = _rows(connection, ep, start, start + _ROWS_AT_ONCE, pictures=True, whole=True)
    if position is None and not rows:
        raise StoreCorrupt(f"Episode {summary.uid} has lost its first row; run a verification.")
    rows = _self_contained(connection, ep, start, rows)
    told: list[EpisodeOperation] = [AddStep(summary.uid, row) for row in rows]
    if position is None:
        told[0] = BeginEpisode(
            uid=summary.uid,
            run_uid=summary.run_uid,
            env=head.env,
            agent=head.agent,
            task_id=summary.task_id,
            seed=summary.seed,
            options=head.options,
            started_ns=summary.started_ns,
            parent_uid=summary.parent_uid,
            fork_t=summary.fork_t,
            first=rows[0],
        )
    if len(rows) == _ROWS_AT_ONCE:
        return told, start + _ROWS_AT_ONCE
    if summary.status != "running":
        ended, left = summary.ended_ns or 0, unplayed(connection, ep, summary.steps)
        end = EndEpisode(summary.uid, summary.status, ended, summary.success, summary.wall_us, summary.detail, left)
        told.append(end)
    return told, None


def unplayed(connection: sqlite3.Connection, ep: int, steps: int) -> tuple[GenerationRow, ...]:
    """The requests to models that no row of the episode came of, which has `steps` steps."""
    return tuple(generations(connection, ep, steps + 1, steps + 2).get(steps + 1, ()))


def _self_contained(connection: sqlite3.Connection, ep: int, start: int, rows: list[StepRow]) -> list[StepRow]:
    """`rows`, each picture of which builds on nothing but the episode's own earlier pictures."""
    seen = {
        name
        for (name,) in connection.execute(
            "select distinct f.h from step join frame f on f.id=step.frame_id where ep=? and t<?", (ep, start)
        ).fetchall()
    }
    told: list[StepRow] = []
    for row in rows:
        encoded = row.picture
        if encoded is not None and encoded.base is not None and encoded.base not in seen:
            rgb = decode_rgb(encoded, _base(connection, encoded))
            encoded = PictureEncoder().encode(encoded.width, encoded.height, rgb)
            row = replace(row, picture=encoded)  # noqa: PLW2901
        if encoded is not None:
            seen.add(encoded.hash)
        told.append(row)
    return told


def _rows(
    connection: sqlite3.Connection, ep: int, start: int, stop: int, *, pictures: bool, whole: bool
) -> list[StepRow]:
    """Own rows, with their pictures whole. `whole` gives other long texts, and cleaned ones, as they were given."""
    messages: dict[int, list[MessageRow]] = {}
    for t, role, kind, name, call_id, content, content_id, extra in connection.execute(_MESSAGES, (ep, start, stop)):
        text = content
        if content_id is not None and (whole or kind == "multimodal"):
            text = get_text(connection, content_id)
            text = text if whole else clean_text(text or "")
        messages.setdefault(t, []).append(MessageRow(role, kind, name, call_id, text, extra))
    asked = generations(connection, ep, start, stop)
    found: list[StepRow] = []
    for row in connection.execute(_STEPS, (ep, start, stop)).fetchall():
        t, action, action_id, reward, reward_x, flags, value, tokens_in, tokens_out, cost, dt_us, frame, *rest = row
        info, info_id, obs, obs_id = rest
        found.append(
            StepRow(
                t=t,
                action=action if action_id is None else get_text(connection, action_id),
                reward=reward_of(reward, reward_x),
                flags=flags,
                value=value,
                tokens_in=tokens_in,
                tokens_out=tokens_out,
                cost_usd=cost,
                dt_us=dt_us,
                picture=_frame(connection, frame) if pictures and frame is not None else None,
                obs=obs if obs_id is None else get_blob(connection, obs_id),
                info=info if info_id is None else get_text(connection, info_id),
                messages=tuple(messages.get(t, ())),
                generations=tuple(asked.get(t, ())),
            )
        )
    return found


def _frame(connection: sqlite3.Connection, frame: int) -> EncodedPicture:
    row: tuple[Any, ...] | None = connection.execute(_FRAME, (frame,)).fetchone()
    if row is None:
        raise StoreCorrupt(f"Picture {frame} is missing from the database; restore a backup.")
    return EncodedPicture(*row)


def _base(connection: sqlite3.Connection, encoded: EncodedPicture) -> EncodedPicture | None:
    if encoded.base is None:
        return None
    row = connection.execute("select id from frame where h=?", (encoded.base,)).fetchone()
    return None if row is None else _frame(connection, row[0])


def _truth(stored: int | None) -> bool | None:
    return None if stored is None else bool(stored)

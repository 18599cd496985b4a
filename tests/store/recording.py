"""Small episodes to record."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from ldp_tui.store.rows import (
    AddStep,
    AgentRow,
    BeginEpisode,
    EncodedPicture,
    EndEpisode,
    EndStatus,
    EnvRow,
    MessageRow,
    StepRow,
)
from ldp_tui.store.writer import Writer

ENV = EnvRow("CartPole-v1", "gymnasium", '{"id":"CartPole-v1"}', '{"gymnasium":"1.4.0"}', tools='[{"name":"push"}]')
AGENT = AgentRow("random", "random")


def message(content: str | None, role: str = "user", kind: str = "text") -> MessageRow:
    return MessageRow(role, kind, None, None, content, None)


def row(
    t: int,
    *contents: str,
    reward: float | None = 1.0,
    picture: EncodedPicture | None = None,
    obs: bytes | None = b"[0.1,0.2]",
    info: str | None = None,
    flags: int = 0,
) -> StepRow:
    return StepRow(
        t=t,
        action=None if t == 0 else f'[["push",{{"left":{t}}}]]',
        reward=None if t == 0 else reward,
        flags=flags,
        value=0.5,
        tokens_in=10,
        tokens_out=2,
        cost_usd=0.001,
        dt_us=100,
        picture=picture,
        obs=obs,
        info=info,
        messages=tuple(message(content) for content in contents),
    )


def begin(uid: str, first: StepRow | None = None, **changes: object) -> BeginEpisode:
    operation = BeginEpisode(
        uid=uid,
        run_uid="run",
        env=ENV,
        agent=AGENT,
        task_id=None,
        seed="7",
        options=None,
        started_ns=time.time_ns(),
        parent_uid=None,
        fork_t=None,
        first=first or row(0, "the first observation"),
    )
    return replace(operation, **changes)  # type: ignore[arg-type]


def record_episode(
    writer: Writer,
    uid: str,
    *,
    rewards: tuple[float, ...] = (1.0, 1.0, 1.0),
    status: EndStatus = "done",
    success: bool | None = None,
    **changes: object,
) -> int:
    writer.submit(begin(uid, **changes))
    for t, reward in enumerate(rewards, 1):
        writer.submit(AddStep(uid, row(t, f"observation {t} of {uid}", reward=reward)))
    ticket = writer.submit(EndEpisode(uid, status, time.time_ns(), success, 1000))
    writer.wait(ticket, timeout=30)
    return ticket


def database(folder: Path) -> Path:
    return folder / "ldp.db"

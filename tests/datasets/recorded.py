"""Short recordings to export."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ldp_tui.agents.scripted import ScriptedAgent
from ldp_tui.datasets.files import Exported
from ldp_tui.engine.record import record
from ldp_tui.engine.rollout import rollout
from ldp_tui.store.reader import Reader
from ldp_tui.store.writer import Writer
from tests.engine.playing import Counter


async def played(writer: Writer, env: Any, agent: Any, **options: Any) -> None:
    """Record one episode."""
    async for _ in record(rollout(env, agent, **options), writer, run_uid="run"):
        pass


async def counted(writer: Writer, *bys: int, uid: str, seed: int | None = 0, success: bool | None = None) -> None:
    """Record an episode that counts to 6, by so much in each step; it earns 1 a step."""
    script = ScriptedAgent([("go", {"by": by}) for by in bys], reflections=[f"by {by}" for by in bys])
    await played(
        writer,
        Counter(6, success=lambda _: success),
        script,
        uid=uid,
        seed=seed,
        max_steps=9 if sum(bys) >= 6 else len(bys),
    )


def written(
    write: Callable[..., Exported], database: Path, path: Path, **options: Any
) -> tuple[Exported, list[dict[str, Any]]]:
    """What `write` gives for all episodes, and the lines of its file."""
    with Reader(database) as reader:
        done = write(reader, [reader.find(uid) for uid in reader.uids()], path, **options)
    return done, [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def execute(database: Path, statement: str, *values: Any) -> None:
    """Write into the database what no command writes."""
    with sqlite3.connect(database) as connection:
        connection.execute(statement, values)
    connection.close()

"""Many episodes against servers that misbehave in every way: all end, and every failure is typed and counted."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ldp_tui.datasets.lossless import write_lossless
from ldp_tui.engine.replay import replay
from ldp_tui.store.blobs import unpack_blob
from ldp_tui.store.reader import Reader
from ldp_tui.store.verify import verify
from ldp_tui.testing.model_server import ModelServer
from tests.models.mixed_server import CANARY, MEANS, Mixed

PLAYERS = ("simple", "react", "no-tools", "reflect")
KNOWN = {*MEANS.values(), "AllModelsExhaustedError", "MalformedMessageError", "no action in"}


@dataclass(frozen=True)
class Played:
    """What one command did, and what its server did."""

    player: str
    server: Mixed
    summary: dict[str, Any]
    stderr: str


def play(player: str, episodes: int, folder: Path) -> Played:
    """`ldp-tui run` in a process of its own, against a server of its own."""
    mixed = Mixed(player, seed=7)
    environ = {k: v for k, v in os.environ.items() if not k.endswith("_API_KEY")}
    environ |= {
        "WHERE_IT_IS": CANARY,
        "NO_PROXY": "127.0.0.1",
        "COLUMNS": "500",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    with ModelServer([mixed], repeat=True) as server:
        options = f"base_url={server.base_url},api_key_env=WHERE_IT_IS,retry_seconds=0.001,timeout=4,stream=true"
        command = ["run", "Blackjack-v1", "--agent", f"{player}:openai/any,{options}", "--episodes", str(episodes)]
        done = subprocess.run(
            [sys.executable, "-c", "import sys; from ldp_tui.cli import main; sys.exit(main())", *command,
             "--max-steps", "10", "--db", str(folder / "mixed.db"), "--json"],
            capture_output=True, text=True, env=environ, cwd=folder, timeout=900, check=False,
        )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr
    return Played(player, mixed, json.loads(done.stdout), done.stderr)


def check(played: list[Played], episodes: int, folder: Path) -> None:
    for one in played:
        summary = one.summary
        told = {kind: count for kind, count in summary["faults"].items() if kind in MEANS.values()}
        assert told == one.server.expected(), one.player
        assert summary["n"] == episodes
        assert summary["failures"] == sum(summary["failure_reasons"].values())
        assert all(any(kind in reason for kind in KNOWN) for reason in summary["failure_reasons"]), summary
        assert summary["failures"] < episodes
        assert not one.stderr, "nothing is printed beside the result"
    assert sum(one.summary["failures"] for one in played) > 0
    simple = played[0]
    assert simple.summary["failures"] >= simple.server.did["refusal"] + simple.server.did["401 with the key"]
    check_readable(played)
    check_database(folder / "mixed.db", episodes * len(played))
    check_no_secret(folder)


def check_readable(played: list[Played]) -> None:
    """Replies that arrived whole but made no sense are counted too."""
    by_player = {one.player: one for one in played}
    reflect = by_player["reflect"]
    odd = sum(reflect.server.did[name] for name in ("wrong tool", "malformed arguments", "nonsense", "10 MB"))
    read = Counter({k: n for k, n in reflect.summary["faults"].items() if k not in MEANS.values()})
    assert odd * 0.8 <= read.total() <= odd * 2, (odd, read)
    assert {kind for kind in by_player["no-tools"].summary["faults"] if kind not in MEANS.values()}


def check_database(database: Path, episodes: int) -> None:
    """Every request is there, with what came of it; replay tells the same."""
    assert verify(database).ok
    with Reader(database) as reader:
        assert reader.count() == episodes
        told: Counter[str] = Counter()
        for uid in reader.uids():
            for event in replay(reader, uid, pictures=False):
                for generation in getattr(event, "generations", ()):
                    told[generation.error or "answered"] += 1
                    assert generation.request
                    assert generation.raw or generation.error
    with sqlite3.connect(database) as connection:
        stored = dict(
            connection.execute("select iif(finish like 'error:%', substr(finish, 7), 'answered'), count(*)"
                               " from generation group by 1").fetchall()
        )  # fmt: skip
    connection.close()
    assert stored == told


def check_no_secret(folder: Path) -> None:
    """The key is in no file: not in the database, its journal, its compressed values, the exports or the logs."""
    with Reader(folder / "mixed.db") as reader:
        write_lossless(reader, reader.episode_ids(), folder / "all.jsonl")
    for file in folder.rglob("*"):
        assert not file.is_file() or CANARY.encode() not in file.read_bytes(), file
    with sqlite3.connect(folder / "mixed.db") as connection:
        values = connection.execute("select codec, z from blob_text").fetchall()
    connection.close()
    assert values
    assert not any(CANARY.encode() in unpack_blob(codec, z) for codec, z in values)


def test_a_hundred_mixed_episodes(tmp_path: Path) -> None:
    """100 episodes of four players: none crashes, what the servers did is what the summaries count, no key leaks."""
    check([play(player, 25, tmp_path) for player in PLAYERS], 25, tmp_path)


@pytest.mark.slow
def test_a_thousand_mixed_episodes(tmp_path: Path) -> None:
    """The same with 1,000 episodes."""
    check([play(player, 250, tmp_path) for player in PLAYERS], 250, tmp_path)

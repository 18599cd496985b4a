"""Several processes at one database: opening at once, writing together, dying, and being replaced."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ldp_tui.store.client import ClientWriter
from ldp_tui.store.connect import connect_writer
from ldp_tui.store.errors import EpisodeUnknown
from ldp_tui.store.lock import published_socket
from ldp_tui.store.reader import Reader
from ldp_tui.store.rows import AddStep, EndEpisode
from ldp_tui.store.schema import SCHEMA_VERSION
from ldp_tui.store.verify import verify
from ldp_tui.store.writer import LocalWriter

from .recording import begin, database, record_episode, row

ROOT = Path(__file__).parents[2]

PRODUCER = """
import json, sys, time
from pathlib import Path
from ldp_tui.store.connect import connect_writer
from ldp_tui.store.rows import AddStep, EndEpisode
from tests.store.recording import begin, row
path, name, episodes, length = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
with connect_writer(path) as writer:
    print(json.dumps(["writer", type(writer).__name__]), flush=True)
    for e in range(episodes):
        uid = f"{name}-{e}"
        writer.wait(writer.submit(begin(uid, run_uid=name)))
        for t in range(1, length + 1):
            writer.wait(writer.submit(AddStep(uid, row(t, f"step {t} of {uid}"))))
            print(json.dumps(["acked", uid, t]), flush=True)
        writer.wait(writer.submit(EndEpisode(uid, "done", time.time_ns())))
"""


@contextlib.contextmanager
def producer(path: Path, name: str, episodes: int = 1, length: int = 10) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", PRODUCER, str(path), name, str(episodes), str(length)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        yield process
    finally:
        process.kill()
        process.wait(30)
        assert process.stdout is not None
        process.stdout.close()


def told(process: subprocess.Popen[str]) -> list[list[object]]:
    """Everything the producer said until its output ended; a torn last line was never said."""
    assert process.stdout is not None
    lines = process.stdout.read().split("\n")
    return [json.loads(line) for line in lines[:-1]]


def wait_for_line(process: subprocess.Popen[str], lines: int = 1) -> list[list[object]]:
    assert process.stdout is not None
    return [json.loads(process.stdout.readline()) for _ in range(lines)]


def test_eight_processes_create_one_database_at_once(tmp_path: Path) -> None:
    """All record; one of them writes for all; nothing is lost."""
    path = database(tmp_path)
    with contextlib.ExitStack() as stack:
        processes = [stack.enter_context(producer(path, f"p{i}", episodes=2)) for i in range(8)]
        said = [told(process) for process in processes]
        assert [process.wait(60) for process in processes] == [0] * 8
    assert [len(lines) for lines in said] == [1 + 20] * 8
    report = verify(path)
    assert (report.problems, report.episodes, report.steps) == ((), 16, 16 * 10)


def test_eight_processes_upgrade_at_once(tmp_path: Path) -> None:
    """Opening for writing without the lock is safe too: the schema is created exactly once."""
    path = database(tmp_path)
    code = (
        "import sys; from pathlib import Path; from ldp_tui.store.connection import open_for_writing;"
        "open_for_writing(Path(sys.argv[1])).connection.close()"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code, str(path)], cwd=ROOT, stderr=subprocess.PIPE) for _ in range(8)
    ]
    errors = [process.communicate(timeout=60)[1].decode() for process in processes]
    assert [process.returncode for process in processes] == [0] * 8, errors
    connection = sqlite3.connect(path)
    assert connection.execute("select count(*) from _sqlite_migrations").fetchone()[0] == SCHEMA_VERSION
    connection.close()


def test_second_writer_of_a_process_is_a_client_of_the_first(tmp_path: Path) -> None:
    """Errors and acknowledgements reach it as if it wrote itself."""
    path = database(tmp_path)
    with connect_writer(path) as owner, connect_writer(path) as client:
        assert isinstance(owner, LocalWriter)
        assert isinstance(client, ClientWriter)
        record_episode(owner, "o")
        record_episode(client, "c")
        with pytest.raises(EpisodeUnknown, match="never begun"):
            client.wait(client.submit(AddStep("nobody", row(1))), timeout=30)
        record_episode(client, "d")
    assert verify(path).episodes == 3


def test_rows_through_the_socket_equal_rows_written_directly(tmp_path: Path) -> None:
    """The same operations give the same hash chain, odd values included."""
    chains = []
    for name in ("direct", "socket"):
        path = tmp_path / f"{name}.db"
        with contextlib.ExitStack() as stack:
            writer = stack.enter_context(connect_writer(path))
            if name == "socket":
                writer = stack.enter_context(connect_writer(path))
            writer.submit(begin("a", started_ns=1, seed=str(2**70)))
            for t in range(1, 30):
                odd = row(t, "text \ud800", "ä\0", reward=float("nan"), obs=bytes(range(256)), info='{"a":null}')
                writer.submit(AddStep("a", odd))
            writer.wait(writer.submit(EndEpisode("a", "failed", 2, False, 3, "why")), timeout=30)
            with Reader(path) as reader:
                chains.append(reader.episode("a").chain)
        assert verify(path).ok
    assert chains[0] == chains[1]


def test_socket_is_for_this_user_only_and_goes_away(tmp_path: Path) -> None:
    """Its folder has mode 0700; closing the writer removes it."""
    path = database(tmp_path)
    with connect_writer(path):
        socket = published_socket(path)
        assert socket is not None
        assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
    assert not socket.parent.exists()


def test_client_takes_over_when_the_owner_closes(tmp_path: Path) -> None:
    """An orderly end of the writing process costs the others nothing."""
    path = database(tmp_path)
    owner = connect_writer(path)
    with connect_writer(path) as client:
        client.submit(begin("c"))
        for t in range(1, 20):
            client.submit(AddStep("c", row(t)))
        owner.close()
        for t in range(20, 40):
            ticket = client.submit(AddStep("c", row(t)))
        client.wait(ticket, timeout=60)
    assert verify(path).steps == 39


def test_killed_owner_loses_nothing_acknowledged_and_is_replaced(tmp_path: Path) -> None:
    """Its own episode ends as interrupted; a client goes on with its episode, without a hole or a double row."""
    path = database(tmp_path)
    with producer(path, "owner", length=100_000) as process:
        assert wait_for_line(process, 2) == [["writer", "OwningWriter"], ["acked", "owner-0", 1]]
        with connect_writer(path) as client:
            assert isinstance(client, ClientWriter)
            client.submit(begin("c", run_uid="client"))
            for t in range(1, 400):
                ticket = client.submit(AddStep("c", row(t, f"text {t}")))
                if t == 200:
                    process.send_signal(signal.SIGKILL)
            client.wait(ticket, timeout=60)
            client.wait(client.submit(EndEpisode("c", "done", time.time_ns())), timeout=60)
        acked = 1 + sum(line[0] == "acked" for line in told(process))
    with Reader(path) as reader:
        assert reader.episode("owner-0").summary.status == "interrupted"
        assert reader.episode("owner-0").summary.steps >= acked
        assert reader.episode("c").summary.steps == 399
    assert verify(path).problems == ()


def test_killed_client_leaves_an_interrupted_episode(tmp_path: Path) -> None:
    """The next opening closes it; the one that is still running elsewhere is left alone."""
    path = database(tmp_path)
    writer = connect_writer(path)
    writer.wait(writer.submit(begin("mine")), timeout=30)
    with producer(path, "client", length=100_000) as process:
        wait_for_line(process, 20)
        process.send_signal(signal.SIGKILL)
        process.wait(30)
        acked = 19 + sum(line[0] == "acked" for line in told(process))
    writer.close()
    with connect_writer(path), Reader(path) as reader:
        status = reader.episode("client-0").summary
        assert (status.status, status.steps >= acked) == ("interrupted", True)
        assert reader.episode("mine").summary.status == "running"
    assert verify(path).ok


def test_interrupted_episode_can_go_on(tmp_path: Path) -> None:
    """A row added to it reopens it, and the leaderboard forgets the interruption."""
    path = database(tmp_path)
    with producer(path, "p", length=100_000) as process:
        wait_for_line(process, 5)
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    with connect_writer(path) as writer:
        with Reader(path) as reader:
            summary = reader.episode("p-0").summary
            assert (summary.status, reader.rollup()[0].n_interrupted) == ("interrupted", 1)
        writer.submit(AddStep("p-0", row(summary.steps + 1)))
        writer.wait(writer.submit(EndEpisode("p-0", "done", time.time_ns())), timeout=30)
        with Reader(path) as reader:
            (line,) = reader.rollup()
    assert (line.n, line.n_interrupted, line.n_done, line.steps) == (1, 0, 1, summary.steps + 1)
    assert verify(path).ok


def test_episode_of_another_machine_is_interrupted_when_the_heart_stops(tmp_path: Path) -> None:
    """A process that cannot be asked counts as dead once its heartbeat is a minute old."""
    path = database(tmp_path)
    with connect_writer(path) as writer:
        writer.submit(begin("fresh", run_uid="fresh"))
        writer.wait(writer.submit(begin("stale", run_uid="stale")), timeout=30)
    connection = sqlite3.connect(path)
    now = time.time_ns()
    connection.execute("update process set host='elsewhere', heartbeat_ns=?", (now,))
    connection.execute("insert into process values(99, 'elsewhere', 1, 'boot', ?)", (now - 61 * 10**9,))
    connection.execute("update episode set process_id=99 where uid='stale'")
    connection.commit()
    connection.close()
    with connect_writer(path), Reader(path) as reader:
        assert [reader.episode(uid).summary.status for uid in ("fresh", "stale")] == ["running", "interrupted"]


def test_run_shared_by_a_dead_and_a_living_process_goes_on(tmp_path: Path) -> None:
    """Only the dead one's episode is interrupted, though both belong to one run."""
    path = database(tmp_path)
    with producer(path, "shared", length=100_000) as process:
        wait_for_line(process, 3)
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    with connect_writer(path) as writer:
        writer.wait(writer.submit(begin("mine", run_uid="shared")), timeout=30)
        with connect_writer(path) as client:
            client.wait(client.submit(AddStep("mine", row(1))), timeout=30)
    with connect_writer(path), Reader(path) as reader:
        statuses = {uid: reader.episode(uid).summary.status for uid in ("shared-0", "mine")}
    assert statuses == {"shared-0": "interrupted", "mine": "running"}


def test_killing_again_and_again_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """Six rounds of kill -9 during recording: every acknowledged step is there, and everything verifies."""
    path = database(tmp_path)
    acked: dict[str, int] = {}
    for round_ in range(6):
        with producer(path, f"round{round_}", episodes=1000, length=50) as process:
            wait_for_line(process, 2)
            time.sleep(0.03 * round_)
            os.kill(process.pid, signal.SIGKILL)
            process.wait(30)
            for kind, *rest in told(process):
                if kind == "acked":
                    acked[str(rest[0])] = int(str(rest[1]))
    assert verify(path).problems == ()
    with connect_writer(path), Reader(path) as reader:
        lost = {uid: t for uid, t in acked.items() if reader.episode(uid).summary.steps < t}
        assert reader.running() == []
    assert lost == {}
    assert verify(path).problems == ()

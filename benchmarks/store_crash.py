"""Kill -9 while six producers record frames and messages; after every round, is each acknowledged step still there?

Three producers are threads of the process that writes, three are processes of their own. Each round kills one of the
two kinds (or all) at a random moment, reopens the database, verifies everything and compares with the acknowledgements.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from ldp_tui.store.connect import connect_writer
from ldp_tui.store.pictures import PictureEncoder
from ldp_tui.store.reader import Reader
from ldp_tui.store.rows import AddStep, AgentRow, BeginEpisode, EndEpisode, EnvRow, MessageRow, StepRow
from ldp_tui.store.verify import verify
from ldp_tui.store.writer import Writer

PRODUCERS = 6


def step(t: int, encoder: PictureEncoder, pixels: np.ndarray) -> StepRow:
    pixels[t % pixels.shape[0], :, t % 3] ^= 255
    picture = encoder.encode(pixels.shape[1], pixels.shape[0], pixels.tobytes())
    messages = tuple(MessageRow("user", "text", None, None, f"message {i} of row {t} " * 10, None) for i in range(2))
    return StepRow(t, f"[{t}]", 0.5, 0, None, 3, 2, 0.01, 5, picture, b"[1,2]", None, messages)


def produce(writer: Writer, name: str, log: int) -> None:
    """Record without end; a line in `log` for each acknowledged step, written in one piece."""
    encoder, pixels = PictureEncoder(), np.zeros((64, 96, 3), np.uint8)
    env, agent = EnvRow("crash", "other", "{}", "{}"), AgentRow("producer", "scripted")
    for e in range(10**9):
        uid = f"{name}-{e}"
        first = step(0, encoder, pixels)
        writer.wait(
            writer.submit(BeginEpisode(uid, name, env, agent, None, None, None, time.time_ns(), None, None, first))
        )
        for t in range(1, 200):
            writer.wait(writer.submit(AddStep(uid, step(t, encoder, pixels))))
            os.write(log, f"{uid} {t}\n".encode())
        writer.wait(writer.submit(EndEpisode(uid, "done", time.time_ns())))


def child(path: Path, name: str, log: Path, threads: int, durability: str) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    writer = connect_writer(path, durability=durability)  # type: ignore[arg-type]
    for i in range(1, threads):
        threading.Thread(target=produce, args=(writer, f"{name}.{i}", descriptor), daemon=True).start()
    produce(writer, f"{name}.0", descriptor)


def start(path: Path, name: str, log: Path, threads: int, durability: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, __file__, "--child", str(path), name, str(log), str(threads), durability])


def acknowledged(logs: list[Path]) -> dict[str, int]:
    acked: dict[str, int] = {}
    for log in logs:
        for line in log.read_text().split("\n")[:-1] if log.exists() else []:
            uid, t = line.split()
            acked[uid] = max(acked.get(uid, 0), int(t))
    return acked


def wait_for(logs: list[Path]) -> None:
    deadline = time.monotonic() + 60
    while not all(log.exists() and log.stat().st_size for log in logs):
        if time.monotonic() > deadline:
            raise TimeoutError("no producer got an acknowledgement within a minute")
        time.sleep(0.005)


def kill_round(folder: Path, path: Path, number: int, dice: random.Random, durability: str) -> list[Path]:
    """One round; returns the logs of acknowledgements."""
    owner_log = folder / f"{number}-owner.log"
    owner = start(path, f"{number}-owner", owner_log, PRODUCERS // 2, durability)
    wait_for([owner_log])
    client_logs = [folder / f"{number}-client{i}.log" for i in range(PRODUCERS // 2)]
    clients = [start(path, f"{number}-client{i}", log, 1, durability) for i, log in enumerate(client_logs)]
    try:
        wait_for(client_logs)
        time.sleep(dice.uniform(0.05, 0.6))
        first = dice.choice(("owner", "clients", "all"))
        if first != "clients":
            owner.send_signal(signal.SIGKILL)
        if first != "owner":
            for client in clients:
                client.send_signal(signal.SIGKILL)
        time.sleep(dice.uniform(0.0, 0.3))  # who is left takes over, or goes on
    finally:
        for process in (owner, *clients):
            process.kill()
            process.wait()
    return [owner_log, *client_logs]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--durability", choices=("full", "normal"), default="full")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--child", nargs=5, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        path, name, log, threads, durability = options.child
        child(Path(path), name, Path(log), int(threads), durability)
        return
    dice, acked_total, lost, problems, reopen = random.Random(options.seed), 0, 0, [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(options.rounds):
            path = folder / f"{number}.db"
            logs = kill_round(folder, path, number, dice, options.durability)
            acked = acknowledged(logs)
            problems += [f"round {number}: {problem}" for problem in verify(path).problems]
            before = time.perf_counter()
            with connect_writer(path), Reader(path) as reader:
                reopen.append(time.perf_counter() - before)
                kept = {uid: reader.episode(uid).summary.steps for uid in set(reader.uids())}
                problems += [f"round {number}: {e.uid} still runs" for e in reader.running()]
            problems += [f"round {number}, reopened: {problem}" for problem in verify(path).problems]
            acked_total += sum(acked.values())
            lost += sum(max(0, t - kept.get(uid, 0)) for uid, t in acked.items())
            for file in folder.glob(f"{number}*"):
                with contextlib.suppress(OSError):
                    file.unlink()
    reopen.sort()
    result = {
        "rounds": options.rounds,
        "durability": options.durability,
        "producers": PRODUCERS,
        "acknowledged": acked_total,
        "lost": lost,
        "problems": problems,
        "reopen_and_sweep_ms_p50": round(1e3 * reopen[len(reopen) // 2], 2),
        "reopen_and_sweep_ms_max": round(1e3 * reopen[-1], 2),
    }
    text = json.dumps(result, indent=2)
    print(text)
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(text + "\n")
    if lost or problems:
        sys.exit(1)


if __name__ == "__main__":
    main()

"""Steps per second through the writer: pipelined from one producer, and with each step's acknowledgement awaited."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

from ldp_tui.store.connect import connect_writer
from ldp_tui.store.pictures import PictureEncoder
from ldp_tui.store.rows import AddStep, AgentRow, BeginEpisode, EndEpisode, EnvRow, MessageRow, StepRow
from ldp_tui.store.verify import verify
from ldp_tui.store.writer import Writer

ENV = EnvRow("bench", "other", "{}", "{}")
AGENT = AgentRow("bench", "scripted")


def message(role: str, kind: str, name: str | None, content: str) -> MessageRow:
    return MessageRow(role, kind, name, "call_1", content, None)


def tool_step(t: int) -> StepRow:
    """An assistant message, its tool call and the tool's response: 0.7 kB."""
    return StepRow(
        t=t,
        action=f'{{"name":"search","arguments":{{"query":"step {t}"}}}}',
        reward=0.5,
        flags=0,
        value=0.25,
        tokens_in=120,
        tokens_out=40,
        cost_usd=0.0001,
        dt_us=1500,
        picture=None,
        obs=None,
        info=None,
        messages=(
            message("assistant", "request", None, f"I should look for step {t} first. " * 4),
            message("assistant", "tool_call", "search", f'{{"query": "step {t}"}}'),
            message("tool", "tool_result", "search", f"Result {t}: the quick brown fox jumps over the lazy dog. " * 6),
        ),
    )


def slim_step(t: int) -> StepRow:
    """A Gymnasium step: action, reward and a small observation."""
    obs = f"[0.0{t % 7}1,0.2,-0.03,0.1{t % 9}]".encode()
    return StepRow(t, "1", 1.0, 0, None, None, None, None, 12, None, obs, None, ())


def begin(uid: str, row: StepRow) -> BeginEpisode:
    return BeginEpisode(uid, "bench", ENV, AGENT, None, uid, None, time.time_ns(), None, None, row)


def pipelined(writer: Writer, make, steps: int, length: int, tag: str) -> float:
    started, done, episode = time.perf_counter(), 0, 0
    ticket = 0
    while done < steps:
        uid = f"{tag}-{episode}"
        episode += 1
        writer.submit(begin(uid, make(0)))
        for t in range(1, length + 1):
            ticket = writer.submit(AddStep(uid, make(t)))
        writer.submit(EndEpisode(uid, "done", time.time_ns()))
        done += length
    writer.wait(ticket)
    return done / (time.perf_counter() - started)


async def acknowledged(writer: Writer, make, steps: int, producers: int, tag: str) -> tuple[float, float, float]:
    latencies: list[float] = []

    async def produce(name: str) -> None:
        await writer.committed(writer.submit(begin(name, make(0))))
        for t in range(1, steps // producers + 1):
            before = time.perf_counter()
            await writer.committed(writer.submit(AddStep(name, make(t))))
            latencies.append(time.perf_counter() - before)
        await writer.committed(writer.submit(EndEpisode(name, "done", time.time_ns())))

    started = time.perf_counter()
    await asyncio.gather(*(produce(f"{tag}-{i}") for i in range(producers)))
    took = time.perf_counter() - started
    latencies.sort()
    return len(latencies) / took, 1e3 * latencies[len(latencies) // 2], 1e3 * latencies[len(latencies) * 99 // 100]


def pictures(writer: Writer, steps: int) -> float:
    import numpy as np

    noise = np.random.default_rng(0)
    frame = np.full((400, 600, 3), 255, np.uint8)
    encoder, ticket = PictureEncoder(), 0
    frames = []
    for _ in range(100):
        frame = frame.copy()
        x, y = noise.integers(0, 560), noise.integers(0, 360)
        frame[y : y + 30, x : x + 30] = noise.integers(0, 255, 3)
        frames.append(frame.tobytes())
    started = time.perf_counter()
    writer.submit(begin("pictures", slim_step(0)))
    for t in range(1, steps + 1):
        picture = encoder.encode(600, 400, frames[t % 100])
        row = StepRow(t, "1", 1.0, 0, None, None, None, None, 12, picture, None, None, ())
        ticket = writer.submit(AddStep("pictures", row))
    writer.wait(ticket)
    return steps / (time.perf_counter() - started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=40_000)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    result: dict[str, object] = {
        "machine": {
            "cpus": os.cpu_count(),
            "python": platform.python_version(),
            "sqlite": sqlite3.sqlite_version,
            "load": os.getloadavg()[0],
        }
    }
    for durability in ("full", "normal"):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "write.db"
            figures: dict[str, object] = {}
            with connect_writer(path, durability=durability) as writer:
                figures["tool_pipelined"] = round(pipelined(writer, tool_step, options.steps, 50, "tool"))
                figures["tool_pipelined_10_steps_per_episode"] = round(
                    pipelined(writer, tool_step, options.steps, 10, "short")
                )
                figures["slim_pipelined"] = round(pipelined(writer, slim_step, options.steps * 2, 500, "slim"))
                figures["pictures_600x400"] = round(pictures(writer, 2_000))
                for producers in (1, 8, 64):
                    rate, p50, p99 = asyncio.run(
                        acknowledged(writer, tool_step, options.steps // 10, producers, f"ack{producers}")
                    )
                    figures[f"tool_acknowledged_{producers}"] = {
                        "steps_per_s": round(rate),
                        "p50_ms": round(p50, 3),
                        "p99_ms": round(p99, 3),
                    }
            figures["verified"] = verify(path).ok
            figures["bytes"] = path.stat().st_size
            result[durability] = figures
    text = json.dumps(result, indent=2)
    print(text)
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(text + "\n")
    if not all(result[durability]["verified"] for durability in ("full", "normal")):  # type: ignore[index]
        sys.exit(1)


if __name__ == "__main__":
    main()

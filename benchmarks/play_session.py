"""Two lanes at 30 frames a second with streaming text, in the real app in a real pty.

Then a person who plays by arrow keys, four a second, beside such a lane; then lanes are changed four times a second;
then a third lane's environment blocks for five seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.report import write_result

ARROWS = (b"\x1b[C", b"\x1b[D")
ROOT = Path(__file__).parent.parent

ENDLESS = '''
"""CartPole that never ends, 30 steps a second."""

import gymnasium


class Endless(gymnasium.Wrapper):
    metadata = {"render_modes": ["rgb_array"], "render_fps": 30}

    def step(self, action):
        observation, reward, terminated, truncated, info = self.env.step(action)
        if terminated or truncated:
            observation, info = self.env.reset()
        return observation, reward, False, False, info


def make():
    return Endless(gymnasium.make("CartPole-v1", render_mode="rgb_array", max_episode_steps=-1))
'''

BLOCKING = '''
"""Blocks for five seconds in its tenth step."""

import time

from ldp_tui import Environment, Message, Tool


class Blocking(Environment):
    def act(self, action: int) -> str:
        """Act.

        Args:
            action: Any number.
        """
        return "done"

    async def reset(self, *, seed=None, options=None):
        self.steps, self.tools = 0, [Tool.from_function(self.act)]
        return [Message(content="Act.")], self.tools

    async def step(self, action):
        self.steps += 1
        if self.steps == 10:
            time.sleep(5)
        return await self.exec_tool_calls(action), 0.0, False, False


def make():
    return Blocking()
'''


def session(
    folder: Path, environments: list[str], *, seconds: float, columns: int, rows: int, keys: tuple[bytes, ...]
) -> dict[str, Any]:
    """Run the measured app in a pty of that size, press `keys` in turn, four a second; what it measured."""
    import fcntl
    import pty
    import struct
    import termios

    result = folder / f"result-{time.monotonic_ns()}.json"
    command = [
        sys.executable, "-m", "benchmarks.play_session_app",
        str(result), str(seconds), str(folder / "bench.db"), "|".join(environments),
    ]  # fmt: skip
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
        os.execv(command[0], command)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    sent = pressed = 0
    began = last_key = time.perf_counter()
    try:
        while not result.exists() and time.perf_counter() - began < seconds + 60:
            if select.select([terminal], [], [], 0.05)[0]:
                try:
                    sent += len(os.read(terminal, 1 << 16))
                except OSError:
                    break
            if time.perf_counter() - last_key > 0.25:
                os.write(terminal, keys[pressed % len(keys)])
                pressed += 1
                last_key = time.perf_counter()
        time.sleep(0.3)
        measured: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
        return {**measured, "terminal_bytes": sent}
    finally:
        os.kill(pid, signal.SIGTERM)
        os.close(terminal)
        os.waitpid(pid, 0)


def main() -> None:
    """Measure both sessions and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--seconds", type=float, default=15)
    arguments = parser.parse_args()
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        endless, blocking = folder / "endless.py", folder / "blocking.py"
        endless.write_text(ENDLESS, encoding="utf-8")
        blocking.write_text(BLOCKING, encoding="utf-8")
        two, human = [str(endless)] * 2, [f"{endless}@human", str(endless)]
        for columns, rows in ((120, 40), (160, 48), (200, 60)):
            size: dict[str, Any] = {"seconds": arguments.seconds, "columns": columns, "rows": rows}
            result[f"two_lanes_{columns}x{rows}"] = session(folder, two, keys=(b"",), **size)
            result[f"human_beside_agent_{columns}x{rows}"] = session(folder, human, keys=ARROWS, **size)
        size = {"seconds": arguments.seconds, "columns": 160, "rows": 48}
        result["changing_lanes_160x48"] = session(folder, two, keys=(b"\t",), **size)
        result["while_a_third_lane_blocks_5s_160x48"] = session(folder, [*two, str(blocking)], keys=(b"",), **size)
    write_result("play_session", result, arguments.out, packages=("textual", "gymnasium"))
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()

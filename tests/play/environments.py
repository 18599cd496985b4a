"""Environment files that behave in a given way, written for one test each."""

from __future__ import annotations

import textwrap
from pathlib import Path

_COUNTER = '''
"""Counts to n, one call of `go` a step."""

import ctypes
import os
import sys
import time

from ldp_tui import Environment, Message, Picture, Tool


class Counter(Environment):
    def __init__(self, n):
        self.n = n
        self.count = 0

    def go(self) -> str:
        """Count one on."""
        return f"counted {self.count}"

    async def reset(self, *, seed=None, options=None):
        self.count = 0
        self.tools = [Tool.from_function(self.go)]
        await self.before_reset()
        return [Message(content=f"Count to {self.n}, please. Seed {seed}.")], self.tools

    async def step(self, action):
        self.count += 1
        await self.before_step()
        answers = await self.exec_tool_calls(action)
        return answers, 1.0, self.count >= self.n, False

    async def before_reset(self):
        pass

    async def before_step(self):
        pass
'''

_MAKE = """

def make(n: int = 5):
    return Counter(n)
"""


def counter(folder: Path, name: str, **methods: str) -> str:
    """Path of an environment that counts; `methods` gives bodies that replace those of its methods."""
    source = _COUNTER
    for method, body in methods.items():
        coroutine = "async " if method.startswith("before") else ""
        source += (
            f"\n    {coroutine}def {method}(self):\n" + textwrap.indent(textwrap.dedent(body).strip(), " " * 8) + "\n"
        )
    path = folder / f"{name}.py"
    path.write_text(source + _MAKE)
    return str(path)

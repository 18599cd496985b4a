"""The tools of an environment, looked at in a process of its own, where its code may hang or crash.

`python -m ldp_tui.play.inspection ENV` writes them as one line of JSON.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from ldp_tui.core.errors import LdpTuiError, UsageError
from ldp_tui.lint.remarks import Remark

if TYPE_CHECKING:
    from ldp_tui.core.tools import Tool

RESET_SECONDS: Final = 30.0
"""How long a reset, and a close, may take."""
PROCESS_SECONDS: Final = 60.0
_SAID: Final = 300


@dataclass(frozen=True, slots=True)
class ToolSheet:
    """One tool as a person reads it."""

    schema: Mapping[str, Any]
    """`{"name", "description", "parameters"}` as a model gets them."""
    concurrency_safe: bool
    source: str
    """`FILE:LINE` of the function; empty where it has none."""
    remarks: tuple[Remark, ...] = ()

    @property
    def name(self) -> str:
        """Name of the tool."""
        return str(self.schema["name"])


def live_tools(name: str) -> list[Tool]:
    """Tools of the environment `name` after a reset, in this process.

    Raises:
        UsageError: Unknown environment or option.
        Exception: What its code raises.
    """
    from ldp_tui.registry import make_environment

    async def reset() -> list[Tool]:
        env, _ = make_environment(name)
        try:
            _, tools = await asyncio.wait_for(env.reset(), RESET_SECONDS)
            return list(tools)
        finally:
            await asyncio.wait_for(env.close(), RESET_SECONDS)

    return asyncio.run(reset())


def tool_sheets(name: str) -> list[ToolSheet]:
    """The tools of the environment `name`, from a process of its own that is killed after a minute.

    Raises:
        UsageError: If the environment cannot be made or reset; one line says why.
    """
    command = [sys.executable, "-P", "-m", "ldp_tui.play.inspection", name]
    try:
        done = subprocess.run(command, capture_output=True, timeout=PROCESS_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise UsageError(f"{name} did not show its tools within {PROCESS_SECONDS:.0f} s.") from error
    try:
        answer = orjson.loads(done.stdout.splitlines()[-1])
    except (IndexError, orjson.JSONDecodeError) as error:
        last = done.stderr.decode(errors="replace").strip().rsplit("\n", 1)[-1][:_SAID]
        raise UsageError(f"{name} ended the process that looked at it (status {done.returncode}): {last}") from error
    if "error" in answer:
        raise UsageError(answer["error"])
    return [
        ToolSheet(
            sheet["schema"],
            sheet["concurrency_safe"],
            sheet["source"],
            tuple(Remark(**remark) for remark in sheet["remarks"]),
        )
        for sheet in answer["tools"]
    ]


def _sheet(tool: Tool) -> ToolSheet:
    from ldp_tui.core.tools import tool_schema
    from ldp_tui.lint.tools import lint_tool, source_place

    return ToolSheet(tool_schema(tool), tool.concurrency_safe, source_place(tool), tuple(lint_tool(tool)))


def main(arguments: Sequence[str]) -> None:
    """Write the tools, or why there are none, as the last line of stdout; what the code prints goes to stderr."""
    sys.path.append(os.getcwd())  # noqa: PTH109 (a path entry is text); module:Class looks in the current folder last
    (name,) = arguments
    with contextlib.redirect_stdout(sys.stderr):
        answer: dict[str, Any]
        try:
            answer = {"tools": [asdict(_sheet(tool)) for tool in live_tools(name)]}
        except LdpTuiError as error:
            answer = {"error": str(error)}
        except Exception as error:  # noqa: BLE001 (whatever its code raises is what a person is told)
            answer = {"error": f"{name} cannot be reset: {type(error).__name__}: {' '.join(str(error).split())}"}
    sys.stdout.buffer.write(b"\n" + orjson.dumps(answer, default=str) + b"\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])

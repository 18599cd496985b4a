"""Whole turns through litellm in a process of their own: nothing is printed, whatever happens."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ldp_tui.testing.model_server import Cuts, Fails, ModelServer, Says

KEY = "sk-canary-0123456789abcdefghij"

SCRIPT = """
import asyncio, json, sys, traceback
from ldp_tui.core.tools import Tool
from ldp_tui.models import LLMConfig, LLMModel, ModelError

def act(action: str) -> str:
    '''Do something.

    Args:
        action: What to do.
    '''
    return action

async def turn(given, **options):
    try:
        asked = LLMModel(llm_config=LLMConfig.model_validate({"retry_seconds": 0, "max_retries": 0, **given}))
        result = await asked.call_single("Play.", **options)
    except ModelError as error:
        last = [error, *getattr(error, "errors", [])][-1]
        traced = "".join(traceback.format_exception(error))
        return {"error": type(last).__name__, "says": str(last), "traced": traced}
    return json.loads(result.model_dump_json())

async def main():
    heard = []
    tools = [Tool.from_function(act)]
    scripted, slow = {"name": "openai/scripted"}, {"name": "openai/scripted", "timeout": 0.3}
    turns = [
        await turn({"name": "openai/gpt-4o"}, tools=tools),
        await turn({"name": "openai/gpt-4o"}, tools=tools, callbacks=[heard.append]),
        *[await turn(scripted) for _ in range(3)],
        await turn({**scripted, "max_retries": 1}),
        await turn(scripted, callbacks=[heard.append]),
        await turn(slow),
        await turn({"name": "nobody/knows-this"}),
        await turn({"name": "just-a-name"}),
    ]
    return {"turns": turns, "heard": heard, "tasks": len(asyncio.all_tasks())}

with open(sys.argv[1], "w") as report:
    json.dump([asyncio.run(main()) for _ in range(2)], report)
"""

REPLIES = [
    Says("I stick.", calls=[("act", {"action": "stick"})]),
    Says("I stick.", calls=[("act", {"action": "stick"})]),
    Fails(401, f"Incorrect API key provided: {KEY}"),
    Fails(400, "maximum context length is 10 tokens", code="context_length_exceeded"),
    Fails(500),
    Fails(429, retry_after=0.01),
    "Here.",
    Cuts(Says("A long story."), 2),
    Says("Slow", pause=5),
]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the process found out, in each of two event loops, and what it printed."""
    path = tmp_path_factory.mktemp("silence") / "report.json"
    with ModelServer([*REPLIES, *REPLIES]) as server:
        kept = {k: v for k, v in os.environ.items() if not k.endswith("_API_KEY")}
        kept |= {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": KEY, "NO_PROXY": "127.0.0.1"}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(path)],
            env=kept, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    runs = json.loads(Path(path).read_text()) if path.exists() else []
    return {"out": done.stdout, "err": done.stderr, "code": done.returncode, "runs": runs}


def test_nothing_is_printed(report: dict[str, Any]) -> None:
    """Neither hints nor warnings nor tracebacks reach the screen, through failures, a cut stream and the end."""
    assert (report["out"], report["err"], report["code"]) == ("", "", 0)


@pytest.mark.parametrize("run", [0, 1])
def test_replies(report: dict[str, Any], run: int) -> None:
    """Tool calls come whole and streamed, in one event loop as in the next, with tokens and a price."""
    whole, streamed = report["runs"][run]["turns"][:2]
    for result in (whole, streamed):
        (message,) = result["messages"]
        assert message["tool_calls"][0]["function"] == {"name": "act", "arguments": '{"action": "stick"}'}
        assert message["content"] == "I stick."
        assert (result["prompt_count"], result["completion_count"]) == (10, 5)
        assert result["cost"] == pytest.approx(10 * 2.5e-6 + 5 * 1e-5)
    assert "".join(report["runs"][run]["heard"]).startswith("I stick.")


@pytest.mark.parametrize("run", [0, 1])
def test_failures(report: dict[str, Any], run: int) -> None:
    """litellm's exceptions have become ours, without the key, also in their tracebacks."""
    turns = report["runs"][run]["turns"][2:]

    assert [turn.get("error") or turn["text"] for turn in turns] == [
        "AuthenticationFailed",
        "ContextWindowExceeded",
        "ModelUnavailable",
        "Here.",
        "ReplyCut",
        "ModelTimeout",
        "ModelNotFound",
        "ModelNotFound",
    ]
    assert not [turn for turn in turns if KEY in json.dumps(turn)]
    assert all("\n" not in turn.get("says", "") for turn in turns)


def test_no_task_is_left(report: dict[str, Any]) -> None:
    """The caller's event loop has the caller's task alone: litellm's own live elsewhere."""
    assert [run["tasks"] for run in report["runs"]] == [1, 1]

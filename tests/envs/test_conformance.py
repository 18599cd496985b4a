"""Every bundled environment keeps the rules of the shipped conformance test."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from envs import blackjack_llm, calculator, library_qa, lunar_lander_llm, maze, sql_puzzle, taxi_llm, word_game
from ldp_tui import Environment
from ldp_tui.adapters.gymnasium_env import GymnasiumEnvironment
from ldp_tui.agents.scripted import ScriptedAgent
from ldp_tui.engine.events import EpisodeEnded
from ldp_tui.engine.rollout import rollout
from ldp_tui.testing import check_env

ROOT = Path(__file__).parents[2]
FILES = sorted(path for path in (ROOT / "envs").glob("*.py"))

FACTORIES: dict[str, Callable[[], Environment[Any]]] = {
    "blackjack_llm": lambda: GymnasiumEnvironment(blackjack_llm.make()),
    "calculator": calculator.make,
    "calculator-strict": lambda: calculator.make(tool_failure_reward=-1.0, done_on_failure=True),
    "library_qa": library_qa.make,
    "lunar_lander_llm": lambda: GymnasiumEnvironment(lunar_lander_llm.make()),
    "maze": maze.make,
    "maze-short": lambda: maze.make(size="large", max_steps=5),
    "sql_puzzle": sql_puzzle.make,
    "taxi_llm": lambda: GymnasiumEnvironment(taxi_llm.make(max_steps=15)),
    "word_game": word_game.make,
}


@pytest.mark.parametrize("name", FACTORIES)
def test_bundled_environment_under_the_conformance_test(name: str) -> None:
    """No rule is broken."""
    check_env(FACTORIES[name])


@pytest.mark.parametrize("name", ["calculator", "library_qa", "maze", "sql_puzzle", "word_game"])
async def test_episode_that_is_cut_from_outside(name: str) -> None:
    """It is no success, and says so: the environment need not know that it is over."""
    env = FACTORIES[name]()
    events = [event async for event in rollout(env, ScriptedAgent(["I wait."]), seed=1, max_steps=1)]
    ended = events[-1]
    assert isinstance(ended, EpisodeEnded)
    assert (ended.reason, ended.success) == ("truncated", False)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_environment_file(path: Path) -> None:
    """It has a one-line docstring for listings, defines make, and imports ldp_tui only by its public names."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    docstring = ast.get_docstring(tree)
    assert docstring
    assert "\n" not in docstring
    assert len(docstring) <= 90
    assert "\ndef make(" in text or "\nmake = " in text
    own = {
        node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ldp_tui")
    }
    assert own <= {"ldp_tui"}


PLAY = """
import asyncio, hashlib
from ldp_tui.testing.observed import Run
from ldp_tui.testing.actions import random_action
from random import Random
from tests.envs.test_conformance import FACTORIES

async def digest(factory):
    run, rng, seen = Run(factory()), Random(7), []
    seen.append(await run.reset(7))
    for index in range(12):
        seen.append(await run.step(random_action(run, rng, index)))
        seen.append((run.env.info(), run.env.export_frame(), await run.env.get_id(), run.env.success()))
        if seen[-2].over:
            break
    await run.env.close()
    return hashlib.sha256(repr(seen).encode()).hexdigest()

for name, factory in FACTORIES.items():
    print(name, asyncio.run(digest(factory)))
"""


def test_same_seed_in_processes_with_different_hash_seeds() -> None:
    """Observations, rewards, info, frames and identifiers are the same: nothing hangs on hash() or set order."""

    def played(hash_seed: str) -> str:
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT), "SDL_VIDEODRIVER": "dummy"}
        command = [sys.executable, "-c", PLAY]
        return subprocess.check_output(command, env=environment, cwd=ROOT, text=True, timeout=120)

    first = played("1")
    assert first.count("\n") == len(FACTORIES)
    assert first == played("2")

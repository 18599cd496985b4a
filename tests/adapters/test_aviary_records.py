"""What is on disk of a real agent in a real environment is what happened, whatever either does to its objects later."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, aclosing
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("aviary")
pytest.importorskip("ldp")

from aviary.core import DummyEnv as TheirDummyEnv
from aviary.core import Message as TheirMessage
from aviary.core import Messages as TheirMessages
from ldp.agent import ReActAgent

from ldp_tui.adapters.aviary_env import AviaryEnvironment
from ldp_tui.adapters.ldp_agent import LdpAgent
from ldp_tui.adapters.ldp_make import adopted
from ldp_tui.agents.scripted import ScriptedAgent
from ldp_tui.core.agent import Agent
from ldp_tui.datasets.lossless import import_lossless, write_lossless
from ldp_tui.engine.events import EpisodeEnded, EpisodeStarted, StepTaken
from ldp_tui.engine.record import record
from ldp_tui.engine.replay import replay
from ldp_tui.engine.rollout import rollout
from ldp_tui.store import connect_writer
from ldp_tui.store.reader import Reader
from ldp_tui.store.verify import verify
from ldp_tui.store.writer import Writer
from ldp_tui.testing.model_server import ModelServer
from tests.adapters import real_environments as real
from tests.engine.playing import kept, only


class LoggedDummy(TheirDummyEnv):
    """aviary's DummyEnv, which keeps a log of its own of what it says, as text."""

    def __init__(self) -> None:
        super().__init__(end_immediately=False)
        self.log: list[list[str | None]] = []

    async def reset(self) -> Any:
        messages, tools = await super().reset()
        self.log = [[message.content for message in messages]]
        return messages, tools

    async def step(self, action: TheirMessage) -> tuple[TheirMessages, float, bool, bool]:
        messages, *outcome = await super().step(action)
        self.log.append([message.content for message in messages])
        return messages, *outcome


def scripted(_: ExitStack) -> Agent[Any]:
    return ScriptedAgent([("cast_int", {"x": 1.5}), ("say", {"word": "one"}), ("cast_float", {"x": "2"})], repeat=True)


def spoiling(_: ExitStack) -> Agent[Any]:
    return LdpAgent(real.Spoiling("say", word="one"))


def react(stack: ExitStack) -> Agent[Any]:
    server = stack.enter_context(ModelServer(["Thought: hm", ("say", {"word": "one"})], repeat=True))
    model = {"name": "openai/fake", "api_base": server.base_url, "api_key": "none", "timeout": 20.0}
    return adopted(ReActAgent(llm_config={"models": [model]}))


@pytest.mark.parametrize("environment", [LoggedDummy, real.Aliasing], ids=["dummy", "aliasing"])
@pytest.mark.parametrize("player", [scripted, spoiling, react])
async def test_recorded_exported_imported_replayed(
    environment: Callable[[], Any], player: Callable[[ExitStack], Agent[Any]], writer: Writer, tmp_path: Path
) -> None:
    """Chains are equal, and in every form the observations are those of a log that the environment kept itself."""
    inner = environment()
    with ExitStack() as stack:
        agent = player(stack)
        async with aclosing(
            record(rollout(AviaryEnvironment(inner), agent, max_steps=3, seed=1), writer, run_uid="run")
        ) as events:
            told = [event async for event in events]
    (ended,) = only(EpisodeEnded, told)
    assert (ended.steps, ended.detail) == (3, None)

    exported, imported = tmp_path / "out.jsonl", tmp_path / "other.db"
    with Reader(writer.path) as reader:
        (uid,) = reader.uids()
        write_lossless(reader, [reader.find(uid)], exported)
        chain, stored = reader.episode(uid).chain, list(replay(reader, uid))
    with connect_writer(imported) as other:
        assert import_lossless(exported, other) == 1
    with Reader(imported) as reader:
        assert reader.episode(uid).chain == chain
        again = list(replay(reader, uid))
    assert verify(writer.path).ok
    assert verify(imported).ok

    assert kept(stored) == kept(again) == kept(told)
    for events_ in (told, stored, again):
        seen = [event for event in events_ if isinstance(event, EpisodeStarted | StepTaken)]
        assert [[message.content for message in event.observation] for event in seen] == inner.log

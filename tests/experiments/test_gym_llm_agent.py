"""gym-llm's Agent in its own loop, against a model server on loopback."""

from __future__ import annotations

import asyncio
import json

import pytest

from ldp_tui.core.errors import UsageError
from ldp_tui.experiments import Agent, get_env, get_env_definition
from ldp_tui.testing.model_server import ModelServer


def said(reflection: str, action: object) -> str:
    return json.dumps({"reflection": reflection, "action": action})


def player(server: ModelServer, **options: object) -> dict[str, str]:
    more = "".join(f",{key}={value}" for key, value in options.items())
    return {"player": f"reflect:llama3.1,base_url={server.base_url}{more}"}


def test_its_own_loop() -> None:
    """Reflection and action of each step; names and numbers are both understood, and the past is shown."""
    env = get_env({"name": "TaxiLLM-v3"})
    replies = [said("south first", 0), said("then north", "north"), said("east", "2")]
    with ModelServer(replies) as server, Agent(player(server), **get_env_definition(env)) as agent:
        obs, _ = env.reset(seed=3)
        agent.reset(seed=3)
        outputs = []
        for _ in replies:
            raw_output, action = agent.get_action(obs)
            outputs.append((raw_output["reflection"], raw_output["action"], action))
            obs, *_ = env.step(action)
        assert outputs == [("south first", 0, 0), ("then north", 1, 1), ("east", 2, 2)]
        system, *turns = server.requests[-1].body["messages"]
        assert "Drive the taxi" in system["content"]
        assert "taxi_row" in system["content"]
        assert [turn["role"] for turn in turns] == ["user", "assistant", "user", "assistant", "user"]
    env.close()


def test_what_cannot_be_read_is_no_action() -> None:
    """After the corrections that it has, the action is None and the reason is told; the next reset begins anew."""
    env = get_env({"name": "BlackjackLLM-v1"})
    with ModelServer(["hm", "hm", said("enough", "stick")]) as server:
        agent = Agent(player(server, retries=1), **get_env_definition(env))
        raw_output, action = agent.get_action({"players_sum": 20})
        assert action is None
        assert raw_output["action"] is None
        assert raw_output["reflection"]
        agent.reset()
        assert agent.get_action({"players_sum": 20})[1] == 0
        agent.close()


async def test_in_a_running_loop() -> None:
    """As in a notebook."""
    definition = get_env_definition(get_env({"name": "BlackjackLLM-v1"}))
    with ModelServer([said("low", "hit")]) as server, Agent(player(server), **definition) as agent:
        assert agent.get_action({"players_sum": 8}) == ({"reflection": "low", "action": 1}, 1)
    assert asyncio.get_running_loop().is_running()


def test_other_players_are_refused() -> None:
    """It is a language model's class."""
    with pytest.raises(UsageError, match="no reflecting player"):
        Agent({"player": "random"}, {}, "Win.", {0: "stick", 1: "hit"})

"""The bundled model as a player."""

from __future__ import annotations

from typing import Any

import gymnasium
import pytest

from ldp_tui.adapters.gymnasium_env import GymnasiumEnvironment
from ldp_tui.agents.native import UnsupportedEnvironment
from ldp_tui.core.environment import Environment
from ldp_tui.engine.events import ActionProposed, EpisodeEnded, ReflectionDelta, StepTaken
from ldp_tui.engine.rollout import rollout
from ldp_tui.registry import make_agent, make_environment
from ldp_tui.testing import check_agent


async def played(env: Environment[Any], player: str = "tiny", **options: Any) -> list[Any]:
    agent, _ = make_agent(player)
    return [event async for event in rollout(env, agent, **options)]


@pytest.mark.parametrize(
    ("environment", "least"),
    [
        ("CliffWalking-v1", -13.0),
        ("FrozenLake-v1,is_slippery=false", 1.0),
        ("FrozenLake-v1,map_name=8x8,is_slippery=false", 1.0),
        ("FrozenLake8x8-v1,is_slippery=false", 1.0),
        ("Taxi-v4", 3.0),
        ("taxi_llm", 3.0),
    ],
)
@pytest.mark.parametrize("player", ["tiny", "tiny,choose=score"])
async def test_games_that_it_knows(environment: str, player: str, least: float) -> None:
    """It plays them as well as they can be played (Taxi's worst start gives 3), by words and by scores."""
    env, _ = make_environment(environment)
    events = await played(env, player, seed=1, max_steps=60)
    assert isinstance(events[-1], EpisodeEnded)
    assert events[-1].return_ >= least
    assert events[-1].success


async def test_what_is_seen_of_it() -> None:
    """Its reflection streams, the distribution over legal actions comes with the proposal, and tokens are counted."""
    env, _ = make_environment("Blackjack-v1")
    events = await played(env, seed=2)
    pieces = [event for event in events if isinstance(event, ReflectionDelta) and event.index == 0]
    step = next(event for event in events if isinstance(event, StepTaken))
    proposed = next(event for event in events if isinstance(event, ActionProposed))
    assert len(pieces) > 3
    assert "".join(piece.text for piece in pieces) == step.reflection
    assert step.reflection == "6 against a 10: no single card can bust me. I hit."
    assert proposed.probabilities is not None
    assert set(proposed.probabilities) == {"stick", "hit"}
    assert proposed.probabilities["hit"] > 0.9
    assert step.usage is not None
    assert step.usage.tokens_out > 5
    assert step.usage.cost_usd == 0.0


@pytest.mark.parametrize(
    "environment", ["CartPole-v1", "Taxi-v4,is_rainy=true", "FrozenLake-v1,success_rate=0.9", "maze"]
)
def test_games_that_it_does_not_know(environment: str) -> None:
    """They are refused before the first episode, in one line that names those it plays."""
    agent, _ = make_agent("tiny")
    env, _ = make_environment(environment)
    with pytest.raises(UnsupportedEnvironment, match=r"It plays Blackjack-v1, .*FrozenLake-v1.*Taxi-v4.*taxi_llm\.$"):
        agent.prepare(env=env, seed=None)


def test_a_game_behind_a_wrapper_that_changes_it() -> None:
    """The inner environment's rules do not hold there."""
    agent, _ = make_agent("tiny")
    wrapped = gymnasium.wrappers.TransformReward(gymnasium.make("CliffWalking-v1"), lambda reward: -reward)
    with pytest.raises(UnsupportedEnvironment):
        agent.prepare(env=GymnasiumEnvironment(wrapped), seed=None)


def test_the_rules_of_agents() -> None:
    """It keeps its state outside, and does not change what it is given."""
    check_agent(lambda: make_agent("tiny")[0], env_factory=lambda: GymnasiumEnvironment.make("FrozenLake-v1"))

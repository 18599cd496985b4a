"""Random, optimal and heuristic players on real environments."""

from __future__ import annotations

import json
import re
from typing import Literal

import numpy as np
import pytest

from ldp_tui.agents.heuristic import HeuristicAgent
from ldp_tui.agents.heuristics import HEURISTICS
from ldp_tui.agents.native import UnsupportedEnvironment
from ldp_tui.agents.optimal import OptimalAgent
from ldp_tui.agents.random_players import MaskRandomAgent, RandomAgent
from ldp_tui.agents.references import reference_values
from ldp_tui.core import DummyEnv, Environment, Message, Tool
from ldp_tui.core.errors import AgentError
from ldp_tui.registry import make_environment

from .plain_gym import PlainGym, play


def act(action: Literal["left", "right"], *, firmly: bool = False) -> None:
    """Move.

    Args:
        action: Where to.
        firmly: How.
    """


class ToolEnv(Environment[None]):
    """Offers the tools it is given, and lists the legal calls it is given."""

    def __init__(self, *functions, legal=None):
        self.tools = [Tool.from_function(function) for function in functions]
        self._legal = legal

    async def reset(self, *, seed=None, options=None):
        return [Message(content="go")], self.tools

    async def step(self, action):
        answers = await self.exec_tool_calls(action, handle_invalid_tool_calls=False)
        return [*answers], 0.0, False, False

    def legal_actions(self):
        return self._legal


@pytest.mark.parametrize("agent_class", [RandomAgent, MaskRandomAgent])
async def test_the_same_seed_gives_the_same_play(agent_class):
    """Actions and even call ids repeat; another seed plays otherwise."""
    first = await play(agent_class(), PlainGym("Taxi-v4"), seed=3, most=60)
    again = await play(agent_class(), PlainGym("Taxi-v4"), seed=3, most=60)
    other = await play(agent_class(), PlainGym("Taxi-v4"), seed=4, most=60)
    assert (first.actions, first.ids) == (again.actions, again.ids)
    assert first.actions != other.actions


async def test_a_random_player_without_a_seed_does_not_repeat_itself():
    """No seed means fresh randomness."""
    env = PlainGym("Taxi-v4")
    played = []
    for _ in range(2):
        agent = RandomAgent()
        agent.prepare(env=env, seed=None)
        obs, tools = await env.reset(seed=0)
        state = await agent.init_state(tools)
        turns = []
        for _ in range(40):
            action, state, _ = await agent.get_asv(state, obs)
            turns.append(str(action.value.tool_calls[0]))
        played.append(turns)
    assert played[0] != played[1]


async def test_a_random_player_does_not_look_at_the_mask():
    """It draws from all six actions of the taxi, the masked player from the legal ones only."""
    blind = await play(RandomAgent(), PlainGym("Taxi-v4"), seed=0)
    masked = await play(MaskRandomAgent(), PlainGym("Taxi-v4"), seed=0)
    assert blind.heard.proposals[0] == pytest.approx({str(action): 1 / 6 for action in range(6)})
    assert len(masked.heard.proposals[0]) < 6
    assert masked.return_ > -250 > blind.return_


async def test_a_random_player_draws_each_call_of_finite_tools():
    """Enumerations and truth values are combined, each combination equally likely."""
    env = ToolEnv(act)
    played = await play(RandomAgent(), env, seed=1, most=60)
    assert set(played.actions) == {
        json.dumps({"action": action, "firmly": firmly}) for action in ("left", "right") for firmly in (False, True)
    }
    assert set(played.heard.proposals[0].values()) == {0.25}


async def test_free_text_is_drawn_from_the_legal_calls():
    """Where arguments cannot be listed from the schema, the environment's list of legal calls is used."""

    def say(word: str) -> None:
        """Say a word.

        Args:
            word: The word.
        """

    legal = [{"name": "say", "arguments": {"word": word}} for word in ("aye", "nay")]
    played = await play(RandomAgent(), ToolEnv(say, legal=legal), seed=1, most=30)
    assert set(played.actions) == {'{"word": "aye"}', '{"word": "nay"}'}


async def test_free_text_without_a_list_is_drawn_from_the_schema():
    """A tool environment that lists nothing gets calls that its tools accept."""
    env = DummyEnv(end_immediately=False)
    agent = RandomAgent()
    agent.prepare(env=env, seed=5)
    obs, tools = await env.reset(seed=5)
    state = await agent.init_state(tools)
    names = set()
    for _ in range(30):
        action, state, _ = await agent.get_asv(state, obs)
        call = action.value.tool_calls[0]
        names.add(call.function.name)
        tool = next(tool for tool in tools if tool.info.name == call.function.name)
        tool.signature.schema.coerce(call.function.arguments)
    assert names == {"print_story", "cast_float", "cast_int", "get_random_int"}


async def test_mask_random_asks_for_a_list_of_legal_actions():
    """An environment without one is refused by name."""
    with pytest.raises(UnsupportedEnvironment, match=r"mask-random .* ToolEnv"):
        await play(MaskRandomAgent(), ToolEnv(act), seed=0)


OPTIMAL = [
    ("Blackjack-v1", {}),
    ("FrozenLake-v1", {}),
    ("FrozenLake-v1", {"is_slippery": False}),
    ("CliffWalking-v1", {}),
    ("CliffWalkingSlippery-v1", {}),
    ("Taxi-v4", {}),
    ("Taxi-v4", {"is_rainy": True}),
    ("Taxi-v4", {"fickle_passenger": True}),
    ("Taxi-v4", {"fickle_passenger": True, "is_rainy": True}),
]


async def returns_of(agent, env_id, kwargs, episodes):
    env = PlainGym(env_id, **kwargs)
    return np.array([(await play(agent, env, seed=seed, most=5000)).return_ for seed in range(episodes)])


def assert_reaches_optimum(returns, env_id, kwargs):
    value = {reference.name: reference.value for reference in reference_values(env_id, kwargs, None)}["optimal"]
    error = returns.std(ddof=1) / np.sqrt(len(returns))
    assert abs(returns.mean() - value) < 4 * error + 1e-9


@pytest.mark.parametrize(("env_id", "kwargs"), OPTIMAL)
async def test_optimal_play_earns_the_exact_optimum(env_id, kwargs):
    """The mean return lies within four standard errors of the exact value."""
    assert_reaches_optimum(await returns_of(OptimalAgent(), env_id, kwargs, 150), env_id, kwargs)


@pytest.mark.slow
@pytest.mark.parametrize(("env_id", "kwargs"), [*OPTIMAL, ("FrozenLake8x8-v1", {})])
async def test_optimal_play_earns_the_exact_optimum_over_many_seeds(env_id, kwargs):
    """The same over 20 000 seeds."""
    assert_reaches_optimum(await returns_of(OptimalAgent(), env_id, kwargs, 20_000), env_id, kwargs)


async def test_optimal_play_on_firm_ice_takes_the_shortest_way():
    """Six steps lead to the goal, though a hundred are allowed."""
    played = await play(OptimalAgent(), PlainGym("FrozenLake-v1", is_slippery=False), seed=0)
    assert (len(played.actions), played.return_) == (6, 1.0)


async def test_the_optimal_player_explains_itself():
    """It sets the action's value against the best other one, gives its distribution, and its value is the return."""
    played = await play(OptimalAgent(), PlainGym("CliffWalking-v1"), seed=0)
    assert played.values == pytest.approx([-13.0 + step for step in range(13)])
    assert played.heard.reflections[0] == "Optimal: 0 (value -13.00 against 2 -14.00)."
    assert played.heard.proposals[0] == {"0": 1.0, "1": 0.0, "2": 0.0, "3": 0.0}


async def test_a_limit_set_from_outside_changes_the_plan():
    """Fifty steps on slippery ice are worth 0.546 instead of 0.744."""
    played = await play(OptimalAgent(max_steps=50), PlainGym("FrozenLake-v1"), seed=0, most=50)
    assert played.values[0] == pytest.approx(0.545909, abs=1e-5)


async def test_one_optimal_player_changes_tables():
    """Prepared for another environment, the same agent plays that one."""
    agent = OptimalAgent()
    assert (await play(agent, PlainGym("CliffWalking-v1"), seed=0)).return_ == -13
    assert (await play(agent, PlainGym("FrozenLake-v1", is_slippery=False), seed=0)).return_ == 1


@pytest.mark.parametrize("agent_class", [OptimalAgent, HeuristicAgent])
async def test_an_environment_it_does_not_know_is_refused(agent_class):
    """The message names the environment and those the player knows; tool environments are refused the same way."""
    env_id = {"OptimalAgent": "CartPole-v1", "HeuristicAgent": "BipedalWalkerHardcore-v3"}[agent_class.__name__]
    with pytest.raises(UnsupportedEnvironment, match=rf"does not know {env_id}\. It plays .*Blackjack-v1"):
        agent_class().prepare(env=PlainGym(env_id), seed=0)
    with pytest.raises(UnsupportedEnvironment, match="does not know DummyEnv"):
        agent_class().prepare(env=DummyEnv(), seed=0)


@pytest.mark.parametrize("agent_class", [OptimalAgent, HeuristicAgent])
async def test_an_unprepared_player_says_so(agent_class):
    """A front end that forgets to prepare the player learns it from the error."""
    with pytest.raises(AgentError, match="not prepared"):
        await agent_class().init_state([])


HEURISTIC_FLOORS = {
    "Acrobot-v1": -120,
    "Blackjack-v1": -0.7,
    "CartPole-v0": 200,
    "CartPole-v1": 490,
    "CliffWalking-v1": -15,
    "FrozenLake-v1": 0,
    "LunarLander-v3": 200,
    "LunarLanderContinuous-v3": 200,
    "MountainCar-v0": -125,
    "MountainCarContinuous-v0": 90,
    "Pendulum-v1": -300,
    "Taxi-v4": 6,
}


@pytest.mark.parametrize("env_id", sorted(HEURISTIC_FLOORS))
@pytest.mark.filterwarnings("ignore:.*CartPole-v0 is out of date.*")
async def test_a_heuristic_plays_well(env_id):
    """The mean of twelve seeds lies where the rule's quality says, far above random play."""
    returns = await returns_of(HeuristicAgent(), env_id, {}, 12)
    assert returns.mean() >= HEURISTIC_FLOORS[env_id]


@pytest.mark.parametrize(("size", "moves"), [("4x4", 6), ("8x8", 14)])
async def test_a_heuristic_finds_the_way_past_the_holes(size, moves):
    """Where the ice holds, it is the shortest."""
    env = PlainGym("FrozenLake-v1", map_name=size, is_slippery=False)
    played = await play(HeuristicAgent(), env, seed=0, most=30)
    assert (played.return_, len(played.actions)) == (1, moves)


@pytest.mark.parametrize(("name", "floor"), [("taxi_llm", 6.0), ("lunar_lander_llm", 40.0), ("blackjack_llm", -0.6)])
async def test_a_heuristic_plays_what_is_told_in_other_words(name, floor):
    """gym-llm's environments are played by the rules of those that they describe."""
    env, _ = make_environment(name)
    returns = [(await play(HeuristicAgent(), env, seed=seed)).return_ for seed in range(12)]
    assert np.mean(returns) >= floor


async def test_a_walking_heuristic_starts_anew_with_each_episode():
    """The rule remembers its gait within an episode only: the same seed gives the same episode again."""
    agent, env = HeuristicAgent(), PlainGym("BipedalWalker-v3")
    first = await play(agent, env, seed=1, most=60)
    again = await play(agent, env, seed=1, most=60)
    assert first.actions == again.actions


async def test_a_heuristic_names_its_source_once():
    """The first decision says where the rule comes from; later ones only what it does."""
    played = await play(HeuristicAgent(), PlainGym("LunarLander-v3"), seed=1, most=3)
    assert HEURISTICS["LunarLander-v3"].source in played.heard.reflections[0]
    assert HEURISTICS["LunarLander-v3"].source not in played.heard.reflections[1]
    assert all(text.startswith("Heuristic: ") for text in played.heard.reflections)


async def test_a_continuous_action_is_shown_without_probabilities():
    """Its parts are shortened for reading; a distribution over points is not made up."""
    played = await play(HeuristicAgent(), PlainGym("BipedalWalker-v3"), seed=1, most=2)
    assert played.heard.proposals == []
    assert re.match(r"Heuristic: \[[-\d., e]+\], to step from one leg", played.heard.reflections[0])
    assert len(played.heard.reflections[0].partition("]")[0]) < 60

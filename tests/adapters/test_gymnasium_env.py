from __future__ import annotations

from typing import Any, ClassVar

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.envs.toy_text.frozen_lake import FrozenLakeEnv
from gymnasium.wrappers import FlattenObservation

from ldp_tui.adapters.gymnasium_env import GymnasiumEnvironment
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolCall, ToolRequestMessage
from ldp_tui.core.tools import tool_schema
from ldp_tui.engine.events import EnvironmentRecord
from tests.adapters.calls import act, request

TAXI_FROM_SEED_3 = "Taxi at row 0, column 2. Passenger at Red (row 0, column 0). Destination Yellow (row 4, column 0)."
TAXI_SOLUTION = [
    *("south", "south", "west", "west", "north", "north", "pickup"),
    *("south", "south", "south", "south", "dropoff"),
]


@pytest.fixture
def taxi() -> GymnasiumEnvironment:
    return GymnasiumEnvironment.make("Taxi-v4", render=False)


class Corridor(gymnasium.Env[Any, Any]):
    """Walk to the right end of five cells."""

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["ansi"], "render_fps": 2}
    observation_space = spaces.Dict({"cell": spaces.Discrete(5), "seen": spaces.MultiBinary(5)})
    action_space = spaces.Discrete(3, start=-1)

    def __init__(self, render_mode: str | None = None, mask_in_info: bool = True) -> None:
        self.render_mode, self.mask_in_info, self.cell = render_mode, mask_in_info, 0

    def action_mask(self) -> np.ndarray:
        return np.array([self.cell > 0, True, self.cell < 4], np.int8)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.cell = (options or {}).get("cell", 0)
        return self._see(), self._told()

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert isinstance(action, int)
        self.cell = min(max(self.cell + action, 0), 4)
        return self._see(), np.float32(self.cell == 4), np.bool_(self.cell == 4), False, self._told()

    def render(self) -> Any:
        return "".join("@" if i == self.cell else "." for i in range(5)) if self.render_mode == "ansi" else None

    def get_keys_to_action(self) -> dict[Any, int]:
        return {(): 0, (ord("a"),): -1, "d": 1, (1073741903,): 1, (ord("a"), ord("d")): 0}

    def _see(self) -> Any:
        return {"cell": np.int64(self.cell), "seen": np.arange(5) <= self.cell}

    def _told(self) -> dict[str, Any]:
        return {"action_mask": self.action_mask(), "bits": np.float32(0.5)} if self.mask_in_info else {}


class SpokenCorridor(Corridor):
    """The same with gym-llm's three methods."""

    def get_observation_schema(self) -> dict[str, Any]:
        return {
            "cell": {"description": "Where you are.", "type": "int", "size": 1},
            "seen": {"description": "What you saw.", "type": "bool", "size": 5},
        }

    def get_action_schema(self) -> dict[int, str]:
        return {-1: "Step back", 0: "Wait", 1: "Step ahead"}

    def get_goal_description(self) -> str:
        return """
            Reach the end of the corridor.
        """


async def test_first_message() -> None:
    """It is one user message with the rules, the actions, the limit and the decoded observation."""
    env = GymnasiumEnvironment.make("Taxi-v4", render=False)
    (message,), tools = await env.reset(seed=3)
    assert message.role == "user"
    assert message.info == {"observation": env.native_observation}
    content = message.content or ""
    assert "Drive the taxi to the passenger" in content
    assert "|R: | : :G|" in content
    assert "One of south (0), north (1), east (2), west (3), pickup (4), dropoff (5)." in content
    assert "The episode is cut off after 200 steps." in content
    assert content.endswith(f"{TAXI_FROM_SEED_3}\nLegal actions: south, east.")
    assert [tool.info.name for tool in tools] == ["act"]


async def test_tool_schema_of_named_actions(taxi: GymnasiumEnvironment) -> None:
    """It is a choice of words with the numbers explained."""
    _, tools = await taxi.reset()
    parameters = tool_schema(tools[0])["parameters"]
    assert parameters["required"] == ["action"]
    assert parameters["properties"]["action"] == {
        "type": "string",
        "enum": ["south", "north", "east", "west", "pickup", "dropoff"],
        "description": "One of south (0), north (1), east (2), west (3), pickup (4), dropoff (5).",
    }


async def test_taxi_delivered(taxi: GymnasiumEnvironment) -> None:
    """The known solution earns 20 at the end, which is success."""
    await taxi.reset(seed=3)
    total, done = 0.0, False
    for name in TAXI_SOLUTION:
        assert not done
        assert taxi.success() is False
        answer, reward, done, _ = await act(taxi, name)
        total += reward
    assert done
    assert taxi.success() is True
    assert total == 20 - (len(TAXI_SOLUTION) - 1)
    assert taxi.elapsed_steps == len(TAXI_SOLUTION)
    assert (answer.content or "").endswith("The episode has ended.")


async def test_passenger_in_the_taxi(taxi: GymnasiumEnvironment) -> None:
    """The text says so once they are picked up."""
    await taxi.reset(seed=3)
    for name in TAXI_SOLUTION[:7]:
        answer, *_ = await act(taxi, name)
    assert (answer.content or "").startswith(
        "Taxi at row 0, column 0. Passenger in the taxi. Destination Yellow (row 4, column 0)."
    )


@pytest.mark.parametrize("action", ["fly", 6, -1, 1.5, None, True, [0], {"a": 1}])
async def test_invalid_action(taxi: GymnasiumEnvironment, action: Any) -> None:
    """The answer names the valid ones; nothing happens, costs nothing, ends nothing, and the next one is played."""
    await taxi.reset(seed=3)
    answer, reward, done, truncated = await act(taxi, action)
    assert (reward, done, truncated) == (0.0, False, False)
    assert (answer.content or "").startswith(
        "Invalid action: action must be one of south, north, east, west, pickup, dropoff, not "
    )
    assert taxi.elapsed_steps == 0
    assert "invalid_action" in taxi.info()
    await act(taxi, "south")
    assert taxi.elapsed_steps == 1
    assert "invalid_action" not in taxi.info()


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (ToolCall.from_name("drive", action="south"), "there is no tool 'drive', only act(action)"),
        (ToolCall.from_name("act"), "act takes exactly one argument, action; given: nothing"),
        (
            ToolCall.from_name("act", action="south", speed=2),
            "act takes exactly one argument, action; given: action, speed",
        ),
    ],
)
async def test_malformed_call(taxi: GymnasiumEnvironment, call: ToolCall, sentence: str) -> None:
    """The answer says what is wrong with the call."""
    await taxi.reset(seed=3)
    (answer,), reward, done, _ = await taxi.step(ToolRequestMessage(tool_calls=[call]))
    assert sentence in (answer.content or "")
    assert (reward, done, taxi.elapsed_steps) == (0.0, False, 0)


async def test_message_without_a_call(taxi: GymnasiumEnvironment) -> None:
    """It is answered with the request to call a tool."""
    await taxi.reset(seed=3)
    (answer,), reward, done, truncated = await taxi.step(Message(role="assistant", content="south"))
    assert answer.content == taxi.NO_TOOL_CALLS
    assert (reward, done, truncated) == (0.0, False, False)


async def test_two_calls_in_one_message(taxi: GymnasiumEnvironment) -> None:
    """The first is played, the second answered, and both answers carry their call's id."""
    await taxi.reset(seed=3)
    calls = [ToolCall.from_name("act", action="south"), ToolCall.from_name("act", action="south")]
    answers, *_ = await taxi.step(ToolRequestMessage(tool_calls=calls))
    assert [answer.tool_call_id for answer in answers] == [call.id for call in calls]  # type: ignore[union-attr]
    assert "not carried out" in (answers[1].content or "")
    assert taxi.elapsed_steps == 1
    assert answers[-1].info == {"observation": taxi.native_observation}


async def test_step_after_the_end() -> None:
    """It changes nothing and keeps saying that the episode is over."""
    env = GymnasiumEnvironment.make("Blackjack-v1", render=False)
    await env.reset(seed=0)
    await act(env, "stick")
    before = env.native_observation
    answer, reward, done, _ = await act(env, "hit")
    assert (answer.content, reward, done) == ("The episode is over; nothing happened.", 0.0, True)
    assert env.native_observation == before


async def test_time_limit() -> None:
    """It truncates, and is not an end of the task."""
    env = GymnasiumEnvironment.make("CartPole-v1", render=False, max_episode_steps=3)
    (first,), _ = await env.reset(seed=0)
    assert "cut off after 3 steps" in (first.content or "")
    for _ in range(3):
        answer, _, done, truncated = await act(env, env.noop.function.arguments["action"])  # type: ignore[union-attr]
    assert (done, truncated) == (False, True)
    assert (answer.content or "").endswith("The episode was cut off.")
    assert env.success() is False


async def test_mask_shown(taxi: GymnasiumEnvironment) -> None:
    """Legal actions are listed, others can still be tried at their price."""
    await taxi.reset(seed=3)
    assert taxi.legal_actions() == [{"name": "act", "arguments": {"action": name}} for name in ("south", "east")]
    answer, reward, _, _ = await act(taxi, "dropoff")
    assert reward == -10.0
    assert (answer.content or "").endswith("Legal actions: south, east.")


async def test_mask_enforced() -> None:
    """An illegal action is refused in a sentence and costs nothing."""
    env = GymnasiumEnvironment.make("Taxi-v4", render=False, mask="enforce")
    await env.reset(seed=3)
    answer, reward, done, _ = await act(env, "dropoff")
    assert answer.content == (
        "Invalid action: dropoff is not legal now. Nothing happened.\nLegal actions: south, east."
    )
    assert (reward, done, env.elapsed_steps) == (0.0, False, 0)


async def test_mask_off() -> None:
    """Nothing is listed and everything is legal."""
    env = GymnasiumEnvironment.make("Taxi-v4", render=False, mask="off")
    (message,), _ = await env.reset(seed=3)
    assert "Legal actions" not in (message.content or "")
    assert len(env.legal_actions() or []) == 6


@pytest.mark.parametrize("in_info", [True, False])
async def test_mask_of_an_environment_of_ones_own(in_info: bool) -> None:
    """It is read from the info, else from the environment's `action_mask`."""
    env = GymnasiumEnvironment(Corridor(mask_in_info=in_info))
    await env.reset()
    assert [call["arguments"]["action"] for call in env.legal_actions() or []] == [0, 1]


async def test_legal_actions_of_a_box() -> None:
    """They cannot be listed."""
    env = GymnasiumEnvironment.make("Pendulum-v1", render=False)
    await env.reset(seed=0)
    assert env.legal_actions() is None


async def test_environment_of_ones_own() -> None:
    """Class text as goal, integers as actions, spaces as text, no numpy in info, options passed on, `ansi` drawn."""
    env = GymnasiumEnvironment(Corridor(render_mode="ansi"))
    (message,), _ = await env.reset(options={"cell": 2})
    assert message.content == (
        "Environment Corridor. Walk to the right end of five cells.\n"
        "Each step, call act(action). An integer from -1 to 1.\n\n"
        "cell: 2\nseen: [1, 1, 1, 0, 0]\nLegal actions: -1, 0, 1."
    )
    assert message.info == {"observation": {"cell": 2, "seen": [1, 1, 1, 0, 0]}}
    assert env.info() == {"action_mask": [1, 1, 1], "bits": 0.5}
    assert env.render() == env.render("text") == "..@.."
    await act(env, "1")
    _, reward, done, _ = await act(env, 1)
    assert (type(reward), reward, type(done), done) == (float, 1.0, bool, True)
    assert env.success() is None
    assert await env.get_id() == "Corridor"


async def test_keys_of_an_environment_of_ones_own() -> None:
    """Codes and characters become key names, chords are left out, and no key means its own action."""
    env = GymnasiumEnvironment(Corridor())
    keys = {key: call.function.arguments["action"] for key, call in env.keys().items()}
    assert keys == {"0": -1, "1": 0, "2": 1, "a": -1, "d": 1, "right": 1}
    assert env.noop is not None
    assert env.noop.function.arguments == {"action": 0}


async def test_environment_with_the_methods_of_gym_llm() -> None:
    """Its goal, observation schema and action names replace the derived ones; numbers still work."""
    env = GymnasiumEnvironment(SpokenCorridor())
    (message,), tools = await env.reset()
    assert (message.content or "").startswith(
        "Reach the end of the corridor.\n\nObservations:\n"
        "- cell: Where you are. (int)\n- seen: What you saw. (bool × 5)\n"
        "Each step, call act(action). One of Step back (-1), Wait (0), Step ahead (1)."
    )
    assert tools[0].info.get_properties()["action"]["enum"] == ["Step back", "Wait", "Step ahead"]
    await act(env, 1)
    await act(env, "step ahead")
    assert env.native_observation["cell"] == 2


class SpokenLake(FrozenLakeEnv):
    """FrozenLake with gym-llm's three methods and its own names."""

    def get_observation_schema(self) -> dict[str, Any]:
        return {"cell": "Where you are."}

    def get_action_schema(self) -> dict[int, str]:
        return {3: "go north", 0: "go west", 1: "go south", 2: "go east"}

    def get_goal_description(self) -> str:
        return "Reach the flag."


async def test_known_environment_with_the_methods_of_gym_llm() -> None:
    """Its own words replace ours; keys and success are still known."""
    env = GymnasiumEnvironment(SpokenLake(is_slippery=False))
    (message,), _ = await env.reset(seed=0)
    assert message.content == (
        "Reach the flag.\n\nObservations:\n- cell: Where you are.\n"
        "Each step, call act(action). One of go west (0), go south (1), go east (2), go north (3).\n\n0"
    )
    assert env.keys()["up"].function.arguments == {"action": "go north"}
    for name in ("go south", "go south", "go east", "go east", "go south", "go east"):
        await act(env, name)
    assert env.success() is True


class NamedLake(FrozenLakeEnv):
    """FrozenLake that observes something else."""

    def __init__(self) -> None:
        super().__init__()
        self.observation_space = spaces.Dict(cell=spaces.Discrete(16))

    def reset(self, **options: Any) -> Any:
        cell, info = super().reset(**options)
        return {"cell": cell}, info


async def test_subclass_that_changes_the_observation() -> None:
    """The text follows its space."""
    (message,), _ = await GymnasiumEnvironment(NamedLake()).reset(seed=0)
    assert (message.content or "").endswith("\n\ncell: 0")


async def test_wrapper_that_changes_the_observation() -> None:
    """Names of the inner environment are no longer used, its action names still are."""
    env = GymnasiumEnvironment(FlattenObservation(gymnasium.make("Taxi-v4")))
    (message,), tools = await env.reset(seed=3)
    assert "Taxi at row" not in (message.content or "")
    assert tools[0].info.get_properties()["action"]["enum"][0] == "south"


async def test_frozen_lake_text() -> None:
    """The map shows the player, and reaching the goal is success."""
    env = GymnasiumEnvironment.make("FrozenLake-v1", render=False, is_slippery=False)
    (message,), _ = await env.reset(seed=0)
    assert "Every move goes where you want." in (message.content or "")
    answer, *_ = await act(env, "down")
    assert answer.content == "You are at row 1, column 0 (frozen).\nS F F F\n@ H F H\nF F F H\nH F F G"
    for name in ("down", "right", "right", "down", "right"):
        _, reward, done, _ = await act(env, name)
    assert (reward, done, env.success()) == (1.0, True, True)


async def test_frozen_lake_hole() -> None:
    """Falling in ends the episode without success."""
    env = GymnasiumEnvironment.make("FrozenLake-v1", render=False, is_slippery=False)
    await env.reset(seed=0)
    await act(env, "down")
    _, _, done, _ = await act(env, "right")
    assert (done, env.success()) == (True, False)


async def test_frozen_lake_of_ones_own() -> None:
    """The text follows the map that the environment was made with."""
    env = GymnasiumEnvironment.make("FrozenLake-v1", render=False, desc=["SF", "FG"], success_rate=0.8)
    (message,), _ = await env.reset(seed=0)
    assert "with probability 80%" in (message.content or "")
    assert (message.content or "").endswith("@ F\nF G")


async def test_cliff_text() -> None:
    """Row and column in words; the way around the cliff is success."""
    env = GymnasiumEnvironment.make("CliffWalking-v1", render=False)
    await env.reset(seed=0)
    answer, *_ = await act(env, "up")
    assert answer.content == "You are at row 2, column 0."
    for name in ["right"] * 11 + ["down"]:
        answer, _, done, _ = await act(env, name)
    assert (done, env.success()) == (True, True)
    assert answer.content == "You are at row 3, column 11, the goal.\nThe episode has ended."


@pytest.mark.parametrize(("seed", "outcome"), [(1, 1.0), (0, -1.0)])
async def test_blackjack(seed: int, outcome: float) -> None:
    """Sum, dealer's card and ace are told; only a win is success."""
    env = GymnasiumEnvironment.make("Blackjack-v1", render=False)
    (message,), _ = await env.reset(seed=seed)
    total, dealer, _ = env.native_observation
    assert f"Your hand counts {total}, " in (message.content or "")
    assert (message.content or "").endswith(f"The dealer shows {'an ace' if dealer == 1 else f'a {dealer}'}.")
    _, reward, done, _ = await act(env, "stick")
    assert (reward, done, env.success()) == (outcome, True, outcome > 0)


async def test_cart_pole_text() -> None:
    """Variables by name, bounds once in the rules."""
    env = GymnasiumEnvironment.make("CartPole-v1", render=False)
    (message,), _ = await env.reset(seed=0)
    assert "You observe: cart position (-4.8 to 4.8); cart velocity; pole angle (-0.4189 to 0.4189)" in (
        message.content or ""
    )
    assert (message.content or "").endswith(
        "cart position 0.0137, cart velocity -0.02302, pole angle -0.0459, pole angular velocity -0.04835"
    )


async def test_threshold_as_success() -> None:
    """Where no goal is known, the registered reward threshold decides."""
    env = GymnasiumEnvironment.make("CartPole-v1", render=False)
    await env.reset(seed=0)
    done = truncated = False
    while not (done or truncated):
        angle, spin = env.native_observation[2:]
        _, _, done, truncated = await act(env, "push right" if angle + 0.5 * spin > 0 else "push left")
    assert (truncated, env.elapsed_steps, env.success()) == (True, 500, True)


async def test_episode_cut_short_from_outside() -> None:
    """A goal was not reached then; whether a threshold would have been cannot be known."""
    lake, car = (GymnasiumEnvironment.make(id_, render=False) for id_ in ("FrozenLake-v1", "MountainCar-v0"))
    for env in (lake, car):
        await env.reset(seed=0)
        await act(env, 0)
    assert (lake.success(), car.success()) == (False, None)


async def test_call_for_every_action_of_car_racing() -> None:
    """A native action becomes a call that becomes the same native action, in the space's own precision."""
    env = GymnasiumEnvironment.make("CarRacing-v3", render=False)
    env.gym_env.action_space.seed(0)
    for _ in range(20):
        native = env.gym_env.action_space.sample()
        assert np.array_equal(env.native_action(env.call_for(native)), native)


async def test_idle_cart_pole() -> None:
    """It has no action that does nothing, so idling pushes to both sides in turn."""
    env = GymnasiumEnvironment.make("CartPole-v1", render=False)
    await env.reset(seed=0)
    pushed = []
    for _ in range(4):
        idle = env.noop
        assert idle is not None
        pushed.append(idle.function.arguments["action"])
        await env.step(ToolRequestMessage(tool_calls=[idle]))
    assert pushed == ["push left", "push right", "push left", "push right"]


async def test_description() -> None:
    """It has the fields of an `EnvironmentRecord`, and does not depend on how the environment draws."""
    described = [GymnasiumEnvironment.make("FrozenLake-v1", render=render).describe() for render in (True, False)]
    assert described[0] == described[1]
    record = EnvironmentRecord(**described[0])
    assert (record.name, record.kind, record.deterministic) == ("FrozenLake-v1", "gymnasium", True)
    assert record.spec["kwargs"] == {"map_name": "4x4"}
    assert record.spec["max_steps"] == 100
    assert set(record.packages) == {"gymnasium", "numpy"}
    assert record.observation_space == {
        "space": "Discrete(16)",
        "schema": {"type": "integer", "minimum": 0, "maximum": 15},
    }


async def test_observation_that_the_environment_changes_later() -> None:
    """What was told stays as it was."""

    class Reusing(gymnasium.Env[Any, Any]):
        observation_space = spaces.Box(-10, 10, (2,))
        action_space = spaces.Discrete(2)

        def __init__(self) -> None:
            self.buffer = np.zeros(2, np.float32)
            self.told = {"trace": [0]}

        def reset(
            self, *, seed: int | None = None, options: dict[str, Any] | None = None
        ) -> tuple[Any, dict[str, Any]]:
            return self.buffer, self.told

        def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
            self.buffer += 1
            self.told["trace"].append(1)
            return self.buffer, 0.0, False, False, self.told

    env = GymnasiumEnvironment(Reusing())
    (first,), _ = await env.reset()
    told = env.info()
    await env.step(request(1))
    assert first.info == {"observation": [0.0, 0.0]}
    assert told == {"trace": [0]}

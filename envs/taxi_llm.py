"""Taxi-v4 decoded and described in words for a language model (gym-llm's TaxiLLM)."""

from typing import Any

import gymnasium
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec
from gymnasium.envs.toy_text.taxi import TaxiEnv

Observation = dict[str, int]

STOPS = ("Red", "Green", "Yellow", "Blue")
IN_TAXI = len(STOPS)

GOAL = """\
Drive the taxi to the passenger, pick the passenger up, drive to the destination and drop the passenger off, in as few
steps as you can.
The city has 5 rows (0 in the north) and 5 columns (0 in the west). The stops are {places}. In this map | is a wall
between two columns, and : can be passed:
{city}
South raises the row and east raises the column by 1; a move against a wall does nothing.{weather}{fickle}
Pick up works only where the passenger waits; drop off only at a stop, with the passenger in the taxi. At a stop that is
not the destination the passenger gets out there and waits.
Rewards: -1 for each step; instead of it -10 for a pick up or drop off where it does not work, and +20 for the drop off
at the destination, which ends the episode."""


class TaxiLLM(TaxiEnv):
    """Taxi-v4 with the state decoded into rows, columns and stops, and the three methods that describe it.

    `info["action_mask"]` marks the actions that change the state.
    """

    def __init__(self, render_mode: str | None = None, **rules: Any) -> None:
        super().__init__(render_mode=render_mode, **rules)
        self.observation_space = spaces.Dict(
            taxi_row=spaces.Discrete(5),
            taxi_column=spaces.Discrete(5),
            passenger=spaces.Discrete(IN_TAXI + 1),
            destination=spaces.Discrete(len(STOPS)),
        )

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Place the taxi, the passenger and the destination."""
        state, info = super().reset(seed=seed, options=options)
        return self._named(state), info

    def step(self, action: int) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Drive, pick up or drop off."""
        state, reward, terminated, truncated, info = super().step(action)  # type: ignore[no-untyped-call]
        return self._named(state), float(reward), terminated, truncated, info

    def _named(self, state: int) -> Observation:
        names = ("taxi_row", "taxi_column", "passenger", "destination")
        return dict(zip(names, (int(value) for value in self.decode(state)), strict=True))

    def get_observation_schema(self) -> dict[str, dict[str, Any]]:
        """Meaning, type and size of each observation."""
        stops = ", ".join(f"{number} {name}" for number, name in enumerate(STOPS))
        meanings = {
            "taxi_row": "Row of the taxi, 0 (north) to 4 (south)",
            "taxi_column": "Column of the taxi, 0 (west) to 4 (east)",
            "passenger": f"Where the passenger is: at stop {stops}, or {IN_TAXI} in the taxi",
            "destination": f"Stop where the passenger wants to go: {stops}",
        }
        return {name: {"description": text, "type": "int", "size": 1} for name, text in meanings.items()}

    def get_action_schema(self) -> dict[int, str]:
        """Name of each action."""
        return dict(enumerate(("south", "north", "east", "west", "pick up", "drop off")))

    def get_goal_description(self) -> str:
        """Map, rules, rewards and end."""
        places = ", ".join(
            f"{name} at row {row}, column {column}" for name, (row, column) in zip(STOPS, self.locs, strict=True)
        )
        city = "\n".join(b"".join(line).decode() for line in self.desc.tolist())
        rain = any(len(outcomes) > 1 for moves in self.P.values() for outcomes in moves.values())
        weather = (
            f" In the rain a move slips to the side with probability {1 - self.rainy_probability:.0%}." if rain else ""
        )
        fickle = (
            " The passenger may change the destination once, after the first move." if self.fickle_passenger else ""
        )
        return GOAL.format(places=places, city=city, weather=weather, fickle=fickle)


def make(
    render_mode: str | None = "rgb_array",
    max_steps: int | None = 50,
    *,
    is_rainy: bool = False,
    rainy_probability: float = 0.8,
    fickle_passenger: bool = False,
    fickle_probability: float = 0.3,
) -> gymnasium.Env[Observation, int]:
    """Taxi, cut after `max_steps` steps (None: never). In the rain a move goes straight with `rainy_probability`."""
    rules = {
        "is_rainy": is_rainy,
        "rainy_probability": rainy_probability,
        "fickle_passenger": fickle_passenger,
        "fickle_probability": fickle_probability,
    }
    spec = EnvSpec(id="TaxiLLM-v4", entry_point=TaxiLLM, reward_threshold=8, max_episode_steps=max_steps, kwargs=rules)
    return gymnasium.make(spec, render_mode=render_mode, disable_env_checker=True)

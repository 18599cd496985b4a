"""LunarLander-v3 described in words for a language model (gym-llm's LunarLanderLLM)."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.envs.box2d.lunar_lander import LunarLander
from gymnasium.envs.registration import EnvSpec
from numpy.typing import NDArray

Observation = dict[str, NDArray[Any]]

GOAL = """\
Land the lander softly and upright on the pad between the two flags, at x = 0 and y = 0. Fuel is unlimited.
It starts at the top centre (x near 0, y near 1.4) with a random push. Each action lasts one frame. The main engine
pushes along the lander's upward axis: upright it brakes the fall, tilted it also pushes towards the side of the tilt.
The left engine pushes to the left and turns the lander to the left (its angle grows); the right engine pushes to the
right and turns it to the right (its angle falls).{wind}
Rewards: each step earns for coming closer to the pad, for getting slower and for getting more upright, and costs for
the opposite; a leg that touches the ground earns 10 and loses it when it lifts off; a frame of the main engine costs
0.3 and of a side engine 0.03. Crashing or leaving the screen (x beyond -1 or 1) gives -100; coming to rest on the
ground gives +100. Both end the episode. A return of 200 counts as solved."""

LIMITS = {
    "lander_cartesian": np.array([2.5, 2.5, 10.0, 10.0], dtype=np.float32),
    "lander_angular": np.array([2 * np.pi, 10.0], dtype=np.float32),
}


class LunarLanderLLM(LunarLander):
    """LunarLander-v3 with the state in three named groups, and the three methods that describe it."""

    def __init__(self, render_mode: str | None = None, **physics: Any) -> None:
        super().__init__(render_mode=render_mode, continuous=False, **physics)
        boxes = {name: spaces.Box(-limit, limit, dtype=np.float32) for name, limit in LIMITS.items()}
        self.observation_space = spaces.Dict({**boxes, "legs_contact": spaces.MultiBinary(2)})

    def step(self, action: int) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Fire an engine for one frame (1/50 s). `reset` takes its first observation from here, too."""
        state, reward, terminated, truncated, info = super().step(action)  # type: ignore[no-untyped-call]
        observation = {
            "lander_cartesian": state[:4],
            "lander_angular": state[4:6],
            "legs_contact": state[6:8].astype(np.int8),
        }
        return observation, float(reward), terminated, truncated, info

    def get_observation_schema(self) -> dict[str, dict[str, Any]]:
        """Meaning, type and size of each observation."""
        return {
            "lander_cartesian": {
                "description": "x, y, horizontal velocity, vertical velocity. x is 0 over the middle of the pad and "
                "grows to the right; y is 0 at the height of the pad and grows upwards; falling is negative",
                "type": "float",
                "size": 4,
            },
            "lander_angular": {
                "description": "Angle in radians (0 upright, positive tilted to the left) and angular velocity "
                "(positive turning to the left)",
                "type": "float",
                "size": 2,
            },
            "legs_contact": {
                "description": "Whether the left leg and the right leg touch the ground",
                "type": "bool",
                "size": 2,
            },
        }

    def get_action_schema(self) -> dict[int, str]:
        """Name of each action."""
        return {0: "nothing", 1: "left engine", 2: "main engine", 3: "right engine"}

    def get_goal_description(self) -> str:
        """Rules, rewards and end."""
        return GOAL.format(wind=" A wind blows that changes all the time." if self.enable_wind else "")


def make(
    render_mode: str | None = "rgb_array",
    max_steps: int | None = 80,
    *,
    gravity: float = -10.0,
    enable_wind: bool = False,
    wind_power: float = 15.0,
    turbulence_power: float = 1.5,
) -> gymnasium.Env[Observation, int]:
    """Lunar Lander, cut after `max_steps` steps (None: never).

    A landing takes 200 to 400 steps, so 80 measure the approach alone; Gymnasium's own limit is 1000.
    """
    physics = {
        "gravity": gravity,
        "enable_wind": enable_wind,
        "wind_power": wind_power,
        "turbulence_power": turbulence_power,
    }
    spec = EnvSpec(
        id="LunarLanderLLM-v3",
        entry_point=LunarLanderLLM,
        reward_threshold=200,
        max_episode_steps=max_steps,
        kwargs=physics,
    )
    return gymnasium.make(spec, render_mode=render_mode, disable_env_checker=True)

"""Simple rules that play Gymnasium's environments far better than chance, each with its source.

A rule is a function from an observation to a native action. Those that remember something start anew with each episode.
Environments that tell another's observations by name, as gym-llm's do, are played by the rule of that other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ldp_tui.agents.grid_rules import cliff_walking, frozen_lake, taxi
from ldp_tui.agents.native import changes_the_game, environment_id, numbers_of

if TYPE_CHECKING:
    import gymnasium

Rule = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Heuristic:
    """A rule of thumb for one family of environments."""

    idea: str
    """What it does, as the end of "…, to …"."""
    source: str
    start: Callable[[gymnasium.Env[Any, Any]], Rule]
    """The rule for one episode of an environment."""


def cart_pole(observation: Any) -> int:
    """Push right (1) when the pole leans or falls right, with a slight pull back to the centre of the track."""
    position, velocity, angle, spin = (float(part) for part in observation)
    return int(angle + 0.25 * spin + 0.02 * position + 0.06 * velocity > 0)


def mountain_car(observation: Any) -> int:
    """Push right (2) inside a band of positions and velocities, otherwise left (0)."""
    position, velocity = (float(part) for part in observation)
    lower = min(-0.09 * (position + 0.25) ** 2 + 0.03, 0.3 * (position + 0.9) ** 4 - 0.008)
    upper = -0.07 * (position + 0.38) ** 2 + 0.07
    return 2 if lower < velocity < upper else 0


def mountain_car_continuous(observation: Any) -> Any:
    """Half force in the direction of motion: every step adds energy, and force is what costs reward."""
    return np.array([0.5 if observation[1] >= 0 else -0.5], dtype=np.float32)


def acrobot(observation: Any) -> int:
    """Torque (0: −1, 2: +1) along the spin of the joint, which always adds energy."""
    return 2 if observation[5] > 0 else 0


def pendulum(observation: Any) -> Any:
    """Bring the energy to that of the upright rest; near it, balance by a proportional-derivative law (−2…2)."""
    cosine, sine, spin = (float(part) for part in observation)
    if cosine > 0.85:
        torque = -10.0 * math.atan2(sine, cosine) - 2.0 * spin
    else:
        missing = 5.0 - (spin * spin / 6.0 + 5.0 * cosine)  # joules, with Gymnasium's m = l = 1 and g = 10
        torque = math.copysign(2.0 * missing, missing * spin)
    return np.array([max(-2.0, min(2.0, torque))], dtype=np.float32)


def blackjack(observation: Any) -> int:
    """Hit (1) below 17, as the dealer must."""
    return int(numbers_of(observation)[0] < 17)


def _lunar_lander(gym_env: gymnasium.Env[Any, Any]) -> Rule:
    from gymnasium.envs.box2d.lunar_lander import heuristic

    def rule(observation: Any) -> Any:
        if isinstance(observation, Mapping):
            observation = np.concatenate([np.ravel(part) for part in observation.values()])
        action = heuristic(gym_env, observation)  # type: ignore[no-untyped-call]
        return action.astype(np.float32) if isinstance(action, np.ndarray) else int(action)

    return rule


def _bipedal_walker(_gym_env: gymnasium.Env[Any, Any]) -> Rule:
    from gymnasium.envs.box2d.bipedal_walker import BipedalWalkerHeuristics

    walker = BipedalWalkerHeuristics()
    walker.a = np.zeros(4)  # the class shares one array among all walkers
    return lambda observation: np.asarray(walker.step_heuristic(observation), np.float32)  # type: ignore[no-untyped-call]


def _stateless(rule: Rule) -> Callable[[gymnasium.Env[Any, Any]], Rule]:
    return lambda _gym_env: rule


_LANDER = Heuristic(
    "steer towards the pad and slow the fall", "gymnasium.envs.box2d.lunar_lander.heuristic", _lunar_lander
)
_WALKER = Heuristic(
    "step from one leg to the other", "gymnasium.envs.box2d.bipedal_walker.BipedalWalkerHeuristics", _bipedal_walker
)
_POLE = Heuristic("push under the falling pole", "a linear state-feedback law", _stateless(cart_pole))

_BLACKJACK = Heuristic("play as the dealer does, who draws below 17", "the house rules", _stateless(blackjack))
_LAKE = Heuristic("take the shortest way past the holes as if the ice held", "breadth-first search", frozen_lake)
_CLIFF = Heuristic("keep one row away from the cliff", "the safe path of Sutton and Barto, example 6.6", cliff_walking)
_TAXI = Heuristic("change columns in the middle row, which has no walls", "the map of the city", taxi)

HEURISTICS: dict[str, Heuristic] = {
    "Acrobot-v1": Heuristic("swing along with the joint", "energy pumping", _stateless(acrobot)),
    "BipedalWalker-v3": _WALKER,
    "Blackjack-v1": _BLACKJACK,
    "CartPole-v0": _POLE,
    "CartPole-v1": _POLE,
    "CliffWalking-v1": _CLIFF,
    "CliffWalkingSlippery-v1": _CLIFF,
    "FrozenLake-v1": _LAKE,
    "FrozenLake8x8-v1": _LAKE,
    "LunarLander-v3": _LANDER,
    "LunarLanderContinuous-v3": _LANDER,
    "MountainCar-v0": Heuristic(
        "gather speed inside a band", "closed-form policy of Z. Xiao's rl-book", _stateless(mountain_car)
    ),
    "MountainCarContinuous-v0": Heuristic(
        "push along with the motion", "energy pumping at half force", _stateless(mountain_car_continuous)
    ),
    "Pendulum-v1": Heuristic(
        "swing up by energy, then balance", "Åström and Furuta, Automatica 36 (2000)", _stateless(pendulum)
    ),
    "Taxi-v4": _TAXI,
}

_BY_CLASS: Final = {"BlackjackEnv": _BLACKJACK, "LunarLander": _LANDER, "TaxiEnv": _TAXI}
"""For environments that tell these in other words, as gym-llm's do."""


def heuristic_for(gym_env: gymnasium.Env[Any, Any]) -> Heuristic | None:
    """The rule for an environment, or for what it is a variation of; None if there is none."""
    if (known := HEURISTICS.get(environment_id(gym_env))) is not None:
        return known
    if changes_the_game(gym_env):
        return None
    names = (kind.__name__ for kind in type(gym_env.unwrapped).__mro__)
    return next((_BY_CLASS[name] for name in names if name in _BY_CLASS), None)

"""Tabular Q-learning that learns a small Gymnasium environment by playing it for a few seconds."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from random import Random
from threading import Lock
from typing import TYPE_CHECKING, Any

from ldp_tui.agents.native import changes_the_game, environment_options, step_limit

if TYPE_CHECKING:
    import gymnasium

LONGEST_PRACTICE = 1000
"""Steps after which a practice episode is cut where the environment sets no limit."""

StateKey = int | tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to learn one family of environments."""

    episodes: int
    exploration: tuple[float, float]
    """Share of random actions in the first episode, and from 60% of them on."""
    memory: int
    """The learning rate of an action starts at 1 and goes as `memory / (memory + visits)`."""
    least_rate: float
    optimism: float = 0.0
    """Value of an action before it was tried; an optimistic one makes the learner try everything."""
    discount: float = 1.0


RECIPES: dict[str, Recipe] = {
    "BlackjackEnv": Recipe(episodes=200_000, exploration=(0.3, 0.3), memory=5, least_rate=0.0),
    "CliffWalkingEnv": Recipe(episodes=2_000, exploration=(0.1, 0.0), memory=20, least_rate=0.01),
    "FrozenLakeEnv": Recipe(
        episodes=10_000, exploration=(0.1, 0.0), memory=50, least_rate=0.01, optimism=1.0, discount=0.999
    ),
    "TaxiEnv": Recipe(episodes=5_000, exploration=(0.1, 0.0), memory=5, least_rate=0.1),
}
"""By class of the unwrapped environment."""


class QLearner:
    """Action values of one environment, learned a few episodes at a time.

    Several lanes may advance the same learner: it is guarded, and what it learns depends on its seed alone.
    """

    def __init__(self, env: Any, recipe: Recipe, *, limit: int, seed: int) -> None:
        """Learn on `env` (unwrapped), cutting episodes after `limit` steps."""
        self.recipe = recipe
        self.episodes = 0
        """Practice episodes played so far."""
        self._env, self._limit = env, limit
        self.actions = int(env.action_space.n)
        self._rng = Random(seed)
        self._values: dict[StateKey, list[float]] = {}
        self._visits: dict[StateKey, list[int]] = {}
        self._lock = Lock()
        env.reset(seed=seed)

    @property
    def progress(self) -> float:
        """Share of the practice that is done, 0…1."""
        return self.episodes / self.recipe.episodes

    @property
    def done(self) -> bool:
        """Whether the practice is over."""
        return self.episodes >= self.recipe.episodes

    def advance(self, episodes: int) -> float:
        """Play up to `episodes` more practice episodes, fewer if the practice ends; returns the progress."""
        with self._lock:
            for _ in range(min(episodes, self.recipe.episodes - self.episodes)):
                self._play()
                self.episodes += 1
            return self.progress

    def action_values(self, observation: Any) -> list[float] | None:
        """Learned value of each action; None if the observation never came up."""
        values = self._values.get(state_key(observation))
        return None if values is None else list(values)

    def _play(self) -> None:
        recipe, rng, step = self.recipe, self._rng, self._env.step
        first, last = recipe.exploration
        exploration = first + (last - first) * min(1.0, self.progress / 0.6)
        observation, _ = self._env.reset()
        values, visits = self._entry(observation)
        for _ in range(self._limit):
            explore = rng.random() < exploration
            action = rng.randrange(self.actions) if explore else values.index(max(values))
            observation, reward, terminated, _, _ = step(action)
            following, following_visits = self._entry(observation)
            target = reward if terminated else reward + recipe.discount * max(following)
            rate = max(recipe.least_rate, recipe.memory / (recipe.memory + visits[action]))
            values[action] += rate * (target - values[action])
            visits[action] += 1
            if terminated:
                return
            values, visits = following, following_visits

    def _entry(self, observation: StateKey) -> tuple[list[float], list[int]]:
        values = self._values.get(observation)
        if values is None:
            values = self._values[observation] = [self.recipe.optimism] * self.actions
            self._visits[observation] = [0] * self.actions
        return values, self._visits[observation]


def state_key(observation: Any) -> StateKey:
    """An observation as a key: a whole number, or a tuple of them."""
    return tuple(int(part) for part in observation) if isinstance(observation, Iterable) else int(observation)


def learner_for(gym_env: gymnasium.Env[Any, Any], *, seed: int, episodes: int | None = None) -> QLearner | None:
    """The process's learner for environments with the settings of `gym_env`; None where no recipe fits.

    It practises on an environment of its own, so that the episode being played is not touched. `episodes` replaces the
    recipe's number.
    """
    family = type(gym_env.unwrapped).__name__
    if family not in RECIPES or gym_env.spec is None or changes_the_game(gym_env):
        return None
    options = dict(environment_options(gym_env))
    if family == "FrozenLakeEnv":  # a map may have been drawn at random
        options["desc"] = ["".join(cell.decode() for cell in row) for row in gym_env.unwrapped.desc]  # type: ignore[attr-defined]
    limit = step_limit(gym_env) or LONGEST_PRACTICE
    return _learner(gym_env.spec.id, json.dumps(options, sort_keys=True), limit, seed, episodes)


@lru_cache(maxsize=16)
def _learner(env_id: str, options: str, limit: int, seed: int, episodes: int | None) -> QLearner:
    import gymnasium

    env = gymnasium.make(env_id, **json.loads(options)).unwrapped
    recipe = RECIPES[type(env).__name__]
    if episodes is not None:
        recipe = replace(recipe, episodes=episodes)
    return QLearner(env, recipe, limit=limit, seed=seed)

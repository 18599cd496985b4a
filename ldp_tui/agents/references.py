"""Reference returns of an environment, computed from its rules, to print beside what players reached."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ldp_tui.agents.known_games import KnownGame, known_game
from ldp_tui.agents.native import step_limit
from ldp_tui.agents.planning import PlanningError, evaluate, solve, uniform

if TYPE_CHECKING:
    import gymnasium


@dataclass(frozen=True, slots=True)
class Reference:
    """The expected return of a reference player."""

    name: str
    """`random`, `mask-random` or `optimal`."""
    value: float
    how: Literal["exact", "measured"]
    n: int | None = None
    """Episodes behind a measured value."""
    ci95: tuple[float, float] | None = None
    """Bounds of a measured value's 95% confidence interval."""


def reference_values(env_id: str, kwargs: Mapping[str, Any], max_steps: int | None) -> list[Reference]:
    """What exact computation gives for the Gymnasium environment `env_id`, made with `kwargs`.

    `max_steps` cuts episodes in addition to the environment's own limit, which `kwargs` may replace as
    `max_episode_steps` (-1: no limit). The list is empty where the rules are not known, and for FrozenLake on a map
    that every environment draws anew.
    """
    import gymnasium

    if "map_name" in kwargs and kwargs["map_name"] is None and kwargs.get("desc") is None:
        return []
    env = gymnasium.make(env_id, **{**kwargs, "render_mode": None})
    try:
        return reference_values_of(env, max_steps=max_steps)
    finally:
        env.close()


def reference_values_of(gym_env: gymnasium.Env[Any, Any], *, max_steps: int | None = None) -> list[Reference]:
    """The references of an environment that exists already, whatever its map; empty where the rules are not known."""
    game = known_game(gym_env)
    if game is None:
        return []
    horizon = shorter(step_limit(gym_env), max_steps)
    return [Reference(name, value, "exact") for name, value in _exact(game, horizon).items()]


def shorter(one: int | None, other: int | None) -> int | None:
    """The tighter of two step limits, of which either may be missing."""
    limits = [limit for limit in (one, other) if limit is not None]
    return min(limits, default=None)


def _exact(game: KnownGame, horizon: int | None) -> dict[str, float]:
    """Expected returns by player, without those that are not finite."""
    table = game.table
    players: dict[str, Callable[[], float]] = {"random": lambda: evaluate(table, uniform(table), horizon=horizon)}
    if (legal_policy := game.legal_policy) is not None:
        players["mask-random"] = lambda: evaluate(table, legal_policy, horizon=horizon)
    players["optimal"] = lambda: solve(table, horizon=horizon).value
    values: dict[str, float] = {}
    for name, compute in players.items():
        with suppress(PlanningError):
            values[name] = compute()
    return values

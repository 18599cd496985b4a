"""What a player needs to know about one kind of Gymnasium environment, as a record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gymnasium import spaces

from ldp_tui.adapters.space_text import Describe


@dataclass(frozen=True, slots=True)
class Ending:
    """How an episode ended: the unwrapped environment, both flags' worth in `terminated`, last reward and return."""

    env: Any
    terminated: bool
    last_reward: float
    return_: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Words, rules and keys for all environments of one class. Empty fields are filled in from the spaces."""

    goal: Callable[[Any], str]
    """Rules and rewards as text, from the unwrapped environment (its arguments change the rules)."""
    actions: tuple[str, ...] = ()
    """Names of the elements of a Discrete action space."""
    components: tuple[str, ...] = ()
    """Names of the entries of a Box action."""
    variables: tuple[str, ...] = ()
    """Names of the entries of a Box observation."""
    observes: type[spaces.Space[Any]] = spaces.Space
    """Kind of observation space that `observe` and `variables` are about."""
    observe: Callable[[Any], Describe] | None = None
    """Builds the observation's text from the unwrapped environment; None: by `variables` or the space."""
    keys: Mapping[str, Any] = field(default_factory=dict)
    """Textual key name to action, as a player would write it."""
    idle: tuple[Any, ...] = ()
    """What happens in real time while no key is held, in turn; empty: the environment waits for its player."""
    success: Callable[[Ending], bool] | None = None
    """Whether a finished episode reached the goal; None: by the reward threshold."""

"""Looking into an episode from inside the process that plays it: the objects behind what its events tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from ldp_tui.core.errors import Phase
from ldp_tui.core.messages import Message
from ldp_tui.core.tools import Tool


class Watcher(Protocol):
    """Called by `rollout` between the phases of an episode, with the objects themselves: they are not to be changed.

    What a method raises is no failure of the agent or the environment: it ends the rollout and reaches who iterates it.
    """

    async def after_reset(self, observation: Sequence[Message], tools: Sequence[Tool]) -> None:
        """The environment was reset."""

    async def after_init_state(self, agent_state: Any) -> None:
        """The agent has its first state."""

    async def before_decision(self, agent_state: Any, observation: Sequence[Message]) -> None:
        """The agent is going to choose."""

    async def after_decision(self, action: Any, agent_state: Any, value: float) -> None:
        """The agent chose `action`, the node that `get_asv` returned; the environment comes next."""

    def failed(self, error: Exception, phase: Phase) -> None:
        """Something raised `error` in this phase; `EpisodeEnded` follows and tells whose failure it is."""

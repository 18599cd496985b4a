"""Optimizers: what learns from trajectories without touching a model's weights."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from ldp_tui.alg.optimizer.ape import APEOpt, APEScoreFn
from ldp_tui.alg.optimizer.memory import MemoryFactory, MemoryOpt, PositiveMemoryOpt
from ldp_tui.alg.optimizer.opt import ChainedOptimizer, Optimizer
from ldp_tui.alg.optimizer.parts import ops_of
from ldp_tui.core.agent import Agent
from ldp_tui.core.errors import UnknownName
from ldp_tui.graph import PromptOp
from ldp_tui.models import MemoryOp

__all__ = [
    "APEOpt",
    "APEScoreFn",
    "ChainedOptimizer",
    "MemoryFactory",
    "MemoryOpt",
    "Optimizer",
    "OptimizerConfig",
    "PositiveMemoryOpt",
    "default_optimizer_factory",
]

_BY_NAME: Final[dict[str, type[MemoryOpt | APEOpt]]] = {
    kind.__name__: kind for kind in (MemoryOpt, PositiveMemoryOpt, APEOpt)
}


class OptimizerConfig(BaseModel):
    """An optimizer as an entry of a configuration file."""

    model_config = ConfigDict(extra="forbid")

    optimizer_type: str | None = Field(
        default=None, description="MemoryOpt, PositiveMemoryOpt, APEOpt; None: by agent."
    )
    optimizer_kwargs: dict[str, Any] = Field(default_factory=dict, description="Arguments of the optimizer.")

    def make(self, agent: Agent[Any]) -> Optimizer:
        """The optimizer for this agent."""
        return default_optimizer_factory(agent, self.optimizer_type, **self.optimizer_kwargs)


def default_optimizer_factory(
    agent: Agent[Any], optimizer_cls: str | type[Optimizer] | None = None, **optimizer_kwargs: Any
) -> Optimizer:
    """An optimizer for the ops that the agent has: MemoryOpt where it has a memory, else APEOpt where it has a prompt.

    Args:
        agent: Made of ops.
        optimizer_cls: A class with `from_agent`, or the name of one of those here.
        optimizer_kwargs: For the optimizer.

    Raises:
        UnknownName: For a name that is none of them.
        TypeError: If the agent has no op that the optimizer could work on, or several.
    """
    if isinstance(optimizer_cls, str):
        if optimizer_cls not in _BY_NAME:
            raise UnknownName("optimizer", optimizer_cls, _BY_NAME)
        optimizer_cls = _BY_NAME[optimizer_cls]
    if optimizer_cls is None:
        if ops_of(agent, MemoryOp):
            optimizer_cls = MemoryOpt
        elif ops_of(agent, PromptOp):
            optimizer_cls = APEOpt
        else:
            raise TypeError(f"{type(agent).__name__} has neither a memory nor a prompt to optimize.")
    from_agent = getattr(optimizer_cls, "from_agent", None)
    if from_agent is None:
        raise TypeError(f"{optimizer_cls.__name__} has no from_agent; make it yourself.")
    made: Optimizer = from_agent(agent, **optimizer_kwargs)
    return made

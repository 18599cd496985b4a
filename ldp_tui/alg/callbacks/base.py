"""The thirteen moments of a run that callbacks hear of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Literal

from ldp_tui.core.agent import Agent
from ldp_tui.core.environment import Environment
from ldp_tui.core.messages import Message
from ldp_tui.core.tools import Tool
from ldp_tui.core.trajectory import Trajectory, Transition


class Callback:
    """Hears of a run. Methods that are not overridden cost nothing.

    In a rollout, in this order, where `traj_id` names the trajectory (in a tree search: the branch):

        before_rollout
        env.reset()
        after_env_reset
        agent.init_state()
        after_agent_init_state
        for each step:
            before_transition
            agent.get_asv()
            after_agent_get_asv
            env.step()
            after_env_step
            after_transition            # also for the step in which something failed
        env.close()
        after_rollout

    An evaluation adds `before_eval_loop`, `after_eval_step` for each batch, `after_eval_loop`; a training adds
    `after_update` for each update of the optimizer and `after_train_step` for each batch.

    Messages are copies: changing them changes no record. What a callback raises ends the run and reaches its caller.
    Several callbacks are called one after the other, in their order.
    """

    async def before_rollout(self, traj_id: str, env: Environment[Any]) -> None:
        """A rollout begins."""

    async def after_env_reset(self, traj_id: str, obs: list[Message], tools: list[Tool]) -> None:
        """The environment was reset."""

    async def after_agent_init_state(self, traj_id: str, init_state: Any) -> None:
        """The agent has its first state."""

    async def before_transition(
        self, traj_id: str, agent: Agent[Any], env: Environment[Any], agent_state: Any, obs: list[Message]
    ) -> None:
        """The agent is going to choose."""

    async def after_agent_get_asv(self, traj_id: str, action: Any, next_agent_state: Any, value: float) -> None:
        """The agent chose; `action.value` is the message."""

    async def after_env_step(self, traj_id: str, obs: list[Message], reward: float, done: bool, trunc: bool) -> None:
        """The environment carried the action out."""

    async def after_transition(
        self, traj_id: str, agent: Agent[Any], env: Environment[Any], transition: Transition
    ) -> None:
        """The step is complete; `transition.failed` tells of a failure."""

    async def after_rollout(self, traj_id: str, agent: Agent[Any], env: Environment[Any]) -> None:
        """The rollout is over, however it ended, and its environment closed."""

    async def before_eval_loop(self) -> None:
        """An evaluation begins."""

    async def after_eval_step(self, trajectories: Sequence[Trajectory]) -> None:
        """A batch was evaluated."""

    async def after_eval_loop(self) -> None:
        """The evaluation is over."""

    async def after_train_step(self, trajectories: Sequence[Trajectory]) -> None:
        """A batch was trained on."""

    async def after_update(self) -> None:
        """The optimizer was updated."""


Hook = Literal[
    "before_rollout",
    "after_env_reset",
    "after_agent_init_state",
    "before_transition",
    "after_agent_get_asv",
    "after_env_step",
    "after_transition",
    "after_rollout",
    "before_eval_loop",
    "after_eval_step",
    "after_eval_loop",
    "after_train_step",
    "after_update",
]


class Hooks:
    """The methods that callbacks override, by hook."""

    def __init__(self, callbacks: Iterable[Callback]) -> None:
        self._callbacks = tuple(callbacks)
        self._methods: dict[str, tuple[Callable[..., Awaitable[None]], ...]] = {}

    def __getitem__(self, hook: Hook) -> tuple[Callable[..., Awaitable[None]], ...]:
        """Methods to call at `hook`; empty if nobody listens."""
        methods = self._methods.get(hook)
        if methods is None:
            overriding = (c for c in self._callbacks if getattr(type(c), hook, None) is not getattr(Callback, hook))
            methods = self._methods[hook] = tuple(getattr(callback, hook) for callback in overriding)
        return methods

    async def call(self, hook: Hook, *arguments: Any) -> None:
        """Call everyone who listens."""
        for method in self[hook]:
            await method(*arguments)

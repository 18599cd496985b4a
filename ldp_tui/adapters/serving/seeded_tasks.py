"""One environment as a task dataset: its tasks are its seeds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ldp_tui.core.environment import Environment, Frame, Picture
from ldp_tui.core.messages import Message
from ldp_tui.core.tasks import TaskDataset
from ldp_tui.core.tool_calls import Messages
from ldp_tui.core.tools import Tool
from ldp_tui.engine.episode import task_id_of
from ldp_tui.engine.reset import reset_environment


class SeededTask(Environment[Any]):
    """`env`, whose resets use `seed` unless another one is given. Its task is named `seed N` where it has no name."""

    def __init__(self, env: Environment[Any], seed: int | None = None) -> None:
        self.env, self.seed = env, seed
        self.tools = []

    async def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Messages, list[Tool]]:
        """Begin the episode of `seed`, or of the task's own."""
        seed = self.seed if seed is None else seed
        messages, self.tools = await reset_environment(self.env, seed=seed, options=options)
        return messages, list(self.tools)

    async def step(self, action: Message) -> tuple[Messages, float, bool, bool]:
        """The environment's step."""
        taken = await self.env.step(action)
        self.tools = self.env.tools
        return taken

    async def on_abort(self) -> None:
        """Stop what the environment has under way."""
        await self.env.on_abort()

    async def close(self) -> None:
        """Close the environment."""
        await self.env.close()

    async def get_id(self) -> str:
        """The task's name, or its seed."""
        name = await task_id_of(self.env)
        if name is not None:
            return name
        if self.seed is None:
            raise NotImplementedError("This task has neither a name nor a seed.")
        return f"seed {self.seed}"

    def export_frame(self) -> Frame:
        """The environment's frame."""
        return self.env.export_frame()

    def render(self) -> Picture | str | None:
        """What the environment shows."""
        return self.env.render()

    def info(self) -> dict[str, Any]:
        """What the environment tells."""
        return self.env.info()

    def legal_actions(self) -> list[dict[str, Any]] | None:
        """What the environment allows."""
        return self.env.legal_actions()

    def success(self) -> bool | None:
        """Whether the episode succeeded."""
        return self.env.success()


class SeededTaskDataset(TaskDataset[SeededTask]):
    """Task i is the environment that `make` makes, reset with seed i; `size` is None for tasks without end.

    `get_new_env` leaves the seed to whoever resets; `get_new_env_by_args` takes `seed`.
    """

    def __init__(self, make: Callable[[], Environment[Any]], *, size: int | None = None) -> None:
        self._make, self._size = make, size

    def __len__(self) -> int:
        return super().__len__() if self._size is None else self._size

    def get_new_env_by_idx(self, idx: int) -> SeededTask:
        """Environment of seed `idx`; IndexError outside a finite dataset."""
        if idx < 0 or (self._size is not None and idx >= self._size):
            raise IndexError(f"There is no task {idx}; tasks are numbered from 0{self._last()}.")
        return SeededTask(self._make(), idx)

    def get_new_env(self) -> SeededTask:
        """Environment whose seed the reset gives; none is drawn here."""
        return SeededTask(self._make())

    def get_new_env_by_args(self, *, seed: int) -> SeededTask:  # type: ignore[override]  # the arguments it takes
        """Environment of a seed."""
        return self.get_new_env_by_idx(seed)

    def _last(self) -> str:
        return "" if self._size is None else f" to {self._size - 1}"

"""Our environments and tasks for code that is written for aviary: its rollouts, its servers, its trainers.

RolloutManager(agent).sample_trajectories(environments=[to_aviary(Blackjack(), seed=3)])
TaskDatasetServer(tasks_to_aviary(Blackjack, size=100), port=8041).start()
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ldp_tui.adapters import aviary_core as aviary
from ldp_tui.adapters.aviary_messages import message_from_aviary, messages_to_aviary, tool_to_aviary
from ldp_tui.adapters.serving.seeded_tasks import SeededTask, SeededTaskDataset
from ldp_tui.core.environment import Environment
from ldp_tui.core.tasks import TaskDataset
from ldp_tui.engine.reset import reset_environment


class LdpTuiEnvironment(aviary.Environment[None]):
    """`environment` as aviary sees it. Every reset uses `seed` and `options`, which aviary has no words for."""

    def __init__(
        self, environment: Environment[Any], *, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> None:
        self.environment = environment
        self.seed = seed
        self.options = options
        self.state = None
        self.tools = []

    async def reset(self) -> tuple[aviary.Messages, list[aviary.Tool]]:
        """Start the episode of the seed; lists and messages are the caller's."""
        options = None if self.options is None else dict(self.options)
        messages, tools = await reset_environment(self.environment, seed=self.seed, options=options)
        self.tools = [tool_to_aviary(tool) for tool in tools]
        return [*messages_to_aviary(messages)], list(self.tools)

    async def step(self, action: aviary.Message) -> tuple[aviary.Messages, float, bool, bool]:
        """Carry out the agent's message; the reward is that of this step alone."""
        messages, reward, done, truncated = await self.environment.step(message_from_aviary(action))
        return [*messages_to_aviary(messages)], float(reward), done, truncated

    async def close(self) -> None:
        """Close the environment."""
        await self.environment.close()

    def export_frame(self) -> aviary.Frame:
        """The environment's frame; where that is empty, the text it shows to a person."""
        frame = self.environment.export_frame()
        shown = self.environment.render() if frame.state is None else None
        return aviary.Frame(state=shown if isinstance(shown, str) else frame.state, info=frame.info)

    async def get_id(self) -> str:
        """The task's identifier, with the seed that makes the episode."""
        name = await self.environment.get_id()
        return name if self.seed is None else f"{name},seed={self.seed}"


def to_aviary(
    environment: Environment[Any], *, seed: int | None = None, options: Mapping[str, Any] | None = None
) -> LdpTuiEnvironment:
    """`environment` as an environment of aviary's; see `LdpTuiEnvironment`."""
    return LdpTuiEnvironment(environment, seed=seed, options=options)


class LdpTuiTasks(aviary.TaskDataset[LdpTuiEnvironment]):
    """`tasks` as a task dataset of aviary's."""

    def __init__(self, tasks: TaskDataset[Any]) -> None:
        self.tasks = tasks

    def __len__(self) -> int:
        return len(self.tasks)

    def __bool__(self) -> bool:
        return True

    def get_new_env_by_idx(self, idx: int) -> LdpTuiEnvironment:
        """Environment of task number `idx`."""
        return _played(self.tasks.get_new_env_by_idx(idx))

    def get_new_env(self) -> LdpTuiEnvironment:
        """Environment of the next task."""
        return _played(self.tasks.get_new_env())

    def get_new_env_by_args(self, **kwargs: Any) -> LdpTuiEnvironment:
        """Environment of the task that `kwargs` describe."""
        return _played(self.tasks.get_new_env_by_args(**kwargs))


def tasks_to_aviary(
    source: TaskDataset[Any] | Callable[[], Environment[Any]], *, size: int | None = None
) -> LdpTuiTasks:
    """A task dataset of aviary's: of our own one, or of the seeds of the environment that `source` makes.

    Of seeds there are `size`, or no end of them (None); see `SeededTaskDataset`.
    """
    return LdpTuiTasks(source if isinstance(source, TaskDataset) else SeededTaskDataset(source, size=size))


def _played(task: Environment[Any]) -> LdpTuiEnvironment:
    return to_aviary(task.env, seed=task.seed) if isinstance(task, SeededTask) else to_aviary(task)

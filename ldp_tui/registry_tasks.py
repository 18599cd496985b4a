"""Anything that the registry names, as a task dataset: for servers, trainers and evaluators."""

from __future__ import annotations

from ldp_tui.adapters.serving.seeded_tasks import SeededTaskDataset
from ldp_tui.registry import make_environment


class RegistryTaskDataset(SeededTaskDataset):
    """Task i is the environment `text` (`NAME[,key=value…]`) with seed i; `size` is None for tasks without end.

    Raises:
        UsageError: If there is no such environment, when its first task is made.
    """

    def __init__(self, text: str, *, size: int | None = None) -> None:
        super().__init__(lambda: make_environment(text)[0], size=size)
        self.text = text

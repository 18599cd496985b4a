"""A progress bar with time left on stderr; nothing where stderr is no terminal."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

from ldp_tui.engine.campaign import EpisodeResult


class Progress:
    """Counts ended episodes of `total` and shows the mean return so far."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._sum = 0.0
        self._shown = sys.stderr.isatty()

    def __enter__(self) -> Self:
        if self._shown:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
            self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
            self._bar.start()
            self._task = self._bar.add_task("", total=self._total)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._shown:
            self._bar.stop()

    def advance(self, result: EpisodeResult) -> None:
        """One more episode has ended."""
        self._done += 1
        self._sum += result.return_
        if self._shown:
            self._bar.update(self._task, advance=1, description=f"mean return {self._sum / self._done:.3f}")

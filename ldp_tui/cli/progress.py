"""A progress bar with time left on stderr; nothing where stderr is no terminal."""

from __future__ import annotations

import math
import sys
import threading
from types import TracebackType
from typing import Self

from ldp_tui.cli.output import say
from ldp_tui.engine.campaign import EpisodeResult

PATIENCE_S = 10.0
"""Seconds without an ended episode after which the step limit is pointed out."""


class Progress:
    """Counts ended episodes of `total` and shows the mean return so far."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._sum = 0.0
        self._scored = 0
        self._shown = sys.stderr.isatty()
        self._reminder = threading.Timer(PATIENCE_S, _remind)
        self._reminder.daemon = True

    def __enter__(self) -> Self:
        self._reminder.start()
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
        self._reminder.cancel()
        if self._shown:
            self._bar.stop()

    def advance(self, result: EpisodeResult) -> None:
        """One more episode has ended."""
        self._reminder.cancel()
        if math.isfinite(result.return_):
            self._scored += 1
            self._sum += result.return_
        if self._shown:
            mean = f"mean return {self._sum / self._scored:.3f}" if self._scored else ""
            self._bar.update(self._task, advance=1, description=mean)


def _remind() -> None:
    say(f"No episode has ended in {PATIENCE_S:.0f} s; Ctrl-C stops, and --max-steps N cuts episodes after N steps.")

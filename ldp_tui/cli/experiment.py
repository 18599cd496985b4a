"""`ldp-tui run FILE.yaml`: a whole experiment, or what is left of it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ldp_tui.cli import OK, PROBLEMS
from ldp_tui.cli.narrate import Narrator
from ldp_tui.cli.output import counted, emit, emit_json, number, say, table

if TYPE_CHECKING:
    from rich.table import Table

    from ldp_tui.experiments.plan import Plan
    from ldp_tui.experiments.runner import CellState
    from ldp_tui.experiments.summary import Summary
    from ldp_tui.store.reader import Reader

_HERTZ = 4


def run_file(
    file: Path,
    *,
    players: tuple[str, ...] = (),
    episodes: int | None = None,
    jobs: int | None = None,
    again: bool = False,
    as_json: bool = False,
    database: Path | None = None,
) -> int:
    """Play the experiment in `file`, or its variation with other players or more runs, taking up what was left of it.

    Returns the exit status.
    """
    from ldp_tui.experiments.config import load_experiment
    from ldp_tui.experiments.plan import plan
    from ldp_tui.experiments.runner import LimitReached, begin, play_experiment
    from ldp_tui.store import connect_writer, default_path
    from ldp_tui.store.reader import Reader

    experiment = load_experiment(file).varied(players=players, num_runs=episodes, jobs=jobs)
    path = default_path(database)
    stopped = ""
    with connect_writer(path) as writer, Reader(path) as reader:
        chosen = plan(experiment, reader, again=again)
        states = begin(chosen, reader)
        _say_what_is_left(states)
        with _shown(states) as refresh:
            try:
                for ended in play_experiment(chosen, states, writer, path):
                    refresh()
                    if experiment.experiment.verbose:
                        _narrate(reader, ended.result.uid)
            except LimitReached as error:
                stopped = str(error)
    summaries = _summaries(chosen, states, path)
    _write_summary(chosen.folder, summaries)
    if as_json:
        emit_json({"folder": str(chosen.folder), "stopped": stopped or None, "cells": [s.as_json() for s in summaries]})
    else:
        _print(chosen, summaries)
    if stopped:
        say(f"{stopped} The same command takes the experiment up again.")
    return PROBLEMS if stopped or any(summary.failures for summary in summaries) else OK


def _say_what_is_left(states: list[CellState]) -> None:
    taken = sum(state.taken_over for state in states)
    total = sum(len(state.cell.seeds) for state in states)
    if taken == total:
        say(f"All {counted(total, 'episode')} are recorded already; --again plays them anew.")
    elif taken:
        say(f"Taken up: {counted(taken, 'episode')} of {total:,} are recorded already.")


@contextmanager
def _shown(states: list[CellState]) -> Iterator[Any]:
    """A live table on stderr; nothing but a line for each finished cell where that is no terminal."""
    if not sys.stderr.isatty():
        told = {id(state) for state in states if state.complete}

        def tell() -> None:
            for state in states:
                if state.complete and id(state) not in told:
                    told.add(id(state))
                    say(f"{state.cell.environment}, {state.cell.player}: {counted(len(state.results), 'episode')}.")

        yield tell
        return
    from rich.console import Console
    from rich.live import Live

    started = time.monotonic()
    with Live(
        get_renderable=lambda: _progress_table(states, time.monotonic() - started),
        console=Console(stderr=True),
        refresh_per_second=_HERTZ,
        transient=True,
    ):
        yield lambda: None


def _progress_table(states: list[CellState], seconds: float) -> Table:
    from rich.table import Table

    shown = Table(box=None, pad_edge=False)
    for title in ("environment", "player"):
        shown.add_column(title)
    for title in ("episodes", "return", "success", "cost $"):
        shown.add_column(title, justify="right")
    shown.add_column("left", justify="right")
    for state in states:
        done, total = len(state.results), len(state.cell.seeds)
        new = done - state.taken_over
        left = "done" if state.complete else "" if not new else _clock(state.seconds / new * (total - done))
        returns = [result.return_ for result in state.results]
        known = [result.success for result in state.results if result.success is not None]
        shown.add_row(
            state.cell.environment,
            state.cell.player,
            f"{done:,} of {total:,}",
            number(sum(returns) / len(returns)) if returns else "–",
            f"{sum(known) / len(known):.1%}" if known else "–",
            f"{state.cost_usd:.4f}" if state.cost_usd else "–",
            left,
        )
    shown.caption = f"{_clock(seconds)} so far"
    return shown


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"


def _narrate(reader: Reader, uid: str) -> None:
    from ldp_tui.engine.replay import replay

    narrator = Narrator()
    for event in replay(reader, uid, pictures=False):
        for line in narrator.lines(event):
            say(line)


def _summaries(chosen: Plan, states: list[CellState], path: Path) -> list[Summary]:
    from ldp_tui.experiments.summary import summarise
    from ldp_tui.experiments.workers import CampaignSpec

    block = chosen.experiment.experiment
    return [
        summarise(
            CampaignSpec(
                state.cell.environment, state.cell.player, str(path), state.cell.run_uid, max_steps=block.max_steps
            ),
            state.results,
            seed=min(state.cell.seeds),
            seconds=state.seconds,
            baselines=block.baselines,
        )
        for state in states
        if state.results
    ]


def _print(chosen: Plan, summaries: list[Summary]) -> None:
    rows: list[tuple[str, ...]] = []
    for environment in dict.fromkeys(summary.environment for summary in summaries):
        here = [summary for summary in summaries if summary.environment == environment]
        lines = [summary.player_row() for summary in here]
        for row in (row for summary in here for row in summary.baseline_rows()):
            if row[0].split(" ")[0] not in {line[0].split(" ")[0] for line in lines}:
                lines.append(row)
        rows += [(environment if at == 0 else "", *line) for at, line in enumerate(lines)]
    table(("environment", "player", "n", "return", "± 95%", "success", "steps"), rows, right=(2, 3, 4, 5, 6))
    emit()
    emit(f"Results: {chosen.folder}")
    for summary in summaries:
        for reason, count in summary.failure_reasons.items():
            say(f"{summary.environment}, {summary.agent}: {counted(count, 'episode')} failed: {reason}")


def _write_summary(folder: Path, summaries: list[Summary]) -> None:
    """summary.json beside gym-llm's files: what is printed, for programs."""
    import orjson

    from ldp_tui.datasets.files import whole_file

    folder.mkdir(parents=True, exist_ok=True)
    with whole_file(folder / "summary.json") as file:
        file.write(orjson.dumps([summary.as_json() for summary in summaries], option=orjson.OPT_INDENT_2))

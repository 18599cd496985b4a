"""Plays what an experiment still lacks, and writes its files as episodes end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ldp_tui.core.errors import LdpTuiError
from ldp_tui.datasets.film import NoPictures
from ldp_tui.datasets.gym_llm import ResultFolder
from ldp_tui.engine.campaign import EpisodeResult
from ldp_tui.engine.rows import end_reason
from ldp_tui.experiments.plan import Cell, Plan, marker, played
from ldp_tui.experiments.workers import CampaignSpec, check_playable, play_campaign, run_budget
from ldp_tui.models.budget import Budget
from ldp_tui.store.reader import Reader
from ldp_tui.store.results import EpisodeSummary
from ldp_tui.store.writer import Writer


class LimitReached(LdpTuiError):
    """An experiment's own limit stops it; what was played is kept, and it can be taken up again."""


@dataclass(slots=True)
class CellState:
    """How far a cell is."""

    cell: Cell
    results: list[EpisodeResult] = field(default_factory=list)
    """Of all its finished episodes, also those of earlier goes."""
    taken_over: int = 0
    """How many of them were recorded before."""
    cost_usd: float = 0.0
    seconds: float = 0.0

    @property
    def complete(self) -> bool:
        """Whether nothing is left to play."""
        return len(self.results) >= len(self.cell.seeds)


@dataclass(frozen=True, slots=True)
class Ended:
    """An episode of a cell has ended."""

    state: CellState
    result: EpisodeResult


def play_experiment(plan: Plan, states: list[CellState], writer: Writer, path: Path) -> Iterator[Ended]:
    """Play every episode that is not recorded yet, cell by cell.

    Args:
        plan: From `plan`.
        states: From `begin`; brought up to date before each `Ended` is yielded.
        writer: Records into the database at `path`.
        path: The database.

    Raises:
        UsageError: If an environment or player cannot be made; nothing is played then.
        LimitReached: When the experiment's limit of cost or time is reached.
        StoreError, FileError: If something cannot be stored or written.
    """
    block = plan.experiment.experiment
    started = time.monotonic()
    budget = _budget(plan, states)
    with Reader(path) as reader:
        for state in states:
            if not state.complete:
                check_playable(state.cell.environment, state.cell.player, state.cell.seeds[0])
        for state in states:
            folder = _result_folder(plan, state, reader)
            done = {result.seed for result in state.results}
            left = [seed for seed in state.cell.seeds if seed not in done]
            if not left:
                continue
            spec = CampaignSpec(
                state.cell.environment,
                state.cell.player,
                str(path),
                state.cell.run_uid,
                max_steps=block.max_steps,
                pictures=block.save_gif,
            )
            before = time.monotonic()
            try:
                for result in play_campaign(spec, left, writer=writer, jobs=block.jobs, budget=budget):
                    state.results.append(result)
                    state.seconds = time.monotonic() - before
                    state.cost_usd += reader.episode(result.uid).summary.cost_usd
                    _write(folder, reader, state.cell, result)
                    yield Ended(state, result)
                    _check_limits(plan, states, budget, time.monotonic() - started)
                _check_limits(plan, states, budget, time.monotonic() - started)
            finally:
                folder.finish()


def begin(plan: Plan, reader: Reader | None) -> list[CellState]:
    """The cells with what is recorded of them already."""
    states = []
    for cell in plan.cells:
        before = {} if reader is None else played(reader, cell)
        wanted = [before[seed] for seed in cell.seeds if seed in before]
        results = [_result(summary) for summary in wanted]
        states.append(CellState(cell, results, len(results), sum(summary.cost_usd for summary in wanted)))
    return states


def gym_llm_config(plan: Plan, cell: Cell) -> dict[str, Any]:
    """The configuration of one cell, as its folder's config.yaml says it."""
    number = plan.cells.index(cell)
    experiment = plan.experiment
    agent = experiment.agents[number % len(experiment.agents)]
    environment = experiment.environments[number // len(experiment.agents)]
    return {
        "agent": {"player": agent.player} if agent.player else agent.model_dump(mode="json", exclude={"player"}),
        "environment": environment.model_dump(mode="json"),
        "experiment": experiment.experiment.model_dump(mode="json", exclude_unset=True),
    }


def _result_folder(plan: Plan, state: CellState, reader: Reader) -> ResultFolder:
    """The cell's folder, with what earlier goes left of it."""
    block = plan.experiment.experiment
    folder = ResultFolder(plan.folder_of(state.cell), block.gif_fps if block.save_gif else None)
    folder.begin(gym_llm_config(plan, state.cell))
    (plan.folder / marker(plan.experiment, plan.attempt)).touch()
    for result in state.results:
        summary, number = reader.episode(result.uid).summary, _number(state.cell, result)
        if folder.holds(summary, number=number):
            folder.count(summary, number=number)
        else:
            _write(folder, reader, state.cell, result)
    folder.finish()
    return folder


def _write(folder: ResultFolder, reader: Reader, cell: Cell, result: EpisodeResult) -> None:
    with suppress(NoPictures):  # an episode that failed at once, or an environment that draws nothing
        folder.add(reader, reader.episode(result.uid).summary, number=_number(cell, result))


def _number(cell: Cell, result: EpisodeResult) -> int:
    assert result.seed is not None
    return cell.seeds.index(result.seed)


def _budget(plan: Plan, states: list[CellState]) -> Budget | None:
    """What is left of the experiment's limit of cost; None: it has none.

    Raises:
        LimitReached: If nothing is.
    """
    block = plan.experiment.experiment
    limit, spent = block.limits.cost_usd, sum(state.cost_usd for state in states)
    if limit is None or all(state.complete for state in states):
        return None
    if spent >= limit:
        raise LimitReached(f"The limit of {limit:g} US dollars is reached ({spent:.4f}).")
    return run_budget(limit - spent, jobs=block.jobs)


def _check_limits(plan: Plan, states: list[CellState], budget: Budget | None, seconds: float) -> None:
    if all(state.complete for state in states):
        return
    limits = plan.experiment.experiment.limits
    if budget is not None and limits.cost_usd is not None and budget.used_up:
        spent = limits.cost_usd - budget.limit_usd + budget.spent_usd
        raise LimitReached(f"The limit of {limits.cost_usd:g} US dollars is reached ({spent:.4f}).")
    if limits.seconds is not None and seconds >= limits.seconds:
        raise LimitReached(f"The limit of {limits.seconds:g} seconds is reached.")


def _result(summary: EpisodeSummary) -> EpisodeResult:
    return EpisodeResult(
        summary.uid,
        None if summary.seed is None else int(summary.seed),
        summary.return_,
        summary.steps,
        summary.success,
        end_reason(summary.status),
        summary.detail,
    )

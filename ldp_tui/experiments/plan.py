"""What an experiment still has to play: its cells, and which of their episodes are recorded already."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from ldp_tui.datasets.gym_llm import cell_name
from ldp_tui.experiments.config import Experiment
from ldp_tui.models.budget import RUN_BUDGET
from ldp_tui.store.reader import Reader
from ldp_tui.store.results import EpisodeFilter, EpisodeSummary, Sort
from ldp_tui.store.rows import EndStatus

FINISHED: Final[tuple[EndStatus, ...]] = ("done", "truncated", "failed")
"""Endings that count as played. What was aborted or interrupted is played again, and what a limit of cost ended."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One player in one environment."""

    environment: str
    player: str
    seeds: tuple[int, ...]
    run_uid: str
    """Groups its episodes in the store; the same each time the experiment is taken up."""

    @property
    def name(self) -> str:
        """Folder name."""
        return cell_name(self.environment, self.player)


@dataclass(frozen=True, slots=True)
class Plan:
    """The cells of one go at an experiment, in the order of the file, and where their files go."""

    experiment: Experiment
    cells: tuple[Cell, ...]
    folder: Path
    attempt: int
    """How many complete goes came before this one."""

    def folder_of(self, cell: Cell) -> Path:
        """The folder of a cell: that of the experiment itself if there is only one."""
        return self.folder if len(self.cells) == 1 else self.folder / cell.name


def plan(experiment: Experiment, reader: Reader | None, *, again: bool = False) -> Plan:
    """The newest go at the experiment that is not complete; `again` begins a new one after complete ones.

    `reader` is None where there is no database yet. The go that is complete is returned if there is no other.
    """
    attempt = 0
    while reader is not None:
        cells = tuple(_cells(experiment, attempt))
        if any(not played(reader, cell).keys() >= set(cell.seeds) for cell in cells):
            break
        if not again and not any(played(reader, cell) for cell in _cells(experiment, attempt + 1)):
            break
        attempt += 1
    return Plan(experiment, tuple(_cells(experiment, attempt)), _folder(experiment, attempt), attempt)


def played(reader: Reader, cell: Cell) -> dict[int, EpisodeSummary]:
    """Finished episodes of a cell by seed; of several, the first."""
    found: dict[int, EpisodeSummary] = {}
    wanted = EpisodeFilter(run_uid=cell.run_uid, statuses=FINISHED)
    for summary in reader.summaries(reader.episode_ids(wanted, Sort(descending=False))):
        if summary.seed is not None and f"The {RUN_BUDGET} of " not in (summary.detail or ""):
            found.setdefault(int(summary.seed), summary)
    return found


def _cells(experiment: Experiment, attempt: int) -> Iterator[Cell]:
    seeds = tuple(experiment.experiment.all_seeds())
    number = 0
    for environment in experiment.environments:
        for agent in experiment.agents:
            uid = f"experiment-{experiment.digest}-{attempt}-{number}"
            yield Cell(environment.text(), agent.text(), seeds, uid)
            number += 1


def _folder(experiment: Experiment, attempt: int) -> Path:
    block = experiment.experiment
    folder = Path(block.parent) / block.name
    if not block.use_datetime:
        return folder if attempt == 0 else folder.with_name(f"{folder.name}-{attempt + 1}")
    begun = _begun(folder, experiment.digest, attempt)
    return begun or folder / datetime.now().astimezone().strftime("%Y-%m-%d_%H-%M-%S")


def marker(experiment: Experiment, attempt: int) -> str:
    """Name of the file by which a dated folder is found again."""
    return f".{experiment.digest}-{attempt}"


def _begun(folder: Path, digest: str, attempt: int) -> Path | None:
    found = sorted(path.parent for path in folder.glob(f"*/.{digest}-{attempt}"))
    return found[-1] if found else None

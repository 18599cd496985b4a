"""Cost ceilings: what has been spent, and the point at which no further request is sent."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar
from typing import TYPE_CHECKING, Final

from ldp_tui.core.agent import standing
from ldp_tui.models.errors import CostCeilingReached

if TYPE_CHECKING:
    from multiprocessing.sharedctypes import Synchronized

RUN_BUDGET: Final = "budget of the run"
"""Name of the ceiling over all episodes of a run."""


class Budget:
    """US dollars that may be spent; threads may share one.

    No request under way is cut off: the limit may be exceeded by what those cost that run when it is reached.
    """

    def __init__(self, limit_usd: float, *, name: str = "budget") -> None:
        self.limit_usd, self.name = limit_usd, name
        self._spent = 0.0
        self._lock = threading.Lock()

    @property
    def spent_usd(self) -> float:
        """What was charged so far."""
        return self._spent

    @property
    def used_up(self) -> bool:
        """Whether the limit is reached."""
        return self.spent_usd >= self.limit_usd

    def check(self) -> None:
        """Raise CostCeilingReached once the limit is reached."""
        if self.used_up:
            raise _used_up(self.name, self.limit_usd, self.spent_usd)

    def charge(self, usd: float) -> None:
        """Count what a request cost."""
        with self._lock:
            self._spent += usd


class SharedBudget(Budget):
    """A budget that several processes of one run spend; `counter` is a `multiprocessing.Value` of type double."""

    def __init__(self, limit_usd: float, counter: Synchronized[float], *, name: str = RUN_BUDGET) -> None:
        super().__init__(limit_usd, name=name)
        self.counter = counter

    @property
    def spent_usd(self) -> float:
        """What all processes were charged so far."""
        return self.counter.value

    def charge(self, usd: float) -> None:
        """Count what a request cost."""
        with self.counter.get_lock():
            self.counter.value += usd


def _used_up(name: str, limit: float, spent: float) -> CostCeilingReached:
    return CostCeilingReached(f"The {name} of ${limit:.2f} is used up (${spent:.4f} spent); no request was sent.")


_budgets: ContextVar[tuple[Budget, ...]] = ContextVar("ldp_tui_budgets", default=())


def charge_in(context: Context, budget: Budget) -> None:
    """From now on every request that is made in `context` counts against `budget`."""
    context.run(_budgets.set, (*context.get(_budgets, ()), budget))


@contextmanager
def charging(budget: Budget) -> Iterator[Budget]:
    """Inside the block every request of this task and its children counts against `budget`, and against outer ones."""
    token = _budgets.set((*_budgets.get(), budget))
    try:
        yield budget
    finally:
        _budgets.reset(token)


def check_budgets(episode_usd: float | None = None) -> None:
    """Raise CostCeilingReached if one of the budgets in force is used up, or the episode has cost `episode_usd`."""
    for budget in _budgets.get():
        budget.check()
    if episode_usd is not None and (stands := standing()) is not None and stands.cost_usd >= episode_usd:
        raise _used_up("budget of the episode", episode_usd, stands.cost_usd)


def charge_budgets(usd: float) -> None:
    """Count a cost against every budget in force."""
    for budget in _budgets.get():
        budget.charge(usd)

"""Cost ceilings: what has been spent, and the point at which no further request is sent."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from ldp_tui.models.errors import CostCeilingReached


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

    def check(self) -> None:
        """Raise CostCeilingReached once the limit is reached."""
        if self._spent >= self.limit_usd:
            raise CostCeilingReached(
                f"The {self.name} of ${self.limit_usd:.2f} is used up (${self._spent:.4f} spent); no request was sent."
            )

    def charge(self, usd: float) -> None:
        """Count what a request cost."""
        with self._lock:
            self._spent += usd


_budgets: ContextVar[tuple[Budget, ...]] = ContextVar("ldp_tui_budgets", default=())


@contextmanager
def charging(budget: Budget) -> Iterator[Budget]:
    """Inside the block every request of this task and its children counts against `budget`, and against outer ones."""
    token = _budgets.set((*_budgets.get(), budget))
    try:
        yield budget
    finally:
        _budgets.reset(token)


def check_budgets() -> None:
    """Raise CostCeilingReached if one of the budgets in force is used up."""
    for budget in _budgets.get():
        budget.check()


def charge_budgets(usd: float) -> None:
    """Count a cost against every budget in force."""
    for budget in _budgets.get():
        budget.charge(usd)

"""SQL conditions on ended episodes, gathered one by one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from ldp_tui.store.results import Range

_AMONG: Final = " in (select value from json_each(?))"


@dataclass(slots=True)
class Conditions:
    """SQL conditions on `episode` joined by "and", with their values."""

    sql: list[str] = field(default_factory=lambda: ["status<>'running'"])
    values: list[object] = field(default_factory=list)

    def add(self, sql: str, *values: object) -> None:
        """One more condition."""
        self.sql.append(sql)
        self.values += values

    def among(self, column: str, allowed: Sequence[object]) -> None:
        """`column` has one of the values `allowed`."""
        if len(allowed) == 1:
            self.add(f"{column}=?", allowed[0])
        else:
            self.add(column + _AMONG, json.dumps(list(allowed)))

    def within(self, column: str, bounds: Range) -> None:
        """`column` lies in `bounds`."""
        if bounds.low is not None:
            self.add(f"{column}>=?", bounds.low)
        if bounds.high is not None:
            self.add(f"{column}<=?", bounds.high)

    def copy(self) -> Conditions:
        """The same conditions, to add to."""
        return Conditions([*self.sql], [*self.values])

    @property
    def where(self) -> str:
        """The text behind `where`."""
        return " and ".join(self.sql)

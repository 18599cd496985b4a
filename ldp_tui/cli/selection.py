"""Which episodes a command is about: the options of `ls` and `export` as a filter of the store."""

from __future__ import annotations

from dataclasses import dataclass

from ldp_tui.store.results import EpisodeFilter, Range


@dataclass(frozen=True, slots=True)
class Selection:
    """Restrictions as given on the command line; None and empty restrict nothing."""

    env: str | None = None
    agent: str | None = None
    text: str | None = None
    min_return: float | None = None
    success: bool | None = None

    def filter(self) -> EpisodeFilter:
        """The store's filter."""
        return EpisodeFilter(
            envs=(self.env,) if self.env else (),
            agents=(self.agent,) if self.agent else (),
            words=(self.text,) if self.text else (),
            return_=Range(low=self.min_return),
            success=self.success,
        )

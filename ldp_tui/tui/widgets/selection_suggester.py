"""Completion of a selection while it is typed."""

from __future__ import annotations

from collections.abc import Callable

from textual.suggester import Suggester

from ldp_tui.datasets.selection_completion import completions
from ldp_tui.store.results import Facets


class SelectionSuggester(Suggester):
    """The likeliest end of the word that is typed, from what is recorded; right or end takes it."""

    def __init__(self, facets: Callable[[], Facets | None]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._facets = facets

    async def get_suggestion(self, value: str) -> str | None:
        """The whole line with its last word completed; None if nothing is known."""
        typed = value.casefold()
        found = (text for text in completions(value, self._facets()) if text.casefold().startswith(typed))
        return next((text for text in found if text != value), None)

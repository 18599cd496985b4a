"""How facts of an episode are written on the screen: numbers, endings, times. All plain text."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from ldp_tui.store.results import EpisodeSummary
from ldp_tui.store.rows import Status

ENDINGS: Final[Mapping[Status, str]] = {
    "running": "running",
    "done": "terminated",
    "truncated": "truncated",
    "failed": "failed",
    "aborted": "aborted",
    "interrupted": "interrupted",
}
NONE: Final = "·"


def number(value: float) -> str:
    """Two decimals, thousands separated, a true minus; three digits and an exponent where that is too long."""
    if not math.isfinite(value):
        return str(value).replace("-", "−")
    text = f"{value:,.2f}" if abs(value) < 1e6 else f"{value:.3g}"
    return ("0.00" if text == "-0.00" else text).replace("-", "−")


def return_text(summary: EpisodeSummary) -> str:
    """The return; `nan` or `inf` where one of the rewards was."""
    return summary.return_tag or number(summary.return_)


def success_text(success: bool | None) -> str:
    """✓, ✗, or a dot where the task does not define success."""
    return NONE if success is None else "✓" if success else "✗"


def moment(ns: int) -> str:
    """Local date and time, to the second."""
    return datetime.fromtimestamp(ns / 1e9, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def duration(seconds: float) -> str:
    """`0:03.9`, `12:40`, `1:02:03`; tenths below a minute only."""
    if seconds < 60:
        return f"0:{math.floor(seconds * 10) / 10:04.1f}"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"

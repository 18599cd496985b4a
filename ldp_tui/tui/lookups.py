"""What Home asks of the registry and the store. Slow at first use: call these from a background thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ldp_tui.tui.importing import ONE_AT_A_TIME
from ldp_tui.tui.widgets.recent_list import RecentEpisode

if TYPE_CHECKING:
    from ldp_tui.registry import EnvironmentName
    from ldp_tui.tui.screens.dialogs import Choice

RECENT = 40


def environment_choices() -> list[Choice]:
    """Every environment by name; those that cannot be used say why, as far as that shows without importing any."""
    with ONE_AT_A_TIME:
        from ldp_tui.registry import environment_names

    return _as_choices(environment_names())


def tried_environment_choices() -> list[Choice]:
    """The same, after own files were imported in another process, which may take many seconds."""
    with ONE_AT_A_TIME:
        from ldp_tui.registry import environment_names, tried

    return _as_choices(tried(environment_names()))


def player_choices() -> list[Choice]:
    """Every kind of player by name."""
    with ONE_AT_A_TIME:
        from ldp_tui.registry import agent_names
        from ldp_tui.tui.screens.dialogs import Choice

    return [Choice(name.name, "", name.summary) for name in agent_names()]


def refusal(name: str, *, environment: bool) -> str:
    """Why `name` can be no environment, or no player; empty if it can."""
    with ONE_AT_A_TIME:
        from ldp_tui.core.errors import UsageError
        from ldp_tui.registry import check_agent_name, check_environment_name

    try:
        (check_environment_name if environment else check_agent_name)(name)
    except UsageError as error:
        return str(error)
    return ""


def summaries() -> dict[str, str]:
    """What each environment and player is, by name."""
    return {choice.name: choice.summary for choice in (*environment_choices(), *player_choices())}


def summary_of(text: str, known: Mapping[str, str]) -> str:
    """The summary of what `NAME[:MODEL][,key=value…]` names, where `NAME:MODEL` or `NAME` is in the list; else ""."""
    whole = text.partition(",")[0]
    return known.get(whole) or known.get(whole.partition(":")[0], "")


def recent_episodes(db: Path) -> list[RecentEpisode]:
    """The newest episodes; none where there is no database yet."""
    if not db.exists():
        return []
    with ONE_AT_A_TIME:
        from ldp_tui.store.reader import Reader

    reader = Reader(db)
    try:
        page = reader.episodes(limit=RECENT)
    finally:
        reader.close()
    return [
        RecentEpisode(e.uid, e.env, e.agent, e.return_, e.steps, e.success, e.started_ns / 1e9) for e in page.episodes
    ]


def _as_choices(names: Sequence[EnvironmentName]) -> list[Choice]:
    with ONE_AT_A_TIME:
        from ldp_tui.tui.screens.dialogs import Choice

    return [Choice(name.name, name.group, name.summary, _missing(name.needs), name.error) for name in names]


def _missing(extra: str) -> str:
    """What to install: `package[extra]` as it stands, or the extra of Gymnasium whose package is missing."""
    if "[" in extra:
        return extra
    return "" if not extra or find_spec(extra) is not None else f"gymnasium[{extra}]"

"""A stored episode as the events it was recorded from: replay and live play share everything behind this."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ldp_tui.core.environment import Picture
from ldp_tui.engine.events import EpisodeEnded, EpisodeStarted, Event, Rendering, StepTaken
from ldp_tui.engine.generation_rows import generation_of
from ldp_tui.engine.rows import EMPTY_RESET, end_reason, failure_from_detail, start_event, step_event
from ldp_tui.store.errors import StoreCorrupt
from ldp_tui.store.reader import Reader
from ldp_tui.store.results import EpisodeHeader, StoredPicture
from ldp_tui.store.rows import StepRow

PAGE = 200
"""Steps read at a time: long episodes open at once, and no read holds the database for long."""


@dataclass(frozen=True, slots=True)
class RecordedEpisode:
    """Header of a stored episode. `ended` is None while it is still running."""

    header: EpisodeHeader
    started: EpisodeStarted
    ended: EpisodeEnded | None
    steps: int


def load_episode(reader: Reader, key: int | str, *, pictures: bool = True) -> RecordedEpisode:
    """Header of the episode with that id, uid, or beginning of a uid.

    Raises:
        StoreError: If there is none, or several.
    """
    header = reader.episode(key)
    summary = header.summary
    first = reader.steps(summary.id, 0, 1)
    row = first[0] if first else EMPTY_RESET
    started = start_event(
        row,
        uid=summary.uid,
        env=header.env,
        agent=header.agent,
        seed=summary.seed,
        task_id=summary.task_id,
        options=header.options,
        started_ns=summary.started_ns,
        rendering=rendering_of(reader.picture(summary.id, 0)) if pictures else None,
        parent_uid=summary.parent_uid,
        fork_t=summary.fork_t,
    )
    ended = None
    if summary.status != "running":
        phase, detail = failure_from_detail(summary.detail)
        ended = EpisodeEnded(
            reason=end_reason(summary.status),
            return_=summary.return_,
            steps=summary.steps,
            ended_ns=summary.ended_ns or summary.started_ns,
            success=summary.success,
            phase=phase,
            detail=detail,
            generations=tuple(map(generation_of, reader.unplayed(summary.id, summary.steps))),
        )
    return RecordedEpisode(header, started, ended, summary.steps)


def replay(
    reader: Reader, key: int | str, *, start: int = 0, stop: int | None = None, pictures: bool = True
) -> Iterator[Event]:
    """The events of a stored episode: its start, the steps `start` ≤ index < `stop`, and its end if `stop` is None.

    Reflections come inside their step, not as deltas. Steps are read in pages as they are consumed.
    """
    episode = load_episode(reader, key, pictures=pictures)
    yield episode.started
    last = episode.steps if stop is None else min(stop, episode.steps)
    for page in range(start, last, PAGE):
        yield from read_steps(reader, episode.header.summary.id, page, min(page + PAGE, last), pictures=pictures)
    if stop is None and episode.ended is not None:
        yield episode.ended


def read_steps(reader: Reader, key: int | str, start: int, stop: int, *, pictures: bool = False) -> list[StepTaken]:
    """The steps `start` ≤ index < `stop`."""
    rows = reader.steps(key, start + 1, stop + 1)
    return [_read(row, rendering_of(reader.picture(key, row.t)) if pictures else None) for row in rows]


def _read(row: StepRow, rendering: Rendering) -> StepTaken:
    try:
        return step_event(row, rendering)
    except (ValueError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise StoreCorrupt(
            f"Row {row.t} cannot be read ({reason}); check the file with `ldp-tui db verify`."
        ) from error


def rendering_of(stored: StoredPicture | None) -> Rendering:
    """What a person saw, from the store's form."""
    if stored is None:
        return None
    if stored.rgb is not None:
        return Picture(stored.width, stored.height, stored.rgb)
    return stored.text

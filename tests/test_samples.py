from __future__ import annotations

from pathlib import Path

import pytest

from ldp_tui import Reader
from ldp_tui.datasets.lossless import import_lossless
from ldp_tui.store import Writer
from ldp_tui.store.verify import verify

SAMPLES = Path(__file__).parent.parent / "recordings" / "samples"


@pytest.mark.parametrize(
    ("name", "episodes", "environment"),
    [
        ("blackjack-optimal", 20, "Blackjack-v1"),
        ("calculator-worked", 3, "calculator"),
        ("maze-shortest-path", 2, "maze"),
    ],
)
def test_sample(writer: Writer, database: Path, name: str, episodes: int, environment: str) -> None:
    """It can be imported, its hash chains verify, and it is what its name says."""
    assert import_lossless(SAMPLES / f"{name}.jsonl", writer) == episodes

    assert verify(database).ok
    with Reader(database) as reader:
        listed = reader.episodes(limit=50).episodes
    assert {episode.env for episode in listed} == {environment}
    if environment != "Blackjack-v1":
        assert all(episode.success for episode in listed)


def test_size_of_the_samples() -> None:
    """They stay small: they are part of every clone."""
    assert sum(path.stat().st_size for path in SAMPLES.iterdir()) < 200_000

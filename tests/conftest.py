from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from ldp_tui.store import Writer, connect_writer

# A busy machine makes no property wrong.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Where `writer` records; no file yet."""
    return tmp_path / "ldp.db"


@pytest.fixture
def writer(database: Path) -> Iterator[Writer]:
    """A writer of `database`, which it creates."""
    with connect_writer(database) as writer:
        yield writer

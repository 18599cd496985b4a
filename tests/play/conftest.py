from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.play.playing import Front


@pytest.fixture
def front() -> Iterator[Front]:
    front = Front()
    try:
        yield front
    finally:
        front.handle.close()


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "ldp.db"

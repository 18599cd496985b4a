"""What the core borrows from the layers above it."""

from __future__ import annotations

from typing import get_args

import pytest

from ldp_tui.core import above


@pytest.mark.parametrize("name", get_args(above.Borrowed))
def test_borrowing(name: above.Borrowed) -> None:
    """Everything that may be borrowed is there."""
    assert callable(above.borrow(name))

"""What `ldp_tui.store` offers."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ldp_tui import store


@pytest.mark.parametrize("name", store.__all__)
def test_name_is_there(name: str) -> None:
    """Every name that is announced can be used, again and again."""
    assert [getattr(store, name).__name__ for _ in range(2)] == [name, name]


def test_unknown_name_is_an_attribute_error() -> None:
    """As with any module."""
    with pytest.raises(AttributeError, match="nothing"):
        store.nothing  # noqa: B018


def test_importing_the_package_loads_nothing_heavy() -> None:
    """Not even SQLite, until a name is used."""
    code = "import sys, ldp_tui.store; print({'sqlite3', 'numpy', 'asyncio', 'sqlite_utils'} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert shown.stdout.strip() == "set()"

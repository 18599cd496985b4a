"""`connect_writer`: be the process that writes a database, or a client of the one that does."""

from __future__ import annotations

import os
from pathlib import Path

from ldp_tui.store.connection import Durability, open_for_writing
from ldp_tui.store.sweep import sweep
from ldp_tui.store.writer import LocalWriter, Writer


def connect_writer(path: Path | str | os.PathLike[str], *, durability: Durability = "full") -> Writer:
    """Open `path` for recording."""
    where = Path(path)
    opened = open_for_writing(where, durability=durability)
    sweep(opened.connection)
    return LocalWriter(where, opened)

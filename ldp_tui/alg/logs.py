"""Logs on standard output, for scripts that run outside the app."""

from __future__ import annotations

import logging
import sys


def configure_stdout_logs(
    name: str = "root",
    level: int | str = logging.INFO,
    fmt: str = "%(asctime)s - %(name)s - %(levelname)s - %(message)s",
) -> None:
    """Write the records of logger `name` from `level` on to standard output. Calling it again changes level and form.

    Handlers that others set stay as they are.
    """
    logger = logging.getLogger(None if name == "root" else name)
    for handler in [handler for handler in logger.handlers if isinstance(handler, _Stdout)]:
        logger.removeHandler(handler)
    handler = _Stdout()
    handler.setFormatter(logging.Formatter(fmt))
    logger.addHandler(handler)
    logger.setLevel(level)


class _Stdout(logging.StreamHandler):  # type: ignore[type-arg]  # its type is generic for checkers alone
    """Writes to what standard output is at the time."""

    def __init__(self) -> None:
        super().__init__(sys.stdout)

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stdout
        super().emit(record)

"""Matrices of this size are multiplied faster by one thread than by several, and much faster on a busy machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from threadpoolctl import ThreadpoolController

_lock = threading.Lock()
_inside = 0
_limit = ExitStack()


@contextmanager
def one_thread() -> Iterator[None]:
    """Within the block NumPy's matrix products use one thread; threads may be inside together."""
    global _inside  # noqa: PLW0603 (the setting itself is the process's)
    with _lock:
        _inside += 1
        if _inside == 1:
            _limit.enter_context(ThreadpoolController().limit(limits=1, user_api="blas"))
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                _limit.close()

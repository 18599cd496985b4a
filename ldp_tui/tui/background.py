"""Work that must not hold up the screen: on a daemon thread, so that leaving the app never waits for it."""

from __future__ import annotations

import contextlib
import contextvars
import threading
from collections.abc import Callable
from typing import TypeVar

from textual.message_pump import MessagePump

Result = TypeVar("Result")


def in_background(
    owner: MessagePump,
    work: Callable[[], Result],
    *,
    done: Callable[[Result], None],
    failed: Callable[[Exception], None],
) -> None:
    """Run `work` on a thread of its own; `done` or `failed` follows on the app's loop, unless `owner` has gone by then.

    Whatever `work` raises goes to `failed`: nothing is printed, nothing is lost.
    """

    def run() -> None:
        try:
            result = work()
        except Exception as error:  # noqa: BLE001 (the caller decides what a failure means)
            deliver(failed, error)
        else:
            deliver(done, result)

    def deliver(callback: Callable[..., None], value: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has closed: nobody is left to tell
            owner.call_later(callback, value)

    threading.Thread(target=contextvars.copy_context().run, args=(run,), daemon=True).start()

"""When our own code fails: the details go to the log, the person gets words and a way on."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import traceback
from typing import TYPE_CHECKING, Any

from textual._context import active_message_pump

if TYPE_CHECKING:
    from ldp_tui.tui.app import LdpTuiApp

STAY, HOME, QUIT = "Stay", "Back to Home", "Quit"
_ADVICE = "What was played is recorded. The engine log (F12) has the details; please report them."


def survive(app: LdpTuiApp, error: Exception) -> None:
    """Note the error of a message handler. The part of the screen that it belongs to is dead; Home is not."""
    note(app, error)
    if active_message_pump.get(None) is app or not app.is_running:
        app.farewell = f"ldp-tui ended because of a fault of its own: {_line(error)}. Details: {app.log_file}"
        app.exit(return_code=1)
    else:
        _offer(app, error, HOME, QUIT)


def apologise(app: LdpTuiApp, error: Exception) -> None:
    """Note the error of an action: it did not happen, and nothing else is lost."""
    note(app, error)
    _offer(app, error, STAY, HOME, QUIT)


def _offer(app: LdpTuiApp, error: Exception, *ways: str) -> None:
    from ldp_tui.tui.screens.dialogs import Trouble, TroubleDialog

    def go_on(way: str | None) -> None:
        if way == QUIT:
            app.call_later(app.action_quit)
        elif way == HOME:
            app.call_later(app.action_home)

    if not isinstance(app.screen, TroubleDialog):
        trouble = Trouble("That failed, and it is not your fault", _line(error), _ADVICE)
        app.call_later(app.push_screen, TroubleDialog(trouble, ways=ways), go_on)


def note(app: LdpTuiApp, error: BaseException) -> None:
    """Write an error with its traceback into the log book."""
    text = "".join(traceback.format_exception(error))
    for line in text.splitlines():
        app.log_book.add("error", line)
    if app.log_file is not None:
        os.write(2, text.encode(errors="replace"))  # descriptor 2 leads to the log file; sys.stderr is Textual's


def watch_threads_and_tasks(app: LdpTuiApp) -> None:
    """Send what fails outside any handler to the log, with one toast, instead of the terminal."""

    def report(error: BaseException | None, where: str) -> None:
        if error is None or isinstance(error, SystemExit | KeyboardInterrupt):
            return
        note(app, error)
        app.call_later(app.notify, f"{where}: {_line(error)}", title="Fault noted in the engine log", severity="error",
                       markup=False)  # fmt: skip

    def in_task(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        report(context.get("exception"), "background task")

    asyncio.get_running_loop().set_exception_handler(in_task)
    threading.excepthook = lambda args: report(args.exc_value, getattr(args.thread, "name", "thread"))
    sys.unraisablehook = lambda args: report(args.exc_value, "clean-up")


def _line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())

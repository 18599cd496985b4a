"""Where every command ends: expected errors become one sentence and an exit status, unexpected ones are logged."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from ldp_tui.cli import INTERRUPTED, OK, PROBLEMS, REFUSED, USAGE
from ldp_tui.cli.output import ReaderGone, say
from ldp_tui.core.errors import LdpTuiError, UsageError
from ldp_tui.core.secrets import TextRedactor


def guarded(action: Callable[[], object]) -> int:
    """Run `action`; its exit status. What it returns is one if it is an integer."""
    try:
        status = action()
    except KeyboardInterrupt:
        status = INTERRUPTED
    except UsageError as error:
        say(f"ldp-tui: {error}")
        return USAGE
    except LdpTuiError as error:
        say(f"ldp-tui: {error}")
        return REFUSED
    except ReaderGone:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing more to flush at exit
        return OK
    except Exception as error:  # noqa: BLE001 (the last line of defence: no traceback reaches a person)
        return _unexpected(error)
    if status == INTERRUPTED:
        say("Interrupted; what was recorded until now is kept.")
    return status if isinstance(status, int) else OK


def has_terminal() -> bool:
    """Whether a person sits at a terminal that can show more than lines."""
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def _unexpected(error: Exception) -> int:
    import traceback

    from platformdirs import user_log_path

    log = user_log_path("ldp-tui") / "errors.log"
    told = f"ldp-tui: something unexpected happened ({type(error).__name__}: {error})."
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(TextRedactor.of_environment(os.environ).text("".join(traceback.format_exception(error))))
    except OSError:
        say(told)
    else:
        say(f"{told} Details: {log}")
    return PROBLEMS

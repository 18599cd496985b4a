"""The app with a command that fails; run by the terminal tests."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from textual.binding import Binding

from ldp_tui.tui.app import LdpTuiApp, run_app
from ldp_tui.tui.screens.home import HomeScreen


def fail(_: object) -> None:
    raise ZeroDivisionError("nothing divides by [red]zero[/]")


def fail_in_thread(_: object) -> None:
    threading.Thread(target=fail, args=(None,), name="worker").start()


HomeScreen.BINDINGS.append(Binding("x", "fail"))
HomeScreen.BINDINGS.append(Binding("y", "fail_in_thread"))
HomeScreen.action_fail = fail  # type: ignore[attr-defined]
HomeScreen.action_fail_in_thread = fail_in_thread  # type: ignore[attr-defined]
HomeScreen._merged_bindings = HomeScreen._merge_bindings()
LdpTuiApp.action_fail = fail  # type: ignore[attr-defined]

if __name__ == "__main__":
    sys.exit(run_app(db=Path(sys.argv[1])))

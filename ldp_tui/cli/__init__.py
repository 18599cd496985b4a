"""The command line. Importing it imports no command: `--version` and `-h` answer at once.

Exit status: 0 done · 1 done, but something is wrong (failed episodes, a database that does not verify) · 2 the request
cannot be carried out as written · 3 the database or a file refuses · 130 interrupted.
"""

from __future__ import annotations

import os
import sys

OK, PROBLEMS, USAGE, REFUSED, INTERRUPTED = 0, 1, 2, 3, 130


def main() -> None:
    """Run the command that `sys.argv` names and exit with its status."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from ldp_tui import __version__

        sys.stdout.write(f"ldp-tui {__version__}\n")
        raise SystemExit(OK)
    sys.path.append(os.getcwd())  # noqa: PTH109 (pathlib costs a tenth of the start); module:Class looks here last
    if not sys.argv[1:]:
        from ldp_tui.cli.guard import guarded, has_terminal

        if has_terminal():  # the app needs nothing of the command line, whose parser would delay its first picture
            raise SystemExit(guarded(_open_app))
    from ldp_tui.cli.app import run

    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a text stream at start-up
    raise SystemExit(run(sys.argv[1:]))


def _open_app() -> int:
    from ldp_tui.tui.app import run_app

    return run_app()

"""`python -m ldp_tui.play --fd N [--lifeline M]`: the engine process. Started by a front end, not by hand."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

_GUARD = "read _; sleep 2; kill -KILL 0"


def guard(lifeline: int) -> None:
    """Start a shell that kills this process group two seconds after the other end of `lifeline` is closed.

    The engine leaves by itself when its front end is gone, unless environment code holds the interpreter and never
    lets it run: then nothing inside this process could.
    """
    subprocess.Popen(["/bin/sh", "-c", _GUARD], stdin=lifeline, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(lifeline)


def main() -> None:
    """Parse the arguments and serve."""
    parser = argparse.ArgumentParser(prog="python -m ldp_tui.play", description="The engine of a play session.")
    parser.add_argument("--fd", type=int, required=True, help="socket inherited from the front end")
    parser.add_argument("--lifeline", type=int, help="pipe that the front end holds open as long as it lives")
    arguments = parser.parse_args()
    if arguments.lifeline is not None:
        guard(arguments.lifeline)

    sys.path.append(os.getcwd())  # noqa: PTH109 (a path entry is text); module:Class looks in the current folder last
    from ldp_tui.play.engine import run_and_leave

    run_and_leave(arguments.fd)


if __name__ == "__main__":
    main()

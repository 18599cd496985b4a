from __future__ import annotations

import subprocess
import sys

from ldp_tui import __version__


def test_package_as_a_command() -> None:
    """`python -m ldp_tui` is `ldp-tui`."""
    command = [sys.executable, "-m", "ldp_tui", "--version"]
    assert subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout == (
        f"ldp-tui {__version__}\n"
    )

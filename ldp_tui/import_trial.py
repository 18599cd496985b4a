"""Whether environment files can be imported, found out in a process of their own.

While they are imported, files may print, exit, hang or crash: none of that reaches the process that asks.
`python -m ldp_tui.import_trial FILE…` writes one line of JSON for each file that it got through.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from ldp_tui.core.errors import EnvironmentFileError
from ldp_tui.environment_files import EnvironmentFile, load_factory

FILE_SECONDS: Final = 10.0
"""How long one file may take; a machine-learning library takes several seconds the first time."""
ALL_SECONDS: Final = 30.0
"""How long all of them may take together; what is left then counts as not tried."""

_PARENT_POLL_SECONDS: Final = 0.2
_ENVIRONMENT: Final = {"SDL_VIDEODRIVER": "dummy", "SDL_AUDIODRIVER": "dummy"}
"""No window and no sound; what the user has set stays."""


def import_errors(
    files: Sequence[EnvironmentFile], *, file_s: float = FILE_SECONDS, all_s: float = ALL_SECONDS
) -> dict[Path, str]:
    """Why files cannot be imported, `name.py:LINE: reason`; those that can be are left out. Blocks, at most `all_s`."""
    deadline = time.monotonic() + all_s
    errors: dict[Path, str] = {}
    waiting = [file.path for file in files]
    while waiting:
        seconds = deadline - time.monotonic()
        if seconds <= 0:
            errors.update({path: f"{path.name}: not tried, as other files took {all_s:g} s" for path in waiting})
            break
        reasons, ending = _tried(waiting, file_s, seconds)
        errors.update({path: reason for path, reason in zip(waiting, reasons, strict=False) if reason})
        waiting = waiting[len(reasons) :]
        if waiting:  # the first of them is where the process ended; the others are tried in a new one
            errors[waiting[0]] = f"{waiting[0].name}: {ending}"
            del waiting[0]
    return errors


def _tried(paths: Sequence[Path], file_s: float, seconds: float) -> tuple[list[str], str]:
    """Outcomes (empty: importable) of the files that a new process got through, and how it ended at the next."""
    command = [sys.executable, "-P", "-m", __name__, str(file_s), *map(str, paths)]
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={**_ENVIRONMENT, **os.environ},
    )
    with process:
        try:
            told, _ = process.communicate(timeout=seconds)
            ending = _ending(process.returncode, file_s)
        except subprocess.TimeoutExpired:
            _kill(process)
            told, _ = process.communicate()
            ending = "takes too long to import"
        finally:
            _kill(process)  # and whatever the files have started
    return [json.loads(line) for line in told.splitlines()], ending


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _ending(code: int, file_s: float) -> str:
    if code == -signal.SIGALRM:
        return f"still being imported after {file_s:g} s"
    if code < 0:
        return f"ends Python by {signal.Signals(-code).name} when it is imported"
    return f"ends Python with status {code} when it is imported"


def main(seconds: str, *paths: str) -> None:
    """Import each file, telling each outcome on what was stdout; ends this process."""
    told = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    sys.path.append(os.getcwd())  # noqa: PTH109 (a path entry is text); as where environments are played
    for path in map(Path, paths):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)  # ends the process, whatever holds the interpreter
        signal.setitimer(signal.ITIMER_REAL, float(seconds))
        os.write(told, (json.dumps(_reason(path)) + "\n").encode())
    os._exit(0)  # files may have left threads that never end


def _reason(path: Path) -> str:
    try:
        load_factory(EnvironmentFile(path.stem, path, "own", ""))
    except EnvironmentFileError as error:
        return f"{path.name}{f':{error.line}' if error.line else ''}: {' '.join(error.reason.split())}"
    return ""


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_PARENT_POLL_SECONDS)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main(*sys.argv[1:])

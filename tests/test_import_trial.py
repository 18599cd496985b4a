"""Own environment files tried in a process of their own: whatever they do, the others are tried too."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from ldp_tui.environment_files import EnvironmentFile
from ldp_tui.import_trial import import_errors

MAKE = "def make(): ...\n"


def files(folder: Path, **bodies: str) -> list[EnvironmentFile]:
    found = []
    for name, body in bodies.items():
        path = folder / f"{name}.py"
        path.write_text(f'"""Doc."""\n{body}\n{MAKE}')
        found.append(EnvironmentFile(name, path, "own", "Doc."))
    return found


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("import ldp_tui_no_such_module", "a.py:2: ModuleNotFoundError: No module named 'ldp_tui_no_such_module'"),
        ("raise ValueError('one\\ntwo')", "a.py:2: ValueError: one two"),
        ("import sys; sys.exit(4)", "a.py:2: SystemExit: 4"),
        ("import os; os._exit(4)", "a.py: ends Python with status 4 when it is imported"),
        ("import os; os.kill(os.getpid(), 11)", "a.py: ends Python by SIGSEGV when it is imported"),
        ("raise KeyboardInterrupt", "a.py: ends Python by SIGINT when it is imported"),
    ],
)
def test_file_that_fails(tmp_path: Path, body: str, error: str) -> None:
    """It says why, with its line where it has one; the files around it have nothing to say."""
    tried = files(tmp_path, before="", a=body, after="")
    assert import_errors(tried) == {tmp_path / "a.py": error}


def test_file_that_prints(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing of it is seen, on neither stream, and it cannot be taken for an outcome."""
    loud = "import os, sys; print('\"x\"'); os.write(1, b'\"y\"'); print('z', file=sys.stderr)"
    assert import_errors(files(tmp_path, a=loud, b="1 / 0")).keys() == {tmp_path / "b.py"}
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("body", ["while True: pass", "import time; time.sleep(600)"])
def test_file_that_hangs(tmp_path: Path, body: str) -> None:
    """It is given up after its time, and the next is tried."""
    tried = files(tmp_path, a=body, b="1 / 0")
    assert import_errors(tried, file_s=0.5) == {
        tmp_path / "a.py": "a.py: still being imported after 0.5 s",
        tmp_path / "b.py": "b.py:2: ZeroDivisionError: division by zero",
    }


def test_files_that_take_all_the_time(tmp_path: Path) -> None:
    """All of them together are bounded too, also where one evades its own limit; the rest count as not tried."""
    stubborn = "import signal, time; signal.signal(signal.SIGALRM, signal.SIG_IGN); time.sleep(600)"
    started = time.monotonic()
    errors = import_errors(files(tmp_path, a=stubborn, b=""), file_s=0.2, all_s=1.0)
    assert errors == {
        tmp_path / "a.py": "a.py: takes too long to import",
        tmp_path / "b.py": "b.py: not tried, as other files took 1 s",
    }
    assert time.monotonic() - started < 30


def test_file_that_starts_something(tmp_path: Path) -> None:
    """A process or a thread that it leaves running neither holds up the answer nor outlives it."""
    body = (
        "import pathlib, subprocess, sys, threading, time\n"
        f"child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(child.pid))\n"
        "threading.Thread(target=time.sleep, args=(600,)).start()"
    )
    assert import_errors(files(tmp_path, a=body)) == {}
    assert not _runs(int((tmp_path / "pid").read_text()))


def _runs(pid: int) -> bool:
    """Whether a process is there within a second from now on; one that nobody has waited for yet is not."""
    deadline = time.monotonic() + 1.0
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return False
        except OSError:
            pass
    return True


def test_nothing_to_try() -> None:
    """No process is needed for that."""
    assert import_errors([]) == {}

"""Which process an episode's recording depends on, and whether that process still lives."""

from __future__ import annotations

import functools
import os
import socket
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Owner:
    """A process: `boot` names this boot of the machine and the start of the process, so that a reused pid differs.

    It is empty where the system does not tell (no /proc).
    """

    pid: int
    boot: str
    host: str

    @classmethod
    def of(cls, pid: int) -> Owner:
        """The process `pid` of this machine, as it is now."""
        return cls(pid, _identity(pid), socket.gethostname())

    def is_dead(self) -> bool | None:
        """Whether the process is gone; None for another machine's, which cannot be asked."""
        if self.host != socket.gethostname():
            return None
        if self.boot:
            return _identity(self.pid) != self.boot
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return False


def _identity(pid: int) -> str:
    try:
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    state, started = fields[0], fields[19]
    return "" if state in "ZX" else f"{_boot_id()}:{started}"


@functools.cache
def _boot_id() -> str:
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""

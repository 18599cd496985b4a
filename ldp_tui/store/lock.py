"""`<db>.writer.lock`: held by the process that writes the database; says where it listens for others."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Self

from ldp_tui.store.errors import StoreReadOnly


class WriterLock:
    """An flock that this process holds. The kernel lets go of it when the process ends, however it ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def take(cls, path: Path) -> Self | None:
        """The lock of the database at `path`; None while somebody else holds it."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(lock_path(path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreReadOnly(
                f"The folder {path.parent} cannot be written ({error.strerror}); choose another --db."
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except OSError as error:
            os.close(descriptor)
            raise StoreReadOnly(f"{path.parent} does not support file locks ({error}); choose another --db.") from error
        return cls(descriptor)

    def publish(self, socket: Path) -> None:
        """Tell other processes where this one listens."""
        text = json.dumps({"pid": os.getpid(), "socket": str(socket)}).encode()
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, text, 0)

    def release(self) -> None:
        """Let go. The file stays: removing it would let two processes hold locks of different files."""
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)


def lock_path(path: Path) -> Path:
    """The lock file of the database at `path`; one for all names of the same file."""
    real = path.resolve()
    return real.with_name(f"{real.name}.writer.lock")


def published_socket(path: Path) -> Path | None:
    """Where the holder of the lock listens; None while it does not tell."""
    try:
        told = json.loads(lock_path(path).read_bytes())
        return Path(told["socket"])
    except (OSError, ValueError, KeyError, TypeError):
        return None

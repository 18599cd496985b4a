"""Files that are whole or not there: written beside the target, synced, then renamed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ldp_tui.core.errors import LdpTuiError


class FileError(LdpTuiError):
    """A file cannot be read or written; the message says which and why."""


@contextmanager
def whole_file(path: Path, *, sync: bool = True) -> Iterator[IO[bytes]]:
    """Binary file that replaces `path` when the block ends well; otherwise `path` stays as it was.

    `sync=False` does not wait for the disk: for files that can be made again, after a loss of power too.

    Raises:
        FileError: If the file cannot be written (no such folder, no permission, disk full).
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            if sync:
                os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise FileError(f"{path} cannot be written: {error.strerror or error}.") from error
    finally:
        with suppress(OSError):  # it was renamed, or its folder does not exist
            temporary.unlink()


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export wrote, and what it left out with the reason."""

    path: Path
    episodes: int
    steps: int
    left_out: tuple[tuple[str, str], ...] = ()

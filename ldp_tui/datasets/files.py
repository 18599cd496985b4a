"""Files and folders that are whole or not there: written beside the target, synced, then renamed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
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


@contextmanager
def whole_folder(path: Path, *, mark: str) -> Iterator[Path]:
    """Folder to fill, which becomes `path` when the block ends well; otherwise `path` stays as it was.

    It replaces an empty folder, and one that holds a file `mark`: one that was written so before.

    Raises:
        FileError: If `path` is something else, or cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    before = path.with_name(f".{path.name}.{os.getpid()}.before")
    try:
        if path.exists() and not (path.is_dir() and (not any(path.iterdir()) or (path / mark).exists())):
            raise FileError(f"{path} holds something else (no {mark}); name a new folder, or remove it.")
        temporary.mkdir()
        yield temporary
        if path.exists():
            path.replace(before)
        temporary.replace(path)
    except OSError as error:
        if before.exists() and not path.exists():
            before.replace(path)
        raise FileError(f"{path} cannot be written: {error.strerror or error}.") from error
    finally:
        rmtree(temporary, ignore_errors=True)
        rmtree(before, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export wrote, and what it left out with the reason.

    `members` are the uids of the episodes that went in. `rows` counts the lines or pairs where they are not episodes.
    """

    path: Path
    episodes: int
    steps: int
    left_out: tuple[tuple[str, str], ...] = ()
    members: tuple[str, ...] = ()
    rows: int | None = None

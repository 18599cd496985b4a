"""What lies beside every export: of which episodes it was made and how, so that it can be checked and made again."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import file_digest
from pathlib import Path
from typing import Any, Final

import orjson

from ldp_tui import __version__
from ldp_tui.datasets.files import Exported, FileError, whole_file
from ldp_tui.store.reader import Reader

VERSION: Final = 1
SUFFIX: Final = ".manifest.json"


def manifest_path(path: Path) -> Path:
    """Where the manifest of the export `path` is: beside a file, and beside a folder."""
    return path.with_name(path.name + SUFFIX)


def write_manifest(
    reader: Reader, exported: Exported, *, format_: str, selection: str = "", options: Mapping[str, Any] | None = None
) -> Path:
    """Write `PATH.manifest.json` and return its path. A file whose `sha256` differs is not the one it was made for.

    It tells `format`, `version`, `made_by`, `selection` (as typed; empty for episodes that were named), `options`,
    `sha256` (of a folder: of each file), counts, `members` (uid and last hash of the chain) and `left_out`.

    Raises:
        FileError: If it cannot be written.
    """
    target = manifest_path(exported.path)
    told = {
        "format": format_,
        "version": VERSION,
        "made_by": f"ldp-tui {__version__}",
        "selection": selection,
        "options": dict(options or {}),
        "sha256": _hashes(exported.path),
        "episodes": exported.episodes,
        "steps": exported.steps,
        "rows": exported.episodes if exported.rows is None else exported.rows,
        "members": [{"uid": uid, "chain": chain} for uid, chain in reader.chains(exported.members)],
        "left_out": [{"uid": uid, "reason": reason} for uid, reason in exported.left_out],
    }
    with whole_file(target) as file:
        file.write(orjson.dumps(told, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    return target


def _hashes(path: Path) -> str | dict[str, str]:
    try:
        if path.is_dir():
            files = sorted(file for file in path.rglob("*") if file.is_file())
            return {file.relative_to(path).as_posix(): _sha256(file) for file in files}
        return _sha256(path)
    except OSError as error:
        raise FileError(f"{path} cannot be read again: {error.strerror or error}.") from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()

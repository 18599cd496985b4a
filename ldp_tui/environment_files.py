"""Environment files: a Python file is an environment if it defines `make(**kwargs)`.

They are looked for in `$LDP_TUI_ENVS`, in `./envs`, and among the bundled ones; the first of a name wins.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ldp_tui.core.errors import EnvironmentFileError, UsageError


@dataclass(frozen=True, slots=True)
class EnvironmentFile:
    """A file that may be an environment; `error` says why it is none (syntax error with line, no `make`)."""

    name: str
    path: Path
    group: str
    summary: str
    error: str = ""
    has_tasks: bool = False
    """Whether it defines `make_dataset(**kwargs)`, which makes a TaskDataset."""

    @property
    def digest(self) -> str:
        """Hash of the source, so that a record names the very code that was played."""
        return hashlib.blake2b(self.path.read_bytes(), digest_size=8).hexdigest()


def environment_files() -> list[EnvironmentFile]:
    """All environment files by name; nothing is imported, only parsed."""
    found: dict[str, EnvironmentFile] = {}
    for folder, group in _folders():
        for path in sorted(folder.glob("*.py")):
            if not path.name.startswith(("_", ".")) and path.stem not in found:
                found[path.stem] = _inspect(path, group)
    return sorted(found.values(), key=lambda file: file.name)


def find_environment_file(name: str) -> EnvironmentFile | None:
    """File of that name or path; None if there is none."""
    path = Path(name).expanduser()
    if name.endswith(".py"):
        if not path.is_file():
            raise UsageError(f"There is no environment file {name}.")
        return _inspect(path, "file")
    for folder, group in _folders():
        candidate = folder / f"{name}.py"
        if candidate.parent == folder and candidate.is_file():
            return _inspect(candidate, group)
    return None


def load_factory(file: EnvironmentFile, name: str = "make") -> Callable[..., Any]:
    """The file's `make`, its `make_dataset`, or another class or function of it.

    Raises:
        EnvironmentFileError: With the file, the line and the reason if it cannot be imported or does not define it.
    """
    module_name = f"ldp_tui_environment_{file.path.stem}_{file.digest}"
    module = sys.modules.get(module_name)
    if module is None:
        spec = importlib.util.spec_from_file_location(module_name, file.path)
        if spec is None or spec.loader is None:
            raise EnvironmentFileError(str(file.path), None, "is not a Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[module_name] = module  # dataclasses and pydantic look their module up here
        try:
            spec.loader.exec_module(module)
        except BaseException as error:
            del sys.modules[module_name]
            if isinstance(error, KeyboardInterrupt):
                raise
            said = error.msg if isinstance(error, SyntaxError) else str(error)
            reason = f"{type(error).__name__}: {said}"
            raise EnvironmentFileError(str(file.path), _line_in(error, file.path), reason) from error
    make = getattr(module, name, None)
    if not callable(make):
        kind = f"function {name}(**kwargs)" if name in ("make", "make_dataset") else f"class or function {name}"
        raise EnvironmentFileError(str(file.path), None, f"defines no {kind}")
    factory: Callable[..., Any] = make
    return factory


def bundled_folder() -> Path:
    """Where the bundled environments lie: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent
    installed = package / "_bundled_envs"
    return installed if installed.is_dir() else package.parent / "envs"


def _folders() -> Iterator[tuple[Path, str]]:
    bundled = bundled_folder()
    for text in os.environ.get("LDP_TUI_ENVS", "").split(os.pathsep):
        if text:
            yield Path(text).expanduser(), "own"
    local = Path("envs")
    if local.is_dir() and local.resolve() != bundled:
        yield local, "own"
    yield bundled, "bundled"


def _inspect(path: Path, group: str) -> EnvironmentFile:
    try:
        changed_ns = path.stat().st_mtime_ns
    except OSError as error:  # a link to nowhere
        return EnvironmentFile(path.stem, path, group, "", f"{path.name}: {error.strerror or error}")
    return _inspected(path, group, changed_ns)


@lru_cache(maxsize=512)
def _inspected(path: Path, group: str, _changed_ns: int) -> EnvironmentFile:
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except SyntaxError as error:
        return EnvironmentFile(path.stem, path, group, "", f"{path.name}:{error.lineno}: {error.msg}")
    except (OSError, ValueError) as error:
        return EnvironmentFile(path.stem, path, group, "", f"{path.name}: {error}")
    summary = (ast.get_docstring(tree) or "").strip().split("\n")[0]
    names = {name for node in tree.body for name in _defined(node)}
    problem = "" if "make" in names else f"{path.name}: defines no function make(**kwargs)"
    return EnvironmentFile(path.stem, path, group, summary, problem, "make_dataset" in names)


def _defined(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Assign(targets=targets):
            yield from (target.id for target in targets if isinstance(target, ast.Name))
        case ast.ImportFrom(names=aliases) | ast.Import(names=aliases):
            yield from (alias.asname or alias.name for alias in aliases)


def _line_in(error: BaseException, path: Path) -> int | None:
    """Line of the file where the error arose; None if it arose nowhere in it."""
    names = {str(path), str(path.absolute())}  # the import machinery makes paths absolute
    if isinstance(error, SyntaxError) and error.filename in names:
        return error.lineno
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename in names]
    return lines[-1] if lines else None

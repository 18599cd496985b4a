"""`ldp-tui lint`: what a model would misread in the tools of a file or an environment."""

from __future__ import annotations

import contextlib
import sys
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ldp_tui.cli import OK, PROBLEMS
from ldp_tui.cli.options import Json
from ldp_tui.cli.output import counted, emit, emit_json, say
from ldp_tui.core.errors import EnvironmentFileError, UsageError
from ldp_tui.tui.plain import plain_line

if TYPE_CHECKING:
    from ldp_tui.core.tools import Tool
    from ldp_tui.lint.remarks import Remark


def lint(
    targets: Annotated[
        list[str], typer.Argument(metavar="FILE|ENV…", help="Python files, or environments that `ldp-tui envs` lists.")
    ],
    *,
    static: Annotated[
        bool, typer.Option("--static", help="Only read files; do not import them and reset what they make.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Tell what a model would misread in tools.

    Docstrings, types, names and results; exit status 1 if a function cannot become a tool. A file with a function
    make() is also imported and reset once, so that tools that are made at run time are seen.
    """
    found: dict[_Place, None] = {}
    tools = 0
    for target in targets:
        remarks, seen = _lint_file(Path(target), static=static) if target.endswith(".py") else _lint_environment(target)
        found.update(dict.fromkeys(remarks))
        tools += seen
    places = sorted(found, key=lambda place: (place.file, place.remark))
    errors = sum(place.remark.severity == "error" for place in places)
    if as_json:
        emit_json([_as_json(place) for place in places])
    else:
        for place in places:
            emit(plain_line(_as_line(place)))
        say(f"{counted(tools, 'tool')}: {counted(errors, 'error')}, {counted(len(places) - errors, 'warning')}.")
    raise typer.Exit(PROBLEMS if errors else OK)


@dataclass(frozen=True, slots=True)
class _Place:
    file: str
    remark: Remark


def _as_line(place: _Place) -> str:
    remark = place.remark
    where = f"{place.file}:{remark.line}" if remark.line else place.file
    return f"{where}: {remark.severity} {remark.rule}: {f'{remark.tool}: ' if remark.tool else ''}{remark.text}"


def _as_json(place: _Place) -> dict[str, object]:
    remark = place.remark
    return {
        "file": place.file,
        "line": remark.line,
        "severity": remark.severity,
        "rule": remark.rule,
        "tool": remark.tool,
        "text": remark.text,
    }


def _lint_file(path: Path, *, static: bool) -> tuple[list[_Place], int]:
    from ldp_tui.environment_files import find_environment_file
    from ldp_tui.lint.remarks import Remark
    from ldp_tui.lint.tools import lint_source, tool_names

    try:
        source = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}.") from error
    remarks = lint_source(source)
    names = set(tool_names(source))
    file = None if static or any(remark.rule == "syntax" for remark in remarks) else find_environment_file(str(path))
    live: list[Tool] = []
    if file is not None and not file.error:
        try:
            live = _live_tools(str(path))
        except Exception as error:  # noqa: BLE001 (whatever the file's code raises is a remark on it)
            if not any(remark.severity == "error" for remark in remarks):  # else that is why
                remarks.append(Remark(_line_of(error, path), "cannot-play", "", _reason(error)))
        unseen = [tool for tool in live if tool.info.name not in names]
        places = _on_tools(unseen, default=str(path))
        names |= {tool.info.name for tool in live}
    else:
        places = []
    if not names and not remarks:
        remarks.append(Remark(0, "no-tools", "", "No function here is given to Tool.from_function or @….tool()."))
    return [*(_Place(str(path), remark) for remark in remarks), *places], len(names)


def _lint_environment(name: str) -> tuple[list[_Place], int]:
    try:
        tools = _live_tools(name)
    except UsageError:
        raise
    except Exception as error:
        raise UsageError(f"Environment {name!r} cannot be reset: {_reason(error)}") from error
    return _on_tools(tools, default=name), len(tools)


def _on_tools(tools: Iterable[Tool], *, default: str) -> list[_Place]:
    from ldp_tui.lint.tools import lint_tool, source_file

    return [_Place(_shown(source_file(tool)) or default, remark) for tool in tools for remark in lint_tool(tool)]


def _shown(file: str | None) -> str | None:
    """The path as a person would type it: relative where it lies below the working folder."""
    if file is None:
        return None
    path = Path(file)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else file


def _live_tools(name: str) -> list[Tool]:
    """Tools of the environment after a reset; what its code prints stays off stdout, which carries the remarks."""
    from ldp_tui.play.inspection import live_tools

    with contextlib.redirect_stdout(sys.stderr):
        return live_tools(name)


def _reason(error: BaseException) -> str:
    if isinstance(error, EnvironmentFileError | UsageError):
        return str(error)
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _line_of(error: BaseException, path: Path) -> int:
    """Line of the file that the error came through; 0 if it came through none."""
    if isinstance(error, EnvironmentFileError) and error.line:
        return error.line
    chain: BaseException | None = error
    while chain is not None:
        for frame in reversed(traceback.extract_tb(chain.__traceback__)):
            if Path(frame.filename) == path.absolute():
                return frame.lineno or 0
        chain = chain.__cause__
    return 0

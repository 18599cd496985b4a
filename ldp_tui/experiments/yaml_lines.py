"""YAML read together with the line that each value stands on, so that errors can name it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from ldp_tui.core.errors import UsageError

MOST_BYTES: Final = 1_000_000
MOST_VALUES: Final = 10_000
"""Also counts what aliases repeat: a file that multiplies itself is refused."""

Location = tuple[str | int, ...]


class ConfigError(UsageError):
    """A configuration that cannot be used: `FILE:LINE: why`."""

    def __init__(self, path: Path | str, line: int | None, reason: str) -> None:
        self.path, self.line, self.reason = path, line, reason
        super().__init__(f"{path}{'' if line is None else f':{line}'}: {reason}")


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML document: its value, and the line (from 1) of each location in it."""

    path: Path
    value: Any
    lines: dict[Location, int]

    def line(self, location: Sequence[str | int]) -> int | None:
        """Line of `location`, or of the nearest thing around it."""
        for length in range(len(location), -1, -1):
            if (line := self.lines.get(tuple(location[:length]))) is not None:
                return line
        return None

    def error(self, location: Sequence[str | int], reason: str) -> ConfigError:
        """The error that says `reason` of what stands at `location`."""
        return ConfigError(self.path, self.line(location), reason)


def read_yaml(path: Path) -> Document:
    """The YAML document in a file; only plain values, no objects.

    Raises:
        ConfigError: If it cannot be read, is not YAML, has a key twice, or is larger than a configuration can be.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ConfigError(path, None, f"is larger than {MOST_BYTES:,} bytes; that is no configuration")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(path, None, f"cannot be read: {getattr(error, 'strerror', None) or error}") from error
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        lines: dict[Location, int] = {}
        for location, line in _lines(node, (), path):
            lines[location] = line
            if len(lines) > MOST_VALUES:
                raise ConfigError(path, line, f"has more than {MOST_VALUES:,} values")
        return Document(path, yaml.safe_load(text), lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ConfigError(path, None if mark is None else mark.line + 1, f"{error.problem or error.context}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(path, None, f"is not YAML: {' '.join(str(error).split())}") from error


def _lines(node: yaml.Node | None, location: Location, path: Path) -> Iterator[tuple[Location, int]]:
    if node is None:
        return
    yield location, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name in seen:
                raise ConfigError(path, line, f"{name!r} is given twice")
            seen.add(name)
            yield from _lines(value, (*location, name), path)
            yield (*location, name), line
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _lines(value, (*location, index), path)

"""The exception tree. Each message is one sentence a person can act on.

LdpTuiError
├── UsageError                 the request cannot be carried out as written (command line: exit status 2)
│   ├── UnknownName            no environment, agent or option of that name; names the nearest one (a ValueError too)
│   ├── UnknownSetting         a key of a configuration that does not exist; names the nearest one
│   ├── SpecError              a `name[:model][,key=value…]` text that cannot be read
│   ├── MissingPackage         a package is needed that is not installed (an ImportError too)
│   │   └── MissingExtra       it belongs to an extra; names the command that installs it
│   └── EnvironmentFileError   an environment file cannot be imported; names file, line and reason
├── EpisodeError               an episode cannot go on; `phase` tells whose failure it is
│   ├── AgentError
│   │   ├── UnknownTool        a call of a tool that does not exist (a ValueError too)
│   │   └── ArgumentError      arguments of a tool call violate its schema (a ValueError too)
│   ├── EnvError
│   ├── ToolError
│   └── TransportError         the connection to a remote environment or agent, or what came over it
├── models.errors.ModelError   a language model gave no usable reply
└── store.errors.StoreError    the database cannot do what was asked
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import ClassVar, Literal

Phase = Literal["agent", "env", "tool", "transport"]
"""Whose failure ended an episode."""


class LdpTuiError(Exception):
    """Root of everything this package raises on purpose."""


class UsageError(LdpTuiError):
    """The request cannot be carried out as written."""


class UnknownName(UsageError, ValueError):
    """A name that nothing answers to. The message names the nearest match and, if they are few, all names."""

    def __init__(self, kind: str, name: str, available: Iterable[str], *, of: str = "") -> None:
        self.kind, self.name, self.available = kind, name, sorted(available)
        whole = f" of {of}" if of else ""
        super().__init__(f"Unknown {kind} {name!r}{whole}.{_suggestion(name, self.available)}")


class UnknownSetting(UsageError):
    """A key of a configuration that does not exist. No ValueError: pydantic would wrap it, with all that was given."""

    def __init__(self, name: str, available: Iterable[str], *, of: str, kind: str = "setting") -> None:
        self.name, self.available = name, sorted(available)
        super().__init__(f"Unknown {kind} {name!r} of {of}.{_suggestion(name, self.available)}")


class SpecError(UsageError):
    """A specification text that cannot be read."""


class MissingPackage(UsageError, ImportError):
    """Something needs a package that is not installed."""


class MissingExtra(MissingPackage):
    """A feature needs an optional package that is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        self.what, self.extra = what, extra
        super().__init__(f"{what} needs an optional package; install it with: pip install 'ldp-tui[{extra}]'")


class EnvironmentFileError(UsageError):
    """An environment file that cannot be imported or that defines no `make`."""

    def __init__(self, path: str, line: int | None, reason: str) -> None:
        self.path, self.line, self.reason = path, line, reason
        super().__init__(f"{path}{f':{line}' if line else ''}: {reason}")


class EpisodeError(LdpTuiError):
    """An episode cannot go on; `phase` tells whose failure it is."""

    phase: ClassVar[Phase] = "env"

    @property
    def original_exc(self) -> BaseException | None:
        """What was raised first, where this error stands for another one."""
        given = self.args[0] if self.args else None
        return given if isinstance(given, Exception) else self.__cause__


class AgentError(EpisodeError):
    """The agent failed to choose an action."""

    phase: ClassVar[Phase] = "agent"


class UnknownTool(AgentError, ValueError):
    """A call of a tool that the environment does not have."""


class EnvError(EpisodeError):
    """The environment failed in reset or step."""

    phase: ClassVar[Phase] = "env"


class ToolError(EpisodeError):
    """A tool raised while it was called."""

    phase: ClassVar[Phase] = "tool"


class TransportError(EpisodeError):
    """A server cannot be reached, breaks off, or answers what cannot be used; `status` is its HTTP status, if any."""

    phase: ClassVar[Phase] = "transport"

    def __init__(self, message: str, *, status: int | None = None) -> None:
        self.status = status
        super().__init__(message)


def failure_of(error: Exception, phase: Phase) -> tuple[Phase, str]:
    """Whose failure `error` is and what happened, in one line; `phase` is what was under way."""
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, EpisodeError):
        return error.phase, text
    if tool := getattr(error, "failed_tool", None):
        return "tool", f"{tool}: {type(error).__name__}: {text}"
    return phase, f"{type(error).__name__}: {text}"


def did_you_mean(name: str, available: Iterable[str]) -> str:
    """` Did you mean …?` with the nearest of `available`; empty if nothing is near."""
    folded = {candidate.casefold(): candidate for candidate in available}
    close = difflib.get_close_matches(name.casefold(), folded, n=3, cutoff=0.6)
    return f" Did you mean {' or '.join(folded[match] for match in close)}?" if close else ""


def _suggestion(name: str, available: list[str]) -> str:
    listed = f" Available: {', '.join(available)}." if available and len(available) <= 20 else ""
    return did_you_mean(name, available) + listed

"""Other people's packages: imported when asked for, without a word on the screen, with their versions for the record.

Importing this module imports none of them.
"""

from __future__ import annotations

import io
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any, Final

from ldp_tui.core.errors import MissingExtra, UsageError

logger = logging.getLogger(__name__)

AVIARY_EXTRA: Final = "aviary"
"""The extra that brings aviary and LDP."""
_OF_THE_EXTRA: Final = frozenset({"aviary", "ldp", "lmi"})
_PRICES_OFFLINE: Final = "LITELLM_LOCAL_MODEL_COST_MAP"
"""With it, importing litellm takes the price list that it brings instead of asking the network for a newer one."""
_TALKATIVE: Final = ("aviary", "ldp", "lmi", "litellm", "LiteLLM", "LiteLLM Router", "LiteLLM Proxy")


def is_installed(module: str) -> bool:
    """Whether the top-level `module` can be imported; imports nothing."""
    return find_spec(module) is not None


@contextmanager
def importing(what: str) -> Iterator[None]:
    """Import aviary, LDP or what builds on them inside the block: nothing is printed, and nothing asks the network.

    Raises:
        MissingExtra: If they are not installed; `what` begins the sentence.
    """
    with importing_any_of(what), unseen_output(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def importing_any_of(what: str) -> Iterator[None]:
    """Import somebody's code inside the block, which may import aviary or LDP. What it prints itself is left alone.

    Raises:
        MissingExtra: If it does and they are not installed; `what` begins the sentence.
    """
    before = os.environ.get(_PRICES_OFFLINE)
    os.environ.setdefault(_PRICES_OFFLINE, "True")
    try:
        yield
    except (ModuleNotFoundError, UsageError) as error:
        missing = error.__cause__ if isinstance(error, UsageError) else error
        if isinstance(missing, ModuleNotFoundError) and missing.name in _OF_THE_EXTRA:
            raise MissingExtra(what, AVIARY_EXTRA) from error
        raise
    finally:
        if before is None:
            os.environ.pop(_PRICES_OFFLINE, None)
        _quieten()


@contextmanager
def unseen_output() -> Iterator[None]:
    """What code in the block prints, progress bars too, becomes log records. The streams are those of the process."""
    lines = _LoggedLines()
    try:
        with redirect_stdout(lines), redirect_stderr(lines):
            yield
    finally:
        lines.flush()


def loaded(module: str, name: str) -> type[Any] | None:
    """The class `name` of `module` if that module is imported already: who made an object of it has imported it."""
    found: type[Any] | None = getattr(sys.modules.get(module), name, None)
    return found


def versions(*modules: str) -> dict[str, str]:
    """Version of each package that `modules` come from, as far as the package is named like the module."""
    found: dict[str, str] = {}
    for package in dict.fromkeys(package for module in modules for package in _packages(module)):
        try:
            found[package] = version(package)
        except (PackageNotFoundError, ValueError):  # a module of the project, or no name of a package at all
            continue
    return found


def _packages(module: str) -> tuple[str, ...]:
    """Packages that `module` may come from. `aviary.envs.gsm8k` comes from `aviary.gsm8k`, on top of `fhaviary`."""
    top, *rest = module.split(".")
    if top == "aviary":
        return ("fhaviary", f"aviary.{rest[1]}") if len(rest) > 1 else ("fhaviary",)
    return ("ldp", "fhlmi") if top == "ldp" else (top,)


def _quieten() -> None:
    """Their loggers reach the handlers that there are, and no other; litellm prints no advice."""
    if _OF_THE_EXTRA.isdisjoint(sys.modules):
        return
    for name in _TALKATIVE:
        talkative = logging.getLogger(name)
        talkative.handlers = [logging.NullHandler()]  # else Python itself prints warnings that nobody handles
        talkative.propagate = True
    if (litellm := sys.modules.get("litellm")) is not None:
        litellm.suppress_debug_info = True  # type: ignore[attr-defined]


class _LoggedLines(io.TextIOBase):
    """A text stream whose lines are logged. A carriage return ends a line too, as progress bars use it."""

    def __init__(self) -> None:
        self._line = ""

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, text: str) -> int:
        """Log the lines that are complete."""
        *lines, self._line = (self._line + text).replace("\r", "\n").split("\n")
        for line in lines:
            self._log(line)
        return len(text)

    def flush(self) -> None:
        """Log what is left."""
        line, self._line = self._line, ""
        self._log(line)

    @staticmethod
    def _log(line: str) -> None:
        if line.strip():
            logger.info("%s", line.rstrip())

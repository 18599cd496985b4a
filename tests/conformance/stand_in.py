"""pytest plugin: module names of aviary and LDP stand for ours, only this machine answers, outcomes go to a file.

Loaded by its bare name into a process whose package `tests` is theirs.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import json
import os
import random
import socket
import sys
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from aliases import MODULES, NAMED_ONLY, OTHER_NAMES, REPLACED

SEED = 0
LOOPBACK = {None, "", "localhost", "127.0.0.1", "::1", "0.0.0.0"}


class StandIn(types.ModuleType):
    """A module that has what several of ours have. What a test sets on it is its own."""

    def __getattr__(self, name: str) -> Any:
        """Look `name` up in our modules."""
        if name.startswith("__"):
            raise AttributeError(name)
        if (self.__name__, name) in OTHER_NAMES:
            return _attribute(OTHER_NAMES[self.__name__, name])
        homes = MODULES[self.__name__]
        for module in map(_module, homes):
            found = getattr(module, name, self)
            if not isinstance(found, types.ModuleType):  # a module of theirs has a line of its own
                return found
        raise AttributeError(f"none of {', '.join(homes) or 'our modules'} has {name!r}, as {self.__name__} does")


class NamedOnly(types.ModuleType):
    """A module whose every name is there and does nothing."""

    def __getattr__(self, name: str) -> Any:
        """Anything at all."""
        if name.startswith("__"):
            raise AttributeError(name)
        return mock.MagicMock(name=f"{self.__name__}.{name}")


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the names of `MODULES`; no other module of aviary and LDP exists, even if they are installed."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """A spec for a stand-in; None for modules that are not theirs."""
        if fullname.partition(".")[0] not in ("aviary", "ldp"):
            return None
        if fullname not in MODULES and fullname not in NAMED_ONLY:
            raise ModuleNotFoundError(f"nothing stands for {fullname}", name=fullname)
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        """An empty module, which looks for names elsewhere."""
        return NamedOnly(spec.name) if spec.name in NAMED_ONLY else StandIn(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        """From here on the name means our module itself, where there is one for it."""
        home = MODULES.get(module.__name__, ())
        if isinstance(home, str):
            sys.modules[module.__name__] = importlib.import_module(home)


def _module(name: str) -> types.ModuleType | None:
    """The module of ours, or None if there is none of that name."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            return None
        raise


def _attribute(path: str) -> Any:
    module, _, attribute = path.partition(":")
    return getattr(importlib.import_module(module), attribute)


def _only_this_machine() -> None:
    connect, resolve = socket.socket.connect, socket.getaddrinfo

    def connect_here(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and address[0] not in LOOPBACK:
            raise OSError(f"the network is not to be used: {address[0]}")
        connect(self, address)

    def resolve_here(host: Any, *arguments: Any, **options: Any) -> Any:
        if host not in LOOPBACK:
            raise socket.gaierror(socket.EAI_NONAME, f"the network is not to be used: {host}")
        return resolve(host, *arguments, **options)

    socket.socket.connect = connect_here  # type: ignore[method-assign]
    socket.getaddrinfo = resolve_here


class Outcomes:
    """What became of each case, and why if it did not pass; a file that cannot be imported stands for its cases."""

    def __init__(self) -> None:
        self.cases: dict[str, dict[str, str]] = {}

    def pytest_runtest_setup(self) -> None:
        """Each case draws the same numbers in every run: some of them assert what a random walk arrives at."""
        random.seed(SEED)
        if "numpy" in sys.modules:
            sys.modules["numpy"].random.seed(SEED)
        if "torch" in sys.modules:
            sys.modules["torch"].manual_seed(SEED)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a file that cannot be imported."""
        if report.failed:
            self.cases[report.nodeid] = {"outcome": "failed", "why": _last_line(report)}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a case; what failed once, in a phase or a part of it, has failed."""
        if report.outcome == "rerun":
            self.cases.pop(report.nodeid, None)
        elif report.failed:
            self.cases[report.nodeid] = {"outcome": "failed", "why": _last_line(report)}
        elif report.skipped:
            self.cases.setdefault(report.nodeid, {"outcome": "skipped", "why": _last_line(report)})
        elif report.when == "call":
            self.cases.setdefault(report.nodeid, {"outcome": "passed", "why": ""})

    def pytest_sessionfinish(self) -> None:
        """Write everything down."""
        text = json.dumps(self.cases, indent=1)
        Path(os.environ["CONFORMANCE_OUTCOMES"]).write_text(text, encoding="utf-8")


def _last_line(report: Any) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is not None:
        return str(crash.message).strip().split("\n")[0]
    lines = [line.removeprefix("E").strip() for line in str(report.longrepr).splitlines() if line.startswith("E ")]
    return lines[-1] if lines else str(report.longrepr).strip().split("\n")[-1]


def pytest_configure(config: pytest.Config) -> None:
    """Everything is in place before their conftest is loaded."""
    config.pluginmanager.register(Outcomes(), "conformance-outcomes")


_only_this_machine()
sys.meta_path.insert(0, Finder())
for (replaced_module, replaced_name), ours in REPLACED.items():
    if _module(ours.partition(":")[0]) is not None:
        setattr(importlib.import_module(replaced_module), replaced_name, _attribute(ours))

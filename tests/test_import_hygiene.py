"""What importing the package pulls in: light things stay light, and each side of the engine's socket to itself."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {"textual", "litellm", "torch", "transformers", "gymnasium", "numpy", "pydantic"}
MODELS_AND_ENVIRONMENTS = {"gymnasium", "litellm", "torch", "transformers", "aviary", "ldp", "pygame"}


def imported(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter has after running `code`."""
    report = (
        "; import json, sys; sys.stderr.write(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run([sys.executable, "-c", code + report], capture_output=True, text=True, check=True, timeout=60)
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import ldp_tui", HEAVY),
        ("from ldp_tui import Environment", HEAVY - {"pydantic"}),
        ("from ldp_tui import Environment, Message, Tool, fenv, Agent, TaskDataset", HEAVY - {"pydantic"}),
        ("import ldp_tui.core, ldp_tui.core.dummy", HEAVY - {"pydantic"} | {"sqlite3", "PIL", "orjson", "msgpack"}),
        ("import ldp_tui.graph", HEAVY - {"pydantic"} | {"sqlite3", "PIL", "orjson", "msgpack", "networkx", "tree"}),
        ("from ldp_tui import rollout, record, replay", HEAVY - {"pydantic", "numpy"}),
        ("import ldp_tui.store", HEAVY | {"sqlite3"}),
        ("import ldp_tui.store.writer, ldp_tui.store.reader", HEAVY - {"numpy", "pydantic"}),
        ("import ldp_tui.registry as r; r.environment_names()", MODELS_AND_ENVIRONMENTS | {"textual", "numpy"}),
        ("import ldp_tui.registry as r; r.agent_names()", MODELS_AND_ENVIRONMENTS | {"textual", "numpy"}),
        ("import ldp_tui.registry as r; r.check_environment_name('Taxi-v4')", MODELS_AND_ENVIRONMENTS | {"textual"}),
        (
            "import ldp_tui.registry as r; r.check_environment_name('remote:http://localhost:1')",
            MODELS_AND_ENVIRONMENTS | {"textual", "aiohttp", "fastapi", "uvicorn"},
        ),
        ("from ldp_tui import TaskDatasetClient", MODELS_AND_ENVIRONMENTS | {"textual", "fastapi", "uvicorn"}),
        ("import ldp_tui.models, ldp_tui.agents", HEAVY),
        ("from ldp_tui.models import LLMModel, LLMConfig, LLMCallOp", HEAVY - {"pydantic"} | {"aiohttp", "sqlite3"}),
        ("from ldp_tui.agents import SimpleAgent, ReActAgent", HEAVY - {"pydantic"} | {"aiohttp", "sqlite3"}),
        ("import ldp_tui.play.supervisor", MODELS_AND_ENVIRONMENTS | {"textual", "numpy", "sqlite3"}),
        ("import ldp_tui.tui.app", MODELS_AND_ENVIRONMENTS),
        ("import ldp_tui.datasets.lossless, ldp_tui.datasets.sft", MODELS_AND_ENVIRONMENTS | {"textual"}),
        ("import ldp_tui.cli", HEAVY | {"typer", "click"}),
        ("import ldp_tui.cli.app", HEAVY),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_import(code: str, absent: set[str]) -> None:
    """It brings none of the packages that only other parts need."""
    assert imported(code) & absent == set()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["--version"], "ldp-tui "), (["-V"], "ldp-tui "), (["-h"], "Usage"), (["play", "-h"], "Usage")],
)
def test_command_line(arguments: list[str], says: str) -> None:
    """Version and help answer without loading what commands need."""
    code = f"""
import sys
sys.argv = ["ldp-tui", *{arguments!r}]
from ldp_tui.cli import main
try:
    main()
except SystemExit as end:
    assert end.code == 0, end.code
"""
    report = "import json; sys.stderr.write(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    done = subprocess.run([sys.executable, "-c", code + report], capture_output=True, text=True, check=True, timeout=60)
    assert says in done.stdout
    assert set(json.loads(done.stderr.splitlines()[-1])) & {"textual", "numpy", "gymnasium", "litellm"} == set()


def test_unknown_public_name() -> None:
    """It is an ordinary AttributeError, and every public name is there."""
    import ldp_tui
    from ldp_tui import core

    with pytest.raises(AttributeError, match="no attribute 'Environmant'"):
        _ = ldp_tui.Environmant
    for name in core.__all__:
        assert getattr(ldp_tui, name) is getattr(core, name)

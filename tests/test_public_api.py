from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import ldp_tui
import ldp_tui.core

ROOT = Path(__file__).parent.parent

CORE = [
    "DEFAULT_EVAL_MODEL_NAME",
    "ENV_STATE_INFO_KEY",
    "INVALID_TOOL_NAME",
    "TASK_DATASET_REGISTRY",
    "Action",
    "Agent",
    "ArgumentError",
    "ArgumentSchema",
    "Completion",
    "DummyEnv",
    "DummyEnvState",
    "DummyTaskDataset",
    "DynamicState",
    "EnvStateMessage",
    "Environment",
    "EnvironmentBuilder",
    "EnvsTaskDataset",
    "EvalAnswerMode",
    "Frame",
    "FunctionInfo",
    "FunctionalEnvironment",
    "LdpTuiError",
    "MalformedMessageError",
    "Message",
    "Messages",
    "MessagesAdapter",
    "MissingExtra",
    "MissingPackage",
    "MultipleChoiceEvaluation",
    "MultipleChoiceQuestion",
    "Parameters",
    "Picture",
    "PlainAction",
    "Problem",
    "RandomAnnotation",
    "Renderer",
    "Spec",
    "TaskConfig",
    "TaskDataset",
    "Tool",
    "ToolCall",
    "ToolCallFunction",
    "ToolRequestMessage",
    "ToolResponseMessage",
    "Tools",
    "ToolsAdapter",
    "Trajectory",
    "Transition",
    "UnknownName",
    "UnknownTool",
    "Usage",
    "UsageError",
    "argref_by_name",
    "discounted_returns",
    "encode_image_to_base64",
    "eval_answer",
    "extract_answer",
    "fenv",
    "is_coroutine_callable",
    "join",
    "partial_format",
    "propose",
    "reflect",
    "shuffle",
    "spend",
    "tool_schema",
    "wraps_doc_only",
]
BEYOND_CORE = [
    "ActionProposed",
    "EnvironmentClient",
    "EpisodeEnded",
    "EpisodeStarted",
    "Reader",
    "RecordEpisodes",
    "ReflectionDelta",
    "ScriptedAgent",
    "StepTaken",
    "TaskDatasetClient",
    "TaskEnvClientState",
    "TaskEnvironmentClient",
    "ToolSelector",
    "ToolSelectorLedger",
    "__version__",
    "connect_writer",
    "record",
    "replay",
    "rollout",
]


def test_names_of_the_core() -> None:
    """A name that is added or taken away changes what plug-in authors may rely on: change this list with it."""
    assert sorted(ldp_tui.core.__all__) == sorted(CORE)


def test_names_of_the_package() -> None:
    """The core's and a few more."""
    assert sorted(ldp_tui.__all__) == sorted(CORE + BEYOND_CORE)
    assert dir(ldp_tui) == sorted(ldp_tui.__all__)


@pytest.mark.parametrize("name", ldp_tui.__all__)
def test_name(name: str) -> None:
    """It can be had, and the core's are the same objects in both places."""
    value = getattr(ldp_tui, name)

    if name in ldp_tui.core.__all__:
        assert value is getattr(ldp_tui.core, name)


@pytest.mark.parametrize("name", ["TaskDatasetServer", "make_tool_server"])
def test_name_that_needs_an_extra(name: str) -> None:
    """It is there with the extra; without it, the command to install it is named."""
    code = f"import sys; sys.modules['fastapi'] = None; from ldp_tui import {name}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)

    assert done.stderr.splitlines()[-1].endswith("install it with: pip install 'ldp-tui[serve]'")
    pytest.importorskip("fastapi")
    assert getattr(ldp_tui, name).__name__ == name


def test_name_that_does_not_exist() -> None:
    """An ordinary AttributeError, so that hasattr and from-imports behave."""
    assert not hasattr(ldp_tui, "no_such_name")
    with pytest.raises(ImportError, match="no_such_name"):
        exec("from ldp_tui import no_such_name")


AVIARY_CORE = [
    "DEFAULT_EVAL_MODEL_NAME",
    "ENV_STATE_INFO_KEY",
    "INVALID_TOOL_NAME",
    "TASK_DATASET_REGISTRY",
    "DummyEnv",
    "DummyEnvState",
    "DummyTaskDataset",
    "DynamicState",
    "EnvStateMessage",
    "Environment",
    "EnvironmentClient",
    "EvalAnswerMode",
    "Frame",
    "FunctionInfo",
    "MalformedMessageError",
    "Message",
    "Messages",
    "MessagesAdapter",
    "MultipleChoiceEvaluation",
    "MultipleChoiceQuestion",
    "Parameters",
    "Renderer",
    "TaskConfig",
    "TaskDataset",
    "TaskDatasetClient",
    "TaskDatasetServer",
    "TaskEnvClientState",
    "TaskEnvironmentClient",
    "Tool",
    "ToolCall",
    "ToolCallFunction",
    "ToolRequestMessage",
    "ToolResponseMessage",
    "ToolSelector",
    "ToolSelectorLedger",
    "Tools",
    "ToolsAdapter",
    "argref_by_name",
    "encode_image_to_base64",
    "eval_answer",
    "extract_answer",
    "fenv",
    "is_coroutine_callable",
    "join",
    "partial_format",
    "wraps_doc_only",
]


def test_names_of_aviary() -> None:
    """All that `aviary.core` offers is offered; its server is asked for by name, since it needs an extra."""
    assert set(AVIARY_CORE) <= {*ldp_tui.__all__, "TaskDatasetServer"}


def test_all_names_at_once() -> None:
    """`from ldp_tui import *` gives every one of them."""
    namespace: dict[str, object] = {}
    exec("from ldp_tui import *", namespace)

    assert set(ldp_tui.__all__) <= set(namespace)


def test_import_of_the_package() -> None:
    """It imports nothing but the standard library."""
    script = "import sys; before = set(sys.modules); import ldp_tui; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=30)

    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert loaded - sys.stdlib_module_names == {"ldp_tui"}


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, unpacked; skipped where the build back end is not installed."""
    pytest.importorskip("hatchling", reason="the build back end is needed to build without the network")
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        capture_output=True,
        check=True,
        timeout=120,
    )
    (built,) = folder.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_content_of_the_wheel(wheel: Path) -> None:
    """Bundled environments, style sheets, pages and the typing marker are in it; tests are not."""
    files = {str(path.relative_to(wheel)) for path in wheel.rglob("*") if path.is_file()}

    bundled = {path.name for path in (ROOT / "envs").glob("*.py")}
    assert {f"ldp_tui/_bundled_envs/{name}" for name in bundled} <= files
    for kind in ("*.tcss", "*.html"):
        assert {str(path.relative_to(ROOT)) for path in (ROOT / "ldp_tui").rglob(kind)} <= files
    assert "ldp_tui/py.typed" in files
    assert not [name for name in files if name.startswith(("tests", "benchmarks"))]


def test_bundled_environments_of_an_installed_wheel(wheel: Path, tmp_path: Path) -> None:
    """They are found and played from any folder, without the checkout."""
    script = "import ldp_tui, sys; print(ldp_tui.__file__); from ldp_tui.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script, "run", "maze", "-a", "random", "-n", "1", "--max-steps", "2", "--json",
         "--db", str(tmp_path / "ldp.db")],
        cwd="/",
        env={**os.environ, "PYTHONPATH": str(wheel)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )  # fmt: skip

    assert done.stdout.startswith(str(wheel))
    assert '"env": "maze"' in done.stdout

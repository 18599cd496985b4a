"""Task sets by name, of given environments, and from configuration files."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from ldp_tui.core.dummy import DummyEnv
from ldp_tui.core.errors import MissingPackage, UnknownName, UsageError
from ldp_tui.core.tasks import TASK_DATASET_REGISTRY, DummyTaskDataset, EnvsTaskDataset, TaskConfig, TaskDataset

MODULE = """
from ldp_tui import DummyEnv, TaskDataset

class Tasks(TaskDataset):
    def __init__(self, size, level=1):
        self.size, self.level = size, level

    def __len__(self):
        return self.size

    def get_new_env_by_idx(self, idx):
        return DummyEnv(task=str(idx))
"""


@pytest.fixture(autouse=True)
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package with task sets."""
    info = tmp_path / "tasked-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tasked\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[ldp_tui.task_datasets]\ntasked = tasked_tasks:Tasks\nbroken = tasked_nowhere:Tasks\n"
        "dummy = tasked_tasks:Tasks\n"
    )
    (tmp_path / "tasked_tasks.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "tasked_tasks", raising=False)


def test_names() -> None:
    """Our own come first and cannot be replaced; packages add theirs; what is uninstalled is gone."""
    assert list(TASK_DATASET_REGISTRY) == ["dummy", "broken", "tasked"]
    assert len(TASK_DATASET_REGISTRY) == 3
    assert TASK_DATASET_REGISTRY["tasked"] == ("tasked_tasks", "Tasks")
    assert TASK_DATASET_REGISTRY["dummy"] == ("ldp_tui.core.tasks", "DummyTaskDataset")
    assert "nothing" not in TASK_DATASET_REGISTRY
    assert "tasked_tasks" in repr(TASK_DATASET_REGISTRY)
    assert "tasked_tasks" not in sys.modules


def test_after_uninstalling(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is remembered."""
    assert "tasked" in TASK_DATASET_REGISTRY
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry != str(tmp_path)])
    assert "tasked" not in TASK_DATASET_REGISTRY


@pytest.mark.parametrize("name", ["tasked", "tasked_tasks:Tasks"])
def test_making(name: str) -> None:
    """By name or by module and class, with arguments."""
    dataset = TaskDataset.from_name(name, size=3)
    assert len(dataset) == 3
    assert [env.task for batch in dataset.iter_batches(2) for env in batch] == ["0", "1", "2"]


def test_endless_supply() -> None:
    """It has no length, is true all the same, and gives batches without end."""
    dataset = TaskDataset.from_name("dummy")
    assert isinstance(dataset, DummyTaskDataset)
    assert bool(dataset)
    (batch,) = [batch for batch, _ in zip(dataset.iter_batches(2), range(1), strict=False)]
    assert [type(env) for env in batch] == [DummyEnv, DummyEnv]


@pytest.mark.parametrize("name", ["nothing", "dumy", "tasked_tasks:Nothing"])
def test_unknown_name(name: str) -> None:
    """It is a ValueError that names the nearest one."""
    with pytest.raises(UnknownName, match="Unknown task dataset") as raised:
        TaskDataset.from_name(name)
    assert isinstance(raised.value, ValueError)
    if name == "dumy":
        assert "Did you mean dummy?" in str(raised.value)


@pytest.mark.parametrize("name", ["broken", "tasked_nowhere:Tasks"])
def test_package_that_is_missing(name: str) -> None:
    """It is an ImportError that says which."""
    with pytest.raises(MissingPackage, match="tasked_nowhere") as raised:
        TaskDataset.from_name(name)
    assert isinstance(raised.value, ImportError)


def test_name_of_something_else() -> None:
    """It is refused."""
    with pytest.raises(UsageError, match="makes a DummyEnv, not a TaskDataset"):
        TaskDataset.from_name("ldp_tui.core.dummy:DummyEnv")


def test_given_environments() -> None:
    """One or several; each is handed out itself."""
    one, other = DummyEnv(), DummyEnv()
    assert EnvsTaskDataset(one).get_new_env_by_idx(0) is one
    dataset = EnvsTaskDataset([one, other])
    assert len(dataset) == 2
    assert [env for batch in dataset.iter_batches(1) for env in batch] == [one, other]


def test_configuration() -> None:
    """Arguments of a split win over the common ones."""
    config = TaskConfig(name="tasked", task_kwargs={"size": 2, "level": 3}, eval_kwargs={"size": 5})
    assert [len(config.make_dataset("train")), len(config.make_dataset("eval")), len(config.make_dataset("test"))] == [
        2,
        5,
        2,
    ]
    assert config.make_dataset("eval").level == 3  # type: ignore[attr-defined]
    assert TaskConfig.model_validate_json(config.model_dump_json()) == config


def test_configuration_that_is_refused() -> None:
    """Unknown fields, and splits that do not exist."""
    with pytest.raises(ValidationError, match="Extra inputs"):
        TaskConfig(name="tasked", train_kwarg={})  # type: ignore[call-arg]
    with pytest.raises(UnknownName, match=r"Unknown split 'tset'\. Did you mean test\?"):
        TaskConfig(name="dummy").make_dataset("tset")  # type: ignore[arg-type]

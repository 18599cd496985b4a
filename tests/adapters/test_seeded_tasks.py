"""An environment as a dataset of its seeds, and environments by address."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("fastapi")

from ldp_tui import ScriptedAgent, rollout
from ldp_tui.adapters.serving.remote import remote_environment
from ldp_tui.adapters.serving.seeded_tasks import SeededTaskDataset
from ldp_tui.core.errors import UnknownName, UsageError
from ldp_tui.registry import check_environment_name, make_environment
from ldp_tui.registry_tasks import RegistryTaskDataset
from tests.adapters.served import Counter, Counters, serving_dataset


async def started(env: Any, seed: int | None) -> tuple[str, str | None]:
    """First message and task of an episode."""
    events = rollout(env, ScriptedAgent([]), seed=seed)
    event = await anext(events)
    await events.aclose()
    return str(event.observation[0].content), event.task_id  # type: ignore[union-attr]


async def test_numbered_tasks() -> None:
    """Task i is seed i, unless the reset gives another; outside a finite set there is none."""
    tasks = SeededTaskDataset(Counter, size=3)
    assert len(tasks) == 3
    assert (await tasks.get_new_env_by_idx(2).reset())[0][0].content == "Count from 2."
    assert (await tasks.get_new_env_by_idx(2).reset(seed=8))[0][0].content == "Count from 8."
    assert (await tasks.get_new_env_by_args(seed=1).reset())[0][0].content == "Count from 1."
    for idx in (3, -1):
        with pytest.raises(IndexError, match=f"There is no task {idx}; tasks are numbered from 0 to 2"):
            tasks.get_new_env_by_idx(idx)
    with pytest.raises(TypeError):
        len(SeededTaskDataset(Counter))


async def test_registry_tasks() -> None:
    """Anything the registry names; tasks without a name of their own are named by their seed."""
    env = RegistryTaskDataset("ldp_tui.core.dummy:DummyEnv").get_new_env_by_idx(4)
    await env.reset()
    assert await env.get_id() == "seed 4"
    assert await RegistryTaskDataset("FrozenLake-v1").get_new_env().get_id() == "FrozenLake-v1"
    await env.close()
    with pytest.raises(UnknownName):
        RegistryTaskDataset("no-such-environment").get_new_env()


@pytest.fixture
def counters() -> Counters:
    return Counters()


@pytest.fixture
def url(counters: Counters) -> Iterator[str]:
    with serving_dataset(counters) as url:
        yield url


@pytest.mark.parametrize(
    ("task", "seed", "goal"), [("", 6, 3), ("", None, None), (",task=1", 6, 2), (',task={"goal":9}', 6, 9)]
)
async def test_remote_environment(url: str, counters: Counters, task: str, seed: int | None, goal: int | None) -> None:
    """Its task is the one named, else the one that the seed chooses among those that are counted."""
    env, record = make_environment(f"remote:{url}{task}")
    observed, task_id = await started(env, seed)
    assert observed == f"Count from {seed or 0}."
    made = counters.made[-1].goal
    assert made == goal or (goal is None and 1 <= made <= 4)
    assert task_id == f"count to {made}"
    assert (record.name, record.kind) == (f"remote:{url}", "tools")


async def test_remote_environment_of_seeds() -> None:
    """Served and local episodes begin alike."""
    with serving_dataset(RegistryTaskDataset("maze")) as url:
        there = await started(make_environment(f"remote:{url}")[0], 5)
        assert there == await started(make_environment("maze")[0], 5)


def test_remote_environment_in_several_event_loops(url: str, counters: Counters) -> None:
    """Episodes of one run share connections; none stays open behind an event loop."""
    for seed in range(3):
        assert asyncio.run(started(make_environment(f"remote:{url}")[0], seed))[1] == f"count to {seed + 1}"
    assert all(env.closed.is_set() for env in counters.made)


async def test_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes from the named variable, and only its name is recorded."""
    monkeypatch.setenv("COUNTERS_KEY", "secret")
    with serving_dataset(Counters(), api_key="secret") as url:
        env, record = make_environment(f"remote:{url},api_key_env=COUNTERS_KEY")
        assert (await started(env, 0))[0] == "Count from 0."
        assert dict(record.spec) == {"api_key_env": "COUNTERS_KEY"}
    with pytest.raises(UsageError, match="The environment variable NO_SUCH_KEY holds no API key"):
        remote_environment("http://localhost:1", api_key_env="NO_SUCH_KEY")


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("remote:http://user:secret@host:1", "The address is recorded: give the key by api_key_env=NAME"),
        ("remote:http://host:1/?key=secret", "The address is recorded"),
        ("remote:ftp://host", "'ftp://host' is no address; expected remote:http://HOST:PORT."),
        ("remote:http://host:many", "is no address: Port could not be cast"),
        ("remote", "'' is no address"),
        ("remote:http://host,task=first", "Option 'task' of environment 'remote:http://host' must be a whole number"),
        ("remote:http://host,task=true", "'task'"),
        ("remote:http://host,tusk=1", "Unknown option 'tusk' of environment 'remote:http://host'. Did you mean task?"),
    ],
)
def test_address_that_cannot_be_used(address: str, told: str) -> None:
    """One sentence says why; no secret is in it."""
    with pytest.raises(UsageError) as raised:
        make_environment(address)
    assert told in str(raised.value)
    assert "secret" not in str(raised.value)


def test_name_of_a_remote_environment() -> None:
    """A front end can check it without connecting."""
    check_environment_name("remote:http://127.0.0.1:9,task=3")
    with pytest.raises(UsageError, match="is no address"):
        check_environment_name("remote:ftp://host")

"""Names of environments and players, and what they make."""

from __future__ import annotations

import os
import sys
import textwrap
from pathlib import Path
from typing import Any

import gymnasium
import pytest

from ldp_tui import Environment, registry
from ldp_tui.adapters.gymnasium_env import GymnasiumEnvironment
from ldp_tui.agents.random_players import RandomAgent
from ldp_tui.core.errors import EnvironmentFileError, SpecError, UnknownName, UsageError
from ldp_tui.environment_files import environment_files, find_environment_file, load_factory
from ldp_tui.models.tiny.model import BUNDLED

MAKE = '''
"""Summary line."""
from ldp_tui import DummyEnv

def make(task: str = "t", **kwargs):
    return DummyEnv(task=task)
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of environment files that the registry looks in; nothing lies beside it."""
    monkeypatch.chdir(tmp_path)
    own = tmp_path / "own"
    own.mkdir()
    monkeypatch.setenv("LDP_TUI_ENVS", str(own))
    return own


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package with entry points."""
    site = tmp_path / "site"
    info = site / "plugged-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugged\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[ldp_tui.envs]\nplugged = plugged_env:make\nbroken-plug = plugged_env_missing:make\n"
        "[ldp_tui.agents]\nplugged-agent = ldp_tui.agents.random_players:RandomAgent\nbroken-agent = plugged_env:none\n"
    )
    (site / "plugged_env.py").write_text(MAKE)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(sys.modules, "plugged_env", raising=False)
    return site


def test_listing(folder: Path) -> None:
    """Files come first, then Gymnasium's ids; each once, with group and summary, and what it needs."""
    (folder / "mine.py").write_text(MAKE)
    (folder / "maze.py").write_text(MAKE)
    names = registry.environment_names()
    by_name = {name.name: name for name in names}
    assert len(by_name) == len(names)
    assert (by_name["mine"].group, by_name["mine"].summary, by_name["mine"].error) == ("own", "Summary line.", "")
    assert by_name["maze"].group == "own"
    assert by_name["calculator"].group == "bundled"
    assert by_name["FrozenLake-v1"].group == "toy text"
    assert by_name["Ant-v5"].needs == "mujoco"
    assert [n.name for n in names].index("mine") < [n.name for n in names].index("CartPole-v1")
    assert {"human", "random", "optimal", "qlearning"} <= {name.name for name in registry.agent_names()}


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("def make(:\n", "bad.py:1: invalid syntax"),
        ("x = 1\n", "bad.py: defines no function make(**kwargs)"),
        ("\0", "null bytes"),
        (b"\xff\xfe", "bad.py: "),
    ],
)
def test_file_that_is_no_environment(folder: Path, content: str | bytes, error: str) -> None:
    """It is listed with the reason, and nothing else suffers; playing it says the same with the path."""
    (folder / "bad.py").write_bytes(content if isinstance(content, bytes) else content.encode())
    (folder / "good.py").write_text(MAKE)
    listed = {file.name: file for file in environment_files()}
    assert error in listed["bad"].error
    assert listed["good"].error == ""
    with pytest.raises(UsageError, match=r"bad\.py"):
        registry.make_environment("bad")


def test_what_is_no_file(folder: Path) -> None:
    """Links to nowhere and folders are listed with the reason; hidden and private files are not listed."""
    (folder / "gone.py").symlink_to(folder / "nowhere")
    (folder / ".#lock.py").symlink_to(folder / "nowhere")
    (folder / "folder.py").mkdir()
    (folder / "_private.py").write_text(MAKE)
    listed = {file.name: file.error for file in environment_files() if file.group == "own"}
    assert set(listed) == {"gone", "folder"}
    assert all(listed.values())
    assert find_environment_file("gone") is None


def test_file_with_a_dash(folder: Path) -> None:
    """What is listed can be made."""
    (folder / "tic-tac-toe.py").write_text(MAKE)
    assert "tic-tac-toe" in {file.name for file in environment_files()}
    env, record = registry.make_environment("tic-tac-toe")
    assert (type(env).__name__, record.name) == ("DummyEnv", "tic-tac-toe")


@pytest.mark.parametrize("name", ["../secret", "own/../../secret", "/etc/passwd", ""])
def test_name_that_leaves_the_folders(folder: Path, name: str) -> None:
    """It names no file."""
    (folder.parent / "secret.py").write_text(MAKE)
    assert find_environment_file(name) is None


def test_file_by_path(folder: Path, tmp_path: Path) -> None:
    """A path works from anywhere; a missing one is named."""
    path = tmp_path / "elsewhere.py"
    path.write_text(MAKE)
    env, record = registry.make_environment(f"{path},task=story")
    assert env.task == "story"  # type: ignore[attr-defined]
    assert record.spec == {"task": "story"}
    assert record.packages["source"]
    with pytest.raises(UsageError, match=r"There is no environment file none\.py"):
        registry.make_environment("none.py")


@pytest.mark.parametrize(
    ("body", "line", "reason"),
    [
        ("import ldp_tui_no_such_module", 2, "ModuleNotFoundError"),
        ("1 / 0", 2, "ZeroDivisionError"),
        ("raise SystemExit(3)", 2, "SystemExit"),
        ("def make(): pass\nmake = 3", None, "defines no function make"),
    ],
)
def test_file_that_cannot_be_imported(folder: Path, body: str, line: int | None, reason: str) -> None:
    """The error names file, line and reason; the next try imports it anew."""
    (folder / "bad.py").write_text(f'"""Doc."""\n{body}\ndef make(): ...\n' if line else f'"""Doc."""\n{body}\n')
    file = find_environment_file("bad")
    assert file is not None
    for _ in range(2):
        with pytest.raises(EnvironmentFileError) as caught:
            load_factory(file)
        assert caught.value.line == line
        assert reason in caught.value.reason


def test_file_that_changes(folder: Path) -> None:
    """The new code is used, and has another digest."""
    path = folder / "mine.py"
    path.write_text(MAKE)
    _, before = registry.make_environment("mine")
    path.write_text(MAKE.replace('"t"', '"changed"'))
    os.utime(path, ns=(1, 1))
    env, after = registry.make_environment("mine")
    assert env.task == "changed"  # type: ignore[attr-defined]
    assert before.packages["source"] != after.packages["source"]


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("calculater", UnknownName, "Did you mean calculator"),
        ("FrozenLak-v1", UnknownName, "Did you mean FrozenLake"),
        ("", SpecError, "names nothing"),
        ("maze,colour=red", UnknownName, "Unknown option 'colour' of environment 'maze'"),
        ("maze,size=7", UsageError, "environment 'maze' cannot be made"),
        ("FrozenLake-v1,colour=red", UsageError, "colour"),
        ("json:JSONDecoder", UsageError, "makes a JSONDecoder, not an Environment"),
        ("json:JSONDecode", UnknownName, "Unknown class or function 'JSONDecode' of module 'json'. Did you mean JSOND"),
        ("no.such.module:Env", UnknownName, "Unknown environment or module 'no.such.module'"),
        ("calculater:x", UnknownName, "Unknown environment or module 'calculater'. Did you mean calculator?"),
        ("maze:x", UsageError, "environment 'maze' takes nothing after a colon"),
        ("FrozenLake-v1:4x4", UsageError, "environment 'FrozenLake-v1' takes nothing after a colon"),
        ("gymnasium:CartPol-v1", UnknownName, "Unknown environment 'gymnasium:CartPol-v1'. Did you mean CartPole-v1"),
        (".relative:Env", UsageError, "relative"),
    ],
)
def test_environment_that_cannot_be_made(text: str, error: type[Exception], words: str) -> None:
    """One sentence says why."""
    with pytest.raises(error, match=words) as caught:
        registry.make_environment(text)
    assert isinstance(caught.value, UsageError)
    assert "\n" not in str(caught.value)


def test_class_of_a_module() -> None:
    """`module:Class` makes it with the options given."""
    env, record = registry.make_environment("ldp_tui.core.dummy:DummyEnv,task=x,end_immediately=false")
    assert (env.task, env.end_immediately) == ("x", False)  # type: ignore[attr-defined]
    assert record.name == "ldp_tui.core.dummy:DummyEnv"
    assert record.spec == {"task": "x", "end_immediately": False}


def test_gymnasium_id_behind_its_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The module is imported first, which registers it; an id need not have a version."""
    (tmp_path / "ldp_tui_test_registers.py").write_text(
        "import gymnasium\nfrom gymnasium.envs.toy_text import FrozenLakeEnv\n"
        "gymnasium.register(id='LdpTuiTestLake', entry_point=FrozenLakeEnv)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    try:
        env, record = registry.make_environment("ldp_tui_test_registers:LdpTuiTestLake")
        assert isinstance(env, GymnasiumEnvironment)
        assert record.name == "ldp_tui_test_registers:LdpTuiTestLake"
    finally:
        gymnasium.registry.pop("LdpTuiTestLake", None)
        sys.modules.pop("ldp_tui_test_registers", None)


def test_module_with_a_broken_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told from a module that does not exist, also where the names begin alike."""
    (tmp_path / "absent_thing_env.py").write_text("import absent_thing\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(UsageError, match="absent_thing_env cannot be imported: No module named 'absent_thing'"):
        registry.make_environment("absent_thing_env:Env")


def test_gymnasium_environment() -> None:
    """Any id is adapted; the record says what it was made with, and which packages decide how it behaves."""
    env, record = registry.make_environment("FrozenLake-v1,is_slippery=false")
    assert isinstance(env, GymnasiumEnvironment)
    assert (record.name, record.kind, record.spec["options"]) == ("FrozenLake-v1", "gymnasium", {"is_slippery": False})
    assert "gymnasium" in record.packages
    assert record.action_space is not None


def test_file_that_makes_a_gymnasium_environment() -> None:
    """It is adapted under the file's name."""
    env, record = registry.make_environment("blackjack_llm")
    assert isinstance(env, GymnasiumEnvironment)
    assert (record.name, record.kind) == ("blackjack_llm", "gymnasium")
    assert record.packages["source"]


@pytest.mark.parametrize("name", [file.name for file in environment_files() if file.group != "own"])
def test_bundled_environment(name: str) -> None:
    """It can be made without options."""
    env, record = registry.make_environment(name)
    assert isinstance(env, Environment)
    assert record.name == name


MODELS = ("reflect", "simple", "react", "no-tools", "memory", "tree-of-thoughts")


@pytest.mark.parametrize("name", [agent.name for agent in registry.agent_names()])
def test_built_in_player(name: str) -> None:
    """It can be made, where it needs one with a model or an address, and its record says what kind it is."""
    needed = {"remote": ":http://127.0.0.1:1", **dict.fromkeys(MODELS, ":any,base_url=http://127.0.0.1:1/v1")}
    if name == "local":
        pytest.importorskip("transformers")
        needed[name] = f":{BUNDLED}"
    text = f"{name}{needed.get(name, '')}"
    agent, record = registry.make_agent(text)
    assert (record.name, record.kind) == (text, agent.kind)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("randon", "Did you mean random"),
        ("random,colour=1", "Unknown option 'colour' of player 'random'"),
        ("json:JSONDecoder", "makes a JSONDecoder, not an Agent"),
        ("no.such:Agent", r"Unknown agent or module 'no\.such'\. Available: heuristic, "),
        ("randm:Agent", "Unknown agent or module 'randm'. Did you mean random"),
        ("json:JSONEncodr", "Unknown class or function 'JSONEncodr' of module 'json'. Did you mean JSONEncoder"),
        ("random:gpt", "player 'random' takes no model, so nothing can follow its colon; 'gpt' was given"),
    ],
)
def test_player_that_cannot_be_made(text: str, words: str) -> None:
    """One sentence says why."""
    with pytest.raises(UsageError, match=words):
        registry.make_agent(text)


def test_player_of_a_module() -> None:
    """`module:Class` makes it."""
    agent, _ = registry.make_agent("ldp_tui.agents.random_players:RandomAgent")
    assert type(agent) is RandomAgent


def test_plug_ins(plugins: Path) -> None:
    """They are listed without being imported, and made; one that cannot be imported says so."""
    assert {"plugged", "broken-plug"} <= {name.name for name in registry.environment_names()}
    assert "plugged-agent" in {name.name for name in registry.agent_names()}
    assert "plugged_env" not in sys.modules
    env, record = registry.make_environment("plugged,task=x")
    assert (env.task, record.name) == ("x", "plugged")  # type: ignore[attr-defined]
    assert type(registry.make_agent("plugged-agent")[0]) is RandomAgent
    with pytest.raises(UsageError, match=r"broken-plug .* cannot be imported: ModuleNotFoundError"):
        registry.make_environment("broken-plug")
    with pytest.raises(UsageError, match=r"broken-agent .* cannot be imported: AttributeError"):
        registry.make_agent("broken-agent")


def test_needed_arguments(folder: Path) -> None:
    """Those that are missing are named."""
    (folder / "needy.py").write_text(MAKE.replace('task: str = "t"', "task, *, size"))
    with pytest.raises(UsageError, match="'needy' needs task=…, size=…"):
        registry.make_environment("needy")


@pytest.mark.parametrize("text", ["maze", "FrozenLake-v1,x=1", "some.module:Class", "ALE/Pong-v5", "MyOwn-v3"])
def test_environment_names_that_can_be(text: str) -> None:
    """A front end lets them through."""
    registry.check_environment_name(text)


@pytest.mark.parametrize("text", ["mase", "nothing", ""])
def test_environment_names_that_cannot_be(text: str) -> None:
    """A front end learns it at once."""
    with pytest.raises(UsageError):
        registry.check_environment_name(text)


def test_agent_names_that_can_be() -> None:
    """Known kinds and `module:Class`; others are refused."""
    registry.check_agent_name("random")
    registry.check_agent_name("some.module:Class,x=1")
    with pytest.raises(UnknownName):
        registry.check_agent_name("randon")


def test_factory_that_fails(folder: Path) -> None:
    """Its error becomes a sentence; one meant for people is passed on."""
    source = textwrap.dedent(MAKE) + "    \n"
    (folder / "fails.py").write_text(source.replace("return DummyEnv(task=task)", 'raise KeyError("task")'))
    with pytest.raises(UsageError, match="environment 'fails' cannot be made: KeyError: 'task'"):
        registry.make_environment("fails")


def test_records_are_plain() -> None:
    """They are JSON values, ready to be stored."""
    import json

    for text in ("maze", "FrozenLake-v1", "blackjack_llm"):
        _, record = registry.make_environment(text)
        values: Any = [record.spec, record.packages, record.observation_space, record.action_space]
        json.dumps(values, allow_nan=False)

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("fastapi")

from tests.cli.conftest import Commands

Start = Callable[..., subprocess.Popen[str]]


@contextlib.contextmanager
def running(started: Start, *arguments: object, **options: Any) -> Iterator[str]:
    """The address that a server prints; it is interrupted afterwards, which is its ordinary end."""
    process = started(arguments, **options)
    assert process.stdout is not None
    assert process.stderr is not None
    address = process.stdout.readline().strip()
    assert address, process.stderr.read()
    yield address
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)  # who is impatient gets no traceback
    _, said = process.communicate(timeout=30)
    assert process.returncode == 0, said
    assert "Traceback" not in said


def ask(url: str, body: object = None, **headers: str) -> Any:
    request = urllib.request.Request(url, headers={"Content-Type": "application/json", **headers})
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(request, data, timeout=20) as answer:
        return json.loads(answer.read())


def test_served_environment(ldp: Commands, started: Start) -> None:
    """It is played from elsewhere like one that is here: same seeds, same returns, in several processes too."""
    with running(started, "serve", "maze", "--port", 0, "--prefix", "/m", "--tasks", 50) as url:
        assert ask(f"{url}/info") == {"dataset_size": 50, "running_env_ids": []}
        options = ("-a", "mask-random", "--episodes", 6, "--seed", 2, "--max-steps", 5, "--json")
        there = ldp("run", f"remote:{url}", *options)
        assert (there.status, there.err) == (0, "")
        here = ldp("run", "maze", *options)
        again = ldp("run", f"remote:{url}", *options, "--jobs", 2)
        played = ldp("play", f"remote:{url},task=3", "-a", "random", "--seed", 1, "--max-steps", 2, "--plain")
        assert (played.status, played.out.count("reward")) == (0, 2)
        assert ask(f"{url}/info")["running_env_ids"] == []
    assert there.json["mean_return"] == here.json["mean_return"] == again.json["mean_return"]
    with ldp.reader() as reader:
        assert {episode.env for episode in reader.episodes().episodes} == {f"remote:{url}", "maze"}


def test_server_with_a_key(ldp: Commands, started: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes from the environment on both sides, and no file of the player has it."""
    monkeypatch.setenv("MAZE_KEY", "a-very-secret-key")
    with running(started, "serve", "maze", "--port", 0, "--api-key-env", "MAZE_KEY") as url:
        played = ldp("run", f"remote:{url},api_key_env=MAZE_KEY", "-a", "random", "-n", 1, "--max-steps", 2)
        assert played.status == 0
        refused = ldp("run", f"remote:{url}", "-a", "random", "-n", 1)
        assert refused.status == 1
        assert "403: Invalid or missing API key" in refused.err
    assert b"a-very-secret-key" not in b"".join(path.read_bytes() for path in ldp.folder.rglob("*") if path.is_file())


def test_server_that_is_gone(ldp: Commands) -> None:
    """Every episode fails with one reason."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        answer = ldp("run", f"remote:http://127.0.0.1:{closed.getsockname()[1]}", "-a", "random", "-n", 2)
    assert answer.status == 1
    assert "2 episodes failed: http://127.0.0.1" in answer.err
    assert "cannot be reached: Connection refused." in answer.err


def test_tools(ldp: Commands, started: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address that is printed has a token that was drawn; or the token comes from the environment."""
    with running(started, "tools", "calculator", "--port", 0) as address:
        url, _, token = address.partition("/#token=")
        assert len(token) >= 20
        told = ask(f"{url}/env/create?details=true", Authorization=f"Bearer {token}")
        assert told["name"] == "calculator"
        assert told["tools"]
    monkeypatch.setenv("MY_TOKEN", "own-token")
    with running(started, "tools", "calculator", "--port", 0, "--token-env", "MY_TOKEN") as url:
        assert ask(f"{url}env/create", Authorization="Bearer own-token")


def test_page_is_opened(ldp: Commands, started: Start) -> None:
    """The browser is given a private file that leads there, not the token on its command line."""
    browser = ldp.folder / "browser"
    browser.write_text('#!/bin/sh\necho "$@" >"$0.arguments"\nexec cat "${1#file://}" >"$0.page"\n')
    browser.chmod(0o755)
    with running(
        started, "tools", "calculator", "--port", 0, "--open", env={**os.environ, "BROWSER": f"{browser} %s"}
    ) as address:
        token = address.partition("/#token=")[2]
        page = ldp.folder / "browser.page"
        while not (page.exists() and token in page.read_text()):
            pass
    assert token not in (ldp.folder / "browser.arguments").read_text()


WRONG = [
    ("serve maz", "Unknown environment 'maz'. Did you mean maze?"),
    ("serve maze,hight=3", "Unknown option 'hight' of environment 'maze'."),
    ("serve maze --prefix m", "--prefix m must start with / and not end with it."),
    ("serve maze --api-key-env NO_SUCH_NAME", "The environment variable NO_SUCH_NAME is not set."),
    ("serve maze --port 70000", "--port should be less than or equal to 65535."),
    ("serve maze --host no-such-host.invalid", "Nothing can listen at no-such-host.invalid:8041: "),
    ("tools maz", "Unknown environment 'maz'. Did you mean maze?"),
    ("tools maze --token-env NO_SUCH_NAME", "The environment variable NO_SUCH_NAME is not set."),
    ("run remote:nowhere -a random", "'nowhere' is no address; expected remote:http://HOST:PORT."),
]


@pytest.mark.parametrize(("line", "message"), WRONG, ids=[line for line, _ in WRONG])
def test_request_that_cannot_be_carried_out(ldp: Commands, line: str, message: str) -> None:
    """One line, exit status 2."""
    answer = ldp(*line.split())
    assert (answer.status, answer.out) == (2, "")
    assert answer.err.startswith(f"ldp-tui: {message}")
    assert answer.err.count("\n") == 1


def test_port_in_use(ldp: Commands) -> None:
    """One line says so."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        answer = ldp("serve", "maze", "--port", port)
    assert answer.status == 2
    assert answer.err == f"ldp-tui: Nothing can listen at 127.0.0.1:{port}: Address already in use.\n"


@pytest.mark.parametrize("command", ["serve", "tools"])
def test_missing_extra(command: str) -> None:
    """One line names the command that installs it."""
    without = "import sys; sys.modules['fastapi'] = None"
    code = f"{without}; from ldp_tui.cli.app import run; sys.exit(run(['{command}', 'maze']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr.endswith("needs an optional package; install it with: pip install 'ldp-tui[serve]'\n")
    assert done.stderr.count("\n") == 1


OWN = """
from ldp_tui import DummyEnv, TaskDataset

class Stories(TaskDataset):
    def __len__(self):
        return 3

    def get_new_env_by_idx(self, idx):
        return DummyEnv(task=f"number {idx}")

def make():
    return DummyEnv()
"""


def test_served_task_dataset(ldp: Commands, started: Start) -> None:
    """Its own tasks are served, by number; it is played here too, the seed choosing the task."""
    (ldp.folder / "stories.py").write_text(OWN)
    with running(started, "serve", "stories.py:Stories", "--port", 0) as url:
        assert ask(f"{url}/info")["dataset_size"] == 3
        messages, _ = ask(f"{url}/reset", ask(f"{url}/start", {"task_idx": 2}))
        assert messages[0]["content"].endswith("about number 2")
    for environment, episodes in (("stories.py:Stories", 4), ("stories.py:Stories,task=2", 1)):
        ldp("run", environment, "-a", "random", "-n", episodes, "--max-steps", 1, "--seed", 1)
    with ldp.reader() as reader:
        asked = [reader.steps(id_)[0].messages[0].content[-8:] for id_ in range(1, 6)]
    assert asked == [f"number {task}" for task in (1, 2, 0, 1, 2)]


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ("stories.py:Stories,task=3", "Stories has 3 tasks, numbered from 0; there is no task 3."),
        ("stories.py:Nothing", "defines no class or function Nothing"),
        ("nowhere.py:Stories", "There is no environment file nowhere.py."),
    ],
)
def test_dataset_that_cannot_be_served(ldp: Commands, environment: str, told: str) -> None:
    (ldp.folder / "stories.py").write_text(OWN)
    answer = ldp("serve", environment)
    assert (answer.status, answer.out) == (2, "")
    assert told in answer.err


def test_number_of_tasks_of_a_dataset(ldp: Commands) -> None:
    """It has its own."""
    (ldp.folder / "stories.py").write_text(OWN)
    answer = ldp("serve", "stories.py:Stories", "--tasks", 5)
    assert answer.status == 2
    assert "has tasks of its own" in answer.err

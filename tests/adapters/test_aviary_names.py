"""Real environments and agents by name and by class: on the command line, in the app, in the record."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import aclosing
from importlib.metadata import version
from pathlib import Path

import pytest

pytest.importorskip("aviary")
pytest.importorskip("ldp")

from ldp_tui.adapters.aviary_env import AviaryEnvironment, AviaryTasks
from ldp_tui.adapters.ldp_agent import LdpAgent
from ldp_tui.core.environment import Environment
from ldp_tui.core.errors import UsageError
from ldp_tui.engine.events import EpisodeStarted
from ldp_tui.engine.record import record
from ldp_tui.engine.rollout import rollout
from ldp_tui.registry import agent_names, environment_names, make_agent, make_environment
from ldp_tui.store.reader import Reader
from ldp_tui.store.writer import Writer
from ldp_tui.testing.model_server import ModelServer
from tests.cli.conftest import Commands, ldp
from tests.play.conftest import front
from tests.play.playing import Front

__all__ = ["front", "ldp"]

OWN = "tests.adapters.real_environments"
STORY = "tests.adapters.real_environments:Going,tool=print_story,story=a"

WITHOUT_THEM = """
import sys
from importlib.machinery import PathFinder


class Elsewhere(PathFinder):
    # As if they were not installed.
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name in ("aviary", "ldp", "lmi") else PathFinder.find_spec(name, path, target)


sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not PathFinder] + [Elsewhere]
"""


def python(code: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A fresh interpreter in this folder."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **variables},
    )


COMMAND = "from ldp_tui.cli import main; main()"
REPORT = """
import json
heavy = {"aviary", "ldp", "lmi", "litellm", "torch", "gymnasium"}
sys.stderr.write(json.dumps(sorted(heavy & {name.partition('.')[0] for name in sys.modules})))
"""


class TestNames:
    def test_listed(self) -> None:
        """Names of aviary's packages, each with what has to be installed first."""
        listed = {name.name: name for name in environment_names() if name.group == "aviary"}
        assert listed["aviary:dummy"].needs == ""
        assert listed["aviary:hotpotqa"].needs in ("", "fhaviary[hotpotqa]")
        players = {name.name: name for name in agent_names()}
        assert "openai" in players["ldp:SimpleAgent"].summary

    def test_environment(self) -> None:
        """`aviary:NAME` with the options of its class; the record says what was made, by which versions."""
        env, made = make_environment("aviary:dummy,end_immediately=false")
        assert isinstance(env, AviaryEnvironment)
        assert env.aviary_env.end_immediately is False
        assert (made.name, made.kind, made.spec) == ("aviary:dummy", "aviary", {"end_immediately": False})
        assert made.packages["fhaviary"] == version("fhaviary")
        assert "ldp-tui" in made.packages

    async def test_task_in_words(self) -> None:
        """It goes to the environment's class, or to its `from_task`."""
        env, _ = make_environment('aviary:dummy,task="two cats"')
        (message,), _ = await env.reset()
        assert message.content == "Write a 5 word story via print_story about two cats"

    @pytest.mark.parametrize(
        ("name", "says"),
        [
            ("aviary:dumy", "Unknown aviary environment 'dumy'. Did you mean dummy?"),
            ("aviary:dummy,task=3", "DummyTaskDataset makes tasks without end and has no task 3"),
            ("aviary:dummy,size=3", "Unknown option 'size' of environment 'aviary:dummy'."),
            (f"{OWN}:Tasks,task=3", "Tasks has 3 tasks, numbered from 0; there is no task 3."),
            (f"{OWN}:Tasks,task=first", "task='first' is no number of a task"),
            ("ldp:SimplAgent", "Unknown LDP agent 'SimplAgent'. Did you mean SimpleAgent"),
            ("ldp:SimpleAgent,llm_model=gpt-4", "Unknown option 'llm_model' of player 'SimpleAgent'."),
            ('ldp:SimpleAgent,llm_config={"models":[{"name":"x","api_key":"k"}]}', "'api_key' would be recorded"),
            ("ldp:TreeofThoughtsAgent,model=openai/x", "TreeofThoughtsAgent cannot take a lane"),
            (f"{OWN}:Talkative,loud=true", "Unknown option 'loud'"),
        ],
    )
    def test_that_cannot_be_made(self, name: str, says: str) -> None:
        """One line says why, before anything is recorded."""
        with pytest.raises(UsageError) as told:
            (make_agent if name.startswith("ldp:") else make_environment)(name)
        assert says in str(told.value)
        assert "\n" not in str(told.value)

    def test_package_that_is_missing(self) -> None:
        """A name that another package of aviary's brings says how to install it."""
        needs = {name.name: name.needs for name in environment_names()}
        if not needs["aviary:lfrqa"]:
            pytest.skip("the package is installed here")
        with pytest.raises(UsageError, match=r"pip install 'fhaviary\[lfrqa\]'"):
            make_environment("aviary:lfrqa")


class TestClasses:
    def test_environment(self) -> None:
        """`module:Class` of an aviary environment."""
        env, made = make_environment(f"{OWN}:Counting,n=7")
        assert isinstance(env, AviaryEnvironment)
        assert (env.aviary_env.n, made.name, made.kind) == (7, f"{OWN}:Counting", "aviary")
        assert made.packages["fhaviary"] == version("fhaviary")

    async def test_task_dataset(self) -> None:
        """`module:Class` of a task dataset: options make it, `task` chooses."""
        env, made = make_environment(f"{OWN}:Tasks,size=9,task=6")
        assert isinstance(env, AviaryTasks)
        (message,), _ = await env.reset(seed=1)
        assert (message.content, made.spec) == ("Count to 7.", {"size": 9, "task": 6})

    async def test_environment_file(self, tmp_path: Path) -> None:
        """A file whose `make` gives an aviary environment."""
        (tmp_path / "count.py").write_text(
            f"from {OWN} import Counting\n\n\ndef make(n: int = 2):\n    return Counting(n)\n"
        )
        env, made = make_environment(f"{tmp_path / 'count.py'},n=5")
        assert isinstance(env, AviaryEnvironment)
        assert (made.kind, "source" in made.packages) == ("aviary", True)

    def test_agent(self) -> None:
        """`module:Class` of an LDP agent; the record names versions, and the model where there is one."""
        agent, player = make_agent(STORY)
        assert isinstance(agent, LdpAgent)
        assert (player.name, player.kind, player.model) == (STORY, "scripted", None)
        assert player.config["packages"]["ldp"] == version("ldp")

    def test_agent_with_a_model(self) -> None:
        """`model` and what belongs to it make LDP's model configuration."""
        agent, player = make_agent("ldp:SimpleAgent,model=openai/x,api_base=http://localhost:1/v1,sys_prompt=Be brief.")
        (model,) = agent.ldp_agent.llm_config.models
        assert (model.name, model.api_base) == ("openai/x", "http://localhost:1/v1")
        assert (player.kind, player.model, player.prompt) == ("llm", "openai/x", "Be brief.")

    def test_agent_with_its_own_constructor(self) -> None:
        """Parameters of a subclass are options too, though LDP hides them behind `*args, **kwargs`."""
        _, player = make_agent(f"{OWN}:Patient,patience=3,model=openai/x")
        assert player.config["patience"] == 3
        with pytest.raises(UsageError, match="Unknown option 'patients'"):
            make_agent(f"{OWN}:Patient,patients=3")


class TestNotInstalled:
    @pytest.mark.parametrize(
        "arguments",
        [
            ["play", "aviary:dummy", "--agent", "random", "--plain"],
            ["play", "maze", "--agent", "ldp:SimpleAgent", "--plain"],
            ["run", f"{OWN}:Counting", "--agent", "random"],
            ["run", "maze", "--agent", f"{OWN}:Going"],
            ["run", "{folder}/own.py", "--agent", "random"],
        ],
        ids=["name", "agent-name", "class", "agent-class", "file"],
    )
    def test_command(self, arguments: list[str], tmp_path: Path) -> None:
        """One line names the extra; exit status 2; nothing is recorded."""
        (tmp_path / "own.py").write_text("import aviary.core\n\n\ndef make():\n    return aviary.core.DummyEnv()\n")
        asked = [argument.format(folder=tmp_path) for argument in arguments]
        done = python(WITHOUT_THEM + COMMAND, *asked, "--db", str(tmp_path / "x.db"))
        assert done.returncode == 2
        (line,) = done.stderr.splitlines()
        assert line.endswith("install it with: pip install 'ldp-tui[aviary]'")
        assert not (tmp_path / "x.db").exists()

    def test_list(self) -> None:
        """The names are listed all the same, with what they need."""
        done = python(WITHOUT_THEM + COMMAND, "envs", "--json", "aviary:")
        needs = {name["name"]: name["needs"] for name in json.loads(done.stdout)}
        assert needs["aviary:dummy"] == "ldp-tui[aviary]"


@pytest.mark.parametrize(
    "code",
    [
        "from ldp_tui.registry import environment_names; environment_names()",
        "from ldp_tui.registry import agent_names; agent_names()",
        "from ldp_tui.registry import make_environment; make_environment('maze')",
        "from ldp_tui.registry import make_agent; make_agent('random')",
        "from ldp_tui.registry import check_environment_name; check_environment_name('aviary:dummy')",
        "from ldp_tui.registry import check_agent_name; check_agent_name('ldp:SimpleAgent')",
        "import ldp_tui.tui.app, ldp_tui.play.supervisor, ldp_tui.tui.lookups as l; l.environment_choices()",
    ],
)
def test_imports(code: str) -> None:
    """Neither aviary nor LDP, nor what they bring, is imported before it is asked for."""
    done = python(f"import sys; {code}\n{REPORT}")
    assert json.loads(done.stderr.splitlines()[-1]) in ([], ["gymnasium"])


class TestSilence:
    def test_dataset_that_prints_and_draws_a_progress_bar(self, capfd: pytest.CaptureFixture[str]) -> None:
        """What is printed while it is made goes to the log; bars count on, as they would not if they were disabled."""
        make_environment(f"{OWN}:Talkative")
        shown = capfd.readouterr()
        assert (shown.out, shown.err) == ("", "")
        assert "TQDM_DISABLE" not in os.environ

    def test_turn_with_a_model_on_the_command_line(self, tmp_path: Path) -> None:
        """Of a whole episode of LDP's SimpleAgent in aviary's DummyEnv nothing but our own lines are seen."""
        with ModelServer([("cast_int", {"x": 2.5}), ("print_story", {"story": "a b c d e"})], repeat=True) as server:
            agent = f"ldp:SimpleAgent,model=openai/nobody-knows-it,api_base={server.base_url},timeout=20"
            asked = ["play", "aviary:dummy", "--plain", "--seed", "1", "--db", str(tmp_path / "x.db"), "--agent", agent]
            done = python(COMMAND, *asked, OPENAI_API_KEY="none")
        assert done.returncode == 0
        assert done.stderr == f"Recorded in {tmp_path / 'x.db'}.\n"
        assert done.stdout.splitlines()[1:] == [
            "Write a 5 word story via print_story",
            "   0  cast_int(x=2.5)  reward 0",
            "      2",
            "   1  print_story(story='a b c d e')  reward +1",
            "      null",
            "terminated after 2 steps: return 1",
            "",
        ]


def test_grade_school_mathematics(tmp_path: Path) -> None:
    """aviary's own GSM8k plays by split and number, from a file on this disk."""
    pytest.importorskip("aviary.envs.gsm8k")
    questions = [{"question": f"What is {n} + {n}?", "answer": f"Add.\n#### {2 * n}"} for n in range(6)]
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "test.jsonl").write_text("".join(f"{json.dumps(question)}\n" for question in questions))
    asked = f"aviary:gsm8k,split=test,hf_source={tmp_path / 'data'},task=4"
    agent = f"{OWN}:Going,tool=submit_answer,answer=8"
    command = ["play", asked, "--plain", "--json", "--db", str(tmp_path / "x.db"), "--agent", agent]
    done = python(COMMAND, *command, HF_HOME=str(tmp_path / "cache"), HF_HUB_OFFLINE="1")
    assert (done.returncode, done.stderr) == (0, f"Recorded in {tmp_path / 'x.db'}.\n")
    with Reader(tmp_path / "x.db") as reader:
        (episode,) = reader.episodes().episodes
        versions = json.loads(reader.episode(episode.id).env.pkg_versions)
    assert (episode.task_id, episode.return_, episode.status) == ("test_4", 1.0, "done")
    assert versions["aviary.gsm8k"] == version("aviary.gsm8k")


def test_campaign(ldp: Commands) -> None:
    """`run` plays the tasks of a dataset, one for each seed."""
    answer = ldp("run", f"{OWN}:Tasks,size=3", "--agent", f"{OWN}:Going", "--episodes", "6", "--json")
    assert answer.status == 0
    with ldp.reader() as reader:
        tasks = sorted((e.seed, e.task_id, e.return_) for e in reader.episodes().episodes)
    assert tasks == [(str(seed), str(seed % 3), float(seed % 3 + 1)) for seed in range(6)]


async def test_recorded_versions(writer: Writer, database: Path) -> None:
    """They are in the database with the episode."""
    env, made = make_environment("aviary:dummy")
    agent, player = make_agent(STORY)
    async with aclosing(record(rollout(env, agent, environment=made, player=player), writer, run_uid="run")) as events:
        (started, *_) = [event async for event in events]
    assert isinstance(started, EpisodeStarted)
    assert isinstance(env, Environment)
    with Reader(database) as reader:
        header = reader.episode(started.uid)
    assert json.loads(header.env.pkg_versions)["fhaviary"] == version("fhaviary")
    assert json.loads(header.agent.config)["packages"] == {"ldp": version("ldp"), "fhlmi": version("fhlmi")}


def test_lanes_of_the_engine(front: Front, tmp_path: Path) -> None:
    """A real agent and a random one play a real environment side by side, in the engine's own threads."""
    front.play(("aviary:dummy", STORY), (f"{OWN}:Counting", f"{OWN}:Going"), seed=3, db=str(tmp_path / "x.db"))
    front.until(lambda: front.ended(0) and front.ended(1))
    assert [front.ended(lane)[0].reason for lane in (0, 1)] == ["terminated"] * 2
    assert [len(front.steps(lane)) for lane in (0, 1)] == [1, 3]
    assert not [line for line in front.handle.log.lines() if line.level == "output"]

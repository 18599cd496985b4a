"""Experiment files: gym-llm's keys, ours, and what is said of mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from ldp_tui.experiments.config import load_experiment
from ldp_tui.experiments.yaml_lines import ConfigError

GYM_LLM = """\
agent:
  backend: openai
  model: gpt-4o-mini
  temperature: .0
  history: 10
  action_rate: 2

environment:
  name: TaxiLLM-v3
  kwargs:

experiment:
  parent: 'experiments'
  name: 'taxi'
  use_datetime: true
  seed: 3
  num_runs: 2
  save_gif: true
  gif_fps: 1
  verbose: true
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "experiment.yaml"
    path.write_text(text)
    return path


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_experiment(write(folder, text))
    return str(caught.value).removeprefix(f"{folder}/")


def test_a_file_of_gym_llm(tmp_path: Path) -> None:
    """Its model becomes a reflecting player, its ids the bundled environments, its history counts messages."""
    experiment = load_experiment(write(tmp_path, GYM_LLM))
    (agent,), (environment,) = experiment.agents, experiment.environments
    assert agent.text() == ("reflect:openai/gpt-4o-mini,temperature=0.0,history=10,history_unit=messages,action_rate=2")
    assert environment.text() == "taxi_llm"
    assert experiment.experiment.all_seeds() == [3, 4]


def test_the_defaults_are_those_of_gym_llms_code(tmp_path: Path) -> None:
    text = "agent: {}\nenvironment: {name: Blackjack-v1}\nexperiment: {parent: a, name: b}\n"
    experiment = load_experiment(write(tmp_path, text))
    assert experiment.agents[0].text() == (
        "reflect:ollama/llama3.1,temperature=0.2,history=10,history_unit=messages,action_rate=1"
    )
    block = experiment.experiment
    assert (block.seed, block.num_runs, block.save_gif, block.gif_fps, block.verbose) == (0, 1, False, 30, False)


def test_lists_of_players_and_environments(tmp_path: Path) -> None:
    text = (
        "agents: [random, {player: 'optimal'}]\nenvironments:\n  - Blackjack-v1\n  - name: FrozenLake-v1\n"
        "    kwargs: {is_slippery: false}\nexperiment: {parent: a, name: b, seeds: [4, 2]}\n"
    )
    experiment = load_experiment(write(tmp_path, text))
    assert [agent.text() for agent in experiment.agents] == ["random", "optimal"]
    assert [e.text() for e in experiment.environments] == ["Blackjack-v1", "FrozenLake-v1,is_slippery=false"]
    assert experiment.experiment.all_seeds() == [4, 2]


TAIL = "environment: Blackjack-v1\nexperiment: {parent: a, name: b}\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"agent:\n  modle: x\n{TAIL}", "experiment.yaml:2: unknown key 'modle'; did you mean 'model'?"),
        (f"agnet: random\n{TAIL}", "experiment.yaml:1: unknown key 'agnet'; did you mean 'agent'?"),
        ("agent: random\nexperiment: {parent: a, name: b}\n", "experiment.yaml:1: 'environment' is missing"),
        (
            "agent: random\nenvironment: {name: X}\nexperiment:\n  parent: a\n  name: b\n  num_runs: many\n",
            "experiment.yaml:6: num_runs: input should be a valid integer",
        ),
        (f"agent: random\nagent: human\n{TAIL}", "experiment.yaml:2: 'agent' is given twice"),
        (f"agent: [random\n{TAIL}", "experiment.yaml:2: "),
        (f"agent:\n  history: 2\n  action_rate: 3\n{TAIL}", "action_rate 3 must be at most history 2"),
        (f"agent: {{player: random, model: x}}\n{TAIL}", "give either player, or model"),
        (f"agent: random\nagents: [random]\n{TAIL}", "give either agent or agents"),
        ("- 1\n", "experiment.yaml:1: is not a mapping"),
        (f"agent: !!python/object/apply:os.getcwd []\n{TAIL}", "experiment.yaml:1: could not determine a constructor"),
        (
            "agent: random\nenvironment: X\nexperiment: {parent: a, name: b, seeds: [1, 1]}\n",
            "a seed is listed twice",
        ),
    ],
)
def test_mistakes_are_named_with_their_line(tmp_path: Path, text: str, said: str) -> None:
    assert said in refusal(tmp_path, text)


def test_a_file_that_multiplies_itself_is_refused(tmp_path: Path) -> None:
    """Aliases of aliases stand for more values than any configuration has."""
    lines = ["a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [
        f"{name}: &{name} [{', '.join(['*' + before] * 10)}]"
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    ]
    assert "more than 10,000 values" in refusal(tmp_path, "\n".join(lines))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_experiment(tmp_path / "nowhere.yaml")


def test_the_digest_is_that_of_what_is_played(tmp_path: Path) -> None:
    """Processes, films and comments change nothing; a further player does."""
    base = load_experiment(write(tmp_path, f"agent: random\n{TAIL}"))
    same = load_experiment(
        write(
            tmp_path,
            "# other\nagents: [random]\nenvironment: Blackjack-v1\nexperiment: {parent: a, name: b, jobs: 2}\n",
        )
    )
    other = load_experiment(write(tmp_path, f"agents: [random, optimal]\n{TAIL}"))
    assert base.digest == same.digest != other.digest

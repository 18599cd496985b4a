from __future__ import annotations

import math
import sys

import pytest

from tests.cli.conftest import Commands

KEYS = {
    "env",
    "agent",
    "seed",
    "n",
    "mean_return",
    "ci95",
    "success_rate",
    "mean_steps",
    "steps",
    "seconds",
    "failures",
    "baselines",
}

REWARDS = '''
"""Ends at once, with a reward for each seed."""
from ldp_tui import fenv

REWARDS = {rewards}

@fenv.start()
def rewarding(seed: int = 0):
    return "End it.", {{"seed": seed}}

@rewarding.tool()
def end(state) -> str:
    """End the episode."""
    state.reward, state.done = float(REWARDS[state.seed]), True
    return "Over."

def make():
    return rewarding()
'''


PATIENT = '''
"""Ends for whoever knows the word."""
from ldp_tui import fenv

@fenv.start()
def patient():
    return "Say the word.", {}

@patient.tool()
def say(word: str, state) -> str:
    """Say something."""
    state.done = word == "please, may I leave"
    return "Well?"

def make():
    return patient()
'''

NORTH = """
from ldp_tui.agents.scripted import ScriptedAgent

def make():
    return ScriptedAgent([("move", {"direction": "north"})], repeat=True)
"""

LEAVING = """
from ldp_tui.agents.scripted import ScriptedAgent

def make():
    return ScriptedAgent([("say", {"word": "please, may I leave"})])
"""


def test_summary_as_json(ldp: Commands) -> None:
    """One object on stdout, with every promised key; nothing else is printed there."""
    answer = ldp("run", "Blackjack-v1", "--agent", "optimal", "--episodes", 20, "--seed", 5, "--json")

    summary = answer.json
    assert (answer.status, answer.err) == (0, "")
    assert set(summary) >= KEYS
    assert (summary["env"], summary["agent"], summary["seed"], summary["n"]) == ("Blackjack-v1", "optimal", 5, 20)
    low, high = summary["ci95"]
    assert low < summary["mean_return"] < high
    assert 0.0 <= summary["success_rate"] <= 1.0
    assert summary["mean_steps"] == summary["steps"] / 20
    assert summary["failures"] == 0
    exact = {baseline["name"]: baseline["mean_return"] for baseline in summary["baselines"]}
    assert exact["optimal"] == pytest.approx(-0.0431, abs=1e-4)
    assert exact["random"] < exact["optimal"]


def test_summary_as_text(ldp: Commands) -> None:
    """Aligned rows of player and references on stdout; where it is recorded on stderr."""
    answer = ldp("run", "Blackjack-v1", "-a", "optimal", "-n", 3)

    head, _, titles, player, random, heuristic, optimal, _, speed = answer.out.splitlines()
    assert head == "Blackjack-v1, 3 episodes, seeds 0 to 2"
    assert titles.split("  ")[0] == "player"
    assert player.startswith("optimal  ")
    assert random.startswith("random (exact)")
    assert heuristic.startswith("heuristic (measured)  3 ")
    assert optimal.startswith("optimal (exact)")
    assert random.index("-0.394") + len("-0.394") == titles.index("return") + len("return")
    assert "steps/s" in speed
    assert answer.err == "Recorded in recordings/ldp.db.\n"


def test_one_episode(ldp: Commands) -> None:
    """There is no interval of one value, and none is made up."""
    text, data = (
        ldp("run", "Blackjack-v1", "-a", "optimal", "-n", 1),
        ldp("run", "Blackjack-v1", "-a", "optimal", "-n", 1, "--json"),
    )

    assert not {"nan", "inf", "NaN"} & set(text.out.split())
    assert data.json["ci95"] == [None, None]


def test_seeds(ldp: Commands) -> None:
    """Episode i is played with seed S + i."""
    ldp("run", "maze", "-a", "random", "-n", 4, "--seed", 40, "--max-steps", 2)

    with ldp.reader() as reader:
        seeds = sorted(episode.seed for episode in reader.episodes(limit=10).episodes)
    assert seeds == ["40", "41", "42", "43"]


@pytest.mark.parametrize("seed", [2**63, 2**64 - 2, 10**30])
def test_seed_beyond_64_bits(ldp: Commands, seed: int) -> None:
    """It is played, stored and told exactly."""
    answer = ldp("run", "maze", "-a", "random", "-n", 2, "--seed", seed, "--max-steps", 2, "--json")

    assert answer.json["seed"] == seed
    with ldp.reader() as reader:
        assert {episode.seed for episode in reader.episodes(limit=10).episodes} == {str(seed), str(seed + 1)}


@pytest.mark.parametrize("command", [("run", "maze", "-a", "random"), ("play", "maze", "-a", "random", "--plain")])
def test_negative_seed(ldp: Commands, command: tuple[str, ...]) -> None:
    """Refused before anything is played: environments take none."""
    answer = ldp(*command, "--seed", -1)

    assert (answer.status, answer.out) == (2, "")
    assert answer.err == "ldp-tui: --seed should be greater than or equal to 0.\n"
    assert not ldp.db.exists()


def test_several_processes(ldp: Commands) -> None:
    """What they record has the same hash chains as what one process records."""
    for jobs in (1, 2):
        assert ldp("run", "FrozenLake-v1", "-a", "random", "-n", 6, "-j", jobs, "--db", f"{jobs}.db").status == 0

    chains = []
    for jobs in (1, 2):
        rows = ldp("ls", "--json", "--db", f"{jobs}.db").json
        shown = [(row["seed"], ldp("show", row["id"], "--json", "--db", f"{jobs}.db").json["chain"]) for row in rows]
        chains.append(sorted(shown))
    assert chains[0] == chains[1]
    assert len(chains[0]) == 6
    assert ldp("db", "verify", "--db", "2.db").status == 0


def test_step_limit(ldp: Commands) -> None:
    """Episodes are cut there, and are truncated, not terminated."""
    answer = ldp("run", "maze", "-a", "random", "-n", 2, "--max-steps", 3, "--json")

    assert (answer.json["mean_steps"], answer.json["steps"]) == (3.0, 6)
    assert {row["status"] for row in ldp("ls", "--json").json} == {"truncated"}


def test_random_play_where_nothing_is_exact(ldp: Commands) -> None:
    """It is its own reference: the row of random play is there, with success, which nobody reached."""
    answer = ldp("run", "calculator", "-a", "random", "-n", 4, "--max-steps", 5, "--json")

    assert answer.json["success_rate"] == 0.0
    (row,) = answer.json["baselines"]
    assert (row["name"], row["how"], row["n"]) == ("random", "this run", 4)
    assert (row["mean_return"], row["ci95"]) == (answer.json["mean_return"], answer.json["ci95"])
    assert (row["success_rate"], row["mean_steps"]) == (0.0, 5.0)
    text = ldp("run", "calculator", "-a", "random", "-n", 4, "--max-steps", 5)
    assert "random (this run)" in text.out


def test_random_play_beside_another_player(ldp: Commands) -> None:
    """It is measured on the same seeds, with its success and steps; where exact values are known, there are none."""
    (ldp.folder / "north.py").write_text(NORTH)
    sys.path.insert(0, str(ldp.folder))
    try:
        measured = ldp("run", "maze", "-a", "north:make", "-n", 3, "--max-steps", 4, "--json").json["baselines"][0]
    finally:
        sys.path.remove(str(ldp.folder))
    random = ldp("run", "maze", "-a", "random", "-n", 3, "--max-steps", 4, "--json").json
    exact = ldp("run", "FrozenLake-v1", "-a", "random", "-n", 1, "--json").json["baselines"][0]

    assert (measured["name"], measured["how"], measured["n"]) == ("random", "measured", 3)
    assert measured["mean_return"] == random["mean_return"]
    assert (measured["success_rate"], measured["mean_steps"]) == (random["success_rate"], random["mean_steps"])
    assert (exact["how"], exact["success_rate"], exact["mean_steps"]) == ("exact", None, None)


def test_environment_that_never_ends(ldp: Commands) -> None:
    """Random play, which is measured beside the player, is cut there and says so."""
    ldp.environment("patient", PATIENT)
    (ldp.folder / "leaving.py").write_text(LEAVING)
    sys.path.insert(0, str(ldp.folder))
    try:
        answer = ldp("run", "patient", "-a", "leaving:make", "-n", 1, "--json")
    finally:
        sys.path.remove(str(ldp.folder))

    assert (answer.status, answer.json["steps"]) == (0, 1)
    assert answer.json["baselines"][0]["how"] == "measured, cut at 1000 steps"


def test_returns_that_are_no_numbers(ldp: Commands) -> None:
    """NaN and infinite rewards are stored as they are, left out of the mean, and counted."""
    ldp.environment("odd", REWARDS.format(rewards=["1", "nan", "inf", "3"]))

    answer = ldp("run", "odd", "-a", "random", "-n", 4, "--json")
    text = ldp("run", "odd", "-a", "random", "-n", 4)

    assert answer.status == 0
    assert (answer.json["mean_return"], answer.json["not_finite"], answer.json["n"]) == (2.0, 2, 4)
    assert all(math.isfinite(bound) for bound in answer.json["ci95"])
    assert "2 returns not finite" in text.err
    assert {row["return_tag"] for row in ldp("ls", "--json").json} == {None, "nan", "inf"}
    assert {"nan", "inf"} < set(ldp("ls").out.split())
    assert ldp("db", "verify").status == 0


def test_only_returns_that_are_no_numbers(ldp: Commands) -> None:
    """There is no mean, and the summary shows a dash."""
    ldp.environment("odd", REWARDS.format(rewards=["nan", "nan"]))

    answer = ldp("run", "odd", "-a", "random", "-n", 2, "--json")

    assert (answer.json["mean_return"], answer.json["ci95"]) == (None, [None, None])
    assert "–" in ldp("run", "odd", "-a", "random", "-n", 2).out


def test_episodes_that_fail(ldp: Commands) -> None:
    """The others are played; failures are counted with their reason, left out of the means, and end with status 1."""
    ldp.environment(
        "fragile",
        '"""Breaks for odd seeds."""\nfrom ldp_tui import fenv\n'
        "@fenv.start()\n"
        "def fragile(seed: int = 0):\n"
        "    if seed % 2:\n"
        "        raise RuntimeError('no room left')\n"
        "    return 'Go on.', {}\n"
        "@fragile.tool()\n"
        "def end(state) -> str:\n"
        '    """End."""\n'
        "    state.done, state.reward = True, 1.0\n"
        "    return 'Over.'\n"
        "def make():\n"
        "    return fragile()\n",
    )

    data = ldp("run", "fragile", "-a", "random", "-n", 4, "--json")
    text = ldp("run", "fragile", "-a", "random", "-n", 4)

    assert (data.status, data.json["failures"], data.json["mean_return"]) == (1, 2, 1.0)
    assert data.json["failure_reasons"] == {"RuntimeError: no room left": 2}
    assert text.status == 1
    assert "2 episodes failed: RuntimeError: no room left" in text.err


def test_player_that_does_not_know_the_environment(ldp: Commands) -> None:
    """Refused with what it knows, before anything is recorded."""
    answer = ldp("run", "CartPole-v1", "-a", "optimal")

    assert (answer.status, answer.out) == (2, "")
    assert answer.err.startswith("ldp-tui: The optimal player does not know CartPole-v1. It plays Blackjack-v1, ")
    assert not ldp.db.exists()


def test_person_without_a_screen(ldp: Commands) -> None:
    """Sent to the command that has one."""
    answer = ldp("run", "maze", "-a", "human")

    assert answer.status == 2
    assert answer.err == "ldp-tui: A person cannot play headless; use: ldp-tui play maze --agent human\n"

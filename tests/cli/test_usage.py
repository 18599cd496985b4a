from __future__ import annotations

import pytest

from tests.cli.conftest import Commands

WRONG = [
    ("run Blackjak-v1 -a random", "Unknown environment 'Blackjak-v1'. Did you mean Blackjack-v1"),
    ("play maz -a random --plain", "Unknown environment 'maz'. Did you mean maze?"),
    ("run maze -a optimale", "Unknown agent 'optimale'. Did you mean optimal? Available: heuristic, human, "),
    ("run maze -a nofile:X", "Unknown agent or module 'nofile'. Available: heuristic, human, "),
    ("run maze -a json:Nope", "Unknown class or function 'Nope' of module 'json'. Available: JSONDecodeError, "),
    ("run maze -a random:gpt", "player 'random' takes no model, so nothing can follow its colon; 'gpt' was given."),
    ("run maze,hight=3 -a random", "Unknown option 'hight' of environment 'maze'. Did you mean height"),
    ("run FrozenLake-v1,is_slipery=false -a random", "Unknown option 'is_slipery' of FrozenLake-v1. Did you mean is_s"),
    ("run maze -a random,sped=2", "Unknown option 'sped' of player 'random'"),
    ("run maze -a random --episods 3", "Unknown option '--episods'. Did you mean --episodes?"),
    ("rum", "Unknown command 'rum'. Did you mean run?"),
    ("db verfy", "Unknown command 'verfy'. Did you mean verify?"),
    ("db", "db needs a command: verify, backup, merge or stats."),
    ("run", "run needs ENV; see: ldp-tui run -h"),
    ("run maze", "run needs --agent; see: ldp-tui run -h"),
    ("export -o x", "export needs --format; see: ldp-tui export -h"),
    ("export --format jsno -o x", "Unknown format 'jsno'. Did you mean jsonl"),
    ("run maze -a random --episodes 0", "--episodes should be greater than or equal to 1."),
    ("run maze -a random --max-steps 0", "--max-steps should be greater than or equal to 1."),
    ("run maze -a random --jobs none", "--jobs should be a valid integer."),
    ("ls --min-return much", "--min-return should be a valid number."),
    ("run maze other -a random", "Got unexpected extra argument"),
    ("run maze,size -a random", "'maze,size': 'size' is not key=value."),
    ("run missing.py -a random", "There is no environment file missing.py."),
    ("run maze,width=huge -a random", "Option 'width' of environment 'maze' must be a whole number, not \"huge\"."),
    ("run maze,width=99 -a random", "environment 'maze' cannot be made: "),
    ("run calculator,split=tran -a random", "Option 'split' of environment 'calculator' must be one of \"train\", \"t"),
    ("run word_game,word=quiz -a random", "Option 'word' of environment 'word_game' needs at least 5 characters."),
    ("run FrozenLake-v1,is_slippery=flase -a random", "Option 'is_slippery' of FrozenLake-v1 must be true or false"),
    ("run Blackjack-v1,sab=flase -a random", "Option 'sab' of Blackjack-v1 must be true or false, not \"flase\"."),
    ("run FrozenLake-v1,mask=hide -a random", 'Option \'mask\' of FrozenLake-v1 must be one of "show", "enforce", '),
    ("run FrozenLake-v1,map_name=5x5 -a random", "FrozenLake-v1 cannot be made with map_name='5x5': there is no '5x5'"),
    ("run FrozenLake-v1,id=x -a random", "Unknown option 'id' of FrozenLake-v1."),
    ("run FrozenLake-v1 -a qlearning,episodes=few", "Option 'episodes' of player 'qlearning' must be a whole number"),
    ("play maze -a human --plain", "A person plays in the app, which needs a terminal"),
    ("play maze -a random -a random -a random -a random -a random --plain", "At most 4 players fit side by side"),
    ("--db other.db ls", "Give --db after the command: ldp-tui ls --db other.db"),
]


@pytest.mark.parametrize(("line", "message"), WRONG, ids=[line for line, _ in WRONG])
def test_request_that_cannot_be_carried_out(ldp: Commands, line: str, message: str) -> None:
    """One line that says what is wrong and what exists, exit status 2, and nothing is recorded."""
    answer = ldp(*line.split())

    assert (answer.status, answer.out) == (2, "")
    assert answer.err.startswith(f"ldp-tui: {message}")
    assert answer.err.count("\n") == 1
    assert not ldp.db.exists()


@pytest.mark.parametrize(
    ("id_", "command"),
    [("Ant-v5", "pip install 'gymnasium[mujoco]'"), ("ALE/Pong-v5", "pip install 'ldp-tui[atari]'")],
)
def test_environment_that_needs_an_extra(ldp: Commands, id_: str, command: str) -> None:
    """The command that installs it is named."""
    try:
        __import__("mujoco" if id_ == "Ant-v5" else "ale_py")
    except ImportError:
        answer = ldp("run", id_, "-a", "random")
        assert answer.status == 2
        assert command in answer.err
    else:
        pytest.skip(f"{id_} can be played here")


def test_environments(ldp: Commands) -> None:
    """All that can be played are listed, with what some need."""
    names = {row["name"]: row for row in ldp("envs", "--json").json}

    assert {"maze", "calculator", "Blackjack-v1", "Ant-v5"} <= set(names)
    assert names["Ant-v5"]["needs"] == "mujoco"
    titles, *rows = ldp("envs", "frozen").out.splitlines()
    assert titles.split() == ["name", "group", "summary"]
    assert [row.split()[0] for row in rows] == ["FrozenLake-v1", "FrozenLake8x8-v1"]
    assert ldp("envs", "no-such-thing").err == "No environment matches 'no-such-thing'.\n"


def test_players(ldp: Commands) -> None:
    """Each kind with what it does."""
    assert {"human", "random", "mask-random", "optimal", "heuristic", "qlearning"} <= {
        row["name"] for row in ldp("agents", "--json").json
    }
    assert "optimal" in ldp("agents").out


def test_environment_file_with_a_syntax_error(ldp: Commands) -> None:
    """Its line is named, the other environments are listed all the same, and playing it is refused."""
    ldp.environment("broken", "import random\n\ndef make(:\n    return None\n")

    names = {row["name"]: row for row in ldp("envs", "--json").json}

    assert names["broken"]["error"].startswith("broken.py:3: ")
    assert names["maze"]["error"] == ""
    assert "broken.py:3" in ldp("envs", "broken").out
    answer = ldp("run", "broken", "-a", "random")
    assert answer.status == 2
    assert "broken.py:3: " in answer.err


def test_environment_file_that_cannot_be_imported(ldp: Commands) -> None:
    """File, line and reason in one line, when it is played and in the list, which holds the others all the same."""
    ldp.environment("needy", '"""Needs a module."""\n\nimport no_such_module\n\ndef make():\n    return None\n')

    error = "needy.py:3: ModuleNotFoundError: No module named 'no_such_module'"
    ldp.environment("loud", '"""Prints."""\nprint("noise")\ndef make():\n    return None\n')

    answer = ldp("run", "needy", "-a", "random")

    assert answer.status == 2
    assert answer.err.endswith(f"{error}\n")
    listed = {row["name"]: row["error"] for row in ldp("envs", "--json").json}
    assert (listed["needy"], listed["loud"], listed["maze"]) == (error, "", "")
    assert error in ldp("envs", "needy").out
    assert ldp("run", "maze", "-a", "random", "-n", 1, "--max-steps", 1).status == 0


def test_environment_file_without_make(ldp: Commands) -> None:
    """Says what is missing."""
    ldp.environment("bare", "x = 1\n")

    assert "bare.py: defines no function make(**kwargs)" in ldp("run", "bare", "-a", "random").err


def test_group_of_commands(ldp: Commands) -> None:
    """Help goes to stdout, with examples and every exit status."""
    answer = ldp("-h")

    assert answer.status == 0
    for expected in ("Examples:", "ldp-tui run Blackjack-v1", "Exit status:", "130  interrupted"):
        assert expected in answer.out
    commands = answer.out.partition("Commands:")[2].partition("Examples:")[0]
    assert "..." not in commands

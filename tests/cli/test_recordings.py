from __future__ import annotations

import os
import sqlite3
import sys
from pathlib import Path

import pytest

from ldp_tui.cli.play import session_of
from ldp_tui.store import connect_writer
from tests.cli.conftest import Commands

HOSTILE = '''
"""Says what a terminal would obey."""
from ldp_tui import fenv

@fenv.start()
def hostile():
    return "\\x1b[2J\\x1b]0;owned\\x07[red]not markup[/red]\\x00 \\ud800 \\u202egnp", {}

@hostile.tool()
def end(state) -> str:
    """End."""
    state.done = True
    return "\\x9b31mdone"

def make():
    return hostile()
'''


@pytest.fixture
def recorded(ldp: Commands) -> Commands:
    """Five episodes: two mazes, two lakes, one hand of Blackjack."""
    ldp("run", "maze", "-a", "random", "-n", 2, "--max-steps", 3)
    ldp("run", "FrozenLake-v1,is_slippery=false", "-a", "optimal", "-n", 2)
    ldp("play", "Blackjack-v1", "-a", "random", "--seed", 2, "--plain")
    return ldp


def test_lanes_as_text(ldp: Commands) -> None:
    """One after the other: header, steps, end; recorded on the way, each with the same seed."""
    answer = ldp("play", "Blackjack-v1", "-a", "random", "-a", "optimal", "--seed", 2, "--plain")

    assert answer.status == 0
    heads = [line for line in answer.out.splitlines() if " plays, " in line]
    assert heads == ["Blackjack-v1: random plays, seed 2", "Blackjack-v1: optimal plays, seed 2"]
    assert "   3  act(action='stick')  reward +1  (Optimal: stick" in answer.out
    assert answer.out.endswith("terminated after 4 steps: return 1, success\n\n")
    assert [row["seed"] for row in ldp("ls", "--json").json] == ["2", "2"]


def test_lanes_without_a_seed(ldp: Commands) -> None:
    """One is drawn for all of them, and told, so that the episode can be played again."""
    ldp("play", "maze", "-a", "random", "-a", "random", "--max-steps", 1, "--plain")

    first, second = [row["seed"] for row in ldp("ls", "--json").json]
    assert first == second
    assert first is not None


def test_lanes_in_the_app(ldp: Commands) -> None:
    """The session that the app is opened with is recorded where the command line says, or by default."""
    spec = session_of("maze", ["human", "random"], seed=3, max_steps=None, database=None)

    assert [(lane.environment, lane.agent) for lane in spec.lanes] == [("maze", "human"), ("maze", "random")]
    assert (spec.seed, spec.db) == (3, "recordings/ldp.db")


def test_lanes_as_json(ldp: Commands) -> None:
    """One event a line, with its lane."""
    answer = ldp("play", "Blackjack-v1", "-a", "random", "-a", "optimal", "--seed", 2, "--json")

    import json

    events = [json.loads(line) for line in answer.out.splitlines()]
    assert [(e["lane"], e["event"]) for e in events if e["event"].startswith("Episode")] == [
        (0, "EpisodeStarted"),
        (0, "EpisodeEnded"),
        (1, "EpisodeStarted"),
        (1, "EpisodeEnded"),
    ]


@pytest.mark.parametrize("environment", ["maze", "word_game", "FrozenLake-v1", "taxi_llm"])
def test_replay(ldp: Commands, environment: str) -> None:
    """Replay and show print what play printed."""
    played = ldp("play", environment, "-a", "random", "--seed", 3, "--max-steps", 6, "--plain")

    assert ldp("replay", 1, "--plain").out == played.out.removesuffix("\n")
    assert ldp("show", 1).out == played.out.removesuffix("\n")


def test_list(recorded: Commands) -> None:
    """Newest first, as a table or as JSON."""
    titles, *rows = recorded("ls").out.splitlines()

    assert titles.split() == ["id", "uid", "environment", "agent", "seed", "steps", "return", "success", "end", "when"]
    assert [row.split()[0] for row in rows] == ["5", "4", "3", "2", "1"]
    assert recorded("ls", "--json").json[0]["env"] == "Blackjack-v1"


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        ("--env frozen", [4, 3]),
        ("--env maze --agent rand", [2, 1]),
        ("--agent optimal --min-return 1", [4, 3]),
        ("--success", [4, 3]),
        ("--no-success", [5, 2, 1]),
        ("--text exit", [2, 1]),
        ("--limit 1", [5]),
        ("--env nothing", []),
    ],
)
def test_list_of_some(recorded: Commands, options: str, ids: list[int]) -> None:
    """Options restrict, and are joined by and."""
    assert [row["id"] for row in recorded("ls", *options.split(), "--json").json] == ids


def test_list_that_is_cut(recorded: Commands) -> None:
    """The rest is counted on stderr; an empty list says so."""
    assert recorded("ls", "-n", 2).err == "2 of 5 episodes; more with --limit.\n"
    assert recorded("ls", "--env", "nothing").err == "No episode matches.\n"


def test_words_that_cannot_be_searched(recorded: Commands) -> None:
    """Quotes and operators are words like others."""
    for text in ('"', "a AND", "(", "*", "'"):
        assert recorded("ls", "--text", text).status in (0, 3)


def test_episode_by_number_and_by_uid(recorded: Commands) -> None:
    """Both name it, also the beginning of a uid; the JSON holds header, chain and events."""
    uid = recorded("ls", "--json", "-n", 1).json[0]["uid"]

    shown = recorded("show", 5, "--json").json
    assert shown["episode"]["uid"] == uid
    assert len(bytes.fromhex(shown["chain"])) == 16
    assert shown["events"][0]["event"] == "EpisodeStarted"
    assert recorded("show", uid).out == recorded("show", 5).out
    assert recorded("show", uid[:-1]).out == recorded("show", 5).out


@pytest.mark.parametrize("command", ["show", "replay"])
@pytest.mark.parametrize("key", ["99", "no-such-uid"])
def test_episode_that_does_not_exist(recorded: Commands, command: str, key: str) -> None:
    """One sentence, exit status 3."""
    answer = recorded(command, key)

    assert (answer.status, answer.out) == (3, "")
    assert answer.err.startswith("ldp-tui: There is no episode ")
    assert answer.err.count("\n") == 1


def test_hostile_text(ldp: Commands) -> None:
    """Escape codes, markup and surrogates are shown as text, live and replayed, and survive export and import."""
    ldp.environment("hostile", HOSTILE)

    played = ldp("play", "hostile", "-a", "random", "--seed", 1, "--plain")
    replayed = ldp("replay", 1, "--plain")

    for out in (played.out, replayed.out):
        assert not {"\x1b", "\x07", "\x00", "\x9b", "\u202e"} & set(out)
        assert "[red]not markup[/red]" in out
        assert "␛" in out
    for command in (("play", "hostile", "-a", "random", "--json"), ("show", 1, "--json"), ("ls", "--json")):
        assert "\x1b" not in ldp(*command).out
    assert ldp("export", "-f", "jsonl", "-o", "all.jsonl").status == 0
    assert ldp("import", "all.jsonl", "--db", "other.db").status == 0
    assert ldp("db", "verify", "--db", "other.db").status == 0


def test_export_and_import(recorded: Commands) -> None:
    """Everything comes back with equal hash chains; importing twice changes nothing."""
    out = recorded("export", "--format", "jsonl", "-o", "all.jsonl", "--json").json
    assert (out["episodes"], out["left_out"]) == (5, [])
    for _ in range(2):
        assert recorded("import", "all.jsonl", "--db", "copy.db", "--json").json["episodes"] == 5

    def chains(*where: str) -> set[tuple[str, str]]:
        rows = recorded("ls", "--json", *where).json
        return {(row["uid"], recorded("show", row["uid"], "--json", *where).json["chain"]) for row in rows}

    assert chains() == chains("--db", "copy.db")
    assert recorded("db", "verify", "--db", "copy.db").status == 0


def test_export_for_training(recorded: Commands) -> None:
    """Chats with tools; only what the options select; only those named."""
    assert recorded("export", "-f", "sft-jsonl", "--success", "-o", "good.jsonl", "--json").json["episodes"] == 2
    assert recorded("export", "-f", "sft-jsonl", "5", "-o", "one.jsonl").err == (
        "1 episode with 2 steps written to one.jsonl.\n"
    )
    import json

    line = json.loads((recorded.folder / "one.jsonl").read_text())
    assert [message["role"] for message in line["messages"]] == ["user", "assistant", "tool", "assistant", "tool"]
    assert line["tools"][0]["function"]["name"] == "act"


def test_trajectories_of_ldp(recorded: Commands) -> None:
    """Written into a folder and stored again, they end as they ended; LDP's own files come under the given names."""
    assert recorded("export", "--format", "ldp-jsonl", "-o", "folder", "--json").json["episodes"] == 5
    for _ in range(2):
        assert recorded("import", "folder", "--db", "copy.db", "--json").json["episodes"] == 5

    def told(*where: str) -> set[tuple[str, ...]]:
        names = ("uid", "env", "agent", "status", "steps", "return_", "seed")
        return {tuple(str(row[name]) for name in names) for row in recorded("ls", "--json", *where).json}

    assert told() == told("--db", "copy.db")
    theirs = Path(__file__).parents[1] / "datasets" / "ldp-1.10.0.jsonl"
    assert recorded("import", str(theirs), "--env", "dummy", "--agent", "mine").status == 0
    row = recorded("ls", "--env", "dummy", "--json").json[0]
    assert (row["agent"], row["status"], row["steps"]) == ("mine", "done", 2)
    assert recorded("export", "-f", "ldp-jsonl", "-o", "all.jsonl").err.endswith("name a folder instead.\n")


@pytest.mark.parametrize(
    ("format_", "rows"), [("prompt-completion", 2), ("kto-jsonl", 2), ("sharegpt", 1), ("grpo-jsonl", 1), ("csv", 1)]
)
def test_formats(recorded: Commands, format_: str, rows: int) -> None:
    """One hand of Blackjack in each, with the manifest that tells the selection."""
    import json

    answer = recorded("export", "-f", format_, "-s", "env:blackjack", "--threshold", -2, "-o", "out", "--json").json
    assert (answer["episodes"], answer["rows"]) == (1, rows)
    assert len((recorded.folder / "out").read_text().splitlines()) == rows + (format_ == "csv")
    manifest = json.loads((recorded.folder / "out.manifest.json").read_text())
    assert (manifest["selection"], manifest["rows"], len(manifest["members"])) == ("env:blackjack", rows, 1)


def test_steps_as_rows(recorded: Commands) -> None:
    """`--steps` gives one for each."""
    answer = recorded("export", "-f", "csv", "--steps", "--env", "maze", "-o", "steps.csv")
    assert answer.err == "2 episodes with 6 steps written to steps.csv as 6 rows.\n"


def test_preferences(ldp: Commands) -> None:
    """Of two players of the same hand, the better one's action is chosen; a margin nobody reaches leaves all out."""
    import json

    ldp("play", "Blackjack-v1", "-a", "random", "-a", "optimal", "--seed", 2, "--plain")
    assert ldp("export", "-f", "dpo-jsonl", "-o", "dpo.jsonl").status == 0
    row = json.loads((ldp.folder / "dpo.jsonl").read_text())
    assert row["chosen"][0]["tool_calls"] != row["rejected"][0]["tool_calls"]
    answer = ldp("export", "-f", "dpo-jsonl", "--margin", 3, "-o", "dpo.jsonl")
    assert (answer.status, "the returns of its group differ by 2" in answer.err) == (1, True)


def test_page_of_an_episode(recorded: Commands) -> None:
    """One file; of several episodes it is refused."""
    assert recorded("export", "-f", "html", 5, "-o", "hand.html").status == 0
    assert "reward " in (recorded.folder / "hand.html").read_text()
    assert recorded("export", "-f", "html", "-o", "all.html").err == (
        "ldp-tui: A page shows one episode, and 5 were chosen; name one: ldp-tui ls\n"
    )


def test_selection_in_a_manifest(recorded: Commands) -> None:
    """Options are told as the selection that they stand for, and read again they select the same."""
    import json

    options = ("--env", "FrozenLake", "--agent", "optimal", "--min-return", 0.5, "--success", "-s", "steps>2")
    recorded("export", "-f", "sft-jsonl", *options, "-o", "a.jsonl")
    told = json.loads((recorded.folder / "a.jsonl.manifest.json").read_text())["selection"]
    assert told == 'steps>2 env:"FrozenLake" agent:"optimal" return>=0.5 success:yes'
    recorded("export", "-f", "sft-jsonl", "-s", told, "-o", "b.jsonl")
    assert (recorded.folder / "a.jsonl").read_text() == (recorded.folder / "b.jsonl").read_text() != ""


def test_export_of_nothing(recorded: Commands) -> None:
    """Says so, by its exit status too; what was there before stays."""
    (recorded.folder / "none.jsonl").write_text("before")
    answer = recorded("export", "-f", "jsonl", "--env", "nothing", "-o", "none.jsonl")
    assert (answer.status, answer.err) == (1, "No episode matches; none.jsonl was not written.\n")
    assert (recorded.folder / "none.jsonl").read_text() == "before"


def test_export_that_cannot_be_written(recorded: Commands) -> None:
    """One sentence, exit status 3."""
    answer = recorded("export", "-f", "jsonl", "-o", "no/such/folder/all.jsonl")

    assert answer.status == 3
    assert answer.err.startswith("ldp-tui: no/such/folder/all.jsonl cannot be written: ")


@pytest.mark.parametrize("content", ["", "no json\n", '{"messages": []}\n', "\x00\x01"])
def test_import_of_something_else(ldp: Commands, content: str) -> None:
    """Nothing is imported, and the line is named."""
    Path("other.jsonl").write_text(content)

    answer = ldp("import", "other.jsonl")

    assert answer.status == 3
    assert answer.err.startswith("ldp-tui: other.jsonl")
    assert answer.err.count("\n") == 1


def test_import_of_a_damaged_line(recorded: Commands) -> None:
    """Nothing is imported, and the line is named."""
    recorded("export", "-f", "jsonl", "-o", "all.jsonl")
    lines = (recorded.folder / "all.jsonl").read_text().splitlines()
    lines[3] = lines[3][: len(lines[3]) // 2]
    Path("torn.jsonl").write_text("\n".join(lines))

    answer = recorded("import", "torn.jsonl", "--db", "new.db")

    assert answer.status == 3
    assert answer.err.startswith("ldp-tui: torn.jsonl:4: ")
    assert recorded("db", "stats", "--json", "--db", "new.db").json["episodes"] == 0


def test_verification(recorded: Commands) -> None:
    """A changed reward is found and told; exit status 1."""
    assert recorded("db", "verify").status == 0
    assert recorded("db", "verify", "--json").json["ok"] is True
    with sqlite3.connect(recorded.db) as connection:
        connection.execute("update step set reward = 5.0 where ep = 1 and t = 2")
    connection.close()

    answer = recorded("db", "verify")

    assert answer.status == 1
    assert "row 2 is not what was recorded" in answer.out
    assert answer.err.endswith("NOT as recorded.\n")
    assert recorded("db", "verify", "--json").json["ok"] is False


def test_verification_after_a_flipped_byte(recorded: Commands) -> None:
    """Found wherever in the text of a message it is."""
    raw = bytearray(recorded.db.read_bytes())
    place = raw.index(b"The dealer shows")
    raw[place] ^= 0x02
    recorded.db.write_bytes(raw)

    assert recorded("db", "verify").status == 1


def test_backup(recorded: Commands) -> None:
    """A whole copy; an existing file is never replaced."""
    assert recorded("db", "backup", "copy.db").status == 0
    assert recorded("db", "verify", "--db", "copy.db").status == 0
    assert len(recorded("ls", "--json", "--db", "copy.db").json) == 5

    again = recorded("db", "backup", "copy.db")
    assert again.status == 3
    assert "exists already" in again.err


def test_merge(recorded: Commands) -> None:
    """Takes in what is missing, tells what was here already."""
    recorded("run", "maze", "-a", "random", "-n", 1, "--max-steps", 1, "--db", "other.db")

    told = recorded("db", "merge", "other.db", "--json").json["sources"]
    again = recorded("db", "merge", "other.db")

    assert told == [{"source": "other.db", "copied": 1, "present": 0}]
    assert again.err == "other.db: 0 episodes taken in, 1 here already.\n"
    assert len(recorded("ls", "--json").json) == 6


def test_statistics(recorded: Commands) -> None:
    """Counts and sizes."""
    assert recorded("db", "stats", "--json").json["episodes"] == 5
    assert "episodes  5" in recorded("db", "stats").out


READERS = ["ls", "show 1", "replay 1", "db verify", "db stats", "db backup copy.db", "export -f jsonl -o x.jsonl"]
WRITERS = ["run maze -a random -n 1 --max-steps 1", "play maze -a random --max-steps 1 --plain"]


@pytest.mark.parametrize("command", READERS)
def test_database_that_does_not_exist(ldp: Commands, command: str) -> None:
    """Says how to get one; exit status 3."""
    answer = ldp(*command.split())

    assert (answer.status, answer.out) == (3, "")
    assert answer.err == (
        "ldp-tui: There is no database at recordings/ldp.db; record an episode first, or name another with --db.\n"
    )


@pytest.mark.parametrize("command", [*READERS, *WRITERS])
def test_file_that_is_no_database(ldp: Commands, command: str) -> None:
    """Says so and leaves it as it is; exit status 3."""
    ldp.db.write_bytes(b"these are my notes, not a database" * 100)
    before = ldp.db.read_bytes()

    answer = ldp(*command.split())

    assert (answer.status, answer.out) == (3, "")
    assert "not a database" in answer.err
    assert answer.err.count("\n") == 1
    assert ldp.db.read_bytes() == before


@pytest.mark.parametrize("command", [*READERS, *WRITERS])
def test_folder_given_as_database(ldp: Commands, command: str) -> None:
    """Says that it is a folder; exit status 3."""
    ldp.db.mkdir()

    answer = ldp(*command.split())

    assert (answer.status, answer.out) == (3, "")
    assert answer.err == "ldp-tui: recordings/ldp.db is a folder; name a file with --db.\n"


def test_database_of_a_newer_version(recorded: Commands) -> None:
    """It is read, and not written."""
    with sqlite3.connect(recorded.db) as connection:
        connection.execute("pragma user_version = 999")
    connection.close()

    for command in READERS:
        assert recorded(*command.split()).status == 0
    for command in WRITERS:
        answer = recorded(*command.split())
        assert answer.status == 3
        assert "update ldp-tui" in answer.err


@pytest.mark.skipif(os.geteuid() == 0 and sys.platform == "linux", reason="root may write everywhere")
def test_folder_that_cannot_be_written(recorded: Commands) -> None:
    """Reading works; recording says what to do."""
    recorded.db.parent.chmod(0o500)
    try:
        assert recorded("ls").status == 0
        answer = recorded(*WRITERS[0].split())
    finally:
        recorded.db.parent.chmod(0o700)
    assert answer.status == 3
    assert "choose another --db" in answer.err


@pytest.mark.parametrize("command", WRITERS)
def test_place_where_no_folder_can_be_made(ldp: Commands, command: str) -> None:
    """One sentence, exit status 3."""
    answer = ldp(*command.split(), "--db", "/proc/no/ldp.db")

    assert answer.status == 3
    assert "/proc/no" in answer.err
    assert "choose another --db" in answer.err


def test_database_that_is_being_written(ldp: Commands) -> None:
    """Others record into it at the same time, and read it."""
    with connect_writer(ldp.db):
        assert ldp(*WRITERS[0].split()).status == 0
        assert len(ldp("ls", "--json").json) == 1

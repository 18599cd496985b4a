"""Experiments played for real: files, taking up, limits, and gym-llm's Python interface."""

from __future__ import annotations

import json
from pathlib import Path

import gymnasium
import pytest
import yaml
from PIL import Image

from ldp_tui.cli import OK, PROBLEMS, USAGE
from ldp_tui.cli.app import run
from ldp_tui.experiments.config import load_experiment
from ldp_tui.experiments.gym_llm import LLMEnv, get_env, get_env_definition, parse_config, run_experiment
from ldp_tui.experiments.plan import plan
from ldp_tui.experiments.runner import begin, play_experiment
from ldp_tui.store import connect_writer
from ldp_tui.store.reader import Reader
from ldp_tui.testing.model_server import ModelServer, Says


def experiment(folder: Path, **more: object) -> Path:
    """A file for two players and four hands of Blackjack each."""
    path = folder / "experiment.yaml"
    said = {
        "agents": ["random", "optimal"],
        "environment": "Blackjack-v1",
        "experiment": {"parent": str(folder / "results"), "name": "hands", "seed": 5, "num_runs": 4, **more},
    }
    path.write_text(yaml.safe_dump(said))
    return path


def uids(db: Path) -> list[str]:
    with Reader(db) as reader:
        return sorted(reader.uids())


def test_it_leaves_gym_llms_files_for_each_player(tmp_path: Path) -> None:
    """One folder a player: its configuration, raw outputs of each run, and the results."""
    db = tmp_path / "e.db"
    assert run(["run", str(experiment(tmp_path)), "--db", str(db)]) == OK
    folder = tmp_path / "results" / "hands" / "Blackjack-v1__optimal"
    names = {path.name for path in folder.iterdir()}
    assert names == {"config.yaml", "results.json", *(f"run_{i}_seed_{5 + i}_raw_outputs.json" for i in range(4))}
    results = json.loads((folder / "results.json").read_text())
    assert set(results) == {"total_rewards", "total_steps", "avg_reward", "avg_steps"}
    assert len(results["total_rewards"]) == 4
    assert results["avg_steps"] == sum(results["total_steps"]) / 4
    raw = json.loads((folder / "run_0_seed_5_raw_outputs.json").read_text())
    assert list(raw) == [str(number + 1) for number in range(results["total_steps"][0])]
    assert raw["1"]["action"] in {0, 1}
    assert "value" in raw["1"]["reflection"]
    assert load_experiment(folder / "config.yaml").agents[0].text() == "optimal"


def test_what_was_interrupted_is_taken_up_and_nothing_is_played_twice(tmp_path: Path) -> None:
    """After a stop in the middle, the same file plays the rest; then it plays nothing; --again plays all anew."""
    file, db = experiment(tmp_path), tmp_path / "e.db"
    with connect_writer(db) as writer, Reader(db) as reader:
        chosen = plan(load_experiment(file), reader)
        playing = play_experiment(chosen, begin(chosen, reader), writer, db)
        for _ in range(3):
            next(playing)
        playing.close()
    before = set(uids(db))
    assert run(["run", str(file), "--db", str(db)]) == OK
    after = set(uids(db))
    assert before <= after
    with Reader(db) as reader:
        finished = [reader.episode(uid).summary for uid in after]
        assert sum(summary.status != "aborted" for summary in finished) == 8
    assert run(["run", str(file), "--db", str(db)]) == OK
    assert set(uids(db)) == after
    assert run(["run", str(file), "--db", str(db), "--again"]) == OK
    assert len(uids(db)) == len(after) + 8
    assert (tmp_path / "results" / "hands-2" / "summary.json").exists()


def test_its_own_limit_stops_it_and_it_can_be_taken_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, db = experiment(tmp_path, limits={"seconds": 1e-6}), tmp_path / "e.db"
    assert run(["run", str(file), "--db", str(db)]) == PROBLEMS
    assert "limit" in capsys.readouterr().err
    assert len(uids(db)) >= 1
    experiment(tmp_path)
    assert run(["run", str(file), "--db", str(db), "--json"]) == OK
    cells = json.loads(capsys.readouterr().out)["cells"]
    assert [(cell["agent"], cell["n"]) for cell in cells] == [("random", 4), ("optimal", 4)]


def test_an_unknown_player_is_refused_before_anything_is_played(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = experiment(tmp_path)
    file.write_text(file.read_text().replace("- optimal", "- optimul"))
    db = tmp_path / "e.db"
    assert run(["run", str(file), "--db", str(db)]) == USAGE
    assert "optimal" in capsys.readouterr().err
    assert uids(db) == []


def test_films_and_a_folder_of_its_own_for_one_player(tmp_path: Path) -> None:
    """Exactly gym-llm's folder, and the film has a picture for each step or shows equal ones longer."""
    file, db = experiment(tmp_path, save_gif=True, gif_fps=2), tmp_path / "e.db"
    file.write_text(file.read_text().replace("- optimal\n", ""))
    folder = run_experiment(file, db=db)
    assert folder == tmp_path / "results" / "hands"
    results = json.loads((folder / "results.json").read_text())
    with Image.open(folder / "run_1_seed_6.gif") as film:
        shown = 0
        for number in range(film.n_frames):
            film.seek(number)
            shown += film.info["duration"]
    assert shown == results["total_steps"][1] * 500


def test_export_writes_the_same_folder(tmp_path: Path) -> None:
    file, db = experiment(tmp_path, save_gif=True, gif_fps=2), tmp_path / "e.db"
    file.write_text(file.read_text().replace("- optimal\n", ""))
    played = run_experiment(file, db=db)
    out = tmp_path / "exported"
    assert run(["export", "-f", "gym-llm", "-o", str(out), "--fps", "2", "--db", str(db)]) == OK
    for path in out.iterdir():
        if path.name != "config.yaml":
            assert path.read_bytes() == (played / path.name).read_bytes(), path.name
    again = load_experiment(out / "config.yaml")
    assert (again.agents[0].text(), again.experiment.all_seeds()) == ("random", [5, 6, 7, 8])


def test_a_film_with_the_reasoning_beside_the_picture(tmp_path: Path) -> None:
    db = tmp_path / "e.db"
    assert run(["run", "FrozenLake-v1", "-a", "optimal", "-n", "1", "--pictures", "--db", str(db)]) == OK
    assert run(["export", "1", "-f", "gif", "-o", str(tmp_path / "plain.gif"), "--db", str(db)]) == OK
    assert run(["export", "1", "-f", "gif", "--reasoning", "-o", str(tmp_path / "both.gif"), "--db", str(db)]) == OK
    with Image.open(tmp_path / "plain.gif") as plain, Image.open(tmp_path / "both.gif") as both:
        assert both.width > plain.width
        assert plain.size == (256, 256)


def test_mp4(tmp_path: Path) -> None:
    """A film that a decoder reads: one picture for each step."""
    av = pytest.importorskip("av")
    db = tmp_path / "e.db"
    assert run(["run", "FrozenLake-v1", "-a", "optimal", "-n", "1", "--pictures", "--db", str(db)]) == OK
    with Reader(db) as reader:
        steps = reader.episode(1).summary.steps
    assert run(["export", "1", "-f", "mp4", "-o", str(tmp_path / "a.mp4"), "--db", str(db)]) == OK
    with av.open(str(tmp_path / "a.mp4")) as film:
        assert sum(1 for _ in film.decode(video=0)) == steps


def test_an_episode_without_pictures_makes_no_film(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    db = tmp_path / "e.db"
    assert run(["run", "Blackjack-v1", "-a", "random", "-n", "1", "--db", str(db)]) == OK
    assert run(["export", "1", "-f", "gif", "-o", str(tmp_path / "a.gif"), "--db", str(db)]) == USAGE
    assert "--pictures" in capsys.readouterr().err
    assert not (tmp_path / "a.gif").exists()


def test_gym_llms_functions(tmp_path: Path) -> None:
    """The four that its users call, on one of its environments."""
    file = tmp_path / "e.yaml"
    file.write_text("agent: {}\nenvironment: {name: BlackjackLLM-v1}\nexperiment: {parent: a, name: b}\n")
    config = parse_config(file)
    given = dict(config["environment"])
    env = get_env(config["environment"])
    assert config["environment"] == given
    definition = get_env_definition(env)
    assert set(definition) == {"observation_schema", "goal_description", "action_schema"}
    assert set(definition["action_schema"]) == {0, 1}
    env.reset(seed=1)
    assert env.render().shape[2] == 3
    env.close()


def test_an_environment_that_does_not_describe_itself() -> None:
    with pytest.raises(ValueError, match="get_goal_description"):
        get_env_definition(gymnasium.make("CartPole-v1"))


def test_a_description_that_lacks_a_part_cannot_be_made() -> None:
    class Half(LLMEnv):
        def get_goal_description(self) -> str:
            return "Win."

    with pytest.raises(TypeError, match="get_action_schema"):
        Half()


def test_a_limit_of_cost_ends_requests_and_what_it_cut_is_played_again(tmp_path: Path) -> None:
    """Beyond the limit nothing is asked; with a higher one the file goes on, cut episodes included."""
    file, db = tmp_path / "experiment.yaml", tmp_path / "e.db"
    stick = Says(calls=[("act", {"action": "stick"})], prompt_tokens=10)

    def started(limit: float, base_url: str) -> int:
        said = {
            "agent": {"player": f"simple:openai/any,base_url={base_url},input_cost_per_token=0.01,timeout=60"},
            "environment": "Blackjack-v1",
            "experiment": {
                "parent": str(tmp_path / "results"),
                "name": "hands",
                "num_runs": 30,
                "baselines": False,
                "limits": {"cost_usd": limit},
            },
        }
        file.write_text(yaml.safe_dump(said))
        return run(["run", str(file), "--db", str(db)])

    with ModelServer([stick], repeat=True) as server:
        assert started(1.0, server.base_url) == PROBLEMS
        assert 10 <= len(server.requests) <= 18, "each costs ten cents; those under way are not cut off"
        assert started(1.0, server.base_url) == PROBLEMS
        assert len(server.requests) <= 19
        assert started(100.0, server.base_url) == OK
    with Reader(db) as reader:
        finished = [one for one in reader.summaries(reader.episode_ids()) if one.status == "done"]
    assert sorted(int(one.seed or 0) for one in finished) == list(range(30))


def test_other_players_in_the_place_of_a_files_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of gym-llm's six configurations is played by others, more often, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    files = sorted((Path(__file__).parents[2] / "examples" / "gym_llm").glob("*.yaml"))
    assert len(files) == 6
    for file in files:
        assert run(["run", str(file), "-a", "random", "-a", "heuristic", "-n", "2", "--db", "e.db"]) == OK
        folder = tmp_path / "results" / f"{file.stem}-random-heuristic-2-runs"
        assert len(list(folder.glob("*/run_*_raw_outputs.json"))) == 4
        assert len(list(folder.glob("*/run_*.gif"))) == 4
        rows = json.loads((folder / "summary.json").read_text())
        assert [(row["agent"], row["n"], row["failures"]) for row in rows] == [("random", 2, 0), ("heuristic", 2, 0)]


def test_what_belongs_into_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Players, runs and processes may be said beside a file; other options, or runs beside listed seeds, may not."""
    file = experiment(tmp_path)
    assert run(["run", str(file), "--max-steps", "3"]) == USAGE
    assert "--max-steps belongs into the experiment's file" in capsys.readouterr().err
    seeded = tmp_path / "seeded.yaml"
    said = yaml.safe_load(file.read_text())
    del said["experiment"]["seed"], said["experiment"]["num_runs"]
    seeded.write_text(yaml.safe_dump({**said, "experiment": {**said["experiment"], "seeds": [1, 2]}}))
    assert run(["run", str(seeded), "-n", "3"]) == USAGE
    assert "lists its seeds" in capsys.readouterr().err

"""gym-llm's six configurations with the players that run here in place of its models: `make results`.

Writes docs/results.md, and the same numbers to benchmarks/results/gym_llm_results.json; the episodes are not kept.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.report import write_result
from ldp_tui.experiments.config import load_experiment
from ldp_tui.experiments.plan import plan
from ldp_tui.experiments.runner import begin, play_experiment
from ldp_tui.experiments.summary import Summary, summarise
from ldp_tui.experiments.workers import CampaignSpec
from ldp_tui.store import connect_writer
from ldp_tui.store.reader import Reader

ROOT = Path(__file__).resolve().parent.parent
CONFIGURATIONS = ROOT / "examples" / "gym_llm"
PAGE = ROOT / "docs" / "results.md"


@dataclass(frozen=True, slots=True)
class Study:
    """One environment: who plays it how often, and what gym-llm's README says of it."""

    title: str
    configurations: Sequence[str]
    players: Sequence[str]
    episodes: int
    success: str
    published: Sequence[tuple[str, str, str, str, str]]
    """Model, episodes, mean return, success, mean steps."""
    remark: str


STUDIES = (
    Study(
        "Blackjack",
        ("blackjack_llama3.1", "blackjack_gpt-4o-mini"),
        ("tiny", "tiny,choose=score", "random", "heuristic", "optimal"),
        10_000,
        "the hand is won; draws are not",
        (("llama3.1 8B", "10", "-0.1", "40%", "1.5"), ("gpt-4o-mini", "10", "+0.1", "50%", "1.8")),
        "With ten hands the 95% interval is about 1.4 wide: the published rows tell no player from another.",
    ),
    Study(
        "Taxi",
        ("taxi_llama3.1", "taxi_gpt-4o-mini"),
        ("tiny", "tiny,choose=score", "random", "mask-random", "heuristic", "optimal"),
        2_000,
        "the passenger is brought home within the 50 steps",
        (
            ("llama3.1 8B", "1", "-491", "0%", "50"),
            ("gpt-4o-mini", "1", "-374", "0%", "50"),
            ("gpt-4o", "1", "-50", "0%", "50"),
        ),
        "The published rows are one episode each. -50 is what a player reaches that never picks up or drops off.",
    ),
    Study(
        "Lunar Lander",
        ("lunar_lander_llama3.1", "lunar_lander_gpt-4o-mini"),
        ("random", "heuristic"),
        1_000,
        "a return of 200, which no player has the time for: episodes are cut after 80 steps",
        (("llama3.1 8B", "5", "-391.20", "0%", "79.2"), ("gpt-4o-mini", "1", "–", "0%", "–")),
        "The tiny model was not trained on it, and no exact optimum is known.",
    ),
)


def main() -> int:
    """Play everything, write the page; exit status 1 if an episode failed or two equal configurations differ."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gym_llm_results", description=__doc__)
    parser.add_argument("--episodes", type=int, help="of each player, in place of the numbers of the page")
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "gym_llm_results.json")
    options = parser.parse_args()
    found: dict[str, list[Summary]] = {}
    for study in STUDIES:
        for name in study.configurations:
            started = time.perf_counter()
            found[name] = _play(name, study.players, options.episodes or study.episodes)
            print(f"{name}: {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
    options.page.write_text("\n".join(_page(found)) + "\n", encoding="utf-8")
    write_result(
        "gym_llm_results",
        {name: [_figures(summary) for summary in summaries] for name, summaries in found.items()},
        options.out,
    )
    failed = sum(summary.failures for summaries in found.values() for summary in summaries)
    return 1 if failed or any(not _equal(found, study) for study in STUDIES) else 0


def _play(name: str, players: Sequence[str], episodes: int) -> list[Summary]:
    """The rows of one configuration, with its models replaced by `players`."""
    with tempfile.TemporaryDirectory() as folder:
        experiment = load_experiment(CONFIGURATIONS / f"{name}.yaml").varied(
            players=players, num_runs=episodes, save_gif=False, parent=folder
        )
        database = Path(folder) / "results.db"
        with connect_writer(database) as writer, Reader(database) as reader:
            chosen = plan(experiment, reader)
            states = begin(chosen, reader)
            for _ in play_experiment(chosen, states, writer, database):
                pass
        return [
            summarise(
                CampaignSpec(state.cell.environment, state.cell.player, str(database), state.cell.run_uid),
                state.results,
                seed=min(state.cell.seeds),
                seconds=state.seconds,
            )
            for state in states
        ]


def _equal(found: dict[str, list[Summary]], study: Study) -> bool:
    """Whether the configurations of a study, which differ in the replaced model alone, gave equal numbers."""
    rows = [[_figures(summary) for summary in found[name]] for name in study.configurations]
    return all(row == rows[0] for row in rows)


def _figures(summary: Summary) -> dict[str, object]:
    told = summary.as_json()
    estimates = ("mean_return", "ci95", "success_rate", "success_ci95", "mean_steps")
    return {key: told[key] for key in ("env", "agent", "seed", "n", *estimates, "failures")}


def _page(found: dict[str, list[Summary]]) -> Iterator[str]:
    yield "# gym-llm's experiments, with intervals"
    yield ""
    yield (
        "gym-llm's six configurations ([examples/gym_llm](../examples/gym_llm)) with the players of this package in"
        " the place of its models; `make results` plays them again and writes this page. Episode i has seed i."
        " Intervals are 95%: of the mean by Student's t, of success Wilson's. `exact` is computed from the rules. The"
        " published rows are those of gym-llm's README, as far as it gives them; its code computes no success."
    )
    for study in STUDIES:
        summaries = found[study.configurations[0]]
        yield from ("", f"## {study.title}", "")
        yield f"Success: {study.success}. {study.remark}"
        if _equal(found, study):
            yield "Both configurations were played: equal seeds gave equal numbers."
        yield ""
        yield "| player | n | mean return | 95% interval | success | 95% interval | steps |"
        yield "|---|---|---|---|---|---|---|"
        for model, n, mean, success, steps in study.published:
            yield f"| {model} (published) | {n} | {mean} | – | {success} | – | {steps} |"
        for summary in summaries:
            yield _row(summary)
        for baseline in summaries[0].baselines:
            if baseline.how == "exact":
                yield f"| {baseline.name} (exact) | – | {baseline.mean_return:.3f} | – | – | – | – |"


def _row(summary: Summary) -> str:
    mean, success = summary.mean, summary.success
    cells = [
        f"`{summary.agent}`",
        f"{summary.n:,}",
        "–" if mean is None else f"{mean.mean:.3f}",
        "–" if mean is None else f"{mean.low:.3f} … {mean.high:.3f}",
        "–" if success is None else f"{success.mean:.1%}",
        "–" if success is None else f"{success.low:.1%} … {success.high:.1%}",
        f"{summary.mean_steps:.1f}",
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main())

"""`ldp-tui run`: many episodes without a screen, recorded, with a summary beside the references."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from ldp_tui.cli import OK, PROBLEMS
from ldp_tui.cli.options import Database, EnvironmentText, Json, MaxSteps
from ldp_tui.cli.output import emit, emit_json, number, say, table
from ldp_tui.core.errors import UsageError

if TYPE_CHECKING:
    from ldp_tui.cli.summary import Summary


def run(
    environment: EnvironmentText,
    agent: Annotated[str, typer.Option("--agent", "-a", metavar="AGENT", help="Player: KIND[:MODEL][,key=value…].")],
    *,
    episodes: Annotated[int, typer.Option("--episodes", "-n", min=1, help="How many episodes.")] = 100,
    seed: Annotated[int, typer.Option("--seed", help="Episode i uses seed SEED + i.")] = 0,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help="Processes.")] = 1,
    max_steps: MaxSteps = None,
    pictures: Annotated[bool, typer.Option("--pictures", help="Store rendered frames too.")] = False,
    as_json: Json = False,
    database: Database = None,
) -> int:
    """Play many episodes and print mean return, its 95% interval, and the random and optimal references."""
    from ldp_tui.cli.progress import Progress
    from ldp_tui.cli.summary import summarise
    from ldp_tui.cli.workers import CampaignSpec, play_campaign
    from ldp_tui.engine.record import new_run_uid
    from ldp_tui.registry import check_agent_name, check_environment_name
    from ldp_tui.store import connect_writer, default_path

    check_environment_name(environment)
    check_agent_name(agent)
    if agent.split(",")[0] == "human":
        raise UsageError("A person cannot play headless; use: ldp-tui play ENV --agent human")
    path = default_path(database)
    path.parent.mkdir(parents=True, exist_ok=True)
    spec = CampaignSpec(environment, agent, str(path), new_run_uid(), max_steps=max_steps, pictures=pictures)
    seeds = range(seed, seed + episodes)
    started = time.perf_counter()
    results = []
    with connect_writer(path) as writer, Progress(episodes) as progress:
        for result in play_campaign(spec, seeds, writer=writer, jobs=jobs):
            results.append(result)
            progress.advance(result)
    summary = summarise(spec, results, seed=seed, seconds=time.perf_counter() - started)
    if as_json:
        emit_json(summary.as_json())
    else:
        _print_summary(summary)
        say(f"Recorded in {path}.")
    return PROBLEMS if summary.failures else OK


def _print_summary(summary: Summary) -> None:
    rows = [summary.player_row(), *summary.baseline_rows()]
    table(("", "n", "return", "95% interval", "success", "steps"), rows, right=(1, 2, 3, 4, 5))
    emit()
    emit(
        f"{summary.steps} steps in {number(summary.seconds)} s"
        f" ({summary.steps / summary.seconds:,.0f} steps/s, {summary.n / summary.seconds:,.0f} episodes/s)"
    )
    for reason, count in summary.failure_reasons.items():
        say(f"{count} failed: {reason}")

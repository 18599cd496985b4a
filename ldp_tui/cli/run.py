"""`ldp-tui run`: many episodes without a screen, recorded, with a summary beside the references."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ldp_tui.cli import OK, PROBLEMS
from ldp_tui.cli.options import Database, Json, MaxSteps, RunAgents, RunTarget, is_human
from ldp_tui.cli.output import counted, emit, emit_json, number, rate, say, table
from ldp_tui.core.errors import UsageError

if TYPE_CHECKING:
    from ldp_tui.experiments.summary import Summary


def run(
    context: typer.Context,
    environment: RunTarget,
    agents: RunAgents = None,
    *,
    episodes: Annotated[int, typer.Option("--episodes", "-n", min=1, help="How many episodes.")] = 100,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Episode i uses seed SEED + i.")] = 0,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help="Processes.")] = 1,
    max_steps: MaxSteps = None,
    max_cost: Annotated[
        float | None,
        typer.Option("--max-cost", min=0.0, help="US dollars that all models may cost together; then the run ends."),
    ] = None,
    pictures: Annotated[bool, typer.Option("--pictures", help="Store rendered frames too.")] = False,
    again: Annotated[bool, typer.Option("--again", help="FILE.yaml: play a complete experiment anew.")] = False,
    as_json: Json = False,
    database: Database = None,
) -> int:
    """Play many episodes without a screen and sum them up.

    Prints mean return with its 95% interval, success rate and steps, beside what random and optimal play reach:
    exactly where the rules are known, else random play measured on the same seeds. FILE.yaml is a whole experiment
    (gym-llm's keys and more); started again, it plays only what is not recorded yet.
    """
    if environment.endswith((".yaml", ".yml")):
        from ldp_tui.cli.experiment import run_file

        said = _said(context)
        if wrong := said - {"environment", "agents", "episodes", "jobs", "again", "as_json", "database"}:
            raise UsageError(f"--{min(wrong).replace('_', '-')} belongs into the experiment's file.")
        return run_file(
            Path(environment),
            players=tuple(agents or ()),
            episodes=episodes if "episodes" in said else None,
            jobs=jobs if "jobs" in said else None,
            again=again,
            as_json=as_json,
            database=database,
        )
    if not agents:
        raise UsageError("run needs --agent; see: ldp-tui run -h")
    if len(agents) > 1:
        raise UsageError("run plays one --agent; an experiment's file may name several: ldp-tui run FILE.yaml")
    agent = agents[0]
    from ldp_tui.cli.progress import Progress
    from ldp_tui.engine.record import new_run_uid
    from ldp_tui.experiments.summary import summarise
    from ldp_tui.experiments.workers import CampaignSpec, ProcessDied, check_playable, play_campaign, run_budget
    from ldp_tui.registry import check_agent_name, check_environment_name
    from ldp_tui.store import connect_writer, default_path

    check_environment_name(environment)
    check_agent_name(agent)
    if is_human(agent):
        raise UsageError(f"A person cannot play headless; use: ldp-tui play {environment} --agent human")
    check_playable(environment, agent, seed)
    path = default_path(database)
    spec = CampaignSpec(environment, agent, str(path), new_run_uid(), max_steps=max_steps, pictures=pictures)
    budget = run_budget(max_cost, jobs=jobs)
    started = time.perf_counter()
    results = []
    try:
        with connect_writer(path) as writer, Progress(episodes) as progress:
            seeds = range(seed, seed + episodes)
            for result in play_campaign(spec, seeds, writer=writer, jobs=jobs, budget=budget):
                results.append(result)
                progress.advance(result)
    except (KeyboardInterrupt, ProcessDied):
        connect_writer(path).close()  # opening it closes the episodes of processes that were ended
        raise
    summary = summarise(spec, results, seed=seed, seconds=time.perf_counter() - started)
    if budget is not None and budget.used_up:
        spent = f"${budget.limit_usd:.2f} are spent (${budget.spent_usd:.4f})"
        summary = replace(summary, stopped=f"{spent}: {counted(len(results), 'episode')} of {episodes:,} begun")
    if as_json:
        emit_json(summary.as_json())
    else:
        _print_summary(summary)
        say(f"Recorded in {path}.")
    return PROBLEMS if summary.failures or summary.stopped else OK


def _said(context: typer.Context) -> set[str]:
    """Names of the parameters that stand on the command line."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"}


def _print_summary(summary: Summary) -> None:
    last = summary.seed + summary.n - 1
    seeds = f"seed {summary.seed}" if summary.n == 1 else f"seeds {summary.seed} to {last}"
    emit(f"{summary.environment}, {counted(summary.n, 'episode')}, {seeds}")
    emit()
    rows = [summary.player_row(), *summary.baseline_rows()]
    table(("player", "n", "return", "± 95%", "success", "steps"), rows, right=(1, 2, 3, 4, 5))
    emit()
    emit(
        f"{counted(summary.steps, 'step')} in {number(summary.seconds)} s"
        f" ({rate(summary.steps, summary.seconds)} steps/s, {rate(summary.n, summary.seconds)} episodes/s)"
    )
    if summary.not_finite:
        say(f"{counted(summary.not_finite, 'return')} not finite (NaN or infinite): left out of the mean.")
    for kind, count in summary.faults.items():
        say(f"{kind}: {counted(count, 'time')} a request failed, or its reply could not be read.")
    if summary.stopped:
        say(f"{summary.stopped}.")
    for reason, count in summary.failure_reasons.items():
        say(f"{counted(count, 'episode')} failed: {reason}")

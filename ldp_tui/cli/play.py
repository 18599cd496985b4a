"""`ldp-tui play`: lanes side by side in the app, or as plain text."""

from __future__ import annotations

import asyncio
import sys
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ldp_tui.cli import OK, PROBLEMS
from ldp_tui.cli.options import AgentTexts, Database, EnvironmentText, Json, MaxSteps, Seed
from ldp_tui.cli.output import emit, emit_json, say
from ldp_tui.core.errors import UsageError

if TYPE_CHECKING:
    from ldp_tui.engine.events import EpisodeEnded, Event
    from ldp_tui.store.writer import Writer

DEMO_ENVIRONMENT = "Blackjack-v1"
DEMO_AGENTS = ("human", "optimal")
DEMO_AGENTS_WITHOUT_TERMINAL = ("random", "optimal")
MAX_LANES = 4


def play(
    environment: EnvironmentText,
    agent: AgentTexts = None,
    *,
    seed: Seed = None,
    max_steps: MaxSteps = None,
    as_text: Annotated[bool, typer.Option("--plain", help="One line per step instead of the app.")] = False,
    as_json: Json = False,
    database: Database = None,
) -> int:
    """Play one environment; every lane gets the same seed. Without --agent, you play."""
    from ldp_tui.registry import check_agent_name, check_environment_name

    agents = agent or ["human"]
    check_environment_name(environment)
    for name in agents:
        check_agent_name(name)
    if len(agents) > MAX_LANES:
        raise UsageError(f"At most {MAX_LANES} players fit side by side; {len(agents)} were given.")
    if as_text or as_json or not _has_terminal():
        return play_as_text(environment, agents, seed=seed, max_steps=max_steps, as_json=as_json, database=database)
    return _open_session(environment, agents, seed=seed, max_steps=max_steps, database=database)


def open_app_or_demo(database: Path | None) -> int:
    """The app's Home where there is a terminal; else the demo as plain text."""
    if _has_terminal():
        from ldp_tui.tui.app import run_app

        return run_app(db=database)
    say("No terminal here: playing the demo as plain text. See ldp-tui -h for commands.")
    return play_as_text(
        DEMO_ENVIRONMENT, list(DEMO_AGENTS_WITHOUT_TERMINAL), seed=7, max_steps=None, as_json=False, database=database
    )


def play_as_text(
    environment: str,
    agents: list[str],
    *,
    seed: int | None,
    max_steps: int | None,
    as_json: bool,
    database: Path | None,
) -> int:
    """Play the lanes one after the other, recorded, and print what happens."""
    from ldp_tui.engine.record import new_run_uid
    from ldp_tui.store import connect_writer, default_path

    if any(name.split(",")[0] == "human" for name in agents):
        raise UsageError("A person plays in the app, which needs a terminal; name another player with --agent.")
    path = default_path(database)
    path.parent.mkdir(parents=True, exist_ok=True)
    run_uid = new_run_uid()
    failed = False
    with connect_writer(path) as writer:
        for lane, name in enumerate(agents):
            end = asyncio.run(_play_lane(environment, name, lane, writer, run_uid, seed, max_steps, as_json=as_json))
            failed |= end is None or end.reason == "failed"
            if not as_json:
                emit()
    say(f"Recorded in {path}.")
    return PROBLEMS if failed else OK


async def _play_lane(
    environment: str,
    name: str,
    lane: int,
    writer: Writer,
    run_uid: str,
    seed: int | None,
    max_steps: int | None,
    *,
    as_json: bool,
) -> EpisodeEnded | None:
    from ldp_tui.engine.events import EpisodeEnded
    from ldp_tui.engine.record import record
    from ldp_tui.engine.rollout import rollout
    from ldp_tui.registry import make_agent, make_environment

    env, environment_record = make_environment(environment)
    agent, player = make_agent(name)
    events = record(
        rollout(env, agent, environment=environment_record, player=player, seed=seed, max_steps=max_steps, render=True),
        writer,
        run_uid=run_uid,
    )
    ended: EpisodeEnded | None = None
    async with aclosing(events):
        async for event in events:
            _print(event, lane, as_json=as_json)
            if isinstance(event, EpisodeEnded):
                ended = event
    return ended


def _print(event: Event, lane: int, *, as_json: bool) -> None:
    from ldp_tui.cli.narrate import event_json, lines_of

    if as_json:
        emit_json(event_json(event, lane), indent=False)
        return
    for line in lines_of(event):
        emit(line)
    sys.stdout.flush()


def _open_session(
    environment: str, agents: list[str], *, seed: int | None, max_steps: int | None, database: Path | None
) -> int:
    from ldp_tui.play.session_spec import LaneSpec, SessionSpec
    from ldp_tui.tui.app import run_app

    settings: dict[str, Any] = {"seed": seed, "max_steps": max_steps, "db": str(database) if database else None}
    session = SessionSpec(lanes=tuple(LaneSpec(environment, name) for name in agents), **settings)
    return run_app(session=session, db=database)


def _has_terminal() -> bool:
    import os

    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"

"""`ldp-tui play`: lanes side by side in the app, or as plain text."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ldp_tui.cli import OK, PROBLEMS
from ldp_tui.cli.guard import has_terminal
from ldp_tui.cli.options import AgentTexts, Database, EnvironmentText, Json, MaxSteps, Seed, is_human
from ldp_tui.cli.output import emit, emit_json, say
from ldp_tui.core.errors import UsageError

if TYPE_CHECKING:
    from ldp_tui.engine.events import EpisodeEnded
    from ldp_tui.play.session_spec import SessionSpec
    from ldp_tui.store.writer import Writer

DEMO_ENVIRONMENT = "Blackjack-v1"
DEMO_AGENTS_WITHOUT_TERMINAL = ("tiny", "optimal")
DEMO_SEED_WITHOUT_TERMINAL = 2
"""A hand that is won by hitting three times."""
MAX_LANES = 4


def play(
    environment: EnvironmentText,
    agent: AgentTexts = None,
    *,
    seed: Seed = None,
    max_steps: MaxSteps = None,
    as_text: Annotated[
        bool, typer.Option("--plain", help="Text instead of the app; lanes one after the other.")
    ] = False,
    approve: Annotated[bool, typer.Option("--approve", help="Players wait for you before each action.")] = False,
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
    if as_text or as_json or not has_terminal():
        if approve:
            raise UsageError("Approving actions needs the app, and the app a terminal; leave --approve out.")
        return play_as_text(environment, agents, seed=seed, max_steps=max_steps, as_json=as_json, database=database)
    from ldp_tui.tui.app import run_app

    session = session_of(environment, agents, seed=seed, max_steps=max_steps, database=database)
    return run_app(session=replace(session, approve=approve), db=database)


def open_app_or_demo(database: Path | None) -> int:
    """The app's Home where there is a terminal; else the demo as plain text."""
    if has_terminal():
        from ldp_tui.tui.app import run_app

        return run_app(db=database)
    say("No terminal here: playing the demo as plain text. See ldp-tui -h for commands.")
    return play_as_text(
        DEMO_ENVIRONMENT,
        list(DEMO_AGENTS_WITHOUT_TERMINAL),
        seed=DEMO_SEED_WITHOUT_TERMINAL,
        max_steps=None,
        as_json=False,
        database=database,
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
    from ldp_tui.experiments.workers import check_playable
    from ldp_tui.store import connect_writer, default_path

    if any(is_human(name) for name in agents):
        raise UsageError("A person plays in the app, which needs a terminal; name another player with --agent.")
    for name in agents:
        check_playable(environment, name, seed)
    if seed is None:  # drawn once, so that all lanes face the same episode and it can be played again
        seed = secrets.randbelow(2**31)
    path = default_path(database)
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
    from ldp_tui.cli.narrate import Narrator, event_json
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
    narrator = Narrator()
    ended: EpisodeEnded | None = None
    async with aclosing(events):
        async for event in events:
            if as_json:
                emit_json(event_json(event, lane), indent=False)
            else:
                for line in narrator.lines(event):
                    emit(line)
            if isinstance(event, EpisodeEnded):
                ended = event
    return ended


def session_of(
    environment: str, agents: list[str], *, seed: int | None, max_steps: int | None, database: Path | None
) -> SessionSpec:
    """The session that the app opens: one lane for each player, recorded."""
    from ldp_tui.play.session_spec import LaneSpec, SessionSpec
    from ldp_tui.store import default_path

    lanes = tuple(LaneSpec(environment, name) for name in agents)
    return SessionSpec(lanes=lanes, seed=seed, max_steps=max_steps, db=str(default_path(database)))

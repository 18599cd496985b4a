"""LDP's trajectory files from recordings, and recordings from them; `core.trajectory` holds the form.

A file of ours says in its trajectory's metadata which environment and agent were recorded; LDP's own does not, and
its agent states are looked through for the tools.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from ldp_tui.core.agent import PlainAction
from ldp_tui.core.errors import Phase
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import Messages, copy_message
from ldp_tui.core.trajectory import Trajectory, Transition, step_line
from ldp_tui.datasets.files import Exported, FileError, whole_file
from ldp_tui.engine.events import (
    AgentRecord,
    EndReason,
    EnvironmentRecord,
    EpisodeEnded,
    EpisodeStarted,
    StepTaken,
)
from ldp_tui.engine.replay import RecordedEpisode, load_episode, read_steps
from ldp_tui.engine.rows import begin_operation, end_operation, step_operation
from ldp_tui.store.cleaning import clean_json
from ldp_tui.store.reader import Reader
from ldp_tui.store.rows import Operation
from ldp_tui.store.writer import Writer

SUFFIX: Final = ".jsonl"
RECORDED: Final = "recorded"
"""Key of a trajectory's metadata under which our files say what was recorded: environment, agent, tools, seed, …"""
_PHASES: Final[dict[str, Phase]] = {"agent": "agent", "env": "env", "tool": "tool", "transport": "transport"}
IMPORTED_RUN: Final = "ldp-files"
"""Run that imported episodes belong to."""


def write_ldp(reader: Reader, ids: Iterable[int], path: Path) -> Exported:
    """Write episodes as LDP's trajectory files: one as the file `path` if that ends in .jsonl, else each into a folder.

    Raises:
        FileError: If a file cannot be written, or if there are several episodes for one file.
    """
    keys = list(ids)
    alone = path.suffix == SUFFIX
    if alone and len(keys) > 1:
        raise FileError(f"{path} would hold {len(keys)} trajectories, and LDP's files hold one; name a folder instead.")
    if not alone:
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FileError(f"{path} cannot be made a folder: {error.strerror or error}.") from error
    steps = 0
    members: list[str] = []
    left_out: list[tuple[str, str]] = []
    for key in keys:
        episode = load_episode(reader, key, pictures=False)
        uid = episode.started.uid
        if episode.ended is None:
            left_out.append((uid, "still running"))
            continue
        trajectory = _trajectory(episode, read_steps(reader, key, 0, episode.steps))
        with whole_file(path if alone else path / f"{uid}{SUFFIX}") as file:
            file.writelines(_lines(trajectory))
        steps += episode.steps
        members.append(uid)
    return Exported(path, len(members), steps, tuple(left_out), tuple(members))


def _lines(trajectory: Trajectory) -> Iterator[bytes]:
    yield json.dumps(trajectory.traj_id).encode() + b"\n"
    for index, step in enumerate(trajectory.steps):
        metadata = trajectory.metadata if index == 0 else None
        yield step_line(step, traj_id=trajectory.traj_id, metadata=metadata).encode("utf-8", "replace") + b"\n"


def _said_of(step: StepTaken) -> dict[str, str]:
    """The reflection, and who chose the action where it was not the agent."""
    told = {"reflection": step.reflection} if step.reflection else {}
    return told if step.overseen is None else {**told, "overruled_by": step.overseen.by}


def _trajectory(episode: RecordedEpisode, steps: list[StepTaken]) -> Trajectory:
    started, ended = episode.started, episode.ended
    transitions: list[Transition] = []
    seen = started.observation
    for step in steps:
        transitions.append(
            Transition(
                timestep=step.index,
                observation=list(seen),
                next_observation=list(step.observation),
                action=PlainAction(step.action),
                reward=step.reward,
                done=step.terminated,
                truncated=step.truncated,
                value=step.value,
                metadata=_said_of(step),
            )
        )
        seen = step.observation
    if ended is not None and ended.reason == "failed":
        why = {"exception": ended.detail or "failed", "failed_phase": ended.phase}
        transitions.append(Transition(timestep=len(steps), observation=list(seen), metadata=why))
    recorded = {
        "environment": asdict(started.environment),
        "agent": asdict(started.agent),
        "tools": list(started.tools),
        "seed": started.seed,
        "options": dict(started.options),
        "max_steps": started.max_steps,
        "started_ns": started.started_ns,
        "ended_ns": None if ended is None else ended.ended_ns,
        "success": None if ended is None else ended.success,
        "reason": None if ended is None else ended.reason,
    }
    named = {} if started.task_id is None else {"env_id": started.task_id}
    metadata = {**named, RECORDED: json.loads(clean_json(recorded).text)}
    return Trajectory(traj_id=started.uid, steps=transitions, metadata=metadata)


@dataclass(frozen=True, slots=True)
class Names:
    """What an episode of a file that does not say it is called."""

    environment: str = "imported"
    agent: str = "imported"


def import_ldp(path: Path, writer: Writer, *, names: Names | None = None, known: Container[str] = frozenset()) -> int:
    """Store the trajectory in a file, or those in all .jsonl files of a folder; returns how many there are.

    A first observation that holds later messages, as LDP records them, is repaired. The trajectory's id becomes the
    episode's uid; a trajectory without one is known by its content.

    Args:
        path: The file or folder. Nothing is stored if one of the files cannot be read.
        writer: Where to.
        names: For files that do not say what was played and by whom.
        known: Uids of episodes to leave as they are.

    Raises:
        FileError: For a file that is none of LDP's.
        StoreError: If an episode cannot be stored.
    """
    files = sorted(path.glob(f"*{SUFFIX}")) if path.is_dir() else [path]
    if not files:
        raise FileError(f"{path} holds no {SUFFIX} files.")
    episodes = [
        (uid, list(_operations(uid, trajectory, file, names or Names()))) for uid, trajectory, file in map(_read, files)
    ]
    new = [operations for uid, operations in episodes if uid not in known]
    for operations in new:
        for ticket in [writer.submit(operation) for operation in operations]:
            writer.wait(ticket)
    return len(episodes)


def is_ldp_file(path: Path) -> bool:
    """Whether `path` is a folder, or begins as LDP's trajectory files do: with a line that is a text or null."""
    if path.is_dir():
        return True
    try:
        with path.open("rb") as file:
            head = json.loads(file.readline(4096))
    except (OSError, ValueError):
        return False
    return head is None or isinstance(head, str)


def _read(path: Path) -> tuple[str, Trajectory, Path]:
    try:
        trajectory = Trajectory.from_jsonl(path)
        uid = trajectory.traj_id or blake2b(path.read_bytes(), digest_size=16).hexdigest()
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (ValidationError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise FileError(f"{path}: not a trajectory of LDP's ({reason}); nothing was imported.") from error
    return uid, trajectory, path


def _operations(uid: str, trajectory: Trajectory, path: Path, names: Names) -> Iterator[Operation]:
    recorded = trajectory.metadata.get(RECORDED)
    told: Mapping[str, Any] = recorded if isinstance(recorded, dict) else {}
    written_ns = path.stat().st_mtime_ns
    first = trajectory.steps[0] if trajectory.steps else None
    task = trajectory.metadata.get("env_id")
    try:
        yield begin_operation(
            EpisodeStarted(
                uid=uid,
                environment=_environment(told.get("environment"), names.environment),
                agent=_agent(told.get("agent"), names.agent, trajectory),
                seed=told.get("seed"),
                task_id=None if task is None else str(task),
                options=told.get("options") or {},
                started_ns=told.get("started_ns") or written_ns,
                observation=_seen(first.observation) if first else (),
                tools=tuple(told.get("tools") or _tools(first)),
                max_steps=told.get("max_steps"),
            ),
            IMPORTED_RUN,
            None,
        )
    except (TypeError, ValueError) as error:
        raise FileError(
            f"{path}: what it says of its recording cannot be read ({error}); nothing was imported."
        ) from error
    played = [step for step in trajectory.steps if not step.failed]
    for index, step in enumerate(played):
        yield step_operation(uid, _taken(index, step), None)
    ended = _ended(trajectory, told, played, told.get("ended_ns") or written_ns)
    microseconds = sum(_microseconds(step, phase) for step in played for phase in ("agent_get_asv", "env_step"))
    yield end_operation(uid, ended, microseconds)


def _environment(told: Any, name: str) -> EnvironmentRecord:
    return EnvironmentRecord(**told) if isinstance(told, dict) else EnvironmentRecord(name, kind="aviary")


def _agent(told: Any, name: str, trajectory: Trajectory) -> AgentRecord:
    if isinstance(told, dict):
        return AgentRecord(**told)
    asked = any("LLMCallOp" in getattr(step.action, "op_class_name", "") for step in trajectory.steps)
    return AgentRecord(name, "llm" if asked else "scripted")


def _tools(first: Transition | None) -> list[Mapping[str, Any]]:
    """The tools in the agent's first state, where it holds them as LDP's states do."""
    state = None if first is None else first.agent_state
    listed = state.get("tools") if isinstance(state, dict) else None
    found = [tool.get("function") or tool.get("info") for tool in listed or () if isinstance(tool, dict)]
    return [tool for tool in found if isinstance(tool, dict) and "name" in tool]


def _taken(index: int, step: Transition) -> StepTaken:
    message = getattr(step.action, "value", None)
    return StepTaken(
        index=index,
        action=copy_message(message) if isinstance(message, Message) else Message(role="assistant"),
        observation=_seen(step.next_observation),
        reward=step.reward + 0.0,
        terminated=step.done,
        truncated=step.truncated,
        reflection=str(step.metadata.get("reflection") or ""),
        value=step.value,
        agent_us=_microseconds(step, "agent_get_asv"),
        env_us=_microseconds(step, "env_step"),
    )


def _seen(messages: Messages) -> tuple[Message, ...]:
    return tuple(copy_message(message) for message in messages)


def _microseconds(step: Transition, phase: str) -> int:
    seconds = step.metadata.get(f"time_elapsed_{phase}")
    return round(seconds * 1e6) if isinstance(seconds, int | float) else 0


def _ended(trajectory: Trajectory, told: Mapping[str, Any], played: list[Transition], ended_ns: int) -> EpisodeEnded:
    """How it ended: what its steps say, else what the file says; a trajectory without an end was interrupted."""
    failed = next((step for step in trajectory.steps if step.failed), None)
    last = played[-1] if played else None
    reason: EndReason = "interrupted"
    if failed is not None:
        reason = "failed"
    elif last is not None and (last.done or last.truncated):
        reason = "terminated" if last.done else "truncated"
    elif told.get("reason") in ("aborted", "interrupted", "truncated"):
        reason = told["reason"]
    return EpisodeEnded(
        reason=reason,
        return_=sum(step.reward for step in played),
        steps=len(played),
        ended_ns=ended_ns,
        success=told.get("success"),
        phase=None if failed is None else _PHASES.get(str(failed.metadata.get("failed_phase"))),
        detail=None if failed is None else str(failed.metadata["exception"]),
    )

"""Callbacks that write files while a rollout runs, and one that prints."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from ldp_tui.alg.callbacks.base import Callback
from ldp_tui.core.agent import Agent
from ldp_tui.core.environment import Environment
from ldp_tui.core.messages import Message
from ldp_tui.core.trajectory import Trajectory, Transition, step_line
from ldp_tui.core.transition_json import json_line, message_json

MOST_OPEN = 64
"""Files kept open at once."""


class GrowingFiles:
    """One file per trajectory, flushed line by line: a crash costs no step that was played."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._open: dict[str, IO[str]] = {}

    def append(self, traj_id: str, name: str, text: str) -> None:
        """Add `text` to the file `name` of `traj_id`."""
        file = self._open.get(traj_id)
        if file is None:
            if len(self._open) >= MOST_OPEN:
                self._open.pop(next(iter(self._open))).close()
            file = self._open[traj_id] = (self.folder / name).open("a", encoding="utf-8")
        file.write(text)
        file.flush()

    def close(self, traj_id: str) -> None:
        """Close the file of `traj_id`, and those of its branches."""
        for name in [name for name in self._open if name == traj_id or name.startswith(f"{traj_id}:")]:
            self._open.pop(name).close()


def frame_of_finished(env: Environment[Any], transition: Transition) -> str | None:
    """The environment's frame without its state as JSON text, once the task has ended."""
    if not transition.done:
        return None
    try:
        frame = env.export_frame()
    except NotImplementedError:
        return None
    return frame.model_dump_json(exclude={"state"}, indent=2)


class TrajectoryFileCallback(Callback):
    """Writes each trajectory to `output_dir` in LDP's form while it grows: one line for each step, appended.

    `{traj_id}_env.json` holds what `serialize_env(env, transition)` returns, where it returns something.
    `agent_states` writes the agent's states too, which as a rule repeat the whole history in every line.
    """

    default_serialize_env = staticmethod(frame_of_finished)

    def __init__(
        self,
        output_dir: str | os.PathLike[str],
        serialize_env: Callable[[Environment[Any], Transition], str | None] = frame_of_finished,
        *,
        agent_states: bool = False,
    ) -> None:
        self._files = GrowingFiles(output_dir)
        self.output_dir = self._files.folder
        self.traj_files: dict[str, Path] = {}
        self.env_files: dict[str, Path] = {}
        self.serialize_env = serialize_env
        self.agent_states = agent_states

    def _make_traj_filename(self, traj_id: str, env: Environment[Any]) -> str:
        """Name of the trajectory's file; to be overridden."""
        return f"{traj_id}.jsonl"

    async def after_transition(
        self, traj_id: str, agent: Agent[Any], env: Environment[Any], transition: Transition
    ) -> None:
        """Append the step."""
        metadata, head = None, ""
        if traj_id not in self.traj_files:
            self.traj_files[traj_id] = self.output_dir / self._make_traj_filename(traj_id, env)
            self.env_files[traj_id] = self.output_dir / f"{traj_id}_env.json"
            metadata, head = (await Trajectory.from_env(env)).metadata, json.dumps(traj_id) + "\n"
        line = step_line(transition, traj_id=traj_id, metadata=metadata, agent_states=self.agent_states)
        self._files.append(traj_id, self.traj_files[traj_id].name, f"{head}{line}\n")
        if (frame := self.serialize_env(env, transition)) is not None:
            self.env_files[traj_id].write_text(frame, encoding="utf-8")

    async def after_rollout(self, traj_id: str, agent: Agent[Any], env: Environment[Any]) -> None:
        """Close the file."""
        self._files.close(traj_id)


class RolloutDebugDumpCallback(Callback):
    """Writes a line for each choice and each step to `{traj_id}.jsonl`, with the seconds that it took."""

    def __init__(self, output_dir: str | os.PathLike[str]) -> None:
        self._files = GrowingFiles(output_dir)
        self.output_dir = self._files.folder
        self._since: dict[str, float] = {}

    async def before_transition(
        self, traj_id: str, agent: Agent[Any], env: Environment[Any], agent_state: Any, obs: list[Message]
    ) -> None:
        """Start this rollout's clock."""
        self._since[traj_id] = time.perf_counter()

    async def after_agent_get_asv(self, traj_id: str, action: Any, next_agent_state: Any, value: float) -> None:
        """Write the choice."""
        self._write(traj_id, {"event": "AGENT_GET_ASV", "action": message_json(action.value), "value": value})

    async def after_env_step(self, traj_id: str, obs: list[Message], reward: float, done: bool, trunc: bool) -> None:
        """Write what it led to."""
        seen = [message_json(message) for message in obs]
        self._write(traj_id, {"event": "ENV_STEP", "obs": seen, "reward": reward, "done": done, "truncated": trunc})

    async def after_rollout(self, traj_id: str, agent: Agent[Any], env: Environment[Any]) -> None:
        """Close the file."""
        self._since.pop(traj_id, None)
        self._files.close(traj_id)

    def _write(self, traj_id: str, fields: dict[str, Any]) -> None:
        now = time.perf_counter()
        elapsed, self._since[traj_id] = now - self._since.get(traj_id, now), now
        line = json_line({"event": fields.pop("event"), "elapsed": elapsed, **fields}) + "\n"
        self._files.append(traj_id, f"{traj_id}.jsonl", line)


class TerminalPrintingCallback(Callback):
    """Prints actions, observations and seconds to the terminal, in colour, for scripts that run outside the app."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.pretty import Pretty

        self._console, self._pretty = Console(), Pretty
        self._since: dict[str, float] = {}

    async def before_transition(
        self, traj_id: str, agent: Agent[Any], env: Environment[Any], agent_state: Any, obs: list[Message]
    ) -> None:
        """Start this rollout's clock."""
        self._since[traj_id] = time.perf_counter()

    async def after_agent_get_asv(self, traj_id: str, action: Any, next_agent_state: Any, value: float) -> None:
        """Print the action."""
        self._console.print("\nAction:", self._pretty(action.value, expand_all=True), markup=False)

    async def after_env_step(self, traj_id: str, obs: list[Message], reward: float, done: bool, trunc: bool) -> None:
        """Print the observation and the time of the whole step."""
        elapsed = time.perf_counter() - self._since.pop(traj_id, time.perf_counter())
        self._console.print("\nObservation:", self._pretty(obs, expand_all=True), markup=False)
        self._console.print(f"Elapsed time: {elapsed:.2f} seconds", markup=False)

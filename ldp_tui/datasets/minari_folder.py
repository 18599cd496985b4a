"""Minari's dataset of a Gymnasium environment: native observations and actions, number for number."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, Final

import orjson

from ldp_tui.core.errors import MissingExtra, UsageError
from ldp_tui.core.tool_calls import ToolCall, ToolCallFunction
from ldp_tui.datasets.files import Exported, FileError, whole_folder
from ldp_tui.datasets.played import LeftOut
from ldp_tui.store.reader import Reader
from ldp_tui.store.results import EpisodeHeader
from ldp_tui.store.rows import FLAG_TERMINATED, FLAG_TRUNCATED, StepRow

MARK: Final = "data/metadata.json"
_AT_ONCE: Final = 64
_VERSIONED: Final = re.compile(r"-v\d+$")
_ROOT: Final = "MINARI_DATASETS_PATH"
_WHOLE: Final = ("done", "truncated")


class _Unfit(Exception):
    """An episode that the format cannot hold; the message says why."""


def write_minari(reader: Reader, ids: Sequence[int], path: Path) -> Exported:
    """Write the folder of a dataset, named after `path`; `minari.MinariDataset(path / "data")` opens it.

    In the folder of `MINARI_DATASETS_PATH` it is found by its name. Observations, actions, rewards, ends, seed and
    reset options are exact; messages, reasoning and infos are not part of it. Left out and named: episodes that did
    not come to an end, and those in which something else than an action of the environment was played.

    Raises:
        MissingExtra: If minari is not installed.
        UsageError: If the episodes are not all of one Gymnasium environment, which can be made here as it was.
        FileError: If the folder cannot be written, or holds something else; it then stays as it was.
    """
    minari = _minari()
    left_out: LeftOut = []
    members: list[str] = []
    heads = [reader.episode(key) for key in ids]
    native = _Native(heads)
    name = path.name if _VERSIONED.search(path.name) else f"{path.name}-v0"
    buffers = _buffers(reader, heads, native, members, left_out)
    steps = 0
    with whole_folder(path, mark=MARK) as folder:
        with _datasets_in(folder):
            dataset = None
            while batch := list(islice(buffers, _AT_ONCE)):
                steps += sum(len(buffer.rewards) for buffer in batch)
                if dataset is None:
                    dataset = _created(minari, name, batch, native)
                else:
                    dataset.update_dataset_from_buffer(batch)
        if dataset is None:
            reasons = "; ".join(sorted({reason for _, reason in left_out}))
            raise UsageError(f"No episode can be written ({reasons or 'none was chosen'}).")
        (folder / name / "data").rename(folder / "data")
        (folder / name).rmdir()
    return Exported(path, len(members), steps, tuple(left_out), tuple(members))


def _minari() -> Any:
    try:
        import h5py  # noqa: F401 (which minari asks for only when it writes)
        import minari
    except ImportError as error:
        raise MissingExtra("Minari's format", "data") from error
    return minari


def _created(minari: Any, name: str, batch: list[Any], native: _Native) -> Any:
    try:
        with warnings.catch_warnings(
            action="ignore"
        ):  # about an author and an address of the code, which are not known
            return minari.create_dataset_from_buffers(name, batch, env=native.gym_env, jpeg_encoding=False)
    except ValueError as error:
        raise FileError(f"Minari does not take the name {name!r}: {error}") from error


@contextmanager
def _datasets_in(folder: Path) -> Iterator[None]:
    """Within the block Minari keeps its datasets in `folder`; it knows no other way to say where."""
    before = os.environ.get(_ROOT)
    os.environ[_ROOT] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ[_ROOT]
        else:
            os.environ[_ROOT] = before


class _Native:
    """The environment of the episodes, for its spaces and the meaning of its actions. Raises UsageError."""

    def __init__(self, heads: Sequence[EpisodeHeader]) -> None:
        from ldp_tui.adapters.gymnasium_env import GymnasiumEnvironment
        from ldp_tui.adapters.gymnasium_make import make_gymnasium
        from ldp_tui.adapters.spaces import codec_for

        kinds = {(head.env.name, head.env.kind, head.env.spec, head.env.observation_space) for head in heads}
        if len(kinds) != 1:
            names = ", ".join(sorted({name for name, *_ in kinds})) or "none"
            raise UsageError(f"A dataset of Minari's is of one environment made one way; chosen: {names}.")
        ((name, kind, spec, observations),) = kinds
        if kind != "gymnasium":
            raise UsageError(f"Minari's format is for Gymnasium environments, and {name} is none.")
        made_with = orjson.loads(spec)
        kwargs = made_with.get("options") or made_with.get("kwargs") or {}
        self.enforced = made_with.get("mask") == "enforce"
        self.gym_env = make_gymnasium(name, render=False, max_episode_steps=made_with.get("max_steps"), kwargs=kwargs)
        self.space = self.gym_env.observation_space
        recorded = orjson.loads(observations or "{}").get("space")
        if recorded != str(self.space):
            raise UsageError(f"{name} observes {self.space} here, and {recorded} in the recording.")
        self._environment = GymnasiumEnvironment(self.gym_env)
        self._codec = codec_for(self.space)

    def observation(self, row: StepRow) -> Any:
        if row.obs is None:
            raise _Unfit(f"row {row.t} has no native observation")
        return self._codec.decode(orjson.loads(row.obs), "observation")

    def action(self, row: StepRow, before: StepRow) -> Any:
        """The native action of a row. Raises _Unfit where the environment was not given any."""
        from ldp_tui.adapters.spaces import InvalidValueError

        calls = orjson.loads(row.action or "[]")
        if len(calls) != 1:
            raise _Unfit(f"step {row.t - 1} is no action of the environment")
        name, arguments = calls[0]
        legal = orjson.loads(before.info or "{}").get("legal_actions")
        if self.enforced and legal is not None and {"name": name, "arguments": arguments} not in legal:
            raise _Unfit(f"the action of step {row.t - 1} was refused as illegal")
        try:
            call = ToolCall(id="", function=ToolCallFunction(name=name, arguments=arguments))
            return self._environment.native_action(call)
        except InvalidValueError as error:
            raise _Unfit(f"the action of step {row.t - 1} was refused: {error}") from error


def _buffers(
    reader: Reader, heads: Sequence[EpisodeHeader], native: _Native, members: list[str], left_out: LeftOut
) -> Iterator[Any]:
    """One buffer per episode, numbered from 0."""
    for head in heads:
        try:
            buffer = _buffer(reader, head, native, len(members))
        except _Unfit as reason:
            left_out.append((head.summary.uid, str(reason)))
            continue
        members.append(head.summary.uid)
        yield buffer


def _buffer(reader: Reader, head: EpisodeHeader, native: _Native, number: int) -> Any:
    from minari.data_collector import EpisodeBuffer

    summary = head.summary
    if summary.status not in _WHOLE or summary.steps == 0:
        raise _Unfit("no steps" if summary.steps == 0 else summary.status)
    rows = reader.steps(summary.id)
    taken = [native.action(row, before) for before, row in pairwise(rows)]
    return EpisodeBuffer(
        id=number,
        seed=None if summary.seed is None else int(summary.seed),
        options=orjson.loads(head.options or "{}").get("options") or None,
        observations=_columns(native.space, [native.observation(row) for row in rows]),
        actions=_columns(native.gym_env.action_space, taken),
        rewards=[row.reward for row in rows[1:]],
        terminations=[bool(row.flags & FLAG_TERMINATED) for row in rows[1:]],
        truncations=[bool(row.flags & FLAG_TRUNCATED) for row in rows[1:]],
    )


def _columns(space: Any, values: list[Any]) -> Any:
    """Elements of a space as Minari keeps them: one list for each leaf."""
    from gymnasium import spaces

    if isinstance(space, spaces.Dict):
        return {name: _columns(part, [value[name] for value in values]) for name, part in space.spaces.items()}
    if isinstance(space, spaces.Tuple):
        return tuple(_columns(part, [value[place] for value in values]) for place, part in enumerate(space.spaces))
    return values

"""A folder that Hugging Face's `datasets` loads: parquet files, and a card that says where they come from."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from ldp_tui import __version__
from ldp_tui.core.errors import MissingExtra
from ldp_tui.datasets.files import Exported, whole_folder
from ldp_tui.datasets.played import LeftOut, json_text, played_episodes
from ldp_tui.datasets.transcript import chat_messages, tool_definitions
from ldp_tui.store.cleaning import clean_text
from ldp_tui.store.reader import Reader

CARD: Final = "README.md"
_AT_ONCE: Final = 256
"""Episodes in a row group: so many are in memory."""
_SHARD_BYTES: Final = 500 * 2**20
_NAME: Final = "data/train-{:05}-of-{:05}.parquet"


def write_hub_folder(
    reader: Reader,
    ids: Iterable[int],
    path: Path,
    *,
    selection: str = "",
    reflections: bool = True,
    shard_bytes: int = _SHARD_BYTES,
) -> Exported:
    """Write a folder with one row per episode in `data/train-*.parquet`, and README.md.

    `messages` is a list of structs as chat templates take them, with calls' arguments as JSON text, because parquet
    gives every row the same fields; `tools` is JSON text. Multimodal content is JSON text too.

    Raises:
        MissingExtra: If pyarrow is not installed.
        FileError: If the folder cannot be written, or holds something else; it then stays as it was.
    """
    arrow, parquet = _arrow()
    left_out: LeftOut = []
    members: list[str] = []
    played: Counter[tuple[str, str]] = Counter()
    steps = 0
    with whole_folder(path, mark=CARD) as folder:
        (folder / "data").mkdir()
        shards: list[Path] = []
        writer = None
        rows = _rows(reader, ids, left_out, reflections=reflections)
        schema = _schema(arrow)
        while batch := list(islice(rows, _AT_ONCE)):
            if writer is None:
                shards.append(folder / f"data/{len(shards)}.part")
                writer = parquet.ParquetWriter(shards[-1], schema, compression="zstd")
            writer.write_table(arrow.Table.from_pylist(batch, schema=schema))
            members += [row["episode"] for row in batch]
            played.update((row["environment"], row["agent"]) for row in batch)
            steps += sum(row["steps"] for row in batch)
            if shards[-1].stat().st_size >= shard_bytes:
                writer.close()
                writer = None
        if writer is not None:
            writer.close()
        if not shards:
            shards.append(folder / "data/0.part")
            parquet.write_table(schema.empty_table(), shards[-1])
        for number, shard in enumerate(shards):
            shard.rename(folder / _NAME.format(number, len(shards)))
        (folder / CARD).write_text(_card(path.name, played, steps, selection, len(left_out)), encoding="utf-8")
        for file in (folder / CARD, *(folder / "data").iterdir()):
            _sync(file)
    return Exported(path, len(members), steps, tuple(left_out), tuple(members))


def _arrow() -> tuple[ModuleType, ModuleType]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtra("A dataset folder", "data") from error
    return pyarrow, pyarrow.parquet


def _schema(arrow: Any) -> Any:
    text, truth = arrow.string(), arrow.bool_()
    function = arrow.struct([("name", text), ("arguments", text)])
    call = arrow.struct([("id", text), ("type", text), ("function", function)])
    message = arrow.struct(
        [("role", text), ("content", text), ("tool_calls", arrow.list_(call)), ("name", text), ("tool_call_id", text)]
    )
    columns = [("episode", text), ("environment", text), ("agent", text), ("agent_kind", text), ("model", text)]
    columns += [("seed", text), ("task", text), ("status", text), ("success", truth), ("return", arrow.float64())]
    columns += [("steps", arrow.int64()), ("rewards", arrow.list_(arrow.float64())), ("started_ns", arrow.int64())]
    return arrow.schema([*columns, ("messages", arrow.list_(message)), ("tools", text), ("chain", text)])


def _rows(reader: Reader, ids: Iterable[int], left_out: LeftOut, *, reflections: bool) -> Iterator[dict[str, Any]]:
    for episode, ended, taken in played_episodes(reader, ids, left_out):
        started, summary = episode.started, episode.header.summary
        yield {
            "episode": _text(started.uid),
            "environment": _text(started.environment.name),
            "agent": _text(started.agent.name),
            "agent_kind": started.agent.kind,
            "model": _text(started.agent.model),
            "seed": summary.seed,
            "task": _text(started.task_id),
            "status": ended.reason,
            "success": ended.success,
            "return": ended.return_,
            "steps": len(taken),
            "rewards": [step.reward for step in taken],
            "started_ns": started.started_ns,
            "messages": [_message(message) for message in chat_messages(started, taken, reflections=reflections)],
            "tools": json_text(tool_definitions(started)),
            "chain": episode.header.chain.hex(),
        }


def _message(message: dict[str, Any]) -> dict[str, Any]:
    content = message["content"]
    calls = [
        {
            "id": _text(call["id"]),
            "type": "function",
            "function": {
                "name": _text(call["function"]["name"]),
                "arguments": json_text(call["function"]["arguments"]),
            },
        }
        for call in message.get("tool_calls", ())
    ]
    return {
        "role": message["role"],
        "content": _text(content) if isinstance(content, str) else json_text(content),
        "tool_calls": calls or None,
        "name": _text(message.get("name")),
        "tool_call_id": _text(message.get("tool_call_id")),
    }


def _text(text: str | None) -> str | None:
    return None if text is None else clean_text(text)


def _card(name: str, played: Counter[tuple[str, str]], steps: int, selection: str, left_out: int) -> str:
    """The card; names of environments and players go in as code, so that none of them is read as markup."""
    head = {
        "pretty_name": name,
        "tags": ["agents", "trajectories", "ldp-tui"],
        "configs": [{"config_name": "default", "data_files": [{"split": "train", "path": "data/train-*.parquet"}]}],
    }
    lines = [f"| {_code(env)} | {_code(agent)} | {n} |" for (env, agent), n in sorted(played.items())]
    return "\n".join(
        [
            "---",
            *(f"{key}: {json.dumps(value)}" for key, value in head.items()),
            "---",
            "",
            f"# {_code(name)}",
            "",
            f"{sum(played.values())} episodes with {steps} steps, written by ldp-tui {__version__}.",
            f"Left out: {left_out}.",
            f"Selection: {_code(selection) if selection else 'episodes chosen one by one, or all'}.",
            "The manifest beside this folder lists every episode with the last hash of its chain.",
            "",
            "| environment | player | episodes |",
            "|---|---|---|",
            *lines,
            "",
            "One row is one episode. `messages` are in OpenAI's shape, with arguments as JSON text; so is `tools`.",
            "`rewards[k]` is of step k alone; `return` leaves out NaN, infinite and huge rewards.",
            "",
        ]
    )


def _code(text: str) -> str:
    plain = "".join(c if c.isprintable() else "·" for c in text).replace("`", "'").replace("|", "\\|")
    return f"`{plain or ' '}`"


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())

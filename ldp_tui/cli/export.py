"""`ldp-tui export`: recordings as training data, or whole."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ldp_tui.cli import OK, PROBLEMS
from ldp_tui.cli.ls import Agent, Env, MinReturn, Success, Text
from ldp_tui.cli.options import Database, Json, episode_key
from ldp_tui.cli.output import counted, emit_json, say


class Format(StrEnum):
    """What is written."""

    sft_jsonl = "sft-jsonl"
    jsonl = "jsonl"
    ldp_jsonl = "ldp-jsonl"


def export(
    episodes: Annotated[list[str] | None, typer.Argument(metavar="[ID]…", show_default=False)] = None,
    *,
    format_: Annotated[
        Format,
        typer.Option(
            "--format",
            "-f",
            help="sft-jsonl: chat for fine-tuning. jsonl: everything, to import again. ldp-jsonl: LDP's trajectories.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="File to write; replaced as a whole. ldp-jsonl: or a folder, for many.",
        ),
    ],
    env: Env = None,
    agent: Agent = None,
    text: Text = None,
    min_return: MinReturn = None,
    success: Success = None,
    as_json: Json = False,
    database: Database = None,
) -> int:
    """Write episodes to a file.

    Those named, else all that match the options.
    """
    from ldp_tui.cli.selection import Selection, index_words
    from ldp_tui.datasets.ldp_files import write_ldp
    from ldp_tui.datasets.lossless import write_lossless
    from ldp_tui.datasets.sft import write_sft
    from ldp_tui.store import default_path
    from ldp_tui.store.reader import Reader
    from ldp_tui.store.results import Sort

    with Reader(default_path(database)) as reader:
        if episodes:
            ids = [reader.episode(episode_key(text)).summary.id for text in episodes]
        else:
            index_words(reader, text)
            wanted = Selection(env, agent, text, min_return, success).filter()
            ids = list(reader.episode_ids(wanted, Sort(descending=False)))
        write = {Format.sft_jsonl: write_sft, Format.jsonl: write_lossless, Format.ldp_jsonl: write_ldp}[format_]
        done = write(reader, ids, output)
    if as_json:
        left_out = [{"episode": uid, "reason": reason} for uid, reason in done.left_out]
        emit_json({"path": str(output), "episodes": done.episodes, "steps": done.steps, "left_out": left_out})
    else:
        say(f"{counted(done.episodes, 'episode')} with {counted(done.steps, 'step')} written to {output}.")
        for uid, reason in done.left_out[:10]:
            say(f"left out: {uid} ({reason})")
        if len(done.left_out) > 10:
            say(f"… and {len(done.left_out) - 10} more left out.")
    return OK if done.episodes else PROBLEMS

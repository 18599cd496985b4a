"""`ldp-tui export`: recordings as training data, or whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ldp_tui.cli import OK, PROBLEMS
from ldp_tui.cli.options import Database, Json, episode_key
from ldp_tui.cli.output import counted, emit_json, say
from ldp_tui.cli.selection import Agent, Env, MinReturn, Select, Selection, Success, Text, index_words
from ldp_tui.core.errors import UsageError

if TYPE_CHECKING:
    from ldp_tui.datasets.files import Exported
    from ldp_tui.store.reader import Reader


class Format(StrEnum):
    """What is written."""

    sft_jsonl = "sft-jsonl"
    jsonl = "jsonl"
    ldp_jsonl = "ldp-jsonl"
    gym_llm = "gym-llm"
    gif = "gif"
    mp4 = "mp4"


@dataclass(frozen=True, slots=True)
class Film:
    """How films are made."""

    fps: float
    layout: Literal["picture", "reasoning"]


def export(
    episodes: Annotated[list[str] | None, typer.Argument(metavar="[ID]…", show_default=False)] = None,
    *,
    format_: Annotated[
        Format,
        typer.Option(
            "--format",
            "-f",
            help="sft-jsonl: chat for fine-tuning. jsonl: everything, to import again. "
            "ldp-jsonl: LDP's trajectories. gym-llm: its result folder. gif, mp4: a film of one episode.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="PATH", help="File to write, replaced as a whole; or the folder.")
    ],
    select: Select = None,
    env: Env = None,
    agent: Agent = None,
    text: Text = None,
    min_return: MinReturn = None,
    success: Success = None,
    fps: Annotated[float, typer.Option("--fps", min=0.1, max=100, help="Pictures a second of films.")] = 4.0,
    reasoning: Annotated[
        bool, typer.Option("--reasoning", help="Films: reflection, action and reward beside the picture.")
    ] = False,
    as_json: Json = False,
    database: Database = None,
) -> int:
    """Write episodes to a file.

    Those named, else all that match the options.
    """
    from ldp_tui.store import default_path
    from ldp_tui.store.reader import Reader
    from ldp_tui.store.results import Sort

    with Reader(default_path(database)) as reader:
        if episodes:
            ids = [reader.episode(episode_key(text)).summary.id for text in episodes]
        else:
            wanted = Selection(env, agent, text, min_return, success, select).filter()
            index_words(reader, wanted)
            ids = list(reader.episode_ids(wanted, Sort(descending=False)))
        done = _write(reader, ids, output, format_, Film(fps, "reasoning" if reasoning else "picture"))
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


def _write(reader: Reader, ids: Sequence[int], output: Path, format_: Format, film: Film) -> Exported:
    match format_:
        case Format.sft_jsonl:
            from ldp_tui.datasets.sft import write_sft

            return write_sft(reader, ids, output)
        case Format.jsonl:
            from ldp_tui.datasets.lossless import write_lossless

            return write_lossless(reader, ids, output)
        case Format.ldp_jsonl:
            from ldp_tui.datasets.ldp_files import write_ldp

            return write_ldp(reader, ids, output)
        case Format.gym_llm:
            from ldp_tui.datasets.gym_llm import write_gym_llm

            return write_gym_llm(reader, ids, output, gif_fps=film.fps, layout=film.layout)
        case Format.gif | Format.mp4:
            from ldp_tui.datasets.film import write_film

            if len(ids) != 1:
                raise UsageError(f"A film shows one episode, and {len(ids)} were chosen; name one: ldp-tui ls")
            return write_film(
                reader, ids[0], output, kind="gif" if format_ is Format.gif else "mp4", fps=film.fps, layout=film.layout
            )

"""`ldp-tui export`: recordings as training data, as tables, as pages and films, or whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ldp_tui.cli import OK, PROBLEMS
from ldp_tui.cli.options import Database, Json, episode_key
from ldp_tui.cli.output import counted, emit_json, say
from ldp_tui.cli.selection import Agent, Env, MinReturn, Select, Selection, Success, Text, index_words
from ldp_tui.datasets.formats import Completion, Format, Settings, export_episodes

_FORMATS = (
    "For training: sft-jsonl (chats), prompt-completion, dpo-jsonl (pairs), kto-jsonl (verdicts), grpo-jsonl (starts), "
    "sharegpt, hf (folder of parquet, extra data). To look at: csv, html, gif, mp4 (one episode each, but for csv). "
    "Other programs: ldp-jsonl, gym-llm, inspect, minari (folder). jsonl: everything, to import again."
)


def export(
    episodes: Annotated[list[str] | None, typer.Argument(metavar="[ID]…", show_default=False)] = None,
    *,
    format_: Annotated[Format, typer.Option("--format", "-f", help=_FORMATS)],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="PATH", help="File to write, replaced as a whole; or the folder.")
    ],
    select: Select = None,
    env: Env = None,
    agent: Agent = None,
    text: Text = None,
    min_return: MinReturn = None,
    success: Success = None,
    reflections: Annotated[
        bool, typer.Option("--reflections/--no-reflections", help="Recorded reasoning as what the assistant says.")
    ] = True,
    completion: Annotated[
        Completion, typer.Option("--completion", help="What answers a prompt: one action, or the rest of the episode.")
    ] = "action",
    margin: Annotated[float, typer.Option("--margin", min=0, help="dpo-jsonl: least difference of returns.")] = 0.0,
    threshold: Annotated[
        float | None,
        typer.Option("--threshold", help="kto-jsonl: good from this return on; else by success.", show_default=False),
    ] = None,
    steps: Annotated[bool, typer.Option("--steps", help="csv: a row per step.")] = False,
    fps: Annotated[float, typer.Option("--fps", min=0.1, max=100, help="Pictures a second of films.")] = 4.0,
    reasoning: Annotated[
        bool, typer.Option("--reasoning", help="Films: reflection, action and reward beside the picture.")
    ] = False,
    as_json: Json = False,
    database: Database = None,
) -> int:
    """Write episodes to a file, with a manifest beside it.

    Those named, else all that match the options. The manifest tells which episodes, how, and their hash.
    """
    from ldp_tui.store import default_path
    from ldp_tui.store.reader import Reader
    from ldp_tui.store.results import Sort

    chosen = Selection(env, agent, text, min_return, success, select)
    settings = Settings(
        reflections=reflections,
        completion=completion,
        margin=margin,
        threshold=threshold,
        steps=steps,
        fps=fps,
        layout="reasoning" if reasoning else "picture",
    )
    with Reader(default_path(database)) as reader:
        if episodes:
            ids = list(dict.fromkeys(reader.episode(episode_key(text)).summary.id for text in episodes))
        else:
            wanted = chosen.filter()
            index_words(reader, wanted)
            ids = list(reader.episode_ids(wanted, Sort(descending=False)))
        if not ids:
            say(f"No episode matches; {output} was not written.")
            if as_json:
                emit_json({"path": str(output), "episodes": 0, "steps": 0, "left_out": []})
            return PROBLEMS
        done = export_episodes(reader, ids, output, format_, settings, selection="" if episodes else chosen.words())
    if as_json:
        left_out = [{"episode": uid, "reason": reason} for uid, reason in done.left_out]
        rows = done.episodes if done.rows is None else done.rows
        told = {"path": str(output), "episodes": done.episodes, "steps": done.steps, "rows": rows}
        emit_json({**told, "left_out": left_out})
    else:
        as_rows = "" if done.rows is None else f" as {counted(done.rows, 'row')}"
        steps_text = counted(done.steps, "step")
        say(f"{counted(done.episodes, 'episode')} with {steps_text} written to {output}{as_rows}.")
        for uid, reason in done.left_out[:10]:
            say(f"left out: {uid} ({reason})")
        if len(done.left_out) > 10:
            say(f"… and {len(done.left_out) - 10} more left out.")
    return OK if done.episodes else PROBLEMS

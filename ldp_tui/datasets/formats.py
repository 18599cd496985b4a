"""What recordings can be written as, and the one door to all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ldp_tui.core.errors import UsageError

if TYPE_CHECKING:
    from ldp_tui.datasets.files import Exported
    from ldp_tui.store.reader import Reader


class Format(StrEnum):
    """What is written."""

    sft_jsonl = "sft-jsonl"
    prompt_completion = "prompt-completion"
    dpo_jsonl = "dpo-jsonl"
    kto_jsonl = "kto-jsonl"
    grpo_jsonl = "grpo-jsonl"
    sharegpt = "sharegpt"
    hf = "hf"
    csv = "csv"
    jsonl = "jsonl"
    ldp_jsonl = "ldp-jsonl"
    gym_llm = "gym-llm"
    minari = "minari"
    inspect = "inspect"
    html = "html"
    gif = "gif"
    mp4 = "mp4"


Completion = Literal["action", "episode"]
"""What a model is to answer a prompt with. `action`: one assistant message, and nothing that the environment said.
`episode`: everything from there to the end, the environment's messages included, which some trainers then train on."""

ALONE = frozenset({Format.html, Format.gif, Format.mp4})
"""Formats of one episode."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How it is written; each format looks at those that concern it."""

    reflections: bool = True
    completion: Completion = "action"
    margin: float = 0.0
    threshold: float | None = None
    steps: bool = False
    fps: float = 4.0
    layout: Literal["picture", "reasoning"] = "picture"


def export_episodes(
    reader: Reader,
    ids: Sequence[int],
    path: Path,
    format_: Format,
    settings: Settings | None = None,
    *,
    selection: str = "",
) -> Exported:
    """Write episodes to `path`, and beside it the manifest, which tells `selection`.

    Raises:
        UsageError: If the format shows one episode and there are more or none, or needs a package that is missing.
        FileError: If something cannot be written; what was there before then stays as it was.
    """
    from ldp_tui.datasets.manifest import write_manifest

    settings = settings or Settings()
    if path.name in ("", ".."):
        path = path.resolve()
        if not path.name:
            raise UsageError(f"{path} is no name for an export.")
    if format_ in ALONE and len(ids) != 1:
        thing = "A page" if format_ is Format.html else "A film"
        raise UsageError(f"{thing} shows one episode, and {len(ids)} were chosen; name one: ldp-tui ls")
    exported = _write(reader, ids, path, format_, settings, selection)
    write_manifest(reader, exported, format_=format_.value, selection=selection, options=asdict(settings))
    return exported


def _write(
    reader: Reader, ids: Sequence[int], path: Path, format_: Format, settings: Settings, selection: str
) -> Exported:
    match format_:
        case Format.jsonl:
            from ldp_tui.datasets.lossless import write_lossless

            return write_lossless(reader, ids, path)
        case Format.ldp_jsonl:
            from ldp_tui.datasets.ldp_files import write_ldp

            return write_ldp(reader, ids, path)
        case Format.gym_llm:
            from ldp_tui.datasets.gym_llm import write_gym_llm

            return write_gym_llm(reader, ids, path, gif_fps=settings.fps, layout=settings.layout)
        case Format.csv:
            from ldp_tui.datasets.tables import write_csv

            return write_csv(reader, ids, path, steps=settings.steps)
        case Format.hf:
            from ldp_tui.datasets.hub_folder import write_hub_folder

            return write_hub_folder(reader, ids, path, selection=selection, reflections=settings.reflections)
        case Format.minari:
            from ldp_tui.datasets.minari_folder import write_minari

            return write_minari(reader, ids, path)
        case Format.inspect:
            from ldp_tui.datasets.inspect_log import write_inspect

            return write_inspect(reader, ids, path, reflections=settings.reflections)
        case Format.html:
            from ldp_tui.datasets.page import write_page

            return write_page(reader, ids[0], path)
        case Format.gif | Format.mp4:
            from ldp_tui.datasets.film import write_film

            kind: Literal["gif", "mp4"] = "gif" if format_ is Format.gif else "mp4"
            return write_film(reader, ids[0], path, kind=kind, fps=settings.fps, layout=settings.layout)
        case _:
            return _write_chat(reader, ids, path, format_, settings)


def _write_chat(reader: Reader, ids: Sequence[int], path: Path, format_: Format, settings: Settings) -> Exported:
    """The formats of lines that language models are trained on."""
    reflections, completion = settings.reflections, settings.completion
    match format_:
        case Format.dpo_jsonl:
            from ldp_tui.datasets.preference_pairs import write_preferences

            return write_preferences(
                reader, ids, path, margin=settings.margin, completion=completion, reflections=reflections
            )
        case Format.kto_jsonl:
            from ldp_tui.datasets.completions import write_unpaired

            return write_unpaired(
                reader, ids, path, threshold=settings.threshold, completion=completion, reflections=reflections
            )
        case Format.prompt_completion:
            from ldp_tui.datasets.completions import write_prompt_completion

            return write_prompt_completion(reader, ids, path, completion=completion, reflections=reflections)
        case Format.grpo_jsonl:
            from ldp_tui.datasets.grpo import write_grpo

            return write_grpo(reader, ids, path)
        case Format.sharegpt:
            from ldp_tui.datasets.sharegpt import write_sharegpt

            return write_sharegpt(reader, ids, path, reflections=reflections)
        case _:
            from ldp_tui.datasets.sft import write_sft

            return write_sft(reader, ids, path, reflections=reflections)

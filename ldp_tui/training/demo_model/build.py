"""From nothing to a model's folder: record, read back, tokenize, train, save."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Final

from tokenizers import Tokenizer

from ldp_tui.agents.known_games import SUPPORTED
from ldp_tui.agents.native import native_environment, rules_of
from ldp_tui.core.errors import MissingExtra
from ldp_tui.models.tiny.chat import CALL, CALL_END, TEMPLATE_FILE, ChatTokenizer
from ldp_tui.models.tiny.model import GAMES_FILE
from ldp_tui.registry import make_environment
from ldp_tui.training.demo_model.examples import Curriculum, game_of, read_episode
from ldp_tui.training.demo_model.recipe import Recipe
from ldp_tui.training.demo_model.recordings import read_lesson, record_lessons
from ldp_tui.training.demo_model.tokenizer import PAD, for_transformers, train_tokenizer
from ldp_tui.training.demo_model.train import fit, new_model

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM

Progress = Callable[[str], None]

TEMPLATE: Final = Path(__file__).parent / TEMPLATE_FILE
_MARKS: Final = re.compile(rf"<\|\w+\|>|{CALL}|{CALL_END}")
_TOKENIZER_ROUNDS: Final = 3


def build(folder: Path, recipe: Recipe, *, database: Path, progress: Progress) -> None:
    """Make the model of `recipe` in `folder`. A `database` that exists is taken as the teacher's recordings.

    Raises:
        MissingExtra: If PyTorch or transformers is not installed.
    """
    try:
        import torch  # noqa: F401 (asked for before minutes are spent)
        import transformers  # noqa: F401
    except ImportError as error:
        raise MissingExtra("Training the bundled model", "local") from error
    if not database.exists():
        record_lessons(database, recipe.lessons, progress=progress)
    curriculum = read_curriculum(database, recipe)
    progress(f"{len(curriculum)} distinct situations")
    template = TEMPLATE.read_text(encoding="utf-8")
    tokenizer = train_tokenizer(
        _texts(curriculum, template, recipe), vocabulary=recipe.vocabulary, longest=recipe.longest_token
    )
    chat = ChatTokenizer(tokenizer, template)
    model = new_model(recipe, chat, pad=chat.id_of(PAD), size=tokenizer.get_vocab_size())
    progress(f"{tokenizer.get_vocab_size()} tokens, {model.num_parameters()} parameters")
    fit(model, curriculum, chat, recipe, progress)
    save(folder, model, tokenizer, template, recipe)


def read_curriculum(database: Path, recipe: Recipe) -> Curriculum:
    """The recorded decisions of all lessons."""
    return Curriculum(
        chain.from_iterable(
            (read_episode(game, started, steps) for started, steps in read_lesson(database, lesson))
            for lesson, game in ((lesson, game_of(lesson)) for lesson in recipe.lessons)
        )
    )


def save(folder: Path, model: LlamaForCausalLM, tokenizer: Tokenizer, template: str, recipe: Recipe) -> None:
    """Write everything that playing needs; weights are stored as 16-bit floats."""
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    model.to(torch.float16).save_pretrained(folder)
    for_transformers(tokenizer, template, context=recipe.context).save_pretrained(folder)
    games = [_trained(lesson.environment) for lesson in recipe.lessons]
    (folder / GAMES_FILE).write_text(json.dumps(games, indent=1) + "\n", encoding="utf-8")


def _texts(curriculum: Curriculum, template: str, recipe: Recipe) -> Iterator[str]:
    """What the tokenizer is trained on: the conversations of a few rounds, cut at special tokens."""
    rng = Random(recipe.seed)
    render = ChatTokenizer.renderer(template)
    for _ in range(_TOKENIZER_ROUNDS):
        for conversation in curriculum.conversations(rng):
            text = render(messages=conversation.messages(), tools=conversation.tools, add_generation_prompt=False)
            yield from filter(None, _MARKS.split(text))


def _trained(environment: str) -> dict[str, Any]:
    env, _ = make_environment(environment)
    native = native_environment(env, player="teacher", supported=SUPPORTED)
    return {"name": environment, "rules": rules_of(native.gym_env)}

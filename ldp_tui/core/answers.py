"""Grading of free-text answers: by comparing texts, or by asking a language model."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, Protocol

from ldp_tui.core.above import borrow

DEFAULT_EVAL_MODEL_NAME: Final = "gpt-4o-mini"


class Completion(Protocol):
    """A language model's chat completion, called as litellm's `acompletion` is: any router, client or stand-in."""

    def __call__(self, model: str, *, messages: list[dict[str, Any]], **options: Any) -> Awaitable[Any]:
        """A response with `choices[0].message.content`."""


LLM_BOOL_EVAL_CONFIG: Final[Mapping[str, Any]] = {
    "prompt": (
        "Below are a question, its correct answer, and an answer that somebody proposes. Going by the correct answer,"
        " is the proposed one correct? SAY ONLY 'YES' OR 'NO', and nothing else."
        "\n\nQuestion: {question}\n\nCorrect answer: {correct_answer}\n\nProposed answer: {proposed_answer}"
    ),
    "model": DEFAULT_EVAL_MODEL_NAME,
    "temperature": 0,
}
LLM_SCORE_EVAL_CONFIG: Final[Mapping[str, Any]] = {
    **LLM_BOOL_EVAL_CONFIG,
    "prompt": (
        "Below are a question, a rubric for grading answers to it, and an answer that somebody proposes. Grade the"
        " proposed answer by the rubric, from 0 to 10. SAY ONLY THE NUMBER, and nothing else."
        "\n\nQuestion: {question}\n\nRubric: {correct_answer}\n\nProposed answer: {proposed_answer}"
    ),
    "max_score": 10,
}
LLM_EXTRACT_CONFIG: Final[Mapping[str, Any]] = {
    **LLM_BOOL_EVAL_CONFIG,
    "prompt": (
        "Below are the fixed options of a test, and an answer that somebody proposes. Which option does the answer"
        " match? REPEAT THAT OPTION WORD FOR WORD, and nothing else. If the answer is empty, invalid, or fits more than"
        " one option, reply with nothing."
        "\n\nOptions:\n{options}\n\nProposed answer: {proposed_answer}"
    ),
}


class EvalAnswerMode(StrEnum):
    """How an answer is compared with the correct one."""

    EXACT = "exact"
    """The texts are equal, but for case and surrounding white space."""
    CONTAINS = "contains"
    """The correct answer occurs in the proposed one, but for case and surrounding white space."""
    LLM = "llm"
    """A language model says whether the proposed answer is correct."""
    LLM_SCORE = "llm-score"
    """A language model gives points by a rubric, scaled to 0 … 1."""

    def get_default_config(self) -> dict[str, Any]:
        """Prompt, model and settings of the modes that ask a language model; empty for the others."""
        configs = {EvalAnswerMode.LLM: LLM_BOOL_EVAL_CONFIG, EvalAnswerMode.LLM_SCORE: LLM_SCORE_EVAL_CONFIG}
        return dict(configs.get(self, {}))


def is_same_answer(proposed: str, correct: str) -> bool:
    """Whether the texts are equal, but for case and surrounding white space."""
    return _plain(proposed) == _plain(correct)


def contains_answer(proposed: str, correct: str) -> bool:
    """Whether `correct` occurs in `proposed`, but for case and surrounding space. No text is in no text alone."""
    wanted, given = _plain(correct), _plain(proposed)
    return wanted in given if wanted else not given


async def eval_answer(
    proposed: str,
    correct: str,
    question: str | None = None,
    eval_mode: str | EvalAnswerMode = EvalAnswerMode.CONTAINS,
    llm_eval_config: Mapping[str, Any] | None = None,
    *,
    acompletion: Completion | None = None,
) -> float:
    """Score of a proposed answer, 0 … 1; only `llm-score` gives other values than these two.

    Args:
        proposed: The answer to grade.
        correct: The correct answer; for `llm-score`, the rubric.
        question: What was asked; needed by the modes that ask a language model.
        eval_mode: How to compare.
        llm_eval_config: `prompt`, `model`, `temperature` and `max_score` that replace the defaults of the mode.
        acompletion: The model to ask; litellm's by default.

    Raises:
        ValueError: For an unknown mode, or if the question is missing where it is needed.
    """
    mode = EvalAnswerMode(eval_mode)
    if mode is EvalAnswerMode.EXACT:
        return float(is_same_answer(proposed, correct))
    if mode is EvalAnswerMode.CONTAINS:
        return float(contains_answer(proposed, correct))
    if question is None:
        raise ValueError("Question must be provided for LLM evaluation mode.")
    config = {**mode.get_default_config(), **(llm_eval_config or {})}
    prompt = config["prompt"].format(question=question, correct_answer=correct, proposed_answer=proposed)
    reply = await _ask(prompt, config, acompletion)
    if mode is EvalAnswerMode.LLM:
        return float(_plain(reply).strip(".!'\"*") == "yes")
    return _score(reply, float(config["max_score"]))


async def extract_answer(
    proposed_answer: str,
    options: Sequence[str],
    llm_eval_config: Mapping[str, Any] | None = None,
    *,
    acompletion: Completion | None = None,
) -> str | None:
    """The option that an answer means, as it is written among the options; None if it is none of them, or several.

    An answer that is an option, but for case and surrounding white space, and an empty answer need no language model.

    Args:
        proposed_answer: The answer, in free text.
        options: What may be meant.
        llm_eval_config: `prompt`, `model` and `temperature` that replace the defaults.
        acompletion: The model to ask; litellm's by default.
    """
    matched = _option(proposed_answer, options)
    if matched is not None or not proposed_answer.strip():
        return matched
    config = {**LLM_EXTRACT_CONFIG, **(llm_eval_config or {})}
    prompt = config["prompt"].format(options="\n".join(options), proposed_answer=proposed_answer)
    return _option(await _ask(prompt, config, acompletion), options)


def _plain(text: str) -> str:
    return text.strip().casefold()


def _option(text: str, options: Sequence[str]) -> str | None:
    return next((option for option in options if is_same_answer(text, option)), None)


def _score(reply: str, most: float) -> float:
    try:
        score = float(reply.strip()) / most
    except ValueError:
        return 0.0
    return min(1.0, max(0.0, score)) if math.isfinite(score) else 0.0


async def _ask(prompt: str, config: Mapping[str, Any], acompletion: Completion | None) -> str:
    ask: Completion = acompletion or borrow("acompletion")
    response = await ask(
        config["model"], messages=[{"role": "user", "content": prompt}], temperature=config["temperature"]
    )
    return response.choices[0].message.content or ""

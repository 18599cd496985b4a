"""Free-text answers graded by comparison, and by whoever is asked."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ldp_tui.core.answers import DEFAULT_EVAL_MODEL_NAME, EvalAnswerMode, eval_answer, extract_answer


class Judge:
    """Replies with a fixed text and notes what it was asked."""

    def __init__(self, reply: str | None) -> None:
        self.reply = reply
        self.asked: list[dict[str, Any]] = []

    async def __call__(self, model: str, *, messages: list[dict[str, Any]], **options: Any) -> Any:
        self.asked.append({"model": model, "text": messages[0]["content"], **options})
        return SimpleNamespace(choices=[SimpleNamespace(message=SimpleNamespace(content=self.reply))])


@pytest.mark.parametrize(
    ("proposed", "correct", "mode", "score"),
    [
        ("\n\n250", "250", "exact", 1.0),
        ("Answer:\n\n250", "250", "exact", 0.0),
        ("straße ", "STRASSE", "exact", 1.0),
        ("Answer\n\n: 250", " 250\n", "contains", 1.0),
        ("A)", "a", "contains", 1.0),
        ("The answer is C", "D", EvalAnswerMode.CONTAINS, 0.0),
        ("", "", "contains", 1.0),
        ("anything", " ", "contains", 0.0),
    ],
)
async def test_comparison(proposed: str, correct: str, mode: str, score: float) -> None:
    """Case and surrounding white space do not count, and an empty answer is in no other."""
    assert await eval_answer(proposed, correct, eval_mode=mode) == score


@pytest.mark.parametrize(
    ("reply", "score"), [("YES", 1.0), (" Yes.\n", 1.0), ("**yes**", 1.0), ("no", 0.0), ("yes, but", 0.0), (None, 0.0)]
)
async def test_judgement(reply: str | None, score: float) -> None:
    """A model is asked with question, correct and proposed answer; whatever is no plain yes is a no."""
    judge = Judge(reply)
    assert await eval_answer("5 {x}", "five", "2 + 3?", "llm", acompletion=judge) == score
    (asked,) = judge.asked
    assert asked["model"] == DEFAULT_EVAL_MODEL_NAME
    assert asked["temperature"] == 0
    assert all(text in asked["text"] for text in ("2 + 3?", "five", "5 {x}"))


@pytest.mark.parametrize(
    ("reply", "score"), [("10", 1.0), ("2.5", 0.25), ("15", 1.0), ("-1", 0.0), ("good", 0.0), ("nan", 0.0)]
)
async def test_score(reply: str, score: float) -> None:
    """Points become 0 … 1, and what is no number is 0."""
    assert await eval_answer("a", "rubric", "q", "llm-score", acompletion=Judge(reply)) == score


async def test_own_settings() -> None:
    """They replace the defaults one by one."""
    judge = Judge("4")
    config = {"model": "other", "prompt": "{question}|{correct_answer}|{proposed_answer}", "max_score": 5}
    assert await eval_answer("p", "c", "q", "llm-score", config, acompletion=judge) == 0.8
    assert judge.asked == [{"model": "other", "text": "q|c|p", "temperature": 0}]
    assert EvalAnswerMode.LLM_SCORE.get_default_config()["max_score"] == 10
    assert EvalAnswerMode.EXACT.get_default_config() == {}


async def test_what_cannot_be_graded() -> None:
    """A judge needs the question, and the mode must exist."""
    with pytest.raises(ValueError, match="Question must be provided"):
        await eval_answer("a", "b", eval_mode="llm", acompletion=Judge("yes"))
    with pytest.raises(ValueError, match="'better'"):
        await eval_answer("a", "b", eval_mode="better")


@pytest.mark.parametrize(
    ("proposed", "reply", "extracted", "asked"),
    [
        ("b", "never asked", "B", 0),
        ("  B ", "never asked", "B", 0),
        (" ", "never asked", None, 0),
        ("the second one", "b", "B", 1),
        ("both", "", None, 1),
        ("both", "A or B", None, 1),
        ("both", None, None, 1),
    ],
)
async def test_extracted_option(proposed: str, reply: str | None, extracted: str | None, asked: int) -> None:
    """The option as it is written; a model is asked only if the answer is no option by itself."""
    judge = Judge(reply)
    assert await extract_answer(proposed, ["A", "B"], acompletion=judge) == extracted
    assert len(judge.asked) == asked
    assert all("A\nB" in question["text"] and proposed in question["text"] for question in judge.asked)

"""Multiple-choice questions and their grades."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Sequence

import pytest
from pydantic import ValidationError

from ldp_tui.core.questions import MultipleChoiceEvaluation, MultipleChoiceQuestion
from tests.core.test_answers import Judge

CORRECT, INCORRECT, UNSURE = MultipleChoiceEvaluation


def zip_code(**fields: object) -> MultipleChoiceQuestion:
    given = {"question": "Which zip code?", "options": ["-8", "94106"], "ideal_answer": "94107", **fields}
    return MultipleChoiceQuestion.model_validate(given)


def test_prompt() -> None:
    """Options are lettered; the ideal and the unsure answer are added once."""
    question = zip_code(question_id="Z1")
    assert question.question_prompt == (
        "Z1: Which zip code?\n\nOptions:\nA) -8\nB) 94106\nC) 94107\n"
        "D) Insufficient information to answer this question"
    )
    assert (question.ideal_answer_letter, question.unsure_answer_letter) == ("C", "D")
    assert (question.ideal_answer_index, question.unsure_answer_index) == (2, 3)
    assert zip_code(options=["94107", "x"], unsure_answer="x").options == ["94107", "x"]


def test_shorter_prompts() -> None:
    """The name, and the options, can be left out."""
    question = zip_code(question_id="Z1", prompt_without_id=True, prompt_without_options=True)
    assert question.question_prompt == "Q: Which zip code?"


@pytest.mark.parametrize("unsure", [None, ""])
def test_without_an_unsure_answer(unsure: str | None) -> None:
    """It is not among the options, and has no letter."""
    question = zip_code(unsure_answer=unsure)
    assert question.options == ["-8", "94106", "94107"]
    assert (question.unsure_answer_index, question.unsure_answer_letter) == (None, None)
    assert MultipleChoiceEvaluation.from_answer("", question) is INCORRECT


@pytest.mark.parametrize("seed", [0, 42, "SEED_USING_QUESTION"])
def test_shuffled_options(seed: int | str) -> None:
    """One seed gives one order, which a dumped question keeps."""
    question = zip_code(shuffle_seed=seed)
    assert question == zip_code(shuffle_seed=seed)
    assert sorted(question.options) == sorted(zip_code().options)
    assert question.shuffle_seed is None
    assert MultipleChoiceQuestion.model_validate_json(question.model_dump_json()) == question
    assert question.options[question.ideal_answer_index] == "94107"


def test_generator_as_a_seed() -> None:
    """It goes on from question to question."""
    generator = random.Random(1)
    orders = {tuple(zip_code(shuffle_seed=generator).options) for _ in range(20)}
    assert len(orders) > 1


def test_seed_from_the_question_in_other_processes() -> None:
    """Hash randomisation does not change the order, and other questions have other orders."""
    script = (
        "from ldp_tui import MultipleChoiceQuestion as M; print([M(question=q, options=list('abcdefgh'), "
        "ideal_answer='a', shuffle_seed=M.SEED_USING_QUESTION).options for q in ('one', 'two')])"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", script], env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True, text=True, check=True, timeout=60,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(told) == 1
    one, two = eval(told.pop())
    assert one != two


def test_questions_that_are_refused() -> None:
    """Unknown fields, and more options than letters."""
    with pytest.raises(ValidationError, match="at most 26 options, not 28"):
        zip_code(options=[str(number) for number in range(26)])
    with pytest.raises(ValidationError, match="Extra inputs"):
        zip_code(answer="94107")


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("apples, mangos", ["apples", "mangos"]),
        ("['a, b', \"c\"]", ["a, b", "c"]),
        ("['a', b]", ["a", "b"]),
        ("3", ["3"]),
        ("(1, 2)", ["(1", "2)"]),
    ],
)
def test_options_in_a_text(text: str, options: list[str]) -> None:
    """A Python list, or what stands between commas."""
    assert MultipleChoiceQuestion.split_options(text) == options


@pytest.mark.parametrize(
    ("answer", "reply", "grade", "extracted"),
    [
        ("94107", "not asked", CORRECT, "94107"),
        ("it is 94106", "94106", INCORRECT, "94106"),
        ("no idea", MultipleChoiceQuestion.DEFAULT_UNSURE_OPTION, UNSURE, MultipleChoiceQuestion.DEFAULT_UNSURE_OPTION),
        ("94105", "", INCORRECT, None),
        ("", "not asked", INCORRECT, None),
    ],
)
async def test_grade(answer: str, reply: str, grade: MultipleChoiceEvaluation, extracted: str | None) -> None:
    """The option that an answer means decides."""
    assert await zip_code(shuffle_seed=42).grade(answer, acompletion=Judge(reply)) == (grade, extracted)


@pytest.mark.parametrize(
    ("grades", "accuracy", "precision"),
    [
        ([CORRECT, CORRECT], 1, 1),
        (["correct", "correct", "unsure"], 2 / 3, 1),
        ([CORRECT, UNSURE, "incorrect"], 1 / 3, 1 / 2),
        ([UNSURE, UNSURE], 0, None),
        ([], None, None),
    ],
)
def test_accuracy_and_precision(
    grades: Sequence[MultipleChoiceEvaluation | str], accuracy: float | None, precision: float | None
) -> None:
    """Shares of all, and of those that were sure; None where there are none."""
    assert MultipleChoiceEvaluation.calculate_accuracy_precision(grades) == (accuracy, precision)


def test_grade_that_does_not_exist() -> None:
    """It is refused."""
    with pytest.raises(ValueError, match="'right'"):
        MultipleChoiceEvaluation.calculate_accuracy_precision(["right"])

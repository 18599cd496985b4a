"""Multiple-choice questions: the prompt, the order of the options, the grade, and accuracy over many."""

from __future__ import annotations

import hashlib
import random
import string
from ast import literal_eval
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ldp_tui.core.answers import Completion, extract_answer
from ldp_tui.core.shuffling import RandomAnnotation, shuffle


class MultipleChoiceQuestion(BaseModel):
    """A question with lettered options, one of which is ideal and one of which may say that the answer is not known.

    Options are shuffled once, when the question is made; dumped and read again, it keeps their order.
    """

    model_config = ConfigDict(extra="forbid")

    QUESTION_PROMPT_TEMPLATE: ClassVar[str] = "{question_id}: {question}"
    MC_QUESTION_PROMPT_TEMPLATE: ClassVar[str] = "{question_id}: {question}\n\nOptions:\n{options}"
    DEFAULT_UNSURE_OPTION: ClassVar[str] = "Insufficient information to answer this question"
    SEED_USING_QUESTION: ClassVar[Literal["SEED_USING_QUESTION"]] = "SEED_USING_QUESTION"

    question: str = Field(description="The question, without options.")
    question_id: str | UUID = Field(default="Q", description="How the prompt names the question.")
    prompt_without_id: bool = Field(
        default=False, description="Leave the question's own name out of the prompt, which a model may know by heart."
    )
    prompt_without_options: bool = Field(default=False, description="Ask openly: leave the options out of the prompt.")
    options: Sequence[str] = Field(description="All options; the ideal and the unsure answer are added if missing.")
    ideal_answer: str = Field(description="The correct option.")
    unsure_answer: str | None = Field(
        default=DEFAULT_UNSURE_OPTION, description="The option that declines to answer; None: there is none."
    )
    shuffle_seed: int | Annotated[random.Random, RandomAnnotation()] | Literal["SEED_USING_QUESTION"] | None = Field(
        default=None,
        description=(
            "Shuffles the options: a number, a generator, or SEED_USING_QUESTION for a number made from the question."
            " One number for many questions puts their ideal answers in the same place. None afterwards."
        ),
    )

    @model_validator(mode="after")
    def _complete_and_shuffle(self) -> Self:
        options = list(self.options)
        if self.ideal_answer not in options:
            options.append(self.ideal_answer)
        if self.unsure_answer and self.unsure_answer not in options:
            options.append(self.unsure_answer)
        if len(options) > len(string.ascii_uppercase):
            raise ValueError(f"A question has at most {len(string.ascii_uppercase)} options, not {len(options)}.")
        seed = _seed_of(self.question) if self.shuffle_seed == self.SEED_USING_QUESTION else self.shuffle_seed
        self.options = options if seed is None else shuffle(options, seed)
        self.shuffle_seed = None
        return self

    @property
    def ideal_answer_index(self) -> int:
        """Zero-based place of the ideal answer among the options."""
        return self.options.index(self.ideal_answer)

    @property
    def ideal_answer_letter(self) -> str:
        """Letter of the ideal answer in the prompt."""
        return string.ascii_uppercase[self.ideal_answer_index]

    @property
    def unsure_answer_index(self) -> int | None:
        """Zero-based place of the unsure answer; None if there is none."""
        return self.options.index(self.unsure_answer) if self.unsure_answer else None

    @property
    def unsure_answer_letter(self) -> str | None:
        """Letter of the unsure answer in the prompt; None if there is none."""
        index = self.unsure_answer_index
        return None if index is None else string.ascii_uppercase[index]

    @property
    def question_prompt(self) -> str:
        """The question as a player reads it."""
        name = type(self).model_fields["question_id"].default if self.prompt_without_id else self.question_id
        template = self.QUESTION_PROMPT_TEMPLATE if self.prompt_without_options else self.MC_QUESTION_PROMPT_TEMPLATE
        lettered = zip(string.ascii_uppercase, self.options, strict=False)
        options = "\n".join(f"{letter}) {option}" for letter, option in lettered)
        return template.format(question_id=name, question=self.question, options=options)

    @staticmethod
    def split_options(options: str) -> list[str]:
        """Options of a text: a Python list, or words between commas.

        >>> MultipleChoiceQuestion.split_options("apples, mangos")
        ['apples', 'mangos']
        """
        try:
            read = literal_eval(options)
        except (ValueError, SyntaxError):
            read = None
        return read if isinstance(read, list) else [part.strip("'[ ]\"") for part in options.split(",")]

    async def grade(
        self,
        proposed_answer: str,
        llm_eval_config: Mapping[str, Any] | None = None,
        *,
        acompletion: Completion | None = None,
    ) -> tuple[MultipleChoiceEvaluation, str | None]:
        """The grade of a free-text answer, and the option it was taken for (None: none); see `extract_answer`."""
        extracted = await extract_answer(proposed_answer, self.options, llm_eval_config, acompletion=acompletion)
        return MultipleChoiceEvaluation.from_answer(extracted, self), extracted


class MultipleChoiceEvaluation(StrEnum):
    """The grade of one answer."""

    CORRECT = "correct"
    INCORRECT = "incorrect"
    UNSURE = "unsure"

    @classmethod
    def calculate_accuracy_precision(cls, evaluations: Sequence[Self | str]) -> tuple[float | None, float | None]:
        """Accuracy, correct of all, and precision, correct of those that were sure; None where there are none."""
        grades = [cls(evaluation) for evaluation in evaluations]
        correct = sum(grade is cls.CORRECT for grade in grades)
        sure = sum(grade is not cls.UNSURE for grade in grades)
        return correct / len(grades) if grades else None, correct / sure if sure else None

    @classmethod
    def from_answer(cls, extracted_answer: str | None, question: MultipleChoiceQuestion) -> MultipleChoiceEvaluation:
        """Grade of an option; None and texts that are no option are incorrect."""
        if extracted_answer == question.ideal_answer:
            return cls.CORRECT
        unsure = bool(question.unsure_answer) and extracted_answer == question.unsure_answer
        return cls.UNSURE if unsure else cls.INCORRECT


def _seed_of(question: str) -> int:
    """The same number in every process, which `hash` is not."""
    return int.from_bytes(hashlib.blake2b(question.encode(), digest_size=8).digest(), "big")

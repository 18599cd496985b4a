"""Automatic prompt engineering: a model rewrites a prompt by what it led to (https://openreview.net/pdf?id=92gvk82DE-)."""

from __future__ import annotations

import asyncio
import json
import logging
import string
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, Self

from pydantic import BaseModel, Field, JsonValue

from ldp_tui.alg.optimizer.opt import Optimizer
from ldp_tui.alg.optimizer.parts import only_op
from ldp_tui.core.agent import Agent
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolRequestMessage
from ldp_tui.core.trajectory import Trajectory
from ldp_tui.graph import OpResult, PromptOp
from ldp_tui.models import LLMCallOp, LLMModel, LLMResult

logger = logging.getLogger(__name__)

SYSTEM_PROMPT: Final = (
    "We are optimizing prompts for a language model. The model sees a prompt, an input, and then generates an output."
)
QUERY_PROMPT: Final = (
    "Here are correct example outputs that the language model and prompt should produce:\n{good_examples}\n\n"
    'The current prompt is: "{prompt}"\n\n'
    "Which resulted in the following incorrect input, output, and {score}:\n{examples}\n\n"
    "Revise the current prompt to improve the outputs. Your proposed prompt should be concise, correct, and specify the"
    " desired output format."
)
NOT_REVISED: Final = "You responded without changing the prompt. Don't forget to revise the prompt."


class APEScoreFn(StrEnum):
    """What tells good examples from bad ones."""

    REWARD = "reward"
    """The discounted return: good from a threshold on."""
    GRADIENT = "gradient"
    """The gradient that reached the prompt, a signed error: good at zero."""


class OutputPrompt(BaseModel):
    """What the rewriting model replies."""

    prompt: str = Field(description="Prompt for language model")


class Example(BaseModel):
    """An input of the language model, its output, and the score."""

    input: JsonValue
    output: JsonValue
    score: float


class APEOpt(Optimizer):
    """Rewrites the prompt of a PromptOp, one proposal for each update.

    A proposal that loses or adds a template variable, or that is no template, is dropped, and the examples are kept for
    the next update.

    Args:
        prompt_op: Whose prompt is rewritten.
        llm_call_op: Whose inputs and outputs are the examples.
        llm: Writes the proposals; larger models write better ones.
        score_fn: What tells good from bad.
        good_reward_threshold: Needed with rewards: returns from there on are good.
        max_examples: Most examples of each kind in a request (paper, section 5.2); None for no limit.
        reward_discount: For the returns.
        system_prompt: Of the request.
        query_prompt: Of the request, with `{good_examples}`, `{examples}`, `{prompt}` and `{score}`.
        good_examples: Known from the start.
        examples: The same, bad ones.
    """

    def __init__(
        self,
        *,
        prompt_op: PromptOp,
        llm_call_op: LLMCallOp,
        llm: LLMModel | None = None,
        score_fn: APEScoreFn = APEScoreFn.REWARD,
        good_reward_threshold: float | None = None,
        max_examples: int | None = 50,
        reward_discount: float = 1.0,
        system_prompt: str = SYSTEM_PROMPT,
        query_prompt: str = QUERY_PROMPT,
        good_examples: Sequence[Example] = (),
        examples: Sequence[Example] = (),
    ) -> None:
        self.score_fn = APEScoreFn(score_fn)
        if self.score_fn is APEScoreFn.REWARD and good_reward_threshold is None:
            raise ValueError("good_reward_threshold must be set if using reward as the score function.")
        self.prompt_op, self.llm_call_op = prompt_op, llm_call_op
        self.llm = llm or LLMModel.model_validate({})
        self.good_reward_threshold = good_reward_threshold
        self.max_examples = max_examples
        self.reward_discount = reward_discount
        self.system_prompt, self.query_prompt = system_prompt, query_prompt
        self.good_examples, self.examples = list(good_examples), list(examples)
        self.steps = 0
        self.trace: list[str] = [prompt_op.prompt]
        """The prompts so far, the newest last."""
        self._one_at_a_time = asyncio.Lock()

    @classmethod
    def from_agent(cls, agent: Agent[Any], **settings: Any) -> Self:
        """For an agent with one PromptOp and one LLMCallOp; raises TypeError for any other."""
        return cls(prompt_op=only_op(agent, PromptOp), llm_call_op=only_op(agent, LLMCallOp), **settings)

    def aggregate_trajectory(self, trajectory: Trajectory) -> None:
        """Take in every call of the model that led to an action. Other actions have none."""
        if trajectory.failed:
            return
        returns = trajectory.compute_discounted_returns(self.reward_discount)
        for step, return_ in zip(trajectory.steps, returns, strict=True):
            if isinstance(step.action, OpResult):
                self._take_in(step.action, return_)

    def _take_in(self, action: OpResult[Any], return_: float) -> None:
        score = self._score(action, return_)
        if score is None:
            return
        good = score == 0 if self.score_fn is APEScoreFn.GRADIENT else score >= (self.good_reward_threshold or 0.0)
        for call in action.get_upstream_results(self.llm_call_op):
            result: LLMResult | None = call.recorded("result")
            asked = None if result is None else _first_of_user(result.prompt or ())
            if result is None or asked is None or not result.messages:
                continue
            example = Example(input=asked, output=_said(result.messages[0]), score=score)
            (self.good_examples if good else self.examples).append(example)

    def _score(self, action: OpResult[Any], return_: float) -> float | None:
        """None where no gradient reached the prompt."""
        if self.score_fn is APEScoreFn.REWARD:
            return return_
        prompts = list(action.get_upstream_results(self.prompt_op))
        if len(prompts) > 1:
            raise ValueError("The prompt was used more than once for one action; its gradient has no single example.")
        gradient = prompts[0].grad if prompts else None
        return None if gradient is None else float(gradient)

    async def update(self) -> None:
        """Ask for a better prompt. Without a bad example there is nothing to improve, and the prompt stays."""
        async with self._one_at_a_time:
            self.steps += 1
            if not self.examples:
                logger.info("No bad example since the last prompt; it stays.")
                return
            current = self.prompt_op.prompt
            proposed = await self._proposal(current)
            if variables_of(proposed) != variables_of(current):
                logger.warning("A proposed prompt broke the template and was dropped: %r", proposed)
                return
            self.examples.clear()
            self.prompt_op.prompt = proposed
            self.trace.append(proposed)

    async def _proposal(self, current: str) -> str:
        query = self.query_prompt.format(
            examples=self._shown(self.examples),
            good_examples=self._shown(self.good_examples),
            prompt=current,
            score="errors" if self.score_fn is APEScoreFn.GRADIENT else "rewards",
        )
        result = await self.llm.call_single(
            [
                Message(role="system", content=self.system_prompt),
                Message(content=query),
                Message(role="assistant", content=OutputPrompt(prompt=current).model_dump_json(indent=2)),
                Message(content=NOT_REVISED),
            ],
            output_type=OutputPrompt,
        )
        replied = (result.messages or [Message(content="")])[-1].content
        return OutputPrompt.model_validate_json(replied or "").prompt

    def _shown(self, examples: Sequence[Example]) -> str:
        """The examples as JSON: the best returns, or the smallest errors, which lie nearest to the boundary."""
        if self.max_examples is not None and len(examples) > self.max_examples:
            by_error = self.score_fn is APEScoreFn.GRADIENT
            ranked = sorted(examples, key=lambda example: abs(example.score) if by_error else -example.score)
            examples = ranked[: self.max_examples]
        return json.dumps([example.model_dump() for example in examples]) if examples else ""

    def state_dict(self) -> dict[str, Any]:
        """The prompts so far, the examples, and the count of updates."""
        return {
            "steps": self.steps,
            "trace": list(self.trace),
            "examples": [example.model_dump() for example in self.examples],
            "good_examples": [example.model_dump() for example in self.good_examples],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take them up; the newest prompt is used from now on."""
        self.steps, self.trace = int(state["steps"]), [str(prompt) for prompt in state["trace"]]
        self.examples = [Example.model_validate(fields) for fields in state["examples"]]
        self.good_examples = [Example.model_validate(fields) for fields in state["good_examples"]]
        self.prompt_op.prompt = self.trace[-1]


def variables_of(template: str) -> set[str] | None:
    """Names in braces of a format string; None for a text that is no format string."""
    try:
        return set(_variables(template))
    except ValueError:
        return None


def _variables(template: str) -> Iterator[str]:
    for _, name, spec, _ in string.Formatter().parse(template):
        if name is not None:
            yield name.partition(".")[0].partition("[")[0]
            yield from _variables(spec or "")


def _first_of_user(messages: Sequence[Message]) -> str | None:
    return next((message.content for message in messages if message.role == "user" and message.content), None)


def _said(message: Message) -> str | None:
    return str(message) if isinstance(message, ToolRequestMessage) and message.tool_calls else message.content

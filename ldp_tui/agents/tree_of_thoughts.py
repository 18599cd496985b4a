"""Tree of thoughts (Yao et al. 2023, arXiv:2305.10601): propose steps, judge them, go on from the best."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from inspect import isawaitable
from typing import Final

from pydantic import Field, PrivateAttr

from ldp_tui.agents.simple import LanguageAgent, SimpleAgentState
from ldp_tui.core.agent import reflect
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolCall, ToolRequestMessage
from ldp_tui.core.tools import Tool
from ldp_tui.graph import ConfigOp, FxnOp, OpResult, compute_graph
from ldp_tui.models.config import LLMConfig
from ldp_tui.models.ops import LLMCallOp

EvalFunction = Callable[[str, list[str]], float] | Callable[[str, list[str]], Awaitable[float]]
"""Value of a path, given it and what the model said of it; higher is better."""
PromptFunction = Callable[[str, str], str]
"""The question to the model, given the task's text and the path so far."""

_NUMBER: Final = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?")


def proposal_prompt(task: str, path: str) -> str:
    """Asks for the next step."""
    so_far = f"\n\nSteps so far:\n{path}" if path else ""
    return f"Propose possible next steps for the task, each on a line of its own, and nothing else.\n\n{task}{so_far}"


def value_prompt(task: str, path: str) -> str:
    """Asks how promising a path is."""
    return (
        "How likely do these steps lead to a solution of the task? Think briefly, then end with a number from 0"
        f" (impossible) to 10 (certain).\n\n{task}\n\nSteps:\n{path}"
    )


def last_number(path: str, said: list[str]) -> float:  # noqa: ARG001 (an EvalFunction)
    """The last number that the model said of a path; 0 if it said none."""
    found = [number for text in said for number in _NUMBER.findall(text)]
    return float(found[-1]) if found else 0.0


class TreeofThoughtsAgent(LanguageAgent):
    """Before it acts, searches `n_steps` deep: each path is continued by what the model proposes, all are judged by
    `eval_function`, and the best `n_select_samples` are kept.

    The best path becomes the action: where every tool takes one text, each is called with it, as LDP does; else the
    model chooses the call that carries it out.
    """

    value_prompt_func: PromptFunction = Field(default=value_prompt, exclude=True, repr=False)
    proposal_prompt_func: PromptFunction = Field(default=proposal_prompt, exclude=True, repr=False)
    eval_function: EvalFunction = Field(default=last_number, exclude=True, repr=False)
    n_steps: int = Field(default=1, ge=1, description="Depth of the search.")
    n_select_samples: int = Field(default=1, ge=1, description="Paths that are kept at each depth.")

    _config_op: ConfigOp[LLMConfig] = PrivateAttr()
    _llm_call_op: LLMCallOp = PrivateAttr()
    _ask_op: FxnOp[list[Message]] = PrivateAttr()
    _act_op: FxnOp[Message] = PrivateAttr()

    def make_ops(self) -> None:
        """The call, and what goes into it and comes out of it."""
        self._config_op = ConfigOp(self.llm_config)
        self._llm_call_op = LLMCallOp()
        self._ask_op = FxnOp(_asked)
        self._act_op = FxnOp(_calls_of_all)

    @compute_graph()
    async def get_asv(
        self,
        agent_state: SimpleAgentState,
        obs: list[Message],
        eval_function: EvalFunction | None = None,
        n_steps: int | None = None,
        n_select_samples: int | None = None,
    ) -> tuple[OpResult[Message], SimpleAgentState, float]:
        """The best path as an action, the conversation with it, and the path's value.

        Args:
            agent_state: The conversation so far.
            obs: The newest observations.
            eval_function: In the place of the agent's own, as are the numbers.
            n_steps: Depth of the search.
            n_select_samples: Paths that are kept at each depth.
        """
        next_state = agent_state.get_next_state(obs)
        keep = n_select_samples or self.n_select_samples
        paths, value = [""], 0.0
        for _ in range(n_steps or self.n_steps):
            candidates = [path for start in paths for path in await self._continued(next_state.messages, start)]
            if not candidates:
                break
            values = [await self._value(next_state.messages, path, eval_function) for path in candidates]
            best = sorted(range(len(candidates)), key=lambda index: -values[index])[:keep]
            paths, value = [candidates[index] for index in best], values[best[0]]
        reflect(f"\nBest path, of value {value:g}:\n{paths[0]}")
        action = await self._action(next_state, paths[0])
        next_state.messages = [*next_state.messages, action.value]
        return action, next_state, value

    async def _continued(self, messages: Sequence[Message], path: str) -> list[str]:
        """The path with each step that the model proposes, one line each."""
        question = self.proposal_prompt_func(_task(messages), path)
        reply = await self._llm_call_op(await self._config_op(), msgs=await self._ask_op(messages, question))
        lines = (reply.value.content or "").splitlines()
        return [f"{path}{line.strip()}\n" for line in lines if line.strip()]

    async def _value(self, messages: Sequence[Message], path: str, judge: EvalFunction | None) -> float:
        question = self.value_prompt_func(_task(messages), path)
        reply = await self._llm_call_op(await self._config_op(), msgs=await self._ask_op(messages, question))
        judged = (judge or self.eval_function)(path, [reply.value.content or ""])
        return float(await judged) if isawaitable(judged) else float(judged)

    async def _action(self, state: SimpleAgentState, path: str) -> OpResult[Message]:
        if state.tools and all(_takes_one_text(tool) for tool in state.tools):
            return await self._act_op(state.tools, path)
        question = f"You have decided on these steps:\n{path}\nCarry out the first one."
        asked = await self._ask_op(state.messages, question)
        return await self._llm_call_op(await self._config_op(), msgs=asked, tools=state.tools)


def _task(messages: Sequence[Message]) -> str:
    """The text of the newest observation that is not the agent's own."""
    return next((message.text for message in reversed(messages) if message.role != "assistant"), "")


def _asked(messages: Sequence[Message], question: str) -> list[Message]:
    return [*messages, Message(content=question)]


def _calls_of_all(tools: Sequence[Tool], path: str) -> Message:
    return ToolRequestMessage(content=path, tool_calls=[ToolCall.from_tool(tool, path) for tool in tools])


def _takes_one_text(tool: Tool) -> bool:
    schemas = list(tool.info.get_properties().values())
    return len(schemas) == 1 and schemas[0].get("type") == "string" and "enum" not in schemas[0]

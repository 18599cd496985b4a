"""A thought between two system messages: what to think about, and how to say it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ldp_tui.core.messages import Message
from ldp_tui.graph import FxnOp, OpResult, PromptOp, ResultOrValue, compute_graph
from ldp_tui.models.config import LLMConfig
from ldp_tui.models.modules.llm_call import ParsedLLMCallModule
from ldp_tui.models.prompts import prepend_sys_and_append_sys


class ThoughtModule:
    """Asks a model for a thought about a conversation. Calls of tools are dropped: a thought only talks."""

    def __init__(self, llm_config: LLMConfig, first_sys_prompt: str, second_sys_prompt: str) -> None:
        self.first_sys_prompt_op = PromptOp(first_sys_prompt)
        self.second_sys_prompt_op = PromptOp(second_sys_prompt)
        self.package_msg_op: FxnOp[list[Message]] = FxnOp(prepend_sys_and_append_sys)
        self.llm_call: ParsedLLMCallModule[Message] = ParsedLLMCallModule(llm_config, parser=_talk)

    @compute_graph()
    async def __call__(
        self,
        messages: ResultOrValue[Iterable[Message]],
        first_prompt_kwargs: Mapping[str, Any],
        second_prompt_kwargs: Mapping[str, Any],
    ) -> OpResult[Message]:
        """The thought, as an assistant's message."""
        packaged = await self.package_msg_op(
            messages,
            initial_sys_content=await self.first_sys_prompt_op(**first_prompt_kwargs),
            final_sys_content=await self.second_sys_prompt_op(**second_prompt_kwargs),
        )
        thought, _ = await self.llm_call(packaged)
        return thought


def _talk(message: Message) -> Message:
    return Message(role=message.role, content=message.content)

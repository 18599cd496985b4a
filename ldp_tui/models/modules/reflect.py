"""A second look at a response: the model reflects on it and revises it."""

from __future__ import annotations

import re

from pydantic import Field

from ldp_tui.core.messages import Message
from ldp_tui.core.settings import Settings
from ldp_tui.graph import ConfigOp, FxnOp, OpResult, PromptOp, ResultOrValue, compute_graph
from ldp_tui.models.client import DEFAULT_MODEL
from ldp_tui.models.config import LLMConfig, ModelSpec
from ldp_tui.models.ops import LLMCallOp
from ldp_tui.models.prompts import append_to_sys, indent_xml

REFLECT_PROMPT = (
    "You are shown a context and a response that somebody proposes. Think within <thought> tags about what is good and"
    " what is wrong in the response. Then give the response, revised where it needs to be, within <final-response>"
    " tags."
)


class ReflectModuleConfig(Settings):
    """Which model reflects."""

    llm_config: LLMConfig = Field(default_factory=lambda: LLMConfig(models=[ModelSpec.from_name(DEFAULT_MODEL)]))


class ReflectModule:
    """Has a model think about a response and revise it; a reply without a revision leaves the response as it was."""

    def __init__(self, start_config: ReflectModuleConfig) -> None:
        self.llm_call_op = LLMCallOp()
        self.prompt_op = PromptOp(REFLECT_PROMPT)
        self.config_op = ConfigOp(start_config)
        self.llm_config_op: FxnOp[LLMConfig] = FxnOp(lambda c: c.llm_config, fxn_name="llm_config")
        self.package_fxn: FxnOp[list[Message]] = FxnOp(_question)
        self.extract_msg: FxnOp[str] = FxnOp(_revised)

    @compute_graph()
    async def __call__(self, context: ResultOrValue[str], response: ResultOrValue[str]) -> OpResult[str]:
        """The response, revised."""
        config = await self.llm_config_op(await self.config_op())
        asked = await self.package_fxn(context, response, await self.prompt_op())
        return await self.extract_msg(await self.llm_call_op(config, asked), response)


def _question(context: str, response: str, sys_content: str) -> list[Message]:
    shown = indent_xml(f"<context>{context}</context><response>{response}</response>")
    return append_to_sys(shown, sys_content)


def _revised(msg: Message, backup_response: str) -> str:
    """What the reply has within its tags; models write the tag of the question as well."""
    for tag in ("final-response", "response"):
        found = re.findall(rf"<{tag}>(.*?)(?:</{tag}>|\Z)", msg.content or "", re.DOTALL)
        if found:
            return str(found[-1]).strip()
    return backup_response

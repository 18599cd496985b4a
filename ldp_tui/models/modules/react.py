"""One turn of ReAct (Yao et al. 2022, arXiv:2210.03629): reason, then act — in one reply or in two."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolRequestMessage
from ldp_tui.core.tools import Tool
from ldp_tui.graph import FxnOp, OpResult, PromptOp, compute_graph
from ldp_tui.models.config import LLMConfig
from ldp_tui.models.modules.llm_call import ParsedLLMCallModule
from ldp_tui.models.modules.react_parsing import first_action, parse_message
from ldp_tui.models.modules.react_prompts import REACT_DEFAULT_PROMPT_TEMPLATE, REACT_DEFAULT_SINGLE_PROMPT_TEMPLATE
from ldp_tui.models.ops import LLMCallOp
from ldp_tui.models.prompts import prepend_sys

CONTINUE = "Continue..."
"""The user's message between reasoning and action: some providers want turns to alternate."""


class ToolDescriptionMethods(StrEnum):
    """How tools are described in a prompt: the name of a method of FunctionInfo."""

    STR = "describe_str"
    XML = "describe_xml"
    JSON = "describe_json"

    def get_prompt_prefix(self) -> str:
        """What is said before the descriptions."""
        if self is ToolDescriptionMethods.STR:
            return ""
        return f"Tools are specified with {'a JSON' if self is ToolDescriptionMethods.JSON else 'an XML'} schema."

    def describe(self, tools: Sequence[Tool]) -> str:
        """The tools as the prompt shows them."""
        lines = [self.get_prompt_prefix(), *(getattr(tool.info, self.value)() for tool in tools)]
        return "\n".join(lines[0 if lines[0] else 1 :]).strip()


class ReActModuleSinglePrompt:
    """Thought and action in one reply, which is parsed. The tools are described in the system prompt.

    System: tools, and the form of a reply. Assistant: `Thought: …`, `Action: tool`, `Action Input: arguments`.
    User: `Observation: …`, and so on.
    """

    def __init__(
        self,
        llm_config: LLMConfig,
        sys_prompt: str = REACT_DEFAULT_SINGLE_PROMPT_TEMPLATE,
        tool_description_method: ToolDescriptionMethods = ToolDescriptionMethods.STR,
    ) -> None:
        """The system prompt may use `{tools}`, `{tool_names}` and `{schema_type}`."""
        self._tool_description_method = tool_description_method
        self.prompt_op = PromptOp(sys_prompt)
        self.package_msg_op: FxnOp[list[Message]] = FxnOp(prepend_sys)
        self.tool_select_module: ParsedLLMCallModule[ToolRequestMessage] = ParsedLLMCallModule(
            llm_config.with_extra_params(stop=["Observation:"]), parser=self.parse_message
        )

    @staticmethod
    def parse_message(m: Message, tools: Sequence[Tool]) -> ToolRequestMessage:
        """See `parse_message` of this package."""
        return parse_message(m, tools)

    @property
    def llm_call_op(self) -> LLMCallOp:
        """The op that asks the model."""
        return self.tool_select_module.llm_call_op

    @compute_graph()
    async def __call__(
        self, messages: Iterable[Message], tools: Sequence[Tool]
    ) -> tuple[OpResult[ToolRequestMessage], list[Message]]:
        """The action, and the messages to remember: the reply as text.

        Raises:
            MalformedMessageError: If the reply has not the form that was asked for.
        """
        sys_prompt = await self.prompt_op(
            schema_type=self._tool_description_method.value,
            tools=self._tool_description_method.describe(tools),
            tool_names=", ".join(tool.info.name for tool in tools),
        )
        packaged = await self.package_msg_op(list(messages), sys_content=sys_prompt)
        action, reply = await self.tool_select_module(packaged, tools=tools)
        return action, [first_action(reply)]


class ReActModule:
    """Reasoning in a first reply, which may call no tool, then a second, which has to. The provider has the tools."""

    def __init__(
        self,
        llm_config: LLMConfig,
        sys_prompt: str = REACT_DEFAULT_PROMPT_TEMPLATE,
        tool_description_method: ToolDescriptionMethods = ToolDescriptionMethods.STR,
    ) -> None:
        """The method of describing tools is the single prompt's; here the provider describes them."""
        self._tool_description_method = tool_description_method
        self.llm_config = llm_config.with_extra_params(stop=["Observation:", "Action:"])
        self._llm_call_op = LLMCallOp()
        self.prompt_op = PromptOp(sys_prompt)
        self.package_msg_op: FxnOp[list[Message]] = FxnOp(prepend_sys)
        self.postprocess_reasoning_msg_op: FxnOp[list[Message]] = FxnOp(_with_reasoning)

    @property
    def llm_call_op(self) -> LLMCallOp:
        """The op that asks the model, both times."""
        return self._llm_call_op

    @compute_graph()
    async def __call__(
        self, messages: Iterable[Message], tools: Sequence[Tool]
    ) -> tuple[OpResult[Message], list[Message]]:
        """The action, and the messages to remember: reasoning, the user's `Continue...`, and the action."""
        conversation = list(messages)
        sys_prompt = await self.prompt_op()
        packaged = await self.package_msg_op(conversation, sys_content=sys_prompt)
        reasoning = await self.llm_call_op(self.llm_config, msgs=packaged, tools=tools, tool_choice="none")
        thought = await self.package_msg_op(
            await self.postprocess_reasoning_msg_op(conversation, reasoning), sys_content=sys_prompt
        )
        action = await self.llm_call_op(self.llm_config, msgs=thought, tools=tools)
        return action, [*thought.value[-2:], action.value]


def _with_reasoning(msgs: Iterable[Message], react_message: Message) -> list[Message]:
    return [*msgs, react_message, Message(content=CONTINUE)]

"""The ReAct agent: thinks aloud, then acts (Yao et al. 2022, arXiv:2210.03629)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Any, Self

from pydantic import Field, PrivateAttr, model_validator

from ldp_tui.agents.asking import until_readable
from ldp_tui.agents.simple import LanguageAgent, SimpleAgentState, default_llm_config
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolRequestMessage, ToolResponseMessage
from ldp_tui.graph import OpResult, compute_graph
from ldp_tui.models.config import LLMConfig
from ldp_tui.models.modules import ReActModule, ReActModuleSinglePrompt, ToolDescriptionMethods
from ldp_tui.models.modules.react_prompts import (
    ACT_DEFAULT_PROMPT_TEMPLATE,
    ACT_DEFAULT_SINGLE_PROMPT_TEMPLATE,
    REACT_DEFAULT_PROMPT_TEMPLATE,
    REACT_DEFAULT_SINGLE_PROMPT_TEMPLATE,
)


class ReActAgent(LanguageAgent):
    """Reasons and acts in turns; its state holds the conversation as ReAct writes it, observations included."""

    llm_config: LLMConfig = Field(
        default_factory=partial(default_llm_config, logprobs=True, top_logprobs=1), description="See SimpleAgent."
    )
    sys_prompt: str = Field(description="System prompt; the default is ReAct's, for one reply or for two.")
    tool_description_method: ToolDescriptionMethods = Field(
        default=ToolDescriptionMethods.STR, description="How a single prompt describes the tools."
    )
    single_prompt: bool = Field(
        default=False,
        description="Thought and action in one reply, which is parsed, instead of in two, the second a tool call.",
    )

    _react_module: ReActModule | ReActModuleSinglePrompt = PrivateAttr()

    @model_validator(mode="before")
    @classmethod
    def _default_prompt(cls, given: Any) -> Any:
        if isinstance(given, Mapping) and "sys_prompt" not in given:
            single = given.get("single_prompt", False)
            prompt = REACT_DEFAULT_SINGLE_PROMPT_TEMPLATE if single else REACT_DEFAULT_PROMPT_TEMPLATE
            return {**given, "sys_prompt": prompt}
        return given

    @classmethod
    def make_act_agent(cls, **settings: Any) -> Self:
        """An agent that acts without thinking aloud."""
        single = settings.get("single_prompt", False)
        prompt = ACT_DEFAULT_SINGLE_PROMPT_TEMPLATE if single else ACT_DEFAULT_PROMPT_TEMPLATE
        return cls(**{"sys_prompt": prompt, **settings})

    def make_ops(self) -> None:
        """The module of one turn."""
        module = ReActModuleSinglePrompt if self.single_prompt else ReActModule
        self._react_module = module(self.llm_config, self.sys_prompt, self.tool_description_method)

    async def get_asv(
        self, agent_state: SimpleAgentState, obs: list[Message]
    ) -> tuple[OpResult[Message], SimpleAgentState, float]:
        """The action, the conversation with it, and 0. A reply that cannot be read is asked for again.

        Raises:
            MalformedMessageError: If none of five replies can be read.
        """
        return await until_readable(lambda: self._turn(agent_state, obs))

    def witness(self, agent_state: SimpleAgentState, obs: list[Message], action: Message) -> SimpleAgentState:
        """The conversation with an action of somebody else's, in the form that this agent's replies have."""
        observed = _observed_as_text if self.single_prompt else _observed
        state = agent_state.get_next_state([observed(message) for message in obs])
        state.messages = [*state.messages, _acted_as_text(action) if self.single_prompt else action]
        return state

    @compute_graph()
    async def _turn(
        self, agent_state: SimpleAgentState, obs: list[Message]
    ) -> tuple[OpResult[Message], SimpleAgentState, float]:
        observed = _observed_as_text if self.single_prompt else _observed
        next_state = agent_state.get_next_state([observed(message) for message in obs])
        action, said = await self._react_module(next_state.messages, next_state.tools)
        next_state.messages = [*next_state.messages, *said]
        return action, next_state, 0.0


def _acted_as_text(message: Message) -> Message:
    """A tool request as ReAct writes it."""
    if not isinstance(message, ToolRequestMessage):
        return message
    text = "\n".join(
        f"Action: {call.function.name}\nAction Input: {', '.join(map(json.dumps, call.function.arguments.values()))}"
        for call in message.tool_calls
    )
    return Message(role="assistant", content=text)


def _observed(message: Message) -> Message:
    """A tool's response that begins with `Observation:`; the message itself stays as it is."""
    if not isinstance(message, ToolResponseMessage):
        return message
    if message.is_multimodal:
        return message.prepend_text("Observation:", inplace=False)
    text = f"Observation: {message.content}"
    return message.model_copy(update={"content": text, "content_is_json_str": False})


def _observed_as_text(message: Message) -> Message:
    """A tool's response as the user's observation: a model that calls no tools gets no tool's messages."""
    if not isinstance(message, ToolResponseMessage):
        return message
    observed = _observed(message)
    content = json.loads(observed.content or "[]") if observed.is_multimodal else observed.content
    return Message(content=content, info=message.info)

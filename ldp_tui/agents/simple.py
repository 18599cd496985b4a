"""The plain language-model agents: the conversation goes to the model, its reply is the action."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from itertools import chain
from typing import Any, ClassVar, Final, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from ldp_tui.agents.asking import as_facts
from ldp_tui.core.agent import AgentKind, annotate
from ldp_tui.core.messages import EnvStateMessage, Message
from ldp_tui.core.settings import Settings
from ldp_tui.core.tool_calls import Messages, ToolRequestMessage
from ldp_tui.core.tools import Tool
from ldp_tui.core.transitions import split_message_transitions
from ldp_tui.graph import ConfigOp, FxnOp, OpResult, compute_graph
from ldp_tui.graph.agent import Agent
from ldp_tui.graph.naming import name_ops
from ldp_tui.models.client import DEFAULT_MODEL
from ldp_tui.models.config import LLMConfig, ModelSpec
from ldp_tui.models.ops import LLMCallOp
from ldp_tui.models.parsing import Fault, ReplyReader, Said
from ldp_tui.models.prompts import prepend_sys

DEFAULT_LLM_COMPLETION_TIMEOUT: Final = 120.0
"""Seconds for a whole reply."""
HIDDEN: Final = "[Previous messages - hidden]"
"""What stands for the turns that a sliding window has left behind."""


class HiddenEnvStateMessage(EnvStateMessage):
    """Stands for a state of the environment that a newer one has replaced."""

    content: str | None = "[Previous environment state - hidden]"


class SimpleAgentState(BaseModel):
    """What an agent knows: the tools and the conversation so far."""

    model_config = ConfigDict(extra="forbid")

    tools: list[Tool] = Field(default_factory=list)
    messages: Messages = Field(default_factory=list)
    hide_old_env_states: bool = Field(default=False, description="Show the newest state of the environment alone.")
    hide_old_action_content: bool = Field(default=False, description="Show of earlier actions their calls alone.")
    sliding_window: int | None = Field(
        default=None, description="Turns of the agent to keep, besides the beginning; None: all."
    )

    def get_next_state(
        self,
        obs: Sequence[Message] | None = None,
        tools: list[Tool] | None = None,
        hide_old_env_states: bool | None = None,
        **kwargs: Any,
    ) -> Self:
        """The state with the newest observations added, and what is to be hidden hidden. This one stays as it is.

        Args:
            obs: The newest observations.
            tools: New tools; None keeps those there are.
            hide_old_env_states: Overrides the setting, for good.
            kwargs: Further fields of a subclass.
        """
        hide = self.hide_old_env_states if hide_old_env_states is None else hide_old_env_states
        messages: list[Message] = list(self.messages)
        if self.sliding_window is not None and self.sliding_window > 0:
            messages = _windowed(messages, self.sliding_window)
        if hide:
            messages = [HiddenEnvStateMessage() if message.is_env_state else message for message in messages]
        if self.hide_old_action_content:
            messages = [hide_action_content(message) for message in messages]
        return type(self)(
            tools=self.tools if tools is None else tools,
            messages=[*messages, *(obs or ())],
            hide_old_env_states=hide,
            hide_old_action_content=self.hide_old_action_content,
            sliding_window=self.sliding_window,
            **kwargs,
        )


def hide_action_content(msg: Message) -> Message:
    """A tool request without its text; every other message as it is, for its text is all that it has."""
    if isinstance(msg, ToolRequestMessage) and msg.tool_calls:
        return msg.model_copy(update={"content": None})
    return msg


def default_llm_config(**settings: Any) -> LLMConfig:
    """The model that LDP's agents ask if nothing else is said."""
    given = {"temperature": 0.1, "timeout": DEFAULT_LLM_COMPLETION_TIMEOUT, **settings}
    return LLMConfig(models=[ModelSpec.from_name(DEFAULT_MODEL, **given)])


class LanguageAgent(Settings, Agent[SimpleAgentState]):
    """What language-model agents have in common: a model, and how much of the conversation it is shown."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    streams: ClassVar[bool] = True
    kind: ClassVar[AgentKind] = "llm"

    llm_config: LLMConfig = Field(default_factory=default_llm_config, description="Which model is asked, and how.")
    hide_old_env_states: bool = Field(default=False, description="See SimpleAgentState.hide_old_env_states.")
    hide_old_action_content: bool = Field(default=False, description="See SimpleAgentState.hide_old_action_content.")
    sliding_window: int | None = Field(default=None, description="See SimpleAgentState.sliding_window.")

    def model_post_init(self, context: Any, /) -> None:
        """Make the ops, and name them by the attributes that lead to them."""
        self.make_ops()
        name_ops(self)

    def make_ops(self) -> None:
        """Set the attributes that hold ops."""

    async def init_state(self, tools: list[Tool]) -> SimpleAgentState:
        """The tools, and an empty conversation."""
        return SimpleAgentState(
            tools=tools,
            hide_old_env_states=self.hide_old_env_states,
            hide_old_action_content=self.hide_old_action_content,
            sliding_window=self.sliding_window,
        )

    def witness(self, agent_state: SimpleAgentState, obs: list[Message], action: Message) -> SimpleAgentState | None:
        """The conversation with an action of somebody else's in the place of the reply."""
        state = agent_state.get_next_state(obs)
        state.messages = [*state.messages, action]
        return state


class SimpleAgent(LanguageAgent):
    """Sends the conversation to a model, with the tools; one of them must be called if there are any.

    A model that was to call a tool and wrote the call in words is understood; what cannot be read stays as it is, and
    counts as a fault of the step.
    """

    sys_prompt: str | None = Field(default=None, description="System prompt; not trained.")

    _config_op: ConfigOp[LLMConfig] = PrivateAttr()
    _llm_call_op: LLMCallOp = PrivateAttr()

    def make_ops(self) -> None:
        """The configuration, which can be trained, and the call."""
        self._config_op = ConfigOp(self.llm_config)
        self._llm_call_op = LLMCallOp()

    @compute_graph()
    async def get_asv(
        self, agent_state: SimpleAgentState, obs: list[Message]
    ) -> tuple[OpResult[Message], SimpleAgentState, float]:
        """The model's reply, the conversation with it, and 0."""
        next_state = agent_state.get_next_state(obs)
        result = await self._llm_call_op(
            await self._config_op(), msgs=self.prompted(next_state.messages), tools=next_state.tools
        )
        if next_state.tools and not getattr(result.value, "tool_calls", None):
            reading = FxnOp(written_call)
            reading.set_name("_written_call_op")
            result = await reading(result, next_state.tools)
        next_state.messages = [*next_state.messages, result.value]
        return result, next_state, 0.0

    def prompted(self, messages: Sequence[Message]) -> list[Message]:
        """The conversation behind the system prompt, if there is one."""
        return list(messages) if self.sys_prompt is None else prepend_sys(messages, self.sys_prompt)


def written_call(message: Message, tools: Sequence[Tool]) -> Message:
    """The tool request that a model wrote in words in place of a call; the message itself if there is none in it."""
    reading = ReplyReader(tools).read(Said(message.text))
    faults = reading.faults or (Fault("no_action", "The reply calls no tool."),)
    annotate({"faults": as_facts(faults), **({"rung": reading.rung} if reading.rung is not None else {})})
    if not reading.calls:
        return message
    request = ToolRequestMessage(content=message.text, tool_calls=list(reading.calls))
    return request.model_copy(update={"info": message.info})


CastToolRequest = Callable[[Message], ToolRequestMessage] | Callable[[Message], Awaitable[ToolRequestMessage]]


class NoToolsSimpleAgent(SimpleAgent):
    """Asks the model without telling it of tools; a function makes a tool request of what it says."""

    _cast_tool_request_op: FxnOp[ToolRequestMessage] = PrivateAttr()

    def __init__(self, cast_tool_request: CastToolRequest, **settings: Any) -> None:
        """The function gets the model's message; the settings are those of SimpleAgent."""
        super().__init__(**settings)
        self._cast_tool_request_op = FxnOp(cast_tool_request)
        name_ops(self)

    @compute_graph()
    async def get_asv(
        self, agent_state: SimpleAgentState, obs: list[Message]
    ) -> tuple[OpResult[Message], SimpleAgentState, float]:
        """What the function makes of the model's reply, the conversation with it, and 0."""
        next_state = agent_state.get_next_state(obs)
        reply = await self._llm_call_op(await self._config_op(), msgs=self.prompted(next_state.messages))
        result = await self._cast_tool_request_op(reply)
        next_state.messages = [*next_state.messages, result.value]
        return result, next_state, 0.0


def _windowed(messages: list[Message], turns: int) -> list[Message]:
    """The beginning, a note that something is hidden, and the newest turns; all, if there are no more."""
    blocks = split_message_transitions(messages)
    if len(blocks) <= turns + 1:
        return messages
    first = [message for message in blocks[0] if message.content != HIDDEN]
    return [*first, Message(content=HIDDEN), *chain.from_iterable(blocks[-turns:])]

"""A real LDP agent as a player of this package."""

from __future__ import annotations

import inspect
from typing import Any, ClassVar, Final

from ldp_tui.adapters import ldp_core as ldp
from ldp_tui.adapters.aviary_core import MalformedMessageError
from ldp_tui.adapters.aviary_messages import message_from_aviary, messages_to_aviary, tool_to_aviary
from ldp_tui.adapters.ldp_contexts import Turn, turn
from ldp_tui.core.agent import Agent, AgentKind, PlainAction, Usage, reflect, spend
from ldp_tui.core.errors import AgentError, UsageError
from ldp_tui.core.messages import Message
from ldp_tui.core.tools import Tool

_SHOWN: Final = 500
"""Characters shown of a reply that cannot be read."""


class LdpAgent(Agent[Any]):
    """Plays `ldp_agent`, in evaluation mode, with copies of everything.

    Tokens and cost of all its model calls are reported. The reply that became the action leaves model, finish reason
    and log-probability in the action's `info`; other replies, and every chain of thought, are reflections.
    """

    def __init__(self, ldp_agent: ldp.Agent[Any]) -> None:
        _check_signature(ldp_agent)
        self.ldp_agent = ldp_agent

    async def init_state(self, tools: list[Tool]) -> Any:
        """The agent's own state."""
        async with turn():
            return await self.ldp_agent.init_state([tool_to_aviary(tool) for tool in tools])

    async def get_asv(self, agent_state: Any, obs: list[Message]) -> tuple[PlainAction, Any, float]:
        """The agent's own choice, as a message of ours.

        Raises:
            AgentError: If there is no message, or the model's reply cannot be read as one; the reply is then shown.
        """
        async with turn() as this:
            try:
                action, state, value = await self.ldp_agent.get_asv(agent_state, [*messages_to_aviary(obs)])
            except MalformedMessageError as error:
                _report(this, None)
                raise AgentError(f"the reply cannot be read as an action: {error}{_last_reply(this)}") from error
            message = _message(action)
            message.info = {**(message.info or {}), **_report(this, action)} or None
        return PlainAction(message), state, float(value)


class LdpModelAgent(LdpAgent):
    """An LDP agent that asks a language model."""

    kind: ClassVar[AgentKind] = "llm"


def _message(action: Any) -> Message:
    """The assistant's message of an action, copied."""
    try:
        message = message_from_aviary(getattr(action, "value", action))
    except TypeError as error:
        raise AgentError(f"get_asv must return a message as action: {error}") from error
    return message.model_copy(update={"role": "assistant"})  # whatever role an agent leaves, the action is its own


def _report(this: Turn, action: Any) -> dict[str, Any]:
    """Report cost and reasoning of the turn's model calls; what is known of the reply that became `action`."""
    replies = this.replies
    newest = next(reversed(replies), None)
    call = getattr(getattr(action, "call_id", None), "fwd_id", None)
    acted = call if call in replies else newest  # parsed replies become the action through another op
    for asked, reply in replies.items():
        spend(Usage(reply.prompt_count or 0, reply.completion_count or 0, float(reply.cost or 0.0)))
        for text in (reply.reasoning_content, None if asked == acted else reply.text):
            if text:
                reflect(text if text.endswith("\n") else f"{text}\n")
    if acted is None or action is None:
        return {}
    reply = replies[acted]
    facts = {"model": reply.model, "finish_reason": reply.finish_reason, "logprob": reply.logprob}
    return {name: value for name, value in facts.items() if value is not None}


def _last_reply(this: Turn) -> str:
    """The newest reply of a model, for an error's sentence; empty if there was none."""
    replies = [reply.text for reply in this.replies.values() if reply.text]
    return f" The model said: {replies[-1][:_SHOWN]!r}" if replies else ""


def _check_signature(ldp_agent: ldp.Agent[Any]) -> None:
    """Refuse agents whose turns need more than a state and observations, such as LDP's tree of thoughts."""
    parameters = list(inspect.signature(ldp_agent.get_asv).parameters.values())[2:]
    needed = [p.name for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if needed:
        raise UsageError(
            f"{type(ldp_agent).__name__} cannot take a lane: each of its turns needs {', '.join(needed)} besides state "
            "and observations."
        )

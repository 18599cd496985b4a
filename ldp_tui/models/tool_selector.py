"""One completion that picks tools: the smallest agent there is, for trying environments out."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel, Field, ValidationError

from ldp_tui.core.answers import Completion
from ldp_tui.core.messages import MalformedMessageError, Message
from ldp_tui.core.tool_calls import Messages, MessagesAdapter, ToolRequestMessage
from ldp_tui.core.tools import Tool, ToolsAdapter
from ldp_tui.models.completion import acompletion as litellm_completion


class ToolSelectorLedger(BaseModel):
    """Tools, and the messages that were exchanged about them; can be dumped."""

    tools: list[Tool] = Field(default_factory=list)
    messages: Messages = Field(default_factory=list)


class ToolSelector:
    """Asks a model to call tools: `await ToolSelector("gpt-4o")(messages, tools)`."""

    TOOL_CHOICE_REQUIRED: ClassVar[str] = "required"

    def __init__(
        self, model_name: str = "gpt-4o", acompletion: Completion | None = None, accum_messages: bool = False
    ) -> None:
        """Choose who answers.

        Args:
            model_name: As litellm, or the given function, knows the model.
            acompletion: Who is asked instead of litellm; a router's method, for example.
            accum_messages: Send everything that was said in earlier calls along.
        """
        self.model_name = model_name
        self._ask: Completion = acompletion or litellm_completion
        self.ledger = ToolSelectorLedger() if accum_messages else None

    async def __call__(
        self, messages: list[Message], tools: list[Tool], tool_choice: Tool | str | None = TOOL_CHOICE_REQUIRED
    ) -> ToolRequestMessage:
        """The model's calls; `info` holds `usage` (tokens in, tokens out) and `model`.

        Args:
            messages: What was said so far; with `accum_messages`, since the last call.
            tools: What may be called.
            tool_choice: `required`: some tool must be called · `auto`: none need be · a tool: that one must be called
                · None: the provider decides.

        Raises:
            MalformedMessageError: If the response has not exactly one choice, ended for another reason than calling
                tools, or is no tool request.
        """
        asked = [*(self.ledger.messages if self.ledger else ()), *messages]
        response = await self._ask(
            self.model_name,
            messages=MessagesAdapter.dump_python(asked, exclude_none=True, by_alias=True),
            tools=ToolsAdapter.dump_python(tools, exclude_none=True, by_alias=True),
            **_choice_option(tool_choice),
        )
        selection = self._read(response, tool_choice)
        if self.ledger is not None:
            self.ledger.messages += [*messages, selection]
        return selection

    def _read(self, response: Any, tool_choice: Tool | str | None) -> ToolRequestMessage:
        told = f"full response was {response} and tool choice was {tool_choice!r}."
        if len(response.choices) != 1:
            raise MalformedMessageError(f"Expected one choice in model response, got {len(response.choices)}; {told}")
        choice = response.choices[0]
        expected = _finish_reasons(tool_choice)
        if choice.finish_reason not in expected:
            raise MalformedMessageError(
                f"Expected a finish reason in {expected} in model response, got {choice.finish_reason!r}; {told}"
            )
        usage = getattr(response, "usage", None)
        info = {
            "usage": (0, 0) if usage is None else (usage.prompt_tokens, usage.completion_tokens),
            "model": self.model_name,
        }
        try:
            return ToolRequestMessage.model_validate({**choice.message.model_dump(), "info": info})
        except ValidationError as error:
            raise MalformedMessageError(
                f"Failed to convert model response's message {choice.message} into a tool request message; {told}"
            ) from error


def _choice_option(tool_choice: Tool | str | None) -> dict[str, Any]:
    if tool_choice is None:
        return {}
    if isinstance(tool_choice, Tool):
        return {"tool_choice": {"type": "function", "function": {"name": tool_choice.info.name}}}
    return {"tool_choice": tool_choice}


def _finish_reasons(tool_choice: Tool | str | None) -> tuple[str, ...]:
    """Providers end a call that they were made to make with `stop` as often as with `tool_calls`."""
    made_to = isinstance(tool_choice, Tool) or tool_choice == ToolSelector.TOOL_CHOICE_REQUIRED
    return ("tool_calls", "stop") if made_to else ("tool_calls",)

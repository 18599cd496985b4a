"""A model call whose reply is parsed, with a configuration that can be learned."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from ldp_tui.core.messages import Message
from ldp_tui.graph import ConfigOp, FxnOp, OpResult, ResultOrValue, compute_graph
from ldp_tui.models.config import LLMConfig
from ldp_tui.models.ops import LLMCallOp

TParsedMessage = TypeVar("TParsedMessage", bound=Message)


class ParsedLLMCallModule(Generic[TParsedMessage]):
    """Asks a model without tools and parses what it says."""

    def __init__(self, llm_config: LLMConfig, parser: Callable[..., TParsedMessage]) -> None:
        """The parser gets the reply, then what the call was given besides the messages."""
        self.config_op = ConfigOp(llm_config)
        self.llm_call_op = LLMCallOp()
        self.parse_msg_op: FxnOp[TParsedMessage] = FxnOp(parser)

    @compute_graph()
    async def __call__(
        self, messages: ResultOrValue[Iterable[Message]], *parse_args: Any, **parse_kwargs: Any
    ) -> tuple[OpResult[TParsedMessage], Message]:
        """The parsed reply, and the reply as it was."""
        raw = await self.llm_call_op(await self.config_op(), msgs=messages)
        return await self.parse_msg_op(raw, *parse_args, **parse_kwargs), raw.value

"""Pieces of a reply → the whole reply: texts joined, tool calls put together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Any

from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolCall, ToolCallFunction, ToolRequestMessage
from ldp_tui.models.backend import CallDelta, Delta, TokenCount, TokenLogprob
from ldp_tui.models.errors import InvalidReply, ModelRefusalError
from ldp_tui.models.results import Choice

_REFUSALS = ("content_filter", "refusal", "safety")


class Assembly:
    """Collects the deltas of one reply."""

    def __init__(self) -> None:
        self.finish_reason: str | None = None
        self.logprobs: list[TokenLogprob] = []
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._refusal: list[str] = []
        self._calls: list[_Call] = []
        self._newest: dict[int, _Call] = {}

    def add(self, delta: Delta) -> None:
        """Take one more piece."""
        self._text.append(delta.text)
        self._reasoning.append(delta.reasoning)
        self._refusal.append(delta.refusal)
        self.logprobs.extend(delta.logprobs)
        self.finish_reason = delta.finish_reason or self.finish_reason
        for piece in delta.calls:
            self._call_of(piece).add(piece)

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self._text)

    @property
    def reasoning(self) -> str:
        """The reasoning so far."""
        return "".join(self._reasoning)

    @property
    def refusal(self) -> str:
        """What was said in declining; empty if nothing was."""
        return "".join(self._refusal)

    @property
    def empty(self) -> bool:
        """Whether nothing came that could be a reply."""
        return not (self._calls or self.text.strip() or self.reasoning.strip())

    def check_refusal(self, model: str) -> None:
        """Raise ModelRefusalError if the model, or its provider, declined."""
        said = self.refusal
        if said or self.finish_reason in _REFUSALS:
            why = f": {said}" if said else f" (finish reason {self.finish_reason})"
            raise ModelRefusalError(
                f"the model declined{why}", model=model, finish_reason=self.finish_reason, text=said or self.text
            )

    def choice(self, *, model: str, as_request: bool = False) -> Choice:
        """The whole reply; `as_request` makes it a tool request even without calls.

        Raises:
            InvalidReply: If a call names no tool.
        """
        calls = [call.whole(model) for call in self._calls]
        message: Message
        if calls or as_request:
            message = ToolRequestMessage(content=self.text or None, tool_calls=calls)
        else:
            message = Message(role="assistant", content=self.text)
        return Choice(message=message, finish_reason=self.finish_reason, reasoning_content=self.reasoning or None)

    def raw(self) -> dict[str, Any]:
        """Everything that came, in the shape of OpenAI's message; arguments as they are, whether JSON or not."""
        said = {
            "content": self.text,
            "reasoning_content": self.reasoning,
            "refusal": "".join(self._refusal),
            "tool_calls": [call.raw() for call in self._calls],
        }
        return {name: value for name, value in said.items() if value}

    def logprob(self) -> float | None:
        """Sum of the tokens' log-probabilities; None if none came."""
        return sum(token.logprob for token in self.logprobs) if self.logprobs else None

    def top_logprobs(self) -> list[list[tuple[str, float]]] | None:
        """The alternatives of each token; None if none came."""
        return [list(token.top) for token in self.logprobs] if any(token.top for token in self.logprobs) else None

    def token_ids(self) -> list[int] | None:
        """The tokens as they were sampled, the one that ended the reply included; None if the back end tells none."""
        ids = [token.id for token in self.logprobs if token.id is not None]
        return ids if ids and len(ids) == len(self.logprobs) else None

    def _call_of(self, piece: CallDelta) -> _Call:
        """The call that a piece belongs to. Some servers number every call 0: a new id then begins a new call."""
        call = self._newest.get(piece.position)
        if call is None or (piece.id and call.id and piece.id != call.id):
            call = self._newest[piece.position] = _Call()
            self._calls.append(call)
        return call


class _Call:
    def __init__(self) -> None:
        self.id: str | None = None
        self._name = ""
        self._arguments: list[str] = []

    def add(self, piece: CallDelta) -> None:
        self.id = self.id or piece.id
        if piece.name != self._name:  # some servers repeat the whole name in every piece
            self._name += piece.name
        self._arguments.append(piece.arguments)

    def raw(self) -> dict[str, Any]:
        return {"id": self.id, "function": {"name": self._name, "arguments": "".join(self._arguments)}}

    def whole(self, model: str) -> ToolCall:
        if not self._name.strip():
            raise InvalidReply("a tool call names no tool", model=model)
        fields: dict[str, Any] = {"name": self._name.strip(), "arguments": "".join(self._arguments)}
        return ToolCall(id=self.id or ToolCall.generate_id(), function=ToolCallFunction.model_validate(fields))


def total(counts: Iterable[TokenCount]) -> TokenCount:
    """The newest count that says anything of each kind: streams repeat and refine them."""
    found = TokenCount()
    for count in counts:
        told = {name: value for name, value in asdict(count).items() if value is not None}
        found = replace(found, **told)
    return found

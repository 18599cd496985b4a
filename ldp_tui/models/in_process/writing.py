"""Tokens of a reply → deltas: text, reasoning and tool calls, each as soon as it is certain."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final

from ldp_tui.core.tool_calls import ToolCall
from ldp_tui.models.backend import CallDelta, Delta, TokenLogprob
from ldp_tui.models.in_process.generation import Finished, Picked
from ldp_tui.models.in_process.parts import Part, Parts

UNFINISHED: Final = "\ufffd"
"""What stands at the end of a text whose last character is not whole yet."""
Decode = Callable[[Sequence[int]], str]


class Detokenizer:
    """The text of tokens, a piece for each. Tokens are decoded with those before them, on which spaces may depend."""

    def __init__(self, decode: Decode) -> None:
        self._decode = decode
        self._ids: list[int] = []
        self._from = self._told = 0

    def add(self, token: int) -> str:
        """The text that is certain with one more token; empty within a character of several tokens."""
        self._ids.append(token)
        whole = self._decode(self._ids[self._from :])
        return "" if whole.endswith(UNFINISHED) else self._tell(whole)

    def end(self) -> str:
        """The rest, whole characters or not."""
        return self._tell(self._decode(self._ids[self._from :]))

    def _tell(self, whole: str) -> str:
        before = self._decode(self._ids[self._from : self._told])
        self._from, self._told = self._told, len(self._ids)
        return whole[len(before) :]


class StopTexts:
    """Cuts a text at the first of several stop texts, which is left out."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = [stop for stop in stops if stop]
        self._held = ""
        self.stopped = False

    def feed(self, text: str, *, last: bool = False) -> str:
        """What may be told: all but what may be the beginning of a stop text. Nothing once stopped."""
        if self.stopped or not self._stops:
            return "" if self.stopped else text
        self._held += text
        found = [at for stop in self._stops if (at := self._held.find(stop)) >= 0]
        if found:
            told, self._held, self.stopped = self._held[: min(found)], "", True
            return told
        keep = 0 if last else max(_overlap(self._held, stop) for stop in self._stops)
        told, self._held = self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
        return told


class ReplyWriter:
    """Turns the tokens of reply number `choice` into deltas."""

    def __init__(
        self,
        choice: int,
        decode: Decode,
        parts: Parts,
        *,
        ends: Collection[int],
        stops: Sequence[str] = (),
        keeps_tokens: bool = False,
    ) -> None:
        """Writer of one reply.

        Args:
            choice: Its number.
            decode: Token ids to text, special tokens included.
            parts: Takes the text apart.
            ends: Tokens that end a reply and have no text of their own.
            stops: Texts that end it.
            keeps_tokens: Tell each token with its id and log-probability.
        """
        self._choice, self._decode, self._parts, self._ends = choice, decode, parts, ends
        self._text, self._stops, self._keeps_tokens = Detokenizer(decode), StopTexts(stops), keeps_tokens
        self._calls = 0
        self.finished = False
        """Set at the end, also where a stop text makes it before the model's own."""

    def write(self, piece: Picked | Finished) -> list[Delta]:
        """What can be told after one more token, or at the end."""
        if self.finished:
            return []
        if isinstance(piece, Finished):
            told = self._stops.feed(self._text.end(), last=True)
            return self._deltas([*self._parts.feed(told), *self._parts.end()], reason=piece.reason)
        logprobs = (self._logprob(piece),) if self._keeps_tokens else ()
        if piece.id in self._ends:
            return [Delta(choice=self._choice, logprobs=logprobs)] if logprobs else []
        parts = self._parts.feed(self._stops.feed(self._text.add(piece.id)))
        if self._stops.stopped:
            return self._deltas([*parts, *self._parts.end()], logprobs, reason="stop")
        return self._deltas(parts, logprobs)

    def _deltas(
        self, parts: Sequence[Part], logprobs: tuple[TokenLogprob, ...] = (), reason: str | None = None
    ) -> list[Delta]:
        deltas = [self._delta(part) for part in parts]
        if logprobs:
            deltas.append(Delta(choice=self._choice, logprobs=logprobs))
        if reason is not None:
            self.finished = True
            reason = "tool_calls" if self._calls and reason == "stop" else reason
            deltas.append(Delta(choice=self._choice, finish_reason=reason))
        return deltas

    def _delta(self, part: Part) -> Delta:
        if part.kind != "call":
            text, reasoning = (part.text, "") if part.kind == "text" else ("", part.text)
            return Delta(choice=self._choice, text=text, reasoning=reasoning)
        call = CallDelta(self._calls, ToolCall.generate_id(), part.name, part.arguments)
        self._calls += 1
        return Delta(choice=self._choice, calls=(call,))

    def _logprob(self, piece: Picked) -> TokenLogprob:
        top = tuple((self._decode([token]), logprob) for token, logprob in piece.top)
        return TokenLogprob(self._decode([piece.id]), piece.logprob, top, piece.id)


def _overlap(text: str, mark: str) -> int:
    """How many characters at the end of `text` are the beginning of `mark`, and not all of it."""
    return next((n for n in range(min(len(mark) - 1, len(text)), 0, -1) if text.endswith(mark[:n])), 0)

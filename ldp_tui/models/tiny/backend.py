"""The tiny model as a back end of the client: replies in pieces, and exact probabilities of given replies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from ldp_tui.core.tool_calls import ToolCall
from ldp_tui.models.backend import CallDelta, Delta, Request, TokenCount, TokenLogprob
from ldp_tui.models.errors import ContextWindowExceeded, ModelUnavailable, RequestRejected
from ldp_tui.models.tiny.batching import Finished, Generation
from ldp_tui.models.tiny.chat import ChatTokenizer
from ldp_tui.models.tiny.model import BUNDLED, TinyModel, load_model
from ldp_tui.models.tiny.sampling import Picked, Sampler

MOST_TOKENS: Final = 128
"""Length of a reply where the request sets none."""

_SAMPLING: Final = frozenset({"temperature", "top_p", "seed", "n", "max_tokens", "max_completion_tokens"})
_TAKEN: Final = _SAMPLING | {"logprobs", "top_logprobs", "response_format", "parallel_tool_calls"}
_Piece = tuple[int, Picked | Finished]


class TinyBackend:
    """Answers requests with the model in `folder`. Greedy unless the request sets a temperature."""

    def __init__(self, folder: Path = BUNDLED) -> None:
        self._folder = folder.resolve()

    async def reply(self, request: Request) -> AsyncGenerator[Delta, None]:
        """Pieces of the reply, a token each if it is streamed; closing the generator stops the computing."""
        model, settings = load_model(self._folder), request.settings
        _check(request)
        prompt = model.chat.encode(model.chat.render(request.messages, request.tools))
        most = min(_most(settings), model.network.shape.context - len(prompt))
        if most < 1:
            raise ContextWindowExceeded(
                f"{len(prompt)} tokens are more than the {model.network.shape.context} that the model reads",
                model=request.spec.name,
            )
        inbox = _Inbox(wakes=request.stream)
        generations = [
            Generation(prompt, most, model.chat.end, _sampler(settings, choice), inbox.teller(choice))
            for choice in range(settings.get("n") or 1)
        ]
        writers = [_Writer(model.chat, choice, settings) for choice in range(len(generations))]
        try:
            for generation in generations:
                model.batcher.start(generation)
            unfinished = len(generations)
            while unfinished:
                choice, piece = await inbox.next()
                if isinstance(piece, Finished):
                    if piece.error is not None:
                        raise ModelUnavailable(f"the model failed: {piece.error!r}", model=request.spec.name)
                    unfinished -= 1
                for delta in writers[choice].write(piece):
                    yield delta
            written = sum(len(generation.reply) for generation in generations)
            yield Delta(usage=TokenCount(len(prompt), written, cost_usd=0.0), model=request.spec.name)
        finally:
            for generation in generations:
                generation.cancelled = True

    async def score(self, request: Request, choices: Sequence[Mapping[str, Any]]) -> list[float]:
        """Natural log-probability of each choice, an assistant's message, as the whole reply."""
        model = load_model(self._folder)
        before = model.chat.render(request.messages, request.tools)
        whole = [model.chat.render([*request.messages, choice], request.tools, ask=False) for choice in choices]
        prompt = model.chat.encode(before)
        replies = [model.chat.encode(text.removeprefix(before)) for text in whole]
        longest = len(prompt) + max(len(reply) for reply in replies)
        if longest > model.network.shape.context:
            raise ContextWindowExceeded(
                f"{longest} tokens are more than the {model.network.shape.context} that the model reads",
                model=request.spec.name,
            )
        try:
            return await _in_model_thread(model, prompt, replies)
        except Exception as error:
            raise ModelUnavailable(f"the model failed: {error!r}", model=request.spec.name) from error


@cache
def tiny_backend(name: str) -> TinyBackend:
    """The back end of the model `tiny`, or of `tiny/FOLDER`, a model of one's own."""
    _, _, folder = name.partition("/")
    return TinyBackend(Path(folder) if folder else BUNDLED)


async def _in_model_thread(model: TinyModel, prompt: list[int], replies: list[list[int]]) -> list[float]:
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[float]] = loop.create_future()

    def set_answer(scores: list[float] | None, error: Exception | None) -> None:
        if answer.done():  # cancelled meanwhile
            return
        if error is not None:
            answer.set_exception(error)
        elif scores is not None:
            answer.set_result(scores)

    def job() -> None:
        scores, failure = None, None
        try:
            scores = model.batcher.score(prompt, replies)
        except Exception as error:  # noqa: BLE001 (raised again where it was asked for)
            failure = error
        _soon(loop, set_answer, scores, failure)

    model.batcher.submit(job)
    return await answer


class _Inbox:
    """Carries tokens from the model's thread to an event loop; one that does not wake waits for the end of a reply."""

    def __init__(self, *, wakes: bool) -> None:
        self._loop = asyncio.get_running_loop()
        self._wakes = wakes
        self._held: list[_Piece] = []
        self._pieces: asyncio.Queue[_Piece] = asyncio.Queue()

    def teller(self, choice: int) -> Any:
        """What the model's thread calls with each piece of reply number `choice`."""

        def tell(piece: Picked | Finished) -> None:
            self._held.append((choice, piece))
            if self._wakes or isinstance(piece, Finished):
                held, self._held = self._held, []
                _soon(self._loop, self._deliver, held)

        return tell

    async def next(self) -> _Piece:
        """The next piece."""
        return await self._pieces.get()

    def _deliver(self, held: list[_Piece]) -> None:
        for piece in held:
            self._pieces.put_nowait(piece)


class _Writer:
    """Turns the tokens of one reply into text and tool calls, both as far as they are certain."""

    def __init__(self, chat: ChatTokenizer, choice: int, settings: Mapping[str, Any]) -> None:
        self._chat, self._choice = chat, choice
        self._tells_logprobs = bool(settings.get("logprobs") or settings.get("top_logprobs"))
        self._pending: list[int] = []
        """Tokens that are not told yet: bytes of an unfinished character, or of an open call."""
        self._in_call = False
        self._calls = 0

    def write(self, piece: Picked | Finished) -> list[Delta]:
        """What can be told after one more token, or at the end."""
        if isinstance(piece, Finished):
            rest = self._chat.decode(self._pending)
            reason = "tool_calls" if self._calls and piece.reason == "stop" else piece.reason
            return [Delta(choice=self._choice, text=rest, finish_reason=reason)]
        logprobs = (self._logprob(piece),) if self._tells_logprobs else ()
        if piece.id == self._chat.end:
            return [Delta(choice=self._choice, logprobs=logprobs)] if logprobs else []
        if piece.id == self._chat.call and not self._in_call:
            self._in_call = True
        self._pending.append(piece.id)
        text = self._chat.decode(self._pending)
        if self._in_call:
            if piece.id != self._chat.call_end:
                return [Delta(choice=self._choice, logprobs=logprobs)] if logprobs else []
            self._in_call = False
            self._pending.clear()
            return [self._call(self._chat.decode_call(text), text, logprobs)]
        if text.endswith("\ufffd"):  # the rest of the character's bytes comes with the next token
            text = ""
        else:
            self._pending.clear()
        return [Delta(choice=self._choice, text=text, logprobs=logprobs)]

    def _call(self, call: tuple[str, str] | None, text: str, logprobs: tuple[TokenLogprob, ...]) -> Delta:
        if call is None:
            return Delta(choice=self._choice, text=text, logprobs=logprobs)
        name, arguments = call
        piece = CallDelta(self._calls, ToolCall.generate_id(), name, arguments)
        self._calls += 1
        return Delta(choice=self._choice, calls=(piece,), logprobs=logprobs)

    def _logprob(self, piece: Picked) -> TokenLogprob:
        top = tuple((self._chat.decode([id_]), logprob) for id_, logprob in piece.top)
        return TokenLogprob(self._chat.decode([piece.id]), piece.logprob, top)


def _check(request: Request) -> None:
    for name in request.settings:
        if name not in _TAKEN:
            taken = ", ".join(sorted(_TAKEN))
            raise RequestRejected(f"takes no {name}; it takes {taken}", model=request.spec.name)


def _most(settings: Mapping[str, Any]) -> int:
    return int(settings.get("max_completion_tokens") or settings.get("max_tokens") or MOST_TOKENS)


def _sampler(settings: Mapping[str, Any], choice: int) -> Sampler:
    seed = settings.get("seed")
    return Sampler(
        temperature=float(settings.get("temperature") or 0.0),
        top_p=float(settings.get("top_p") or 1.0),
        seed=None if seed is None else int(seed) + choice,
        alternatives=int(settings.get("top_logprobs") or 0),
    )


def _soon(loop: asyncio.AbstractEventLoop, function: Any, *arguments: Any) -> None:
    """Call `function` in the loop; one that is closed has nobody left to hear of it."""
    try:
        loop.call_soon_threadsafe(function, *arguments)
    except RuntimeError:
        return

"""Answers the client's requests with a model that runs in this process."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar

from ldp_tui.models.backend import Delta, Request, TokenCount
from ldp_tui.models.errors import ContextWindowExceeded, ModelError, ModelUnavailable, RequestRejected
from ldp_tui.models.in_process.generation import Finished, Generation
from ldp_tui.models.in_process.inbox import Inbox
from ldp_tui.models.in_process.parts import Parts
from ldp_tui.models.in_process.writing import ReplyWriter

MOST_TOKENS: Final = 128
"""Length of a reply where neither the request nor the model sets one."""
S = TypeVar("S")
ChatMessages = Sequence[Mapping[str, Any]]


class Chat(Protocol):
    """Conversations in OpenAI's shape as a model's tokens, and back."""

    @property
    def ends(self) -> Collection[int]:
        """Tokens that end a reply."""

    @property
    def stops(self) -> Sequence[str]:
        """Texts that end a reply besides those of a request."""

    def render(self, messages: ChatMessages, tools: ChatMessages | None = None, *, ask: bool = True) -> str:
        """The conversation as the model's text; `ask` opens a reply at its end."""

    def render_reply(
        self, messages: ChatMessages, tools: ChatMessages | None, reply: Mapping[str, Any]
    ) -> tuple[str, str]:
        """The text before a reply, and the reply's own text up to its end mark."""

    def encode(self, text: str) -> list[int]:
        """Token ids of a text, special tokens included."""

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token ids, special tokens included."""

    def parts(self, prompt: str, tools: ChatMessages | None) -> Parts:
        """What takes a reply to `prompt` apart."""


class RunningModel(Protocol[S]):
    """A model that is loaded."""

    @property
    def chat(self) -> Chat:
        """Its tokenizer and template."""

    @property
    def context(self) -> int:
        """Most tokens of prompt and reply together."""

    @property
    def settings(self) -> Collection[str]:
        """What may be set of a request."""

    @property
    def most_tokens(self) -> int:
        """Length of a reply where a request sets none."""

    def sampler(self, settings: Mapping[str, Any], choice: int) -> S:
        """How the tokens of reply number `choice` are picked."""

    def start(self, generation: Generation[S]) -> None:
        """Begin a reply."""

    async def score(self, prompt: Sequence[int], replies: Sequence[Sequence[int]]) -> list[float]:
        """Natural log-probability of each reply as what follows the prompt."""


async def answer(model: RunningModel[S], request: Request) -> AsyncGenerator[Delta, None]:
    """Pieces of the reply, a token each if it is streamed; closing the generator stops the computing.

    Raises:
        ContextWindowExceeded: If the prompt is too long.
        RequestRejected: For a setting that the model does not have.
        ModelUnavailable: If it fails.
    """
    _check(request, model.settings)
    settings, chat, tools = request.settings, model.chat, _tools(request)
    text = chat.render(request.messages, tools)
    prompt = chat.encode(text)
    most = min(_most(settings, model.most_tokens), model.context - len(prompt))
    if most < 1:
        raise _too_long(len(prompt), model.context, request)
    stops = [*chat.stops, *_texts(settings.get("stop"))]
    keeps_tokens = bool(settings.get("logprobs") or settings.get("top_logprobs"))
    inbox = Inbox(wakes=request.stream or bool(stops))
    generations = [
        Generation(prompt, most, chat.ends, model.sampler(settings, choice), inbox.teller(choice))
        for choice in range(settings.get("n") or 1)
    ]
    writers = [
        ReplyWriter(
            choice, chat.decode, chat.parts(text, tools), ends=chat.ends, stops=stops, keeps_tokens=keeps_tokens
        )
        for choice in range(len(generations))
    ]
    try:
        if keeps_tokens:
            yield Delta(prompt_ids=tuple(prompt))
        for generation in generations:
            model.start(generation)
        while not all(writer.finished for writer in writers):
            choice, piece = await inbox.next()
            if isinstance(piece, Finished) and piece.error is not None:
                raise failure(piece.error, request)
            for delta in writers[choice].write(piece):
                yield delta
            generations[choice].cancelled = writers[choice].finished
        written, known = (sum(counts) for counts in zip(*map(_counts, generations), strict=True))
        usage = TokenCount(len(prompt), written, cache_read=known // len(generations), cost_usd=0.0)
        yield Delta(usage=usage, model=request.spec.name)
    finally:
        for generation in generations:
            generation.cancelled = True


async def score(model: RunningModel[S], request: Request, choices: Sequence[Mapping[str, Any]]) -> list[float]:
    """Natural log-probability of each choice, an assistant's message, as the whole reply.

    Raises:
        ContextWindowExceeded: If the longest does not fit.
        ModelUnavailable: If the model fails.
    """
    tools = _tools(request)
    rendered = [model.chat.render_reply(request.messages, tools, choice) for choice in choices]
    prompt = model.chat.encode(rendered[0][0])
    replies = [model.chat.encode(reply) for _, reply in rendered]
    longest = len(prompt) + max(len(reply) for reply in replies)
    if longest > model.context:
        raise _too_long(longest, model.context, request)
    try:
        return await model.score(prompt, replies)
    except Exception as error:
        raise failure(error, request) from error


def failure(error: Exception, request: Request) -> ModelError:
    """What a model's thread raised, as what the client knows."""
    if isinstance(error, ModelError):
        return error
    return ModelUnavailable(f"the model failed: {error!r}", model=request.spec.name)


def _too_long(tokens: int, context: int, request: Request) -> ContextWindowExceeded:
    return ContextWindowExceeded(
        f"{tokens} tokens are more than the {context} that the model reads", model=request.spec.name
    )


def _tools(request: Request) -> list[dict[str, Any]] | None:
    return None if request.tool_choice == "none" else request.tools


def _check(request: Request, taken: Collection[str]) -> None:
    for name in request.settings:
        if name not in taken:
            raise RequestRejected(f"takes no {name}; it takes {', '.join(sorted(taken))}", model=request.spec.name)


def _most(settings: Mapping[str, Any], default: int) -> int:
    return int(settings.get("max_completion_tokens") or settings.get("max_tokens") or default)


def _texts(stop: Any) -> list[str]:
    return [stop] if isinstance(stop, str) else list(stop or ())


def _counts(generation: Generation[Any]) -> tuple[int, int]:
    return len(generation.reply), generation.known

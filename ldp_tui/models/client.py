"""The client: messages and tools in, results out, through a chain of models with retries, limits and budgets."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from inspect import isawaitable
from typing import Any, ClassVar, Final

from pydantic import ConfigDict, Field, model_validator

from ldp_tui.core.agent import tell_generation
from ldp_tui.core.messages import MalformedMessageError, Message
from ldp_tui.core.settings import Settings, refuse_unknown
from ldp_tui.core.tool_calls import ToolRequestMessage
from ldp_tui.core.tools import Tool
from ldp_tui.models.assembly import Assembly
from ldp_tui.models.backend import Backend, Request, Scorer
from ldp_tui.models.budget import charge_budgets, check_budgets
from ldp_tui.models.config import REQUEST_SETTINGS, LLMConfig, ModelSpec
from ldp_tui.models.errors import EmptyReply, ModelError, RequestRejected, ResponseValidationError
from ldp_tui.models.exchanges import overheard
from ldp_tui.models.generations import cost_of, generation_of
from ldp_tui.models.output import OutputType, ask_for_output, check_output, parse_with
from ldp_tui.models.providers import speaks_openai
from ldp_tui.models.receiving import Callback, Reply, Telling, receive
from ldp_tui.models.results import LLMResult
from ldp_tui.models.retrying import ask_in_turn
from ldp_tui.models.wire import dump_messages, dump_tool_choice, dump_tools

DEFAULT_MODEL: Final = "gpt-4o-2024-11-20"
TINY: Final = "tiny"
"""Name of the bundled model; `tiny/FOLDER` is another one that runs without PyTorch."""
_CHARACTERS_PER_TOKEN: Final = 4


class LLMModel(Settings):
    """A language model: `await LLMModel(llm_config="gpt-4o").call_single("Hello")`.

    A model with an `api_base` of its own is spoken to directly in OpenAI's protocol, all others through litellm.
    """

    model_config = ConfigDict(frozen=True)

    NO_TOOL_CHOICE: ClassVar[str] = "none"
    MODEL_CHOOSES_TOOL: ClassVar[str] = "auto"
    TOOL_CHOICE_REQUIRED: ClassVar[str] = "required"
    UNSPECIFIED_TOOL_CHOICE: ClassVar[None] = None

    name: str = DEFAULT_MODEL
    llm_config: LLMConfig
    llm_result_callback: Callable[[LLMResult], Any] | None = Field(
        default=None, exclude=True, repr=False, description="Gets every result; may be a coroutine function."
    )

    @model_validator(mode="before")
    @classmethod
    def _name_and_config(cls, given: Any) -> Any:
        """`name` alone makes a configuration; `config` is the older name of `llm_config`."""
        if not isinstance(given, Mapping):
            return given
        fields = dict(given)
        if "config" in fields and "llm_config" not in fields:
            older = fields.pop("config")
            bare = isinstance(older, Mapping) and not ({"name", "models", "model_list"} & set(older))
            fields["llm_config"] = {"name": fields.get("name", DEFAULT_MODEL), **older} if bare else older
        config = LLMConfig.model_validate(fields.get("llm_config", {"name": fields.get("name", DEFAULT_MODEL)}))
        return {**fields, "llm_config": config, "name": fields.get("name", config.models[0].name)}

    async def call(
        self,
        messages: Sequence[Message],
        callbacks: Sequence[Callback] | None = None,
        name: str | None = None,
        output_type: OutputType | None = None,
        tools: Sequence[Tool] | None = None,
        tool_choice: Tool | str | None = TOOL_CHOICE_REQUIRED,
        **settings: Any,
    ) -> list[LLMResult]:
        """Ask for one completion, or for `n`.

        Args:
            messages: The conversation.
            callbacks: The reply is streamed, with or without tools, and each gets its text piece by piece.
            name: A label for the results.
            output_type: The reply must be JSON that fits this model, type adapter or JSON Schema.
            tools: What the model may call.
            tool_choice: `required`, `auto`, `none`, or the one tool to call; ignored without tools.
            **settings: Of this request alone, such as temperature; see `REQUEST_SETTINGS`.

        Raises:
            ModelError: When no model of the chain gave a usable reply.
        """
        refuse_unknown(settings, REQUEST_SETTINGS, of="a request")
        n = settings.get("n", 1)
        if not isinstance(n, int) or n < 1:
            raise ValueError("n, the number of completions, must be at least 1.")
        if output_type is not None:
            messages, settings = ask_for_output(messages, settings, output_type)
        telling = Telling(callbacks, name) if callbacks is not None else None

        async def attempt(spec: ModelSpec) -> list[LLMResult]:
            results = await self.acompletion(
                messages, spec=spec, tools=tools, tool_choice=tool_choice, name=name, telling=telling, **settings
            )
            if output_type is not None:
                check_output(results, output_type)
            return results

        results = await ask_in_turn(self.llm_config.models, attempt)
        if self.llm_result_callback is not None:
            for result in results:
                if isawaitable(done := self.llm_result_callback(result)):
                    await done
        return results

    async def call_single(
        self,
        messages: Sequence[Message] | str,
        callbacks: Sequence[Callback] | None = None,
        name: str | None = None,
        output_type: OutputType | None = None,
        tools: Sequence[Tool] | None = None,
        tool_choice: Tool | str | None = TOOL_CHOICE_REQUIRED,
        **settings: Any,
    ) -> LLMResult:
        """Ask for one completion; a text is one message of the user. See `call`."""
        conversation = [Message(content=messages)] if isinstance(messages, str) else messages
        one = {**settings, "n": 1}
        return (await self.call(conversation, callbacks, name, output_type, tools, tool_choice, **one))[0]

    async def select_tool(
        self, messages: Sequence[Message], tools: Sequence[Tool], tool_choice: Tool | str | None = TOOL_CHOICE_REQUIRED
    ) -> ToolRequestMessage:
        """The model's choice of tools.

        Raises:
            MalformedMessageError: If it calls none although it has to.
        """
        result = await self.call_single(messages, tools=tools, tool_choice=tool_choice)
        message = (result.messages or [Message()])[0]
        if isinstance(message, ToolRequestMessage) and message.tool_calls:
            return message
        if tool_choice == self.TOOL_CHOICE_REQUIRED or isinstance(tool_choice, Tool):
            raise MalformedMessageError(f"{result.model} called no tool although it had to; it said: {message.text!r}")
        return ToolRequestMessage(content=message.content)

    @property
    def scores(self) -> bool:
        """Whether `score` can be asked: the first model of the chain runs here, or its back end knows how."""
        return isinstance(self._backend(self.llm_config.models[0]), Scorer)

    async def score(
        self, messages: Sequence[Message], choices: Sequence[Message], tools: Sequence[Tool] | None = None
    ) -> list[float]:
        """Natural log-probability of each choice as the whole reply of the first model of the chain.

        Raises:
            RequestRejected: If the model's back end cannot tell.
            ModelError: Of the kind that says what went wrong.
        """
        spec = self.llm_config.models[0]
        backend = self._backend(spec)
        if not isinstance(backend, Scorer):
            raise RequestRejected(
                "tells no probabilities of given replies; only models that run here do", model=spec.name
            )
        request = Request(spec=spec, messages=dump_messages(messages), tools=dump_tools(tools) if tools else None)
        return await backend.score(request, dump_messages(choices))

    async def acompletion(
        self,
        messages: Sequence[Message],
        *,
        spec: ModelSpec | None = None,
        tools: Sequence[Tool] | None = None,
        tool_choice: Tool | str | None = None,
        name: str | None = None,
        telling: Telling | None = None,
        **settings: Any,
    ) -> list[LLMResult]:
        """One attempt at one model (the first of the chain unless `spec` names it), without retries.

        Raises:
            ModelError: Of the kind that says what went wrong.
        """
        spec = spec or self.llm_config.models[0]
        request = Request(
            spec=spec,
            messages=dump_messages(messages),
            tools=dump_tools(tools) if tools else None,
            tool_choice=dump_tool_choice(tool_choice) if tools else None,
            settings=_settings(spec, settings, with_tools=bool(tools)),
            stream=telling is not None,
        )
        check_budgets(self.llm_config.budget)
        reply, failed = Reply(), None
        try:
            await self._send(request, reply, telling)
            cost = cost_of(spec, reply.usage)
            empty_tools, shown = tools is not None and not tools, spec.shown_settings(settings)
            results = [
                self._result(assembly, reply, request, as_request=empty_tools).model_copy(
                    update={"prompt": list(messages), "name": name, "config": shown, "cost": cost / len(reply.choices)}
                )
                for assembly in reply.choices
            ]
            await self._validate(results)
        except ModelError as error:
            failed = error
            raise
        finally:
            charge_budgets(cost_of(spec, reply.usage))
            tell_generation(partial(generation_of, request, reply, spec.shown_settings(settings), failed))
        return results

    async def _send(self, request: Request, reply: Reply, telling: Telling | None) -> None:
        """Fill `reply`, when it is the request's turn."""
        throttle = request.spec.throttle
        if throttle is None:
            await receive(overheard(self._backend(request.spec)), request, telling, reply)
            return
        async with throttle.turn(len(json.dumps(request.messages)) / _CHARACTERS_PER_TOKEN):
            await receive(overheard(self._backend(request.spec)), request, telling, reply)
        throttle.spend(reply.usage.completion or 0)

    def _backend(self, spec: ModelSpec) -> Backend:
        return self.llm_config.answered_by() or backend_of(spec)

    def _result(self, assembly: Assembly, reply: Reply, request: Request, *, as_request: bool) -> LLMResult:
        name = request.spec.name
        assembly.check_refusal(name)
        if assembly.empty and "stop" not in request.settings:
            raise EmptyReply(f"the reply is empty (finish reason {assembly.finish_reason})", model=name)
        choice = assembly.choice(model=name, as_request=as_request)
        parser, usage = self.llm_config.tool_parser, reply.usage
        message = choice.message if parser is None else parse_with(parser, choice, request.tools, name)
        return LLMResult(
            text=assembly.text or None,
            messages=[message],
            model=reply.model or name,
            prompt_count=usage.prompt,
            completion_count=usage.completion,
            cache_read_tokens=usage.cache_read,
            cache_creation_tokens=usage.cache_creation,
            seconds_to_first_token=reply.first_seconds if request.stream else 0.0,
            seconds_to_last_token=reply.seconds,
            logprob=assembly.logprob(),
            top_logprobs=assembly.top_logprobs(),
            prompt_ids=list(reply.prompt_ids) or None,
            token_ids=assembly.token_ids(),
            token_logprobs=[token.logprob for token in assembly.logprobs] or None,
            reasoning_content=choice.reasoning_content,
            finish_reason=choice.finish_reason,
        )

    async def _validate(self, results: list[LLMResult]) -> None:
        validator = self.llm_config.response_validator
        if validator is None:
            return
        for result in results:
            try:
                if isawaitable(done := validator(result)):
                    await done
            except Exception as error:
                raise ResponseValidationError(f"the reply was refused: {error}", model=result.model) from error


LiteLLMModel = LLMModel
"""The name that LDP's users know it by."""


def backend_of(spec: ModelSpec) -> Backend:
    """Who answers for a model: the tiny one, one of transformers, a server at its own URL, or whoever litellm knows."""
    if spec.name.partition("/")[0] == TINY and spec.api_base is None:
        from ldp_tui.models.tiny.backend import tiny_backend

        return tiny_backend(spec.name)
    if spec.is_local:
        from ldp_tui.models.local.backend import local_backend

        return local_backend(spec)
    if spec.api_base is not None and speaks_openai(spec.name):
        from ldp_tui.models.openai_http import OpenAIBackend

        return OpenAIBackend()
    from ldp_tui.models.litellm_thread import LiteLLMBackend

    return LiteLLMBackend()


def _settings(spec: ModelSpec, settings: Mapping[str, Any], *, with_tools: bool) -> dict[str, Any]:
    """What is sent besides messages and tools: the request's own settings over the model's."""
    given = {name: value for name, value in settings.items() if value is not None}
    merged = {**spec.request_settings(), **given}
    if not with_tools:  # servers refuse them without tools
        merged = {name: value for name, value in merged.items() if name not in ("parallel_tool_calls", "tool_choice")}
    return merged

"""The reflecting player: told goal, observations and actions, a model reflects and acts, turn by turn.

It is gym-llm's agent (`reflection` and `action` in each reply, `history`, `action_rate`, `start`) for any environment
and any model, with replies that are read by a ladder, corrected, and never crash.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any, ClassVar

from pydantic import PrivateAttr

from ldp_tui.agents.moves import seeded
from ldp_tui.agents.reflecting.briefing import briefing_of
from ldp_tui.agents.reflecting.choices import Choice, choices, pick, probabilities, reply_with
from ldp_tui.agents.reflecting.prompt import ACT_NOW, REFLECT_NOW, SUMMARIZE, reply_form
from ldp_tui.agents.reflecting.requests import ReflectState, corrected, prompt, raw_text, remembered
from ldp_tui.agents.reflecting.settings import ReflectSettings
from ldp_tui.agents.reflecting.telling import spoken, told
from ldp_tui.core.agent import AgentKind, annotate, propose
from ldp_tui.core.environment import Environment
from ldp_tui.core.errors import AgentError
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolCall, ToolRequestMessage
from ldp_tui.core.tools import Tool
from ldp_tui.graph import ConfigOp, FxnOp, OpResult, compute_graph
from ldp_tui.graph.agent import Agent
from ldp_tui.graph.naming import name_ops
from ldp_tui.models.client import LLMModel
from ldp_tui.models.config import LLMConfig
from ldp_tui.models.errors import (
    AllModelsExhaustedError,
    AuthenticationFailed,
    ContextWindowExceeded,
    CostCeilingReached,
    ModelError,
    ModelNotFound,
    RequestRejected,
)
from ldp_tui.models.ops import LLMCallOp
from ldp_tui.models.parsing import Fault, Reading, ReplyReader, Rung, Said

_LASTING = (AuthenticationFailed, CostCeilingReached, ModelNotFound, RequestRejected)
"""Failures of a model that the next turn will meet too: the episode fails, whatever `on_failure` says."""


@dataclass(frozen=True, slots=True)
class _Decision:
    """What came of a turn: the action as a node, and how it was found."""

    action: OpResult[Message]
    rung: Rung
    reflection: str = ""
    faults: tuple[Fault, ...] = ()
    replies: tuple[str, ...] = ()

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        message = self.action.value
        return tuple(message.tool_calls) if isinstance(message, ToolRequestMessage) else ()

    @property
    def facts(self) -> Mapping[str, Any]:
        """For the step's info: the rung, and what could not be read with the replies it was in."""
        found: dict[str, Any] = {"rung": self.rung}
        if self.replies:
            found["replies"] = list(self.replies)
        if self.faults:
            found["faults"] = [{"kind": fault.kind, "detail": fault.detail} for fault in self.faults]
        return found


class ReflectAgent(ReflectSettings, Agent[ReflectState]):
    """Asks a model for a reflection and an action, with as much of the past as it is set to show."""

    streams: ClassVar[bool] = True
    kind: ClassVar[AgentKind] = "llm"

    _env: Environment[Any] | None = PrivateAttr(default=None)
    _seed: int | None = PrivateAttr(default=None)
    _model: LLMModel = PrivateAttr()
    _config_op: ConfigOp[LLMConfig] = PrivateAttr()
    _llm_call_op: LLMCallOp = PrivateAttr()
    _act_op: FxnOp[Message] = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        """Make the ops, and name them by the attributes that lead to them."""
        self._model = LLMModel(llm_config=self.llm_config)
        self._config_op = ConfigOp(self.llm_config)
        self._llm_call_op = LLMCallOp(default_tool_choice=LLMModel.MODEL_CHOOSES_TOOL)
        self._act_op = FxnOp(_acted)
        name_ops(self)

    def prepare(self, *, env: Environment[Any], seed: int | None) -> None:
        """Take the environment, which describes itself and lists its legal actions."""
        self._env, self._seed = env, seed

    async def init_state(self, tools: list[Tool]) -> ReflectState:
        """Start the episode that was prepared."""
        briefing = briefing_of(self._env, tools)
        reader = ReplyReader(tools, aliases=briefing.aliases)
        return ReflectState(tuple(tools), self._env, briefing, reader, Random(seeded("reflect", self._seed)))

    @compute_graph()
    async def get_asv(
        self, agent_state: ReflectState, obs: list[Message]
    ) -> tuple[OpResult[Message], ReflectState, float]:
        """The action, the memory with this turn, and 0.

        Raises:
            AgentError: If no action could be read and `on_failure` is `fail`, or the model cannot be asked at all.
        """
        state = agent_state
        pictures = self.pictures > 0
        news = told(obs, state.briefing, state.env, turn=state.turn, show=self.show, form=self.form, pictures=pictures)
        if state.last and state.turn % self.action_rate:
            decision = _Decision(await self.wrap_action(_request(state.last)), "repeat")
        else:
            state = await self._with_note(state)
            decision = await self._decide(state, news)
        annotate(decision.facts)
        reply = remembered(self, state, decision.calls, decision.reflection)
        memory = state.memory.with_turn(news, reply).trimmed(self.history)
        return decision.action, replace(state, memory=memory, last=decision.calls, turn=state.turn + 1), 0.0

    def witness(self, agent_state: ReflectState, obs: list[Message], action: Message) -> ReflectState:
        """The memory with an action of somebody else's in the place of the reply."""
        state, pictures = agent_state, self.pictures > 0
        calls = tuple(action.tool_calls) if isinstance(action, ToolRequestMessage) else ()
        news = told(obs, state.briefing, state.env, turn=state.turn, show=self.show, form=self.form, pictures=pictures)
        memory = state.memory.with_turn(news, remembered(self, state, calls, "")).trimmed(self.history)
        return replace(state, memory=memory, last=calls, turn=state.turn + 1)

    async def _decide(self, state: ReflectState, news: Sequence[Message]) -> _Decision:
        """Ask, and ask again for what cannot be read."""
        if self.choose == "score":
            return await self._scored(state, prompt(self, state, news))
        faults, replies, further = list[Fault](), list[str](), list[Message]()
        history = self.history
        while len(replies) <= self.retries:
            asked = [*prompt(self, state, news, history=history), *further]
            try:
                reply, reading = await self._ask(state, asked)
            except ModelError as error:
                if history and _any_of(error, ContextWindowExceeded):
                    history //= 2
                    continue
                if self.on_failure == "fail" or _any_of(error, *_LASTING):
                    raise _failed(error) from error
                faults.append(Fault(type(error).__name__, str(error)))
                break
            replies.append(raw_text(reply.value))
            faults += reading.faults
            if reading.rung is not None:
                await self._weigh(state, asked, reading)
                action = await self._act_op(reply, reading.calls)
                return _Decision(action, reading.rung, reading.reflection, tuple(faults), tuple(replies))
            further += corrected(self, reply.value, reading.faults)
        found = await self._without_words(state, prompt(self, state, news), faults, replies)
        return replace(found, faults=tuple(faults), replies=tuple(replies))

    async def _ask(self, state: ReflectState, messages: list[Message]) -> tuple[OpResult[Message], Reading]:
        """The model's reply, and what can be read in it."""
        config = await self._config_op()
        thought = ""
        if self.reflection == "apart":
            with spoken(prose=True):
                said = await self._llm_call_op(config, msgs=[*messages, Message(content=REFLECT_NOW)])
            thought = said.value.text.strip()
            act = Message(content=f"{ACT_NOW} {reply_form(self.form, reflects=False)}")
            messages = [*messages, Message(role="assistant", content=thought), act]
        with spoken(prose=self.form == "tool", silent=self.reflection == "apart"):
            reply = await self._llm_call_op(config, msgs=messages, tools=self._tools(state))
        result = self._llm_call_op.ctx.get(reply.call_id, "result", None)
        calls = tuple(reply.value.tool_calls) if isinstance(reply.value, ToolRequestMessage) else ()
        cut = result is not None and result.finish_reason == "length"
        reading = state.reader.read(Said(reply.value.text, calls, cut))
        return reply, replace(reading, reflection=thought) if thought else reading

    async def _scored(self, state: ReflectState, messages: Sequence[Message]) -> _Decision:
        """The most probable of the legal actions as a reply without reflection; drawn by its share if it is warm."""
        options = choices(state.env, state.tools)
        if not options:
            raise AgentError("choose=score needs actions that can be listed; here there are too many or none")
        shares = await self._shares(state, messages, options)
        propose(shares)
        chosen = pick(options, shares, temperature=self.temperature, rng=state.rng)
        return _Decision(await self.wrap_action(_request([chosen.call])), "scores")

    async def _weigh(self, state: ReflectState, messages: Sequence[Message], reading: Reading) -> None:
        """Tell how probable each legal action was after this reflection, where the model can say so."""
        if not self.weigh or self.reflection == "apart" or not self._model.scores:
            return
        if options := choices(state.env, state.tools):
            propose(await self._shares(state, messages, options, reading.reflection))

    async def _shares(
        self, state: ReflectState, messages: Sequence[Message], options: Sequence[Choice], reflection: str = ""
    ) -> dict[str, float]:
        replies = [reply_with(option.call, reflection, form=self.form, tools=state.tools) for option in options]
        try:
            logprobs = await self._model.score(messages, replies, self._tools(state))
        except ModelError as error:
            raise _failed(error) from error
        return probabilities(options, logprobs, temperature=self.temperature)

    async def _without_words(
        self, state: ReflectState, messages: Sequence[Message], faults: Sequence[Fault], replies: Sequence[str]
    ) -> _Decision:
        """An action although none could be read: by scores, else as `on_failure` says."""
        if replies and self._model.scores and choices(state.env, state.tools):
            return await self._scored(state, messages)
        if self.on_failure == "repeat" and state.last:
            return _Decision(await self.wrap_action(_request(state.last)), "repeat")
        calls = () if self.on_failure == "fail" else self._default(state)
        if not calls:
            kinds = ", ".join(dict.fromkeys(fault.kind for fault in faults))
            detail = faults[-1].detail if faults else ""
            raise AgentError(f"no action in {len(replies)} replies ({kinds}): {detail}")
        return _Decision(await self.wrap_action(_request(calls)), "default")

    def _default(self, state: ReflectState) -> Sequence[ToolCall]:
        """The default action: the one that is set, else what happens when nobody acts, else the first that is legal."""
        if self.default_action is not None:
            calls = state.reader.read_value(self.default_action)
            if not calls:
                raise AgentError(f"default_action={self.default_action!r} is no action of this environment")
            return calls
        idle = getattr(state.env, "noop", None)
        return [idle] if isinstance(idle, ToolCall) else [one.call for one in choices(state.env, state.tools)[:1]]

    async def _with_note(self, state: ReflectState) -> ReflectState:
        """The state with a new note of the model's own where one is due; if the model fails, with the old one."""
        if not self.summary_every or not state.turn or state.turn % self.summary_every:
            return state
        messages = [*prompt(self, state, ()), Message(content=SUMMARIZE)]
        try:
            with spoken(silent=True):
                note = await self._llm_call_op(await self._config_op(), msgs=messages)
        except ModelError as error:
            if _any_of(error, *_LASTING):
                raise _failed(error) from error
            return state
        return replace(state, memory=replace(state.memory, summary=note.value.text.strip()))

    def _tools(self, state: ReflectState) -> list[Tool] | None:
        return list(state.tools) if self.form == "tool" else None


def _acted(reply: Message, calls: Sequence[ToolCall]) -> Message:
    """The action that a reply was read as; a node of its own, so that credit reaches the model's call."""
    return _request(calls).model_copy(update={"info": reply.info})


def _request(calls: Sequence[ToolCall]) -> ToolRequestMessage:
    """The calls as a message, with new ids: an action that is played twice has two."""
    return ToolRequestMessage(tool_calls=[call.model_copy(update={"id": ToolCall.generate_id()}) for call in calls])


def _failed(error: ModelError) -> AgentError:
    return AgentError(f"{type(error).__name__}: {error}")


def _any_of(error: ModelError, *kinds: type[ModelError]) -> bool:
    errors = error.errors if isinstance(error, AllModelsExhaustedError) else [error]
    return any(isinstance(one, kinds) for one in errors)

"""Looking over an agent's shoulder: proposals are shown before they are played, and may be answered with others.

    rollout(env, agent, overseer=Approver(review, by="no-refunds"))

An overseer decides; this module carries out what it decides and tells it as events, so that all of it is recorded.
Without an overseer none of this runs.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

from ldp_tui.core.agent import Agent
from ldp_tui.core.exchanges import Exchange
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolRequestMessage, copy_message
from ldp_tui.engine.episode import PhaseFailed
from ldp_tui.engine.events import (
    ActionProposed,
    Event,
    Intervened,
    Intervention,
    InterventionKind,
    LegalActions,
    ReflectionDelta,
)
from ldp_tui.engine.overseen import Interrupted, OverseenEpisode

GIVE_UP_SECONDS: Final = 0.15
"""How long an interrupted agent may take to end; one that does not listen is left behind."""
NOTE: Final = "overseer"
"""Key of `Message.info` under which a note to the agent names who wrote it."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What an overseer is asked about. Where there is no `action`, `problem` says why, or the agent was not asked."""

    index: int
    action: Message | None
    observation: tuple[Message, ...]
    legal_actions: LegalActions = None
    probabilities: Mapping[str, float] | None = None
    reflection: str = ""
    problem: str = ""
    exchanges: tuple[Exchange, ...] = ()
    """What the agent asked of a model, and what came back."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """An overseer's answer; `text` is the reason, recorded with it.

    pass: nobody looked, go on · accept: play it; where there is no action, go on as without an overseer (a failed agent
    fails the episode, an interrupted one is asked again) · replace: play `action` · again: ask the agent once more ·
    turn: look at `Overseer.turn` again · abort: end the episode.
    """

    kind: Literal["pass", "accept", "replace", "again", "turn", "abort"]
    action: Message | None = None
    text: str = ""


PASS: Final = Verdict("pass")
ACCEPT: Final = Verdict("accept")
AGAIN: Final = Verdict("again")
TURN: Final = Verdict("turn")
ABORT: Final = Verdict("abort")


def replace_with(action: Message, reason: str = "") -> Verdict:
    """Play `action` in place of what was proposed, which makes a preference of the two."""
    return Verdict("replace", action, reason)


@dataclass(frozen=True, slots=True)
class Turn:
    """How the next decision is made. `interventions` are told and recorded; a `noted` one reaches the agent."""

    interventions: tuple[Intervention, ...] = ()
    agent: Agent[Any] | None = None
    """Plays from now on, with the state of the one before; None: no change."""
    asks_agent: bool = True
    """False: the overseer is asked for an action instead."""


class Overseer(Protocol):
    """Decides about an agent's decisions, in the event loop of the rollout."""

    by: str
    """Who it is, for the record."""
    author: Literal["human", "code"]

    def turn(self, index: int) -> Turn:
        """How the decision of step `index` is to be made; asked before each attempt."""

    async def interruption(self) -> None:
        """Returns when the agent, which is deciding now, is to be stopped. Cancelled when it has decided."""

    async def review(self, proposal: Proposal) -> Verdict:
        """What becomes of a proposal. The episode waits, with no limit."""


class Approver:
    """An overseer by a function: it sees each proposal and answers with a Verdict, at once or later."""

    author: Literal["human", "code"] = "code"

    def __init__(self, review: Callable[[Proposal], Verdict | Awaitable[Verdict]], *, by: str) -> None:
        self._review, self.by = review, by

    def turn(self, index: int) -> Turn:
        """The agent's."""
        return Turn()

    async def interruption(self) -> None:
        """Never."""
        await asyncio.Event().wait()

    async def review(self, proposal: Proposal) -> Verdict:
        """As the function says."""
        verdict = self._review(proposal)
        return await verdict if inspect.isawaitable(verdict) else verdict


async def overseen(episode: OverseenEpisode, overseer: Overseer, *, aloud: bool) -> AsyncGenerator[Event, None]:
    """One decision: afterwards the episode has its action, or its ending. Raises PhaseFailed."""
    decision = _Decision(episode, overseer, aloud=aloud)
    try:
        while not decision.made:
            async with aclosing(decision.attempt()) as events:
                async for event in events:
                    yield event
    finally:
        episode.interventions = tuple(decision.interventions)


class _Decision:
    """The decision of one step, attempt by attempt."""

    def __init__(self, episode: OverseenEpisode, overseer: Overseer, *, aloud: bool) -> None:
        self._episode, self._overseer, self._aloud = episode, overseer, aloud
        self._index = episode.steps
        episode.begin_decision()
        self._declined: Message | None = None
        self.interventions: list[Intervention] = []
        self.made = False

    async def attempt(self) -> AsyncGenerator[Event, None]:
        """Let the agent, or the overseer, choose once."""
        turn = self._overseer.turn(self._index)
        for intervention in turn.interventions:
            if intervention.kind == "noted":
                self._episode.tell(Message(content=intervention.text, info={NOTE: intervention.by}))
            yield self._told(intervention)
        if turn.agent is not None:
            self._episode.change_agent(turn.agent)
        action: Message | None = None
        problem, failure = "", None
        if turn.asks_agent:
            try:
                async with aclosing(self._ask()) as pieces:
                    async for text in pieces:
                        yield ReflectionDelta(self._index, text)
                action = self._episode.action
                yield ActionProposed(self._index, action, self._episode.probabilities)
            except PhaseFailed:
                failure = self._episode.recover()
                problem = f"{type(failure).__name__}: {failure}"
            except Interrupted:
                problem = "interrupted"
                yield self._told(self._intervention("interrupted", "".join(self._episode.reflection)))
        verdict = await self._overseer.review(self._proposal(action, problem))
        async with aclosing(self._carry_out(verdict, action, failure)) as events:
            async for event in events:
                yield event

    async def _ask(self) -> AsyncGenerator[str, None]:
        """Let the agent decide until the overseer stops it, and pass on what it says."""
        stopped = asyncio.ensure_future(self._overseer.interruption())
        try:
            pieces = self._episode.attempt(stopped, aloud=self._aloud, patience=GIVE_UP_SECONDS)
            async with aclosing(pieces):
                async for text in pieces:
                    yield text
        finally:
            stopped.cancel()
            await asyncio.wait({stopped}, timeout=GIVE_UP_SECONDS)

    def _proposal(self, action: Message | None, problem: str) -> Proposal:
        episode = self._episode
        return Proposal(
            index=self._index,
            action=None if action is None else copy_message(action),
            observation=episode.observation,
            legal_actions=episode.legal_actions,
            probabilities=episode.probabilities,
            reflection="".join(episode.reflection),
            problem=problem,
            exchanges=episode.exchanges,
        )

    async def _carry_out(
        self, verdict: Verdict, proposed: Message | None, failure: Exception | None
    ) -> AsyncGenerator[Event, None]:
        match verdict.kind:
            case "pass" | "accept" if failure is not None:
                raise self._episode.fail(failure) from failure
            case "pass" | "accept" if proposed is not None:
                self.made = True
                if verdict.kind == "accept":
                    yield self._told(self._intervention("accepted", verdict.text))
            case "replace" if verdict.action is not None:
                self.made = True
                for event in self._replace(verdict.action, proposed or self._declined, verdict.text, fresh=proposed):
                    yield event
            case "again":
                self._declined = proposed or self._declined
                yield self._told(self._intervention("asked again", verdict.text, proposed))
            case "abort":
                yield self._told(self._intervention("aborted", verdict.text, proposed))
                self._episode.ending = "aborted"
                raise PhaseFailed
            case _:
                self._declined = proposed or self._declined

    def _replace(self, action: Message, proposed: Message | None, reason: str, *, fresh: Message | None) -> list[Event]:
        """Play `action`, and tell how it stands to what was proposed; `fresh` if the agent may still play that."""
        if fresh is not None and _same(fresh, action):
            return [self._told(self._intervention("accepted", reason))]
        kind: InterventionKind = "played"
        if proposed is not None and not _same(proposed, action):
            kind = "edited" if _names(proposed) == _names(action) != () else "replaced"
        rejected = None if kind == "played" else proposed
        if kind == "played" and reason:
            self._episode.reflection = [reason]
        self._episode.overrule(action, proposed)
        told = self._told(self._intervention(kind, reason, rejected))
        return [told, ActionProposed(self._index, self._episode.action, self._episode.probabilities)]

    def _intervention(self, kind: InterventionKind, text: str = "", proposed: Message | None = None) -> Intervention:
        return Intervention(kind, self._overseer.by, self._overseer.author, text, proposed)

    def _told(self, intervention: Intervention) -> Intervened:
        self.interventions.append(intervention)
        return Intervened(self._index, intervention)


def _names(message: Message) -> tuple[str, ...]:
    calls = message.tool_calls if isinstance(message, ToolRequestMessage) else ()
    return tuple(call.function.name for call in calls)


def _same(one: Message, other: Message) -> bool:
    """Whether both do the same, whatever is said beside calls, and whatever their ids."""
    if not (isinstance(one, ToolRequestMessage) and isinstance(other, ToolRequestMessage)):
        return type(one) is type(other) and one.content == other.content
    return [call.function for call in one.tool_calls] == [call.function for call in other.tool_calls]

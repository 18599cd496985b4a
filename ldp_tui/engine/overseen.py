"""An episode whose agent is overseen: decisions may be stopped, repeated, or made by somebody else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from typing import Any

from ldp_tui.core.agent import Agent
from ldp_tui.core.errors import AgentError
from ldp_tui.core.exchanges import Exchange, keeping_exchanges
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolCall, ToolRequestMessage, copy_message
from ldp_tui.engine.episode import Episode, PhaseFailed
from ldp_tui.engine.events import EpisodeStarted, Intervention, LegalActions, StepTaken
from ldp_tui.engine.fork import Fork


class OverseenEpisode(Episode):
    """As `Episode`, with what `oversight` needs to change a decision before it is played."""

    _seed: int | None = None
    _legal: LegalActions = None
    _attempts = 0
    _before: Any = None
    _missed: tuple[Message, ...] = ()
    interventions: tuple[Intervention, ...] = ()
    exchanges: tuple[Exchange, ...] = ()

    async def start(self, header: EpisodeStarted) -> EpisodeStarted:
        """As of any episode."""
        header = await super().start(header)
        self._seed, self._legal = header.seed, header.legal_actions
        return header

    def branch(self, header: EpisodeStarted, fork: Fork) -> EpisodeStarted:
        """As of any episode."""
        header = super().branch(header, fork)
        self._seed = header.seed
        self._legal = fork.started.legal_actions if fork.step is None else fork.step.legal_actions
        return header

    def begin_decision(self) -> None:
        """Forget the last decision, and remember how the agent stands before this one."""
        self._before, self._attempts, self._missed = self._agent_state, 0, ()
        self.reflection, self.probabilities, self._usage, self._graph, self._facts = [], None, None, None, {}
        self._value, self._agent_us, self.interventions = 0.0, 0, ()

    async def decide(self) -> None:
        """Let the agent choose; what earlier attempts at this step cost is added to what this one does."""
        spent = self._usage if self._attempts else None
        self._attempts += 1
        exchanges: list[Exchange] = []
        try:
            with keeping_exchanges(exchanges.append):
                await super().decide()
        finally:
            self.exchanges = tuple(exchanges)
            if spent is not None:
                self.spend(spent)

    async def attempt(
        self, stopped: asyncio.Future[None], *, aloud: bool, patience: float
    ) -> AsyncGenerator[str, None]:
        """Let the agent choose, and pass on what it says while it does; when `stopped` comes first, give it up.

        Raises:
            PhaseFailed: If the agent fails.
            Interrupted: If it was stopped; after `patience` seconds one that does not end is left behind.
        """
        said: asyncio.Queue[str | None] = asyncio.Queue()
        live = aloud and self._agent.streams  # another agent may play by now
        self._streamed = said if live else None
        self._agent_state = self._before
        decision = asyncio.ensure_future(self.decide())
        for future in (decision, stopped):
            future.add_done_callback(lambda _: said.put_nowait(None))
        try:
            while (text := await said.get()) is not None:
                yield text
            if not decision.done():
                raise Interrupted
            decision.result()
        finally:
            self._streamed = None
            decision.cancel()
            await asyncio.wait({decision}, timeout=patience)
        for text in () if live else self.reflection:
            yield text

    def recover(self) -> Exception:
        """Take back the failure that ended the episode: it goes on."""
        failure = self._failure or AgentError("The agent failed.")
        self.ending = self._failure = None
        return failure

    def fail(self, error: Exception) -> PhaseFailed:
        """End the episode with `error` of the agent's."""
        self._phase = "agent"
        return self._fail(error)

    def tell(self, message: Message) -> None:
        """Add `message` to what the agent sees next."""
        self._observation.append(message)

    def change_agent(self, agent: Agent[Any]) -> None:
        """Let `agent` play on with the state of the one before."""
        with self._listening, self._numbered:
            agent.prepare(env=self._env, seed=self._seed)
        self._agent = agent

    def overrule(self, action: Message, proposed: Message | None) -> None:
        """Play `action` in place of `proposed`; the agent is told that it was played, by its state or by what it sees.

        Its calls take the ids of the proposed ones, so that answers reach the calls that a conversation holds.
        """
        self._graph = None
        seen = [copy_message(message) for message in self._observation]
        with self._listening, self._numbered:
            self.action = _with_ids(copy_message(action), _calls(proposed))
            state = self._agent.witness(self._before, seen, copy_message(self.action))
        if state is not None:
            self._agent_state = state
        elif self._agent.kind == "llm":
            self._agent_state = self._before
            self._missed = (*self._observation, self.action)

    @property
    def observation(self) -> tuple[Message, ...]:
        """What the agent sees now."""
        return self._seen()

    @property
    def legal_actions(self) -> LegalActions:
        """As the environment said after its newest step."""
        return self._legal

    async def _step(self, *, last: bool) -> StepTaken:
        taken = await super()._step(last=last)
        self._legal = taken.legal_actions
        self._observation = [*self._missed, *self._observation]
        return replace(taken, interventions=self.interventions)


class Interrupted(Exception):
    """The agent was stopped before it had decided."""


def _calls(message: Message | None) -> Sequence[ToolCall]:
    return message.tool_calls if isinstance(message, ToolRequestMessage) else ()


def _with_ids(message: Message, given: Sequence[ToolCall]) -> Message:
    """The message with the ids of the calls `given`, and new ones for those beyond."""
    if not isinstance(message, ToolRequestMessage):
        return message
    ids = [call.id for call in given[: len(message.tool_calls)]]
    ids += [ToolCall.generate_id() for _ in message.tool_calls[len(ids) :]]
    calls = [call.model_copy(update={"id": id_}) for call, id_ in zip(message.tool_calls, ids, strict=True)]
    return message.model_copy(update={"tool_calls": calls})

"""The person at the screen as overseer of a lane: what they do is kept until the rollout asks for it."""

from __future__ import annotations

import asyncio
import getpass
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, Literal

from ldp_tui.core.agent import Agent
from ldp_tui.core.exchanges import Exchange
from ldp_tui.core.messages import Message
from ldp_tui.engine.events import Intervention, InterventionKind
from ldp_tui.engine.oversight import ACCEPT, AGAIN, PASS, TURN, Proposal, Turn, Verdict
from ldp_tui.play.messages import Answer, ExchangeText, Oversight, PhaseName

LONGEST: Final = 400_000
"""Characters of a request or reply that are shown."""


class Supervision:
    """One lane's overseer. Lives in the lane's loop, as all of its methods do."""

    author: Literal["human", "code"] = "human"

    def __init__(
        self,
        lane: int,
        by: str,
        *,
        approving: bool,
        entered: Callable[[PhaseName], None],
        report: Callable[[Oversight], None],
    ) -> None:
        self.by = by or who_sits_here()
        self._entered, self._report = entered, report
        self._shown = Oversight(lane, "", approving)
        self._pending: list[Intervention] = []
        self._agent: Agent[Any] | None = None
        self._stop = asyncio.Event()
        self._thinking = False
        self._answer: asyncio.Future[Verdict] | None = None
        self._proposed = False
        self._changed = False
        self.decided: int | None = None
        """Step whose decision `exchanges` belong to."""
        self.exchanges: tuple[Exchange, ...] = ()

    def begin(self, player: str) -> None:
        """A new episode: the agent plays, and has not asked anything yet. Whether it needs approval stays."""
        self._pending, self._agent, self._answer = [], None, None
        self._thinking, self._changed, self.decided, self.exchanges = False, False, None, ()
        self._shown = replace(self._shown, player=player, taken_over=False, waits="", problem="")
        self._report(self._shown)

    # -- what the person does ---------------------------------------------------------------------------------------

    def approve_each(self, *, on: bool) -> None:
        """Let the agent wait before each action; switched off, what waits is played."""
        self._show(approving=on)
        if not on and self._proposed:
            self._resolve(PASS)

    def answer(self, answer: Answer) -> None:
        """Play what is proposed, or ask the agent again."""
        if not self._shown.taken_over:
            self._resolve(
                replace(ACCEPT if answer.verdict == "accept" and self._proposed else AGAIN, text=answer.reason)
            )

    def act(self, action: Message, reason: str) -> None:
        """Play `action` where the lane waits."""
        self._resolve(Verdict("replace", action, reason))

    def take_over(self, *, on: bool) -> None:
        """Play in the agent's place from the decision that is being made, or give the lane back."""
        if on != self._shown.taken_over:
            self._add("took over" if on else "handed back")
            self._show(taken_over=on)
            self._resolve(TURN)
            if on:
                self.interrupt()

    def interrupt(self) -> None:
        """Stop the agent, if it is deciding."""
        if self._thinking:
            self._stop.set()

    def tell(self, text: str) -> None:
        """Show the agent a message with what it sees next."""
        if text.strip():
            self._add("noted", text.strip())

    def change_player(self, agent: Agent[Any], player: str) -> None:
        """Let `agent` play on from the next decision."""
        self._agent, self._changed = agent, True
        self._add("changed player", player)
        self._show(player=player)

    # -- what the rollout asks --------------------------------------------------------------------------------------

    def turn(self, index: int) -> Turn:
        """What the person has done since the last one."""
        pending, agent = tuple(self._pending), self._agent
        self._pending, self._agent = [], None
        self._stop.clear()
        self._thinking = not self._shown.taken_over
        return Turn(pending, agent, asks_agent=self._thinking)

    async def interruption(self) -> None:
        """The person stops the agent, or takes over."""
        await self._stop.wait()

    async def review(self, proposal: Proposal) -> Verdict:
        """The person's answer, where the lane waits for one.

        A failure waits where somebody is there to see it: in approval mode, or after the player was changed.
        """
        if self._thinking:
            self.decided, self.exchanges = proposal.index, proposal.exchanges
        asked, self._thinking = self._thinking, False
        taken_over, has_action = self._shown.taken_over, proposal.action is not None
        if asked and taken_over:
            return TURN
        failed = asked and not has_action and not self._stop.is_set()
        if not self._shown.approving and (has_action or (failed and not self._changed)):
            return PASS
        answer: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        self._answer = answer
        self._proposed = has_action
        self._entered("waiting for you" if taken_over else "waiting for approval")
        self._show(waits="approval" if has_action else "action", problem="" if taken_over else proposal.problem)
        try:
            return await answer
        finally:
            self._answer, self._proposed = None, False
            self._show(waits="", problem="")

    # -- inside -----------------------------------------------------------------------------------------------------

    def _add(self, kind: InterventionKind, text: str = "") -> None:
        self._pending.append(Intervention(kind, self.by, text=text))

    def _resolve(self, verdict: Verdict) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(verdict)

    def _show(self, **changes: Any) -> None:
        shown = replace(self._shown, **changes)
        if shown != self._shown:
            self._shown = shown
            self._report(shown)


def who_sits_here() -> str:
    """The name under which this person is logged in."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a user without a name, as in some containers
        return "someone"


def as_text(exchange: Exchange) -> ExchangeText:
    """The exchange as a person reads it."""
    reply = _json(exchange.reply) if exchange.reply else ""
    return ExchangeText(exchange.model, exchange.seconds, _json(exchange.request), reply, exchange.problem)


def _json(value: Mapping[str, Any]) -> str:
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}\n… {len(text) - LONGEST:,} characters more"

"""Somebody oversees an agent: proposals are reviewed, replaced, repeated and stopped, and all of it is recorded."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolCall, ToolRequestMessage
from ldp_tui.engine.events import (
    ActionProposed,
    EpisodeEnded,
    Event,
    Intervened,
    Intervention,
    ReflectionDelta,
    StepTaken,
)
from ldp_tui.engine.oversight import (
    ABORT,
    ACCEPT,
    AGAIN,
    PASS,
    Approver,
    Proposal,
    Turn,
    Verdict,
    replace_with,
)
from ldp_tui.engine.preferences import preferences
from ldp_tui.engine.record import record
from ldp_tui.engine.replay import replay
from ldp_tui.engine.rollout import rollout
from ldp_tui.store import Reader, connect_writer
from ldp_tui.store.verify import verify
from tests.engine.playing import Counter, Going, Thinking, chain, events_of, kept, only


def by(amount: int) -> Message:
    return ToolRequestMessage(tool_calls=[ToolCall.from_name("go", by=amount)])


def kinds(events: list[Event]) -> list[str]:
    return [event.intervention.kind for event in only(Intervened, events)]


class Watching(Approver):
    """An overseer that stops the agent once, and whose first turn is as given."""

    author = "human"

    def __init__(self, review: Any, *, stop: bool = False, turns: tuple[Turn, ...] = ()) -> None:
        super().__init__(review, by="ada")
        self._stop, self._turns = stop, list(turns)

    def turn(self, index: int) -> Turn:
        return self._turns.pop(0) if self._turns else Turn()

    async def interruption(self) -> None:
        if not self._stop:
            await asyncio.Event().wait()
        self._stop = False


async def recorded(database: Path, review: Any, agent: Any = None, **options: Any) -> list[Event]:
    overseer = options.pop("overseer", None) or Approver(review, by="rule")
    with connect_writer(database) as writer:
        events = rollout(Counter(3), agent or Going(), uid="e1", overseer=overseer, **options)
        async with aclosing(record(events, writer, run_uid="r")) as stored:
            return [event async for event in stored]


async def test_every_proposal_is_shown_before_it_is_reviewed_and_played():
    """The event comes before the question, and the question before the environment moves."""
    env, asked = Counter(2), list[tuple[int, int]]()

    def review(proposal: Proposal) -> Verdict:
        asked.append((proposal.index, env.state))
        return ACCEPT

    seen = [type(event).__name__ for event in await events_of(env, overseer=Approver(review, by="rule"))]
    assert asked == [(0, 0), (1, 1)]
    assert seen == ["EpisodeStarted", *["ActionProposed", "Intervened", "StepTaken"] * 2, "EpisodeEnded"]


async def test_an_overseer_that_looks_away_leaves_the_recording_as_it_is(tmp_path: Path):
    """Equal chains with and without."""
    with connect_writer(tmp_path / "a.db") as writer:
        events = rollout(Counter(3), Thinking(), uid="e1")
        async with aclosing(record(events, writer, run_uid="r")) as stored:
            plain = [event async for event in stored]
    overseen = await recorded(tmp_path / "b.db", lambda _: PASS, Thinking())
    assert chain(tmp_path / "a.db", "e1") == chain(tmp_path / "b.db", "e1")
    assert kept(plain)[1:-1] == kept(overseen)[1:-1]


async def test_a_replaced_action_is_played_recorded_and_preferred(tmp_path: Path):
    """Chosen is what was played, rejected what was proposed; replay tells it, and the file verifies."""
    database = tmp_path / "ldp.db"

    def review(proposal: Proposal) -> Verdict:
        return replace_with(by(2), "faster") if proposal.index == 0 else ACCEPT

    events = await recorded(database, review)
    assert kinds(events) == ["edited", "accepted"]
    assert [step.observation[0].text for step in only(StepTaken, events)] == ["counted to 2", "counted to 3"]
    with Reader(database) as reader:
        assert kept(list(replay(reader, "e1")))[1:-1] == kept(events)[1:-1]
        (preference,) = preferences(reader, "e1")
        (told, _) = reader.annotations("e1")
    assert isinstance(preference.chosen, ToolRequestMessage)
    assert isinstance(preference.rejected, ToolRequestMessage)
    assert preference.chosen.tool_calls[0].function.arguments == {"by": 2}
    assert preference.rejected.tool_calls[0].function.arguments == {}
    assert preference.chosen.tool_calls[0].id == preference.rejected.tool_calls[0].id
    assert (preference.index, preference.by, preference.author, preference.reason) == (0, "rule", "code", "faster")
    assert (told.t, told.author, told.kind, told.label, told.comment) == (1, "rule", "code", "edited", "faster")
    assert verify(database).ok


async def test_the_proposed_action_played_by_hand_is_no_preference(tmp_path: Path):
    """The same call counts as accepted."""
    events = await recorded(tmp_path / "ldp.db", lambda p: replace_with(p.action))
    with Reader(tmp_path / "ldp.db") as reader:
        assert not list(preferences(reader))
    assert set(kinds(events)) == {"accepted"}


async def test_a_declined_proposal_is_asked_for_again():
    """The agent decides anew from the state that it had before."""
    agent, declined = Going(), []

    def review(proposal: Proposal) -> Verdict:
        if not declined:
            declined.append(proposal)
            return AGAIN
        return ACCEPT

    events = await events_of(Counter(1), agent, overseer=Approver(review, by="rule"))
    assert kinds(events) == ["asked again", "accepted"]
    assert len(agent.seen) == 2
    (step,) = only(StepTaken, events)
    assert [one.kind for one in step.interventions] == ["asked again", "accepted"]
    assert step.overseen is None


async def test_an_interrupted_agent_is_stopped_and_its_words_are_kept():
    """What it had said is in the intervention; it decides the same step again."""

    async def hang(_obs: Any) -> None:
        if len(agent.seen) == 1:
            await asyncio.Event().wait()

    agent = Thinking(choose=hang)
    overseer = Watching(lambda _: ACCEPT)
    never_stops = overseer.interruption

    async def when_it_hangs() -> None:
        while not agent.seen:
            await asyncio.sleep(0)
        overseer.interruption = never_stops  # type: ignore[method-assign]

    overseer.interruption = when_it_hangs  # type: ignore[method-assign]
    events = await events_of(Counter(1), agent, overseer=overseer)
    assert kinds(events) == ["interrupted", "accepted"]
    assert only(Intervened, events)[0].intervention.text == "I count on."
    assert len(only(ReflectionDelta, events)) == 6


async def test_an_agent_that_does_not_listen_is_left_behind(tmp_path: Path):
    """Stopping takes a fraction of a second, whatever the agent does with its cancellation."""
    released = asyncio.Event()

    async def stubborn(_obs: Any) -> None:
        while not released.is_set():
            try:
                await released.wait()
            except asyncio.CancelledError:
                continue

    overseer = Watching(lambda p: replace_with(by(1)), stop=True)
    async with asyncio.timeout(1):
        events = await events_of(Counter(1), Going(choose=stubborn), overseer=overseer)
    released.set()
    await asyncio.sleep(0)
    assert kinds(events) == ["interrupted", "played"]


async def test_a_failed_agent_is_put_to_the_overseer():
    """A failure may be answered with an action; accepted, it ends the episode as ever."""

    def fail(_obs: Any) -> None:
        raise RuntimeError("no such model")

    def review(proposal: Proposal) -> Verdict:
        assert proposal.problem == "RuntimeError: no such model"
        return replace_with(by(1)) if proposal.index == 0 else ACCEPT

    events = await events_of(Counter(2), Going(choose=fail), overseer=Approver(review, by="rule"))
    last = events[-1]
    assert kinds(events) == ["played"]
    assert isinstance(last, EpisodeEnded)
    assert (last.reason, last.phase, last.steps) == ("failed", "agent", 1)


async def test_an_overseer_ends_the_episode(tmp_path: Path):
    """It is aborted, and who did it is kept although no step came of it."""
    events = await recorded(tmp_path / "ldp.db", lambda _: ABORT)
    assert events[-1].reason == "aborted"  # type: ignore[union-attr]
    with Reader(tmp_path / "ldp.db") as reader:
        assert [(told.label, told.author) for told in reader.annotations("e1")] == [("aborted", "rule")]


async def test_a_note_reaches_the_agent_with_its_observation():
    """As a message behind the observation, once."""
    agent = Going()
    note = Turn(interventions=(Intervention("noted", "ada", text="go slowly"),))
    events = await events_of(Counter(2), agent, overseer=Watching(lambda _: PASS, turns=(note,)))
    assert [[message.text for message in seen][1:] for seen in agent.seen] == [["go slowly"], []]
    assert [step.interventions[0].text for step in only(StepTaken, events)[:1]] == ["go slowly"]


async def test_whoever_takes_over_is_asked_in_place_of_the_agent():
    """The agent is not asked; the action is the overseer's."""
    agent = Going()
    taken = Turn((Intervention("took over", "ada"),), asks_agent=False)

    def review(proposal: Proposal) -> Verdict:
        return replace_with(by(1)) if proposal.action is None else PASS

    events = await events_of(Counter(2), agent, overseer=Watching(review, turns=(taken,)))
    assert kinds(events) == ["took over", "played"]
    assert len(agent.seen) == 1
    assert [step.overseen is not None for step in only(StepTaken, events)] == [True, False]


async def test_another_agent_plays_on_with_the_state_of_the_one_before():
    """From the next decision on."""
    first, second = Going(), Going()
    change = Turn((Intervention("changed player", "ada", text="b"),), agent=second)
    await events_of(Counter(3), first, overseer=Watching(lambda _: PASS, turns=(Turn(), change)))
    assert (len(first.seen), len(second.seen)) == (1, 2)


async def test_a_language_model_without_a_witness_is_shown_what_was_played():
    """What it did not see comes ahead of the next observation."""

    class Model(Going):
        kind = "llm"

    agent = Model()

    def review(proposal: Proposal) -> Verdict:
        return replace_with(by(1)) if proposal.index == 0 else PASS

    await events_of(Counter(2), agent, overseer=Approver(review, by="rule"))
    assert [type(message).__name__ for message in agent.seen[1]] == [
        "Message",
        "ToolRequestMessage",
        "ToolResponseMessage",
    ]


async def test_waiting_for_a_verdict_ends_with_the_rollout():
    """Leaving the rollout cancels the question."""
    cancelled = asyncio.Event()

    async def review(_proposal: Proposal) -> Verdict:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return ACCEPT

    env = Counter(1)

    async def play() -> None:
        await events_of(env, overseer=Approver(review, by="rule"))

    task = asyncio.create_task(play())
    for _ in range(50):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cancelled.is_set()
    assert env.closed == 1


async def test_what_was_played_last_is_what_was_proposed_last():
    """A replaced action is proposed anew, so that screens show what will happen."""
    events = await events_of(Counter(2), overseer=Approver(lambda _: replace_with(by(2)), by="rule"))
    proposals = only(ActionProposed, events)
    assert [event.action.tool_calls[0].function.arguments for event in proposals] == [{}, {"by": 2}]

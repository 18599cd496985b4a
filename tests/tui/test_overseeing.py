"""Overseeing an agent in Play: by keys and mouse, in every layout."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from ldp_tui.core.tool_calls import ToolCall, ToolRequestMessage
from ldp_tui.engine.events import ActionProposed, EpisodeStarted, Intervention
from ldp_tui.engine.preferences import preferences
from ldp_tui.engine.session import LogEntry
from ldp_tui.play.messages import (
    Act,
    Answer,
    Approval,
    ChangePlayer,
    Exchanges,
    ExchangeText,
    Interrupt,
    Oversight,
    PlayerChecked,
    ShowExchanges,
    TakeOver,
    Tell,
)
from ldp_tui.play.session_spec import LaneSpec, SessionSpec
from ldp_tui.store import Reader
from ldp_tui.testing.model_server import Hangs, ModelServer, Says
from ldp_tui.tui.app import LdpTuiApp
from ldp_tui.tui.lane_words import exchange
from ldp_tui.tui.widgets.transcript import Transcript
from tests.tui.app_pilot import SIZES, Stage, running, session, shown, until
from tests.tui.fake_engine import HIT, STICK, act, proposed, thinking


def model_hand(stage: Stage, lane: int = 0) -> None:
    """A language model plays a hand of Blackjack."""
    stage.engine.hand(lane)
    report = stage.engine._reports.pop()  # the start, with another kind of player
    event = report.event  # type: ignore[union-attr]
    assert isinstance(event, EpisodeStarted)
    stage.engine.report(replace(report, event=replace(event, agent=replace(event.agent, kind="llm"))))  # type: ignore[arg-type,type-var]


def waits(stage: Stage, lane: int = 0, **more: object) -> None:
    """The agent waits with a proposal."""
    stage.engine.event(lane, thinking(0, "Eleven: I hit."))
    stage.engine.event(lane, proposed(0, "hit", {"stick": 0.25, "hit": 0.75}))
    given = {"approving": True, "waits": "approval", **more}
    stage.engine.report(Oversight(lane, "simple:m", **given))  # type: ignore[arg-type]


async def asked(pilot: Pilot[None], stage: Stage) -> None:
    model_hand(stage)
    waits(stage)
    await until(pilot, lambda: "[⏎] Accept" in shown(stage.app))


@pytest.mark.parametrize("size", SIZES, ids="{0[0]}x{0[1]}".format)
async def test_answers_by_key_and_mouse(tmp_path: Path, size: tuple[int, int]):
    """Enter accepts, g asks again, the environment's key replaces, a click answers; in every layout."""
    stage = Stage(tmp_path, session=session("tiny"))
    async with running(stage, size) as pilot:
        await asked(pilot, stage)
        assert "Eleven: I hit." in shown(stage.app)
        await pilot.press("enter")
        await until(pilot, lambda: Answer(0, "accept") in stage.engine.sent)
        await pilot.press("g")
        await until(pilot, lambda: Answer(0, "again") in stage.engine.sent)
        await pilot.press("s")
        await until(pilot, lambda: Act(0, calls=(STICK,)) in stage.engine.sent)
        lines = shown(stage.app).split("\n")
        row = next(y for y, line in enumerate(lines) if "[o] Take over" in line)
        await pilot.click(offset=(lines[row].index("[o]") + 1, row))
        await until(pilot, lambda: TakeOver(0, on=True) in stage.engine.sent)


async def test_approval_is_switched_by_a_key(tmp_path: Path):
    """On, and off again when the engine has said that it is on."""
    stage = Stage(tmp_path, session=session("tiny"))
    async with running(stage) as pilot:
        model_hand(stage)
        await until(pilot, lambda: "Approve" in shown(stage.app))
        await pilot.press("y")
        await until(pilot, lambda: Approval(0, on=True) in stage.engine.sent)
        stage.engine.report(Oversight(0, "simple:m", approving=True))
        await until(pilot, lambda: "[o] Take over" in shown(stage.app))
        await pilot.press("y")
        await until(pilot, lambda: Approval(0, on=False) in stage.engine.sent)


async def test_keys_that_do_not_matter_are_not_offered(tmp_path: Path):
    """A person's own lane has none of them; a model that thinks can be halted, one that waits cannot."""
    stage = Stage(tmp_path, session=session("human", "tiny"))
    async with running(stage, (200, 60)) as pilot:
        stage.engine.hand(0, human=True)
        model_hand(stage, 1)
        await until(pilot, lambda: "[h] hit" in shown(stage.app))
        await pilot.pause(0.1)
        assert "Take over" not in shown(stage.app)
        await pilot.press("tab")
        await until(pilot, lambda: "i Halt" in shown(stage.app))
        await pilot.press("i")
        await until(pilot, lambda: Interrupt(1) in stage.engine.sent)
        waits(stage, 1)
        await until(pilot, lambda: "i Halt" not in shown(stage.app))


async def test_an_edited_call(tmp_path: Path):
    """The form is filled with what is proposed; Escape closes it and nothing else; what is sent is the person's."""
    stage = Stage(tmp_path, session=session("tiny", environment="calculator"))
    async with running(stage, (80, 24)) as pilot:
        stage.engine.question(0, human=False)
        call = ToolCall.from_name("calculator", id="1", expr="6 * 6")
        stage.engine.event(0, ActionProposed(0, ToolRequestMessage(tool_calls=[call])))
        stage.engine.report(Oversight(0, "random", approving=True, waits="approval"))
        await until(pilot, lambda: 'calculator(expr="6 * 6")' in shown(stage.app))
        await pilot.press("e")
        await until(pilot, lambda: isinstance(stage.app.focused, Input))
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(stage.app.focused, Input))
        await pilot.press("e")
        await until(pilot, lambda: isinstance(stage.app.focused, Input))
        await pilot.press("end", "backspace", "7", "enter")
        wanted = Act(0, calls=({"name": "calculator", "arguments": {"expr": "6 * 7"}},))
        await until(pilot, lambda: wanted in stage.engine.sent)


async def test_a_form_of_an_older_proposal_closes(tmp_path: Path):
    """What was filled in belongs to the proposal that it was opened for."""
    stage = Stage(tmp_path, session=session("tiny", environment="calculator"))
    async with running(stage) as pilot:
        stage.engine.question(0, human=False)
        stage.engine.report(Oversight(0, "random", approving=True, waits="action", problem="interrupted"))
        await until(pilot, lambda: "Interrupted." in shown(stage.app))
        await pilot.press("e")
        await until(pilot, lambda: isinstance(stage.app.focused, Input))
        stage.engine.report(Oversight(0, "random", approving=True))
        await until(pilot, lambda: not isinstance(stage.app.focused, Input))


async def test_the_lane_of_a_person_who_took_over(tmp_path: Path):
    """Its keys play; o gives it back."""
    stage = Stage(tmp_path, session=session("tiny"))
    async with running(stage) as pilot:
        model_hand(stage)
        stage.engine.report(Oversight(0, "simple:m", taken_over=True, waits="action"))
        await until(pilot, lambda: "Hand back" in shown(stage.app))
        await pilot.press("h")
        await until(pilot, lambda: Act(0, calls=(HIT,)) in stage.engine.sent)
        await pilot.press("o")
        await until(pilot, lambda: TakeOver(0, on=False) in stage.engine.sent)


async def test_a_note(tmp_path: Path):
    """Typed in a small window, sent to the lane."""
    stage = Stage(tmp_path, session=session("tiny"))
    async with running(stage) as pilot:
        await asked(pilot, stage)
        await pilot.press("N")
        await until(pilot, lambda: "Note to simple:m" in shown(stage.app))
        await pilot.press(*"mind", "enter")
        await until(pilot, lambda: Tell(0, "mind") in stage.engine.sent)


async def test_another_model(tmp_path: Path):
    """An error stays in the window, which closes when the player can play."""
    stage = Stage(tmp_path, session=session("tiny"))
    async with running(stage) as pilot:
        await asked(pilot, stage)
        await pilot.press("c")
        await until(pilot, lambda: "Who plays on" in shown(stage.app))
        await pilot.press("end", *",x=1", "enter")
        await until(pilot, lambda: ChangePlayer(0, "simple:m,x=1") in stage.engine.sent)
        stage.engine.report(PlayerChecked(0, "simple:m,x=1", "Unknown setting 'x'."))
        await until(pilot, lambda: "✗ Unknown setting 'x'." in shown(stage.app))
        await pilot.press("backspace", "2", "enter")
        await until(pilot, lambda: ChangePlayer(0, "simple:m,x=2") in stage.engine.sent)
        stage.engine.report(PlayerChecked(0, "simple:m,x=2"))
        await until(pilot, lambda: "Who plays on" not in shown(stage.app))


async def test_the_raw_view(tmp_path: Path):
    """Requests and replies as text without control characters; a player without any says so."""
    stage = Stage(tmp_path, session=session("tiny"))
    async with running(stage) as pilot:
        await asked(pilot, stage)
        await pilot.press("x")
        await until(pilot, lambda: ShowExchanges(0) in stage.engine.sent)
        text = ExchangeText("m", 0.5, '{"model": "m\x1b[31m"}', '{"choices": []}')
        stage.engine.report(Exchanges(0, 4, (text,)))
        await until(pilot, lambda: "Reply · 0.50 s" in shown(stage.app) and "step 5" in shown(stage.app))
        assert "\x1b" not in stage.app.screen.query_one(TextArea).text
        await pilot.press("escape")
        await until(pilot, lambda: "[⏎] Accept" in shown(stage.app))
        await pilot.press("x")
        stage.engine.report(Exchanges(0, 4, ()))
        await until(pilot, lambda: "has sent no request" in shown(stage.app))


def test_how_a_replaced_action_is_told():
    """What was proposed, what was played, and by whom; notes come before what the agent said."""
    done = (
        Intervention("noted", "ada", text="careful"),
        Intervention("replaced", "ada", text="too risky", proposed=act("hit")),
    )
    entry = LogEntry(0, act("stick"), 0.0, (), "I hit.", done)
    assert [(block.kind, block.text) for block in exchange(entry)] == [
        ("person", "note by ada: careful"),
        ("reflection", "I hit."),
        ("call", "stick"),
        ("person", "proposed hit → played stick by ada: too risky"),
    ]


def lanes(*players: str, environment: str, db: Path) -> SessionSpec:
    made = tuple(LaneSpec(environment, player) for player in players)
    return SessionSpec(lanes=made, seed=3, db=str(db), approve=True, person="ada", speed=None)


async def test_the_bundled_model_is_overruled(tmp_path: Path):
    """With the real engine: the person's key is played, kept as a preference, and told in Replay."""
    db = tmp_path / "ldp.db"
    app = LdpTuiApp(db=db, session=lanes("tiny", environment="Blackjack-v1", db=db))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: "[⏎] Accept" in shown(app), tries=1500)
        await pilot.press("s")
        await until(pilot, lambda: "Result:" in shown(app), tries=500)
        await pilot.press("enter")
        await until(pilot, lambda: "ldp-tui · Replay" in shown(app))
        await pilot.press("end")
        told = "proposed hit → played stick by ada"
        await until(pilot, lambda: told in " ".join(app.screen.query_one(Transcript).text.split()))
    with Reader(db) as reader:
        (found,) = preferences(reader)
    assert (found.index, found.by) == (0, "ada")


async def test_a_model_is_halted_and_written_to(tmp_path: Path):
    """With the real engine and a server that hangs: halted, told a note, asked again; the request holds the note."""
    db = tmp_path / "ldp.db"
    with ModelServer([Hangs(), Says("Eighty-five percent.", calls=[("calculator", {"expr": "80 * 0.85"})])]) as server:
        player = f"simple:openai/any,base_url={server.base_url}"
        app = LdpTuiApp(db=db, session=lanes(player, environment="calculator", db=db))
        async with app.run_test(size=(120, 40), notifications=True) as pilot:
            await until(pilot, lambda: server.requests and "i Halt" in shown(app), tries=1500)
            await pilot.press("i")
            await until(pilot, lambda: "Interrupted." in shown(app), tries=300)
            await pilot.press("N", *"hint", "enter")
            await pilot.press("g")
            await until(pilot, lambda: "80 * 0.85" in shown(app), tries=300)
            assert server.requests[1].body["messages"][-1]["content"] == "hint"
            await pilot.press("x")
            await until(pilot, lambda: "Request 1 of 1" in shown(app))

from dataclasses import replace
from pathlib import Path

import pytest
from textual.geometry import Region

from ldp_tui.play.messages import (
    Act,
    LaneFailed,
    LaneReady,
    Pace,
    Pause,
    Restart,
    Resume,
    Speed,
    Start,
    StepOnce,
    Stop,
    View,
)
from ldp_tui.play.supervisor import EngineState
from ldp_tui.tui.requests import ReplayRequested
from ldp_tui.tui.screens.dialogs import TroubleDialog
from ldp_tui.tui.widgets.action_pad import ActionPad
from ldp_tui.tui.widgets.braille_plot import BraillePlot
from ldp_tui.tui.widgets.frame_view import FrameView
from ldp_tui.tui.widgets.lane_pane import LanePane
from ldp_tui.tui.widgets.step_log import StepLog
from ldp_tui.tui.widgets.tool_form import ToolForm
from ldp_tui.tui.widgets.transcript import Transcript
from tests.tui.app_pilot import SIZES, Stage, running, session, shown, until
from tests.tui.fake_engine import HIT, ended, proposed, stepped, thinking


async def test_start(tmp_path: Path):
    """The engine is told the session, and the panes are there before it has said anything."""
    stage = Stage(tmp_path, session=session("human", "optimal"))
    async with running(stage) as pilot:
        assert isinstance(stage.engine.sent[0], Start)
        assert len(stage.app.screen.query(LanePane)) == 2
        assert "human · Blackjack-v1" in shown(pilot.app)


async def test_key_of_the_environment(tmp_path: Path):
    """It becomes the person's action, even where the screen has another use for the key."""
    stage = Stage(tmp_path, session=session("human", "optimal"))
    async with running(stage) as pilot:
        stage.engine.hand(0, human=True)
        await until(pilot, lambda: "[h] hit" in shown(pilot.app))
        await pilot.press("h")
        await until(pilot, lambda: Act(0, calls=(HIT,)) in stage.engine.sent)


async def test_second_key_of_an_action(tmp_path: Path):
    """Keys that the pad does not show work as well, wherever in the pane the focus is."""
    stage = Stage(tmp_path, session=session("human"))
    async with running(stage) as pilot:
        stage.engine.hand(0, human=True)
        await until(pilot, lambda: "[h] hit" in shown(pilot.app))
        stage.app.screen.query_one(StepLog).focus()
        await pilot.press("1")
        await until(pilot, lambda: Act(0, calls=(HIT,)) in stage.engine.sent)


async def test_click_on_an_agents_action(tmp_path: Path):
    """Nothing is sent: the lane is not the person's."""
    stage = Stage(tmp_path, session=session("optimal"))
    async with running(stage) as pilot:
        stage.engine.hand(0)
        await until(pilot, lambda: "stick" in shown(pilot.app))
        await pilot.click(ActionPad, offset=(2, 0))
        await pilot.pause()
        assert not [command for command in stage.engine.sent if isinstance(command, Act)]


async def test_live_lane(tmp_path: Path):
    """Reflection, probabilities, step, reward, return and state are on the screen."""
    stage = Stage(tmp_path, session=session("optimal"))
    async with running(stage) as pilot:
        engine = stage.engine
        engine.hand(0)
        engine.event(0, thinking(0, "Eleven can"))
        await until(pilot, lambda: "Eleven can" in shown(pilot.app))
        engine.event(0, thinking(0, "not bust."))
        engine.event(0, proposed(0, "hit", {"stick": 0.25, "hit": 0.75}))
        engine.phase(0, "agent thinking", 3.2)
        await until(pilot, lambda: "1  Eleven cannot bust." in shown(pilot.app) and "75%" in shown(pilot.app))
        await until(pilot, lambda: "thinking 3.2 s ● REC" in shown(pilot.app))
        engine.event(0, stepped(0, "hit", 1.0))
        await until(pilot, lambda: "▲ +1.00" in shown(pilot.app))
        assert "return     1.00" in shown(pilot.app)
        assert stage.app.screen.query_one(FrameView).stats.shown > 0
        await until(pilot, lambda: "━ return 1" in shown(pilot.app))


async def test_not_recorded(tmp_path: Path):
    """The title does not claim a recording."""
    stage = Stage(tmp_path, session=session("optimal", db=None))
    async with running(stage) as pilot:
        stage.engine.hand(0)
        await until(pilot, lambda: "seed 7" in shown(pilot.app))
        assert "REC" not in shown(pilot.app)


async def test_pause_step_speed_stop(tmp_path: Path):
    """Each is one command; pausing twice goes on."""
    stage = Stage(tmp_path, session=session("optimal"))
    async with running(stage) as pilot:
        stage.engine.hand(0)
        await pilot.pause(0.1)
        stage.engine.sent.clear()
        await pilot.press("space", "space", "full_stop", "plus", "plus", "minus", "ctrl+x")
        await until(pilot, lambda: len(stage.engine.sent) >= 7)
        sent = [command for command in stage.engine.sent if not isinstance(command, View)]
        assert sent == [Pause(), Resume(), StepOnce(), Speed(2.0), Speed(4.0), Speed(2.0), Stop()]


async def test_real_time(tmp_path: Path):
    """It is offered where the environment has a pace, and only to a person."""
    stage = Stage(tmp_path, session=session("human"))
    async with running(stage) as pilot:
        stage.engine.hand(0, human=True)
        await until(pilot, lambda: "[h] hit" in shown(pilot.app))
        assert stage.app.screen.check_action("real_time", ()) is False
        ready = LaneReady(0, "CartPole-v1", "human", True, (), {"left": HIT}, 50.0, HIT)
        stage.engine.report(ready)
        await until(pilot, lambda: stage.app.screen.check_action("real_time", ()) is True)
        await pilot.press("m")
        await until(pilot, lambda: Pace(0, real_time=True) in stage.engine.sent)


async def test_result(tmp_path: Path):
    """When every lane is over, each says how it ended, and the keys for what comes next work."""
    stage = Stage(tmp_path, session=session("human", "optimal"))
    async with running(stage) as pilot:
        requests: list[str] = []
        stage.app.open_replay = requests.append  # type: ignore[method-assign]
        for lane, human in enumerate((True, False)):
            stage.engine.hand(lane, human=human)
            stage.engine.event(lane, stepped(0, "stick", -1.0, over=True))
            stage.engine.event(lane, ended(-1.0, 1, success=False))
        await until(pilot, lambda: "Result" in shown(pilot.app))
        assert shown(pilot.app).count("Result: lost · return −1.00 · 1 step") == 2
        assert "⏎ replay  n next seed" in shown(pilot.app)
        await pilot.press("enter")
        await until(pilot, lambda: requests == ["human-7"])
        await pilot.press("n")
        await until(pilot, lambda: Restart(seed=8) in stage.engine.sent)
        stage.engine.hand(0, human=True, seed=8)
        await until(pilot, lambda: "Result" not in shown(pilot.app))


@pytest.mark.parametrize("players", [("human",), ("human", "optimal"), ("optimal", "optimal", "human", "optimal")])
@pytest.mark.parametrize("size", [*SIZES, (100, 24)], ids="{0[0]}x{0[1]}".format)
async def test_picture_keeps_its_size_when_the_result_comes(
    tmp_path: Path, size: tuple[int, int], players: tuple[str, ...]
):
    """The result stands where the actions were; in the next episode, the actions do again."""
    stage = Stage(tmp_path, session=session(*players))
    async with running(stage, size) as pilot:

        def pictures() -> list[Region]:
            return [frame.region for frame in stage.app.screen.query(FrameView)]

        for lane, player in enumerate(players):
            stage.engine.hand(lane, human=player == "human")
        seen = sum(pane.display for pane in stage.app.screen.query(LanePane))
        await until(pilot, lambda: shown(pilot.app).count("Actions") == seen)
        before = pictures()
        for lane in range(len(players)):
            stage.engine.event(lane, ended(-1.0, 1, success=False))
        await until(pilot, lambda: shown(pilot.app).count("lost · ") == seen)
        assert pictures() == before
        assert "Actions" not in shown(pilot.app)
        stage.engine.hand(0, human=players[0] == "human", seed=8)
        await until(pilot, lambda: shown(pilot.app).count("Actions") == seen)
        assert pictures() == before


async def test_lane_that_died(tmp_path: Path):
    """The whole reason is there to read, with what can be done."""
    stage = Stage(tmp_path, session=session("optimal"))
    async with running(stage, (80, 24)) as pilot:
        stage.engine.hand(0)
        reason = "the table of values was asked for a hand that no deal can give, which ends here"
        stage.engine.event(0, replace(ended(0.0, 0), reason="failed", phase="agent", detail=reason))
        await until(pilot, lambda: "Result: died" in shown(pilot.app))
        told = " ".join(shown(pilot.app).replace("│", " ").split())
        assert f"died: the player failed: {reason}" in told
        assert "r again" in told


async def test_conversation_that_is_over(tmp_path: Path):
    """The conversation of an agent closes with the result, under the same picture."""
    stage = Stage(tmp_path, session=session("random", environment="calculator"))
    async with running(stage, (80, 24)) as pilot:
        stage.engine.question(0, human=False)
        stage.engine.event(0, stepped(0, "42", 1.0, "42 is correct.", over=True))
        stage.engine.event(0, ended(1.0, 1, success=True))
        await until(pilot, lambda: "Result: won · return 1.00 · 1 step" in shown(pilot.app))
        assert stage.app.screen.query_one(Transcript).text.count("Result: won") == 1


async def test_form_of_a_tool_environment(tmp_path: Path):
    """The question is read in the conversation; what is typed is sent as a call, and the answer appears."""
    stage = Stage(tmp_path, session=session("human", environment="calculator"))
    async with running(stage, (80, 24)) as pilot:
        stage.engine.question(0)
        await until(pilot, lambda: "What is 6 * 7?" in shown(pilot.app) and "expr" in shown(pilot.app))
        stage.app.screen.query_one(ToolForm).focus_first()
        await pilot.press(*"6 * 7".replace(" ", ""), "enter")
        call = {"name": "calculator", "arguments": {"expr": "6*7"}}
        await until(pilot, lambda: Act(0, calls=(call,)) in stage.engine.sent)
        stage.engine.event(0, stepped(0, "x", 1.0, "42"))
        await until(pilot, lambda: "◂ 42" in stage.app.screen.query_one(Transcript).text)


async def test_cutting_text_in_a_form(tmp_path: Path):
    """ctrl+x cuts what is selected in a field and stops nothing; F4 stops there."""
    stage = Stage(tmp_path, session=session("human", environment="calculator"))
    async with running(stage) as pilot:
        stage.engine.question(0)
        await until(pilot, lambda: "expr" in shown(pilot.app))
        stage.app.screen.query_one(ToolForm).focus_first()
        await pilot.press("4", "2", "shift+home", "ctrl+x")
        await until(pilot, lambda: stage.app.clipboard == "42")
        assert Stop() not in stage.engine.sent
        await pilot.press("f4")
        await until(pilot, lambda: Stop() in stage.engine.sent)


async def test_hostile_text(tmp_path: Path):
    """Markup, escape codes, direction overrides and a very long line are shown as text and break nothing."""
    nasty = "[bold red]loud[/] \x1b[2J\x1b]0;owned\x07 \u202egnp.exe [@click=app.quit]x[/] {}% " + "A" * 10_000
    stage = Stage(tmp_path, session=session("random", "optimal", environment="calculator"))
    async with running(stage) as pilot:
        engine = stage.engine
        engine.question(0, nasty, human=False)
        engine.hand(1)
        for lane in (0, 1):
            engine.event(lane, thinking(0, nasty))
            engine.event(lane, stepped(0, nasty, 0.0, nasty))
        engine.log.add("output", nasty)
        engine.event(1, ended(0.0, 1))
        engine.report(LaneFailed(0, nasty, nasty))
        await until(pilot, lambda: "[bold red]loud[/]" in shown(pilot.app) and "Result" in shown(pilot.app))
        await pilot.press("f12")
        await until(pilot, lambda: "AAAA" in shown(pilot.app) and "Engine log" in shown(pilot.app))
        await pilot.press("home")
        await until(pilot, lambda: "[bold red]loud[/]" in shown(pilot.app))
        text = shown(pilot.app)
        assert "\x1b" not in text
        assert "\u202e" not in text


async def test_narrow_terminal(tmp_path: Path):
    """One lane at a time, with tabs; Tab goes to the other."""
    stage = Stage(tmp_path, session=session("human", "optimal"))
    async with running(stage, (80, 24)) as pilot:
        panes = list(stage.app.screen.query(LanePane))
        await pilot.pause()
        assert [pane.display for pane in panes] == [True, False]
        await pilot.press("tab")
        await until(pilot, lambda: [pane.display for pane in panes] == [False, True])


async def test_zoom(tmp_path: Path):
    """Only the current pane, then all again."""
    stage = Stage(tmp_path, session=session("human", "optimal", "random", "random"))
    async with running(stage, (200, 60)) as pilot:
        panes = list(stage.app.screen.query(LanePane))
        await pilot.press("tab", "tab", "z")
        await until(pilot, lambda: [pane.display for pane in panes] == [False, False, True, False])
        await pilot.press("z")
        await until(pilot, lambda: all(pane.display for pane in panes))


async def test_picture_size(tmp_path: Path):
    """The engine is told how many cells the picture has, again after a resize."""
    stage = Stage(tmp_path, session=session("optimal"))
    async with running(stage) as pilot:
        stage.engine.hand(0)
        frame = stage.app.screen.query_one(FrameView)
        await until(pilot, lambda: View(0, *frame.size) in stage.engine.sent)
        before = frame.size
        await pilot.resize_terminal(150, 50)
        await until(pilot, lambda: frame.size != before and View(0, *frame.size) in stage.engine.sent)


async def test_engine_dies(tmp_path: Path):
    """What, why and what to do, in a dialog; starting again makes a new engine with the same session."""
    stage = Stage(tmp_path, session=session("optimal"))
    async with running(stage) as pilot:
        stage.engine.now = EngineState("ended", text="The engine was ended by SIGSEGV.", code=-11, lines=("boom",))
        await until(pilot, lambda: isinstance(stage.app.screen, TroubleDialog))
        await until(pilot, lambda: "SIGSEGV" in shown(pilot.app) and "boom" in shown(pilot.app))
        await pilot.click("#way-1")
        await until(pilot, lambda: len(stage.engines) == 2)
        assert stage.engine.sent[0] == stage.engines[0].sent[0]
        await until(pilot, lambda: stage.engines[0].closed)


async def test_leaving_play(tmp_path: Path):
    """Escape goes back to Home, and the engine is ended."""
    stage = Stage(tmp_path, session=session("optimal"))
    async with running(stage) as pilot:
        await pilot.press("escape")
        await until(pilot, lambda: stage.engine.closed)
        assert "Next game" in shown(pilot.app)


async def test_burst_of_events(tmp_path: Path):
    """A thousand steps at once are all counted, and the newest is in sight."""
    stage = Stage(tmp_path, session=session("optimal"))
    async with running(stage) as pilot:
        stage.engine.hand(0)
        for index in range(1000):
            stage.engine.event(0, stepped(index, "hit", 0.5))
        await until(pilot, lambda: "1000 hit" in shown(pilot.app))
        assert "return   500.00" in shown(pilot.app)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_nothing_recorded_is_lost_to_layout(tmp_path: Path, size: tuple[int, int]):
    """Picture, figures, actions and steps have room at every supported size."""
    stage = Stage(tmp_path, session=session("human"))
    async with running(stage, size) as pilot:
        stage.engine.hand(0, human=True)
        stage.engine.event(0, stepped(0))
        await until(pilot, lambda: "hit" in shown(pilot.app) and "step    1" in shown(pilot.app))
        screen = stage.app.screen
        sizes = [screen.query_one(kind).size for kind in (FrameView, ActionPad, StepLog)]
        assert all(found.height > 0 and found.width > 10 for found in sizes)
        if size != (80, 24):
            assert screen.query_one(BraillePlot).size.height > 1


async def test_request_reaches_the_app(tmp_path: Path):
    """Screens ask by message; the app opens the screen."""
    stage = Stage(tmp_path)
    async with running(stage) as pilot:
        asked: list[str] = []
        stage.app.open_replay = asked.append  # type: ignore[method-assign]
        stage.app.screen.post_message(ReplayRequested("abc"))
        await until(pilot, lambda: asked == ["abc"])

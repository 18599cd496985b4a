"""A person at the controls: their lane, pause, single steps, speed, real time, views."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ldp_tui.core.environment import Picture
from ldp_tui.core.tool_calls import ToolRequestMessage
from ldp_tui.engine.events import StepTaken
from ldp_tui.play.messages import Act, Pace, Pause, PictureReport, Resume, Speed, StepOnce, Stop, View
from tests.play.environments import counter
from tests.play.playing import Front, recorded

GO = ({"name": "go", "arguments": {}},)


def calls(step: StepTaken) -> list[tuple[str, dict[str, object]]]:
    assert isinstance(step.action, ToolRequestMessage)
    return [(call.function.name, call.function.arguments) for call in step.action.tool_calls]


def test_human_lane(front: Front, tmp_path: Path, db: Path) -> None:
    """It waits for its player, plays what they do, and records their note; the other lane does not wait."""
    count = counter(tmp_path, "count")
    front.play((f"{count},n=2", "human"), (count, "random"), db=str(db), speed=None)
    front.until(lambda: front.ended(1) and front.phase(0) == "waiting for you")
    assert front.steps(0) == []
    front.handle.send(Act(0, GO, note="because"))
    front.until(lambda: len(front.steps(0)) == 1)
    assert calls(front.steps(0)[0]) == [("go", {})]
    assert front.steps(0)[0].reflection == "because"
    front.until(lambda: front.phase(0) == "waiting for you")
    front.handle.send(Act(0, GO))
    front.until(lambda: front.ended(0))
    assert {(episode.agent, episode.steps) for episode in recorded(db)} == {("human", 2), ("random", 5)}


def test_human_who_writes_text(front: Front, tmp_path: Path) -> None:
    """Text without calls is the message itself."""
    chat = counter(tmp_path, "chat", before_step="self.said = None")
    Path(chat).write_text(
        Path(chat).read_text().replace("answers = await self.exec_tool_calls(action)", "answers = []")
    )
    front.play((chat, "human"), speed=None)
    front.until(lambda: front.phase() == "waiting for you")
    front.handle.send(Act(0, text="hello"))
    front.until(front.steps)
    assert front.steps()[0].action.content == "hello"


def test_human_lane_that_is_stopped(front: Front, tmp_path: Path, db: Path) -> None:
    """The episode ends as aborted although nobody acts."""
    front.play((counter(tmp_path, "count"), "human"), db=str(db))
    front.until(lambda: front.phase() == "waiting for you")
    front.handle.send(Stop(0))
    front.until(front.ended)
    assert front.ended()[0].reason == "aborted"
    front.handle.close()
    assert [episode.status for episode in recorded(db)] == ["aborted"]


def test_pause_single_steps_and_resume(front: Front, tmp_path: Path) -> None:
    """Paused lanes stand still, take one step each when told to, and go on where they were."""
    endless = counter(tmp_path, "endless") + ",n=1000000"
    front.play((endless, "random"), (endless, "random"), speed=10.0)
    front.until(lambda: front.steps(0) and front.steps(1))
    front.handle.send(Pause())
    front.until(lambda: front.phase(0) == front.phase(1) == "paused")
    before = len(front.steps(0)), len(front.steps(1))
    for more in (1, 2):
        front.handle.send(StepOnce())
        front.until(
            lambda more=more: (len(front.steps(0)), len(front.steps(1))) == (before[0] + more, before[1] + more)
        )
    front.until(lambda: front.phase(0) == front.phase(1) == "paused")
    assert (len(front.steps(0)), len(front.steps(1))) == (before[0] + 2, before[1] + 2)
    front.handle.send(Resume())
    front.until(lambda: len(front.steps(0)) > before[0] + 5 and len(front.steps(1)) > before[1] + 5)


def test_act_while_paused(front: Front, tmp_path: Path) -> None:
    """It is ignored: nothing that was pressed during a pause is played after it."""
    front.play((counter(tmp_path, "count"), "human"))
    front.until(lambda: front.phase() == "waiting for you")
    front.handle.send(Pause())
    front.handle.send(Act(0, GO))
    front.until(lambda: front.phase() == "paused")
    front.handle.send(Act(0, GO))
    front.handle.send(Resume())
    front.until(lambda: front.phase() == "waiting for you")
    assert len(front.steps()) == 1


def rate(front: Front, steps: int) -> float:
    """Steps a second over the next `steps` steps."""
    first = len(front.steps())
    front.until(lambda: len(front.steps()) > first)
    began, first = time.monotonic(), len(front.steps())
    front.until(lambda: len(front.steps()) >= first + steps)
    return steps / (time.monotonic() - began)


def test_speed(front: Front, tmp_path: Path) -> None:
    """At speed 1 a person can follow; a factor scales that; without limit the lane is far faster."""
    front.play((counter(tmp_path, "endless") + ",n=1000000", "random"), speed=1.0)
    assert 2 < rate(front, 4) < 8
    front.handle.send(Speed(5.0))
    assert 10 < rate(front, 20) < 40
    front.handle.send(Speed(None))
    assert rate(front, 200) > 40


def test_real_time(front: Front) -> None:
    """The person's lane runs at the environment's pace with its idle action, and a key is held for a moment."""
    front.play(("MountainCar-v0", "human"), pictures="none", speed=0.5)
    front.until(lambda: front.phase() == "waiting for you")
    front.handle.send(Pace(0, real_time=True))
    assert 7 < rate(front, 15) < 30, "MountainCar has 30 frames a second, at half speed 15"
    assert calls(front.steps()[-1]) == [("act", {"action": "coast"})]
    right = front.ready()[0].keys["right"]
    front.handle.send(Act(0, (right,)))
    front.until(lambda: calls(front.steps()[-1]) == [("act", right["arguments"])])
    front.until(lambda: calls(front.steps()[-1]) == [("act", {"action": "coast"})])
    assert sum(calls(step) == [("act", right["arguments"])] for step in front.steps()) > 1
    front.handle.send(Pace(0, real_time=False))
    front.until(lambda: front.phase() == "waiting for you" and front.handle.phases()[0].seconds > 0.5)


def test_real_time_where_there_is_none(front: Front, tmp_path: Path) -> None:
    """The lane goes on waiting for its player."""
    front.play((counter(tmp_path, "count"), "human"))
    front.until(lambda: front.phase() == "waiting for you")
    assert front.ready()[0].real_time_fps is None
    front.handle.send(Pace(0, real_time=True))
    front.handle.send(Act(0, GO))
    front.until(front.steps)
    assert len(front.steps()) == 1


def test_command_for_a_lane_that_is_not_there(front: Front, tmp_path: Path) -> None:
    """It is ignored."""
    front.play((counter(tmp_path, "count"), "random"), speed=None)
    for lane in (-1, 1, 99):
        front.handle.send(View(lane, 10, 10))
        front.handle.send(Stop(lane))
    front.until(front.ended)
    assert front.ended()[0].reason == "terminated"


_DRAWS = "return Picture(64, 32, bytes([self.count % 256, 0, 0]) * (64 * 32))"


def shown(report: PictureReport) -> tuple[int, int, int]:
    """Width, height and red of a picture."""
    assert isinstance(report.rendering, Picture)
    return report.rendering.width, report.rendering.height, report.rendering.rgb[0]


def test_pictures_fit_their_view(front: Front, tmp_path: Path, db: Path) -> None:
    """They are sent as large as the lane's view, and stored in full."""
    drawing = counter(tmp_path, "drawing", render=_DRAWS)
    front.play((drawing, "human"), db=str(db))
    front.until(lambda: front.phase() == "waiting for you")
    first = front.started()[0].rendering
    assert isinstance(first, Picture)
    assert (first.width, first.height) == (64, 32)
    front.handle.send(View(0, columns=20, rows=20))
    front.until(lambda: [shown(report) for report in front.pictures()] == [(20, 10, 0)])
    front.handle.send(Act(0, GO))
    front.until(lambda: shown(front.pictures()[-1]) == (20, 10, 1))
    assert front.steps()[0].rendering is None
    front.handle.close()
    from ldp_tui.store.reader import Reader

    with Reader(db) as reader:
        (episode,) = recorded(db)
        picture = reader.picture(episode.uid, 1)
    assert picture is not None
    assert (picture.width, picture.height) == (64, 32)


def test_newest_picture_of_a_fast_lane(front: Front, tmp_path: Path) -> None:
    """Few of the pictures are sent, but the last one is."""
    drawing = counter(tmp_path, "drawing", render=_DRAWS)
    front.play((f"{drawing},n=200", "random"), speed=None, fps_limit=20.0)
    front.until(lambda: front.ended() and shown(front.pictures()[-1])[2] == 200)
    assert len(front.steps()) == 200
    assert len(front.pictures()) < 100


@pytest.mark.parametrize(("pictures", "stored", "sent"), [("show", False, True), ("none", False, False)])
def test_what_becomes_of_pictures(
    front: Front, tmp_path: Path, db: Path, pictures: str, stored: bool, sent: bool
) -> None:
    """`show` sends them and stores none; `none` does not even draw."""
    from ldp_tui.store.reader import Reader

    front.play((counter(tmp_path, "drawing", render=_DRAWS), "random"), db=str(db), speed=None, pictures=pictures)
    front.until(front.ended)
    assert (front.started()[0].rendering is not None) is sent
    front.handle.close()
    with Reader(db) as reader:
        assert (reader.picture(recorded(db)[0].uid, 1) is not None) is stored

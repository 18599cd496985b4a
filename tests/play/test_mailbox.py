"""What waits for the screen: all events, the newest picture."""

from __future__ import annotations

import threading

from ldp_tui.core.messages import Message
from ldp_tui.engine.events import AgentRecord, EnvironmentRecord, EpisodeStarted, Event, ReflectionDelta, StepTaken
from ldp_tui.play.mailbox import Mailbox
from ldp_tui.play.messages import EventReport, PictureReport, Report
from ldp_tui.play.transport import encode, unpack

STARTED = EpisodeStarted("u", EnvironmentRecord("e"), AgentRecord("a"), 1, None, {}, 1, (), ())


def step(index: int) -> StepTaken:
    return StepTaken(index, Message(), (), 1.0, False, False)


def put(box: Mailbox, *reports: Report) -> None:
    for report in reports:
        box.put(unpack(encode(report)))


def event(number: int, event: Event, lane: int = 0) -> EventReport:
    return EventReport(lane, number, event)


def picture(number: int, lane: int = 0) -> PictureReport:
    return PictureReport(lane, number, f"picture {number}")


def test_pictures_that_nobody_has_seen() -> None:
    """Only the newest of each lane is kept, the others are counted; no step is lost."""
    box = Mailbox()
    put(
        box,
        event(0, step(0)),
        picture(0),
        event(1, step(1)),
        picture(1),
        picture(5, lane=1),
        event(2, step(2)),
        picture(2),
    )
    assert box.drain(1.0) == [event(0, step(0)), event(1, step(1)), event(2, step(2)), picture(2), picture(5, lane=1)]
    assert box.dropped == {0: 2}
    assert box.drain(1.0) == []


def test_no_time() -> None:
    """At least one event comes at each drain, and the order stays."""
    box = Mailbox()
    put(box, *(event(number, ReflectionDelta(0, "…")) for number in range(3)))
    assert [box.drain(0.0) for _ in range(4)] == [*([event(n, ReflectionDelta(0, "…"))] for n in range(3)), []]


def test_picture_of_an_earlier_episode() -> None:
    """It is dropped when the next episode begins, so that it cannot cover that one's first picture."""
    box = Mailbox()
    put(box, event(0, step(0)), picture(0), event(1, STARTED))
    assert box.drain(1.0) == [event(0, step(0)), event(1, STARTED)]
    assert box.dropped == {0: 1}


def test_picture_of_an_episode_that_has_not_begun_on_screen() -> None:
    """It waits for the episode's start."""
    box = Mailbox()
    put(box, event(0, step(0)), event(1, STARTED), event(2, step(0)), picture(2))
    assert box.drain(0.0) == [event(0, step(0))]
    assert box.drain(0.0) == [event(1, STARTED), picture(2)]
    assert box.drain(0.0) == [event(2, step(0))]


def test_screen_that_does_not_drain() -> None:
    """The receiver waits at the bound, and goes on when something was drained: nothing is lost."""
    box = Mailbox(bound=3)
    reports = [event(number, step(number)) for number in range(10)]
    thread = threading.Thread(target=put, args=(box, *reports))
    thread.start()
    thread.join(0.05)
    assert thread.is_alive()
    assert box.full
    drained: list[Report] = []
    while len(drained) < 10:
        drained += box.drain(0.0)
    thread.join(5)
    assert drained == reports


def test_closed_while_the_receiver_waits() -> None:
    """The receiver goes on; what was in the box can still be drained."""
    box = Mailbox(bound=1)
    thread = threading.Thread(target=put, args=(box, event(0, step(0)), event(1, step(1))))
    thread.start()
    box.close()
    thread.join(5)
    assert not thread.is_alive()
    assert len(box.drain(1.0)) <= 1

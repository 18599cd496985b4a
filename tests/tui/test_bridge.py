from ldp_tui.play.messages import LaneFailed
from ldp_tui.tui.bridge import Bridge
from ldp_tui.tui.log_book import KEPT, LogBook
from tests.tui.fake_engine import FakeEngine, card_table, ended, stepped, thinking


def bridged(lanes: int = 2) -> tuple[FakeEngine, Bridge]:
    engine = FakeEngine()
    return engine, Bridge(engine, lanes, LogBook())


def test_lanes_do_not_touch_each_other():
    """What happens in one lane leaves the other's slices as they are."""
    engine, bridge = bridged()
    engine.hand(0)
    engine.hand(1)
    bridge.drain()
    other = bridge.lanes[1].session
    engine.event(0, stepped(0))
    bridge.drain()
    assert bridge.lanes[0].session.steps == 1
    assert bridge.lanes[1].session is other


def test_picture_between_steps():
    """A picture replaces the one before and changes nothing else."""
    engine, bridge = bridged(1)
    engine.hand(0)
    bridge.drain()
    session = bridge.lanes[0].session
    newest = card_table(8, 8)
    engine.picture(0, newest)
    bridge.drain()
    assert bridge.lanes[0].rendering is newest
    assert bridge.lanes[0].session is session


def test_next_episode():
    """It starts from nothing, with its own picture."""
    engine, bridge = bridged(1)
    engine.hand(0)
    engine.event(0, thinking(0, "hm"))
    engine.event(0, stepped(0, over=True))
    engine.event(0, ended(0.0, 1))
    bridge.drain()
    assert bridge.over
    engine.hand(0, seed=8)
    bridge.drain()
    lane = bridge.lanes[0]
    assert not bridge.over
    assert (lane.session.steps, lane.session.reflection) == (0, "")
    assert lane.session.started is not None
    assert lane.session.started.seed == 8


def test_lane_that_cannot_play():
    """It is over, and the log has the traceback."""
    engine, bridge = bridged(1)
    engine.report(LaneFailed(0, "no such environment", "Traceback …\nKeyError"))
    bridge.drain()
    assert bridge.over
    assert [line.text for line in bridge._log_book.since(0)] == [
        "lane 1: no such environment",
        "Traceback …",
        "KeyError",
    ]


def test_engine_prints():
    """Each line is copied once."""
    engine, bridge = bridged(1)
    engine.log.add("output", "one")
    bridge.drain()
    engine.log.add("output", "two")
    bridge.drain()
    bridge.drain()
    assert [line.text for line in bridge._log_book.since(0)] == ["one", "two"]


def test_log_book_that_overflows():
    """The newest lines are kept, and a reader gets what is left of what it has not seen."""
    book = LogBook()
    for number in range(KEPT + 10):
        book.add("info", str(number))
    assert [line.text for line in book.since(KEPT + 8)] == [str(KEPT + 8), str(KEPT + 9)]
    assert len(list(book.since(0))) == KEPT

"""Messages as bytes, and what is refused."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldp_tui.core.environment import Picture
from ldp_tui.core.errors import UsageError
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolCall, ToolRequestMessage
from ldp_tui.engine.events import (
    ActionProposed,
    AgentRecord,
    EnvironmentRecord,
    EpisodeEnded,
    EpisodeStarted,
    StepTaken,
)
from ldp_tui.play import messages as m
from ldp_tui.play.outbox import Outbox
from ldp_tui.play.session_spec import LaneSpec, SessionSpec
from ldp_tui.play.transport import (
    Channel,
    MessageTooLarge,
    MessageUnsendable,
    TransportError,
    VersionMismatch,
    check_hello,
    decode,
    encode,
    hello,
    unpack,
)
from ldp_tui.tui.widgets.tool_form.sendable import unsendable
from tests.play.playing import Front

ACTION = ToolRequestMessage(tool_calls=[ToolCall.from_name("act", action=[1, 2.5, "up"])])
EVENTS = [
    EpisodeStarted(
        "u", EnvironmentRecord("e"), AgentRecord("a"), 2**63, None, {}, 1, (Message(content="hi"),), ({"n": 1},)
    ),
    ActionProposed(0, ACTION, {"left": 0.25}),
    StepTaken(0, ACTION, (Message(content="lone \ud800 surrogate"),), float("inf"), False, True, info={"x": [1, None]}),
    EpisodeEnded("failed", 1.5, 1, 9, None, "tool", "broke"),
]
MESSAGES: list[m.Command | m.Report] = [
    m.Hello("1", 2, 3),
    m.Start(SessionSpec(lanes=(LaneSpec("maze", "human"), LaneSpec("maze", "random")), seed=5, speed=None, db="x.db")),
    m.Act(0, ({"name": "act", "arguments": {"action": [0.5, {"deep": None}]}},), "text", "note"),
    m.Pace(0, real_time=True),
    m.Pause(),
    m.Speed(None),
    m.Stop(),
    m.Restart(1, 2**62),
    m.View(0, 80, 24, 12.5),
    m.Progress("importing …"),
    m.LaneReady(0, "maze", "human", True, ({"name": "move"},), {"up": {"name": "move", "arguments": {}}}, None, None),
    m.PictureReport(0, 7, Picture(2, 1, b"\x00\xff" * 3)),
    m.PictureReport(0, 7, "\x1b[31mtext"),
    m.Heartbeat((m.LanePhase(0, "env step", 0.5),)),
    m.LaneFailed(0, "no", "trace"),
    m.Log("warning", "hm"),
    m.Bye(),
    *(m.EventReport(1, number, event) for number, event in enumerate(EVENTS)),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_any_message(message: m.Command | m.Report) -> None:
    """It is the same on the other side."""
    assert decode(unpack(encode(message))) == message


@pytest.fixture
def pair() -> Iterator[tuple[Channel, socket.socket]]:
    """A channel that takes messages of up to 1,000 bytes, and the bare other end."""
    one, other = socket.socketpair()
    with one, other:
        yield Channel(one, limit=1_000), other


def test_message_above_the_limit(pair: tuple[Channel, socket.socket]) -> None:
    """It is refused before anything is sent, and the next one goes through."""
    channel, other = pair
    with pytest.raises(MessageTooLarge, match="above the limit of 1,000"):
        channel.send(m.Log("info", "x" * 2_000))
    channel.send(m.Log("info", "short"))
    received = Channel(other).receive()
    assert received is not None
    assert decode(received) == m.Log("info", "short")


def test_announced_message_above_the_limit(pair: tuple[Channel, socket.socket]) -> None:
    """It is refused before any of it is read."""
    channel, other = pair
    other.sendall(struct.pack(">I", 4_000_000_000))
    with pytest.raises(MessageTooLarge, match="4,000,000,000"):
        channel.receive()


@pytest.mark.parametrize(
    "data", [b"\xc1", b"", msgpack.packb(["Nonsense", {}]), msgpack.packb(["Pause"]), msgpack.packb(5)], ids=repr
)
def test_bytes_that_are_no_message(data: bytes) -> None:
    """They are refused with a sentence."""
    with pytest.raises(TransportError):
        unpack(data)


def test_message_with_wrong_fields() -> None:
    """It is refused with the field."""
    with pytest.raises(TransportError, match="columns"):
        decode(unpack(msgpack.packb(["View", {"lane": 0, "columns": "many", "rows": 1}])))


def test_message_that_asks_for_nonsense() -> None:
    """The same check as where it was made holds on the other side."""
    with pytest.raises(UsageError, match="speed"):
        decode(unpack(msgpack.packb(["Speed", {"factor": -1.0}])))


def test_value_that_cannot_travel(pair: tuple[Channel, socket.socket]) -> None:
    """It is refused before anything is sent."""
    with pytest.raises(MessageUnsendable, match="Log"):
        pair[0].send(m.Log("info", object()))  # type: ignore[arg-type]


@given(st.integers(-(2**66), 2**66) | st.sampled_from([-(2**63), -(2**63) - 1, 2**64 - 1, 2**64]), st.booleans())
def test_arguments_that_a_form_lets_through(number: int, deep: bool) -> None:
    """They can be sent, and those that it holds back cannot."""
    arguments = {"x": {"y": [number]}} if deep else {"x": number}
    act = m.Act(0, ({"name": "t", "arguments": arguments},))
    if unsendable(arguments):
        with pytest.raises(MessageUnsendable, match="out of range"):
            encode(act)
    else:
        assert decode(unpack(encode(act))) == act


def test_event_with_a_number_of_too_many_digits() -> None:
    """Python writes no such number; that is no other kind of error."""
    step = StepTaken(0, ToolRequestMessage(tool_calls=[ToolCall.from_name("act", n=10**5000)]), (), 0.0, False, False)
    with pytest.raises(MessageUnsendable, match="EventReport"):
        encode(m.EventReport(0, 0, step))


def test_event_that_cannot_travel(pair: tuple[Channel, socket.socket]) -> None:
    """It arrives without its contents, under its number, with the reason in its place and in the log."""
    channel, other = pair
    large = StepTaken(3, ACTION, (Message(content="x" * 5_000),), 2.5, True, False, info={"more": "y" * 5_000})
    Outbox(channel).send(m.EventReport(0, 8, large))
    receiver = Channel(other)
    logged, report = (decode(envelope) for envelope in (receiver.receive(), receiver.receive()) if envelope is not None)
    assert isinstance(logged, m.Log)
    assert isinstance(report, m.EventReport)
    assert isinstance(report.event, StepTaken)
    assert (report.number, report.event.index, report.event.reward, report.event.terminated) == (8, 3, 2.5, True)
    assert "above the limit" in (report.event.observation[0].content or "")


def test_other_side_that_is_gone(pair: tuple[Channel, socket.socket]) -> None:
    """Nothing more is received; sending through an outbox is no error."""
    channel, other = pair
    other.close()
    assert channel.receive() is None
    Outbox(channel).send(m.Pause())  # type: ignore[arg-type]


def test_receiving_is_stopped_by_another_thread(pair: tuple[Channel, socket.socket]) -> None:
    """A receive that waits returns None."""
    channel, _ = pair
    received: list[object] = []
    thread = threading.Thread(target=lambda: received.append(channel.receive()))
    thread.start()
    channel.stop_receiving()
    thread.join(5)
    assert received == [None]


def test_hello_of_the_same_version() -> None:
    """It is accepted."""
    assert check_hello(unpack(encode(hello()))).pid == os.getpid()


@pytest.mark.parametrize("first", [m.Hello("0.0.1", 1, 1), m.Pause()], ids=["older", "none"])
def test_hello_of_another_version(first: m.Command) -> None:
    """It is refused with a sentence that says what to do."""
    with pytest.raises(VersionMismatch, match="Restart it"):
        check_hello(unpack(encode(first)))


_OTHER_VERSION = """
import socket, sys, time
from ldp_tui.play.messages import Hello
from ldp_tui.play.transport import Channel

channel = Channel(socket.socket(fileno=int(sys.argv[sys.argv.index("--fd") + 1])))
channel.send(Hello("9.9.9", 1, 0))
time.sleep(600)
"""


def test_engine_of_another_version(tmp_path: Path) -> None:
    """The handle says which versions meet, and the engine is ended."""
    engine = tmp_path / "engine.py"
    engine.write_text(_OTHER_VERSION)
    front = Front((sys.executable, str(engine)))
    try:
        front.until(lambda: front.handle.state.kind == "ended")
        assert "9.9.9" in front.handle.state.text
    finally:
        front.handle.close()


_NO_PROTOCOL = """
import os, sys, time

os.write(int(sys.argv[sys.argv.index("--fd") + 1]), b"HTTP/1.1 400 Bad Request")
time.sleep(600)
"""


def test_engine_that_speaks_something_else(tmp_path: Path) -> None:
    """Its message is refused by its size, and the engine is ended."""
    engine = tmp_path / "engine.py"
    engine.write_text(_NO_PROTOCOL)
    front = Front((sys.executable, str(engine)))
    try:
        front.until(lambda: front.handle.state.kind == "ended")
        assert "limit" in front.handle.state.text
    finally:
        front.handle.close()


def test_front_end_of_another_version() -> None:
    """The engine leaves with a sentence and status 3."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        engine = subprocess.Popen(
            [sys.executable, "-P", "-m", "ldp_tui.play", "--fd", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stderr=subprocess.PIPE,
            text=True,
        )
        Channel(ours).send(m.Hello("9.9.9", 1, 0))
        _, complaint = engine.communicate(timeout=30)
    assert engine.returncode == 3
    assert "9.9.9" in complaint
    assert "Traceback" not in complaint

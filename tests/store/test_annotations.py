"""What is said of recorded steps, and the preferences that overruled steps are."""

from __future__ import annotations

from pathlib import Path

import pytest

from ldp_tui.core.tool_calls import ToolCall, ToolRequestMessage
from ldp_tui.engine.oversight import Approver, replace_with
from ldp_tui.engine.preferences import preferences
from ldp_tui.engine.record import record
from ldp_tui.engine.rollout import rollout
from ldp_tui.store import AddAnnotation, AnnotationRow, Reader, connect_writer, copy_episode
from ldp_tui.store.errors import EpisodeUnknown
from ldp_tui.store.verify import verify
from ldp_tui.store.wire import pack_operation, unpack_operation
from tests.engine.playing import Counter, Going

SAID = AnnotationRow(1, "intervention", "human", "ada", "noted", "hurry", 7)


async def overruled(database: Path) -> None:
    """Two episodes; in the first, each action was replaced."""
    two = ToolRequestMessage(tool_calls=[ToolCall.from_name("go", by=2)])
    ada = Approver(lambda _: replace_with(two, "faster"), by="ada")
    with connect_writer(database) as writer:
        async for _ in record(rollout(Counter(4), Going(), uid="e1", overseer=ada), writer, run_uid="r"):
            pass
        async for _ in record(rollout(Counter(2), Going(), uid="e2"), writer, run_uid="r"):
            pass


async def test_of_an_episode_that_does_not_exist(tmp_path: Path):
    """It is refused."""
    with connect_writer(tmp_path / "ldp.db") as writer, pytest.raises(EpisodeUnknown):
        writer.wait(writer.submit(AddAnnotation("nobody", SAID)))


def test_on_the_way_to_another_process():
    """Packed and unpacked it is the same."""
    assert unpack_operation(pack_operation(AddAnnotation("e1", SAID))) == AddAnnotation("e1", SAID)


async def test_in_the_order_of_their_coming(tmp_path: Path):
    """As they were given, and without secrets."""
    await overruled(tmp_path / "ldp.db")
    with connect_writer(tmp_path / "ldp.db") as writer:
        writer.wait(writer.submit(AddAnnotation("e2", SAID)))
    with Reader(tmp_path / "ldp.db") as reader:
        assert reader.annotations("e2") == [SAID]
        assert [told.label for told in reader.annotations("e1")] == ["edited", "edited"]


async def test_overruled_steps(tmp_path: Path):
    """Of one episode, or of all, with who preferred what was played."""
    await overruled(tmp_path / "ldp.db")
    with Reader(tmp_path / "ldp.db") as reader:
        found = [(step.uid, step.t, step.author) for step in reader.overruled_steps()]
        assert found == [("e1", 1, "ada"), ("e1", 2, "ada")]
        assert reader.overruled_steps("e2") == []


async def test_preferences_travel_with_their_episode(tmp_path: Path):
    """A copy in another database has them too, and both verify."""
    await overruled(tmp_path / "a.db")
    with connect_writer(tmp_path / "b.db") as writer, Reader(tmp_path / "a.db") as reader:
        writer.wait(copy_episode(reader, writer, "e1"))
    with Reader(tmp_path / "a.db") as one, Reader(tmp_path / "b.db") as other:
        assert list(preferences(other)) == list(preferences(one))
        assert len(list(preferences(other))) == 2
    assert verify(tmp_path / "a.db").ok
    assert verify(tmp_path / "b.db").ok

"""Recording through the writer: order, acknowledgements, refusals, and what an episode adds up to."""

from __future__ import annotations

import asyncio
import math
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ldp_tui.store.connect import connect_writer
from ldp_tui.store.errors import EpisodeFinished, EpisodeUnknown, RowRejected, StepOutOfOrder, StoreClosed, ValueRefused
from ldp_tui.store.reader import Reader
from ldp_tui.store.rows import AddStep, AgentRow, EndEpisode
from ldp_tui.store.verify import verify

from .recording import AGENT, begin, database, message, record_episode, row


def test_committed_step_is_visible_to_another_connection_at_once(tmp_path: Path) -> None:
    """When `wait` returns, any other connection reads the step."""
    path = database(tmp_path)
    with connect_writer(path) as writer:
        writer.submit(begin("a"))
        writer.wait(writer.submit(AddStep("a", row(1, "seen"))), timeout=30)
        with Reader(path) as reader:
            assert reader.steps("a")[1].messages[0].content == "seen"


async def test_many_tasks_await_their_own_tickets(tmp_path: Path) -> None:
    """Each awaits its step's commit; all are stored, and nothing is left waiting."""
    path = database(tmp_path)
    with connect_writer(path) as writer:

        async def play(uid: str) -> None:
            await writer.committed(writer.submit(begin(uid)))
            for t in range(1, 21):
                await writer.committed(writer.submit(AddStep(uid, row(t))))
            await writer.committed(writer.submit(EndEpisode(uid, "done", 1)))

        await asyncio.wait_for(asyncio.gather(*(play(f"e{i}") for i in range(20))), 60)
    report = verify(path)
    assert (report.ok, report.episodes, report.steps) == (True, 20, 20 * 20)


def test_event_loops_of_several_threads_wait_at_once(tmp_path: Path) -> None:
    """A commit wakes the loop that waits for it, whichever thread it runs in."""
    path = database(tmp_path)
    with connect_writer(path) as writer:

        def lane(uid: str) -> None:
            async def play() -> None:
                await writer.committed(writer.submit(begin(uid)))
                for t in range(1, 11):
                    await writer.committed(writer.submit(AddStep(uid, row(t))))

            asyncio.run(play())

        threads = [threading.Thread(target=lane, args=(f"lane{i}",)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        with Reader(path) as reader:
            assert [len(reader.steps(f"lane{i}")) for i in range(4)] == [11] * 4


def test_abandoned_wait_does_not_disturb_the_others(tmp_path: Path) -> None:
    """A cancelled `committed` leaves the writer and other waiters alone: the step is stored all the same."""
    path = database(tmp_path)

    async def play() -> None:
        await writer.committed(writer.submit(begin("a")))
        waiting = asyncio.ensure_future(writer.committed(writer.submit(AddStep("a", row(1, "abandoned")))))
        await asyncio.sleep(0)
        waiting.cancel()
        await writer.committed(writer.submit(AddStep("a", row(2, "awaited"))))

    with connect_writer(path) as writer:
        asyncio.run(asyncio.wait_for(play(), 30))
        with Reader(path) as reader:
            told = [[message.content for message in step.messages] for step in reader.steps("a")]
    assert told[1:] == [["abandoned"], ["awaited"]]
    assert verify(path).ok


def test_bad_operation_is_refused_alone(tmp_path: Path) -> None:
    """Of a batch with one step that cannot be stored, only that step fails, with the reason."""
    path = database(tmp_path)
    with connect_writer(path) as writer:
        writer.wait(writer.submit(begin("good")), timeout=30)
        tickets = [writer.submit(AddStep("good", row(t))) for t in range(1, 50)]
        bad = writer.submit(AddStep("good", replace(row(50), action=3)))  # type: ignore[arg-type]
        unknown = writer.submit(AddStep("nobody", row(1)))
        after = writer.submit(AddStep("good", row(50)))
        for ticket in (*tickets, after):
            writer.wait(ticket, timeout=30)
        with pytest.raises(ValueRefused, match="text expected, not int"):
            writer.wait(bad)
        with pytest.raises(EpisodeUnknown, match="never begun"):
            writer.wait(unknown)
    assert verify(path).steps == 50


def test_value_that_a_strict_column_refuses_fails_alone(tmp_path: Path) -> None:
    """SQLite's own refusal reaches the one who submitted it."""
    path = database(tmp_path)
    with connect_writer(path) as writer:
        writer.wait(writer.submit(begin("a")), timeout=30)
        odd = writer.submit(begin("b", agent=AgentRow("x", "alien")))
        with pytest.raises(RowRejected, match="CHECK constraint"):
            writer.wait(odd, timeout=30)
        writer.wait(writer.submit(AddStep("a", row(1))), timeout=30)
    assert verify(path).ok


@pytest.mark.parametrize(
    ("t", "reason"),
    [(3, "does not follow"), (0, "does not follow"), (1, None), (2, None)],
    ids=["hole", "past", "same", "next"],
)
def test_rows_come_in_order_or_again(tmp_path: Path, t: int, reason: str | None) -> None:
    """A hole or a different row is refused; the same row again, as after a lost answer, is accepted and stored once."""
    path = database(tmp_path)
    with connect_writer(path) as writer:
        writer.submit(begin("a"))
        writer.submit(AddStep("a", row(1, "one")))
        ticket = writer.submit(AddStep("a", row(t, "one")))
        if reason is None:
            writer.wait(ticket, timeout=30)
        else:
            with pytest.raises(StepOutOfOrder, match=reason):
                writer.wait(ticket, timeout=30)
    assert verify(path).ok


def test_whole_episode_submitted_twice_is_stored_once(tmp_path: Path) -> None:
    """Sending everything again changes nothing; a different beginning under the same uid is refused."""
    path = database(tmp_path)
    first = begin("a")
    with connect_writer(path) as writer:
        for _ in range(2):
            writer.submit(first)
            writer.submit(AddStep("a", row(1)))
            writer.wait(writer.submit(EndEpisode("a", "done", 5)), timeout=30)
        with pytest.raises(RowRejected, match="recorded already"):
            writer.wait(writer.submit(replace(first, first=row(0, "something else"))), timeout=30)
        with pytest.raises(EpisodeFinished, match="has ended"):
            writer.wait(writer.submit(AddStep("a", row(2))), timeout=30)
    report = verify(path)
    assert (report.ok, report.episodes, report.steps) == (True, 1, 1)


def test_unfinite_rewards_are_kept_and_left_out_of_sums(tmp_path: Path) -> None:
    """NaN and infinities come back as they were; the return sums the rest and says so."""
    path = database(tmp_path)
    with connect_writer(path) as writer:
        record_episode(writer, "a", rewards=(1.0, math.nan, math.inf, -math.inf, 2.5))
    with Reader(path) as reader:
        rewards = [step.reward for step in reader.steps("a")]
        summary = reader.episode("a").summary
        standing = reader.rollup()[0]
    assert math.isnan(rewards[2] or 0)
    assert rewards[1:2] + rewards[3:] == [1.0, math.inf, -math.inf, 2.5]
    assert (summary.return_, summary.return_tag) == (3.5, "-inf")
    assert (standing.n, standing.n_scored) == (1, 0)


@pytest.mark.parametrize("zero", [-0.0, np.float64(-0.0)], ids=["float", "numpy"])
def test_negative_zero_is_zero_and_verifies(tmp_path: Path, zero: float) -> None:
    """SQLite stores -0.0 as 0.0; what is hashed is what is stored, or a verification would cry wolf."""
    path = database(tmp_path)
    odd = replace(row(1), reward=zero, value=zero, cost_usd=zero)
    with connect_writer(path) as writer:
        writer.submit(begin("a"))
        writer.wait(writer.submit(AddStep("a", odd)), timeout=30)
    assert verify(path).problems == ()


def test_huge_rewards_do_not_stop_the_leaderboard(tmp_path: Path) -> None:
    """Finite rewards whose squares overflow are kept and told, and left out of sums; later episodes count as ever."""
    path = database(tmp_path)
    with connect_writer(path) as writer:
        record_episode(writer, "huge", rewards=(1.7e308, 1.7e308, -1.7e308, 2.0))
        record_episode(writer, "plain", rewards=(3.0,))
    with Reader(path) as reader:
        summary = reader.episode("huge").summary
        (line,) = reader.rollup()
        assert [step.reward for step in reader.steps("huge")][1:3] == [1.7e308, 1.7e308]
    assert (summary.return_, summary.return_tag) == (2.0, "huge")
    assert (line.n, line.n_scored, line.mean) == (2, 1, 3.0)
    assert verify(path).problems == ()


def test_impossible_token_counts_are_refused(tmp_path: Path) -> None:
    """They would overflow the sums of all later episodes."""
    path = database(tmp_path)
    with connect_writer(path) as writer:
        writer.submit(begin("a"))
        with pytest.raises(ValueRefused, match="more tokens than can be counted"):
            writer.wait(writer.submit(AddStep("a", replace(row(1), tokens_in=2**62))), timeout=30)
        writer.wait(writer.submit(AddStep("a", row(1))), timeout=30)
    assert verify(path).problems == ()


def test_numpy_numbers_in_a_row_are_stored_as_numbers(tmp_path: Path) -> None:
    """Integers and floats of numpy end up as what the columns hold."""
    path = database(tmp_path)
    odd = replace(row(1), reward=np.float32(0.5), flags=np.int64(1), tokens_in=np.int32(3), value=np.float64(0.25))
    with connect_writer(path) as writer:
        writer.submit(begin("a"))
        writer.wait(writer.submit(AddStep("a", odd)), timeout=30)  # type: ignore[arg-type]
    with Reader(path) as reader:
        stored = reader.steps("a")[1]
    assert (stored.reward, stored.flags, stored.tokens_in, stored.value) == (0.5, 1, 3, 0.25)
    assert verify(path).ok


def test_lone_surrogates_are_replaced_and_recoverable(tmp_path: Path) -> None:
    """Reading gives valid text; `operations` gives what the model wrote."""
    path = database(tmp_path)
    broken = "half a smiley: \ud83d and a NUL: \0"
    with connect_writer(path) as writer:
        writer.submit(begin("a"))
        writer.wait(writer.submit(AddStep("a", row(1, "fine", broken))), timeout=30)
    with Reader(path) as reader:
        assert reader.steps("a")[1].messages[1].content == "half a smiley: \ufffd and a NUL: \0"
        told = list(reader.operations("a"))[1]
    assert isinstance(told, AddStep)
    assert [m.content for m in told.row.messages] == ["fine", broken]
    assert verify(path).ok


def test_long_values_are_kept_whole(tmp_path: Path) -> None:
    """A text above 16 MB shows its beginning and is exported whole; a large observation comes back as it was."""
    path = database(tmp_path)
    text, obs = "äbc" * 6_000_000, bytes(range(256)) * 40_000
    with connect_writer(path) as writer:
        writer.submit(begin("a"))
        ticket = writer.submit(AddStep("a", replace(row(1, text, obs=obs), info='"' + "i" * 5000 + '"')))
        writer.wait(ticket, timeout=60)
    with Reader(path) as reader:
        shown = reader.steps("a")[1]
        told = list(reader.operations("a"))[1]
    assert isinstance(told, AddStep)
    assert shown.messages[0].content == text[:65_536]
    assert told.row.messages[0].content == text
    assert shown.obs == told.row.obs == obs
    assert len(shown.info or "") == 5002
    assert verify(path).ok


def test_value_beyond_the_limit_is_refused_with_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is too large for one value is refused in words; the episode goes on."""
    monkeypatch.setattr("ldp_tui.store.cleaning.LARGEST", 20 * 2**20)
    with connect_writer(database(tmp_path)) as writer:
        writer.submit(begin("a"))
        with pytest.raises(ValueRefused, match="at most 20 MB"):
            writer.wait(writer.submit(AddStep("a", row(1, obs=bytes(21 * 2**20)))), timeout=30)
        writer.wait(writer.submit(AddStep("a", row(1))), timeout=30)


def test_closed_writer_refuses_and_says_so(tmp_path: Path) -> None:
    """`close` commits what was queued; afterwards nothing is taken, and closing again does nothing."""
    path = database(tmp_path)
    writer = connect_writer(path)
    writer.submit(begin("a"))
    ticket = writer.submit(AddStep("a", row(1)))
    writer.close()
    writer.close()
    writer.wait(ticket)
    with pytest.raises(StoreClosed, match="closed"):
        writer.submit(AddStep("a", row(2)))
    with pytest.raises(StoreClosed, match="closed"):
        writer.wait(ticket + 1)
    assert verify(path).steps == 1


def test_equal_environments_agents_and_pictures_are_stored_once(tmp_path: Path) -> None:
    """Two episodes of the same environment and agent share their rows; another model is another agent."""
    path = database(tmp_path)
    with connect_writer(path) as writer:
        record_episode(writer, "a")
        record_episode(writer, "b")
        record_episode(writer, "c", agent=replace(AGENT, model="other"))
    connection = sqlite3.connect(path)
    assert [connection.execute(f"select count(*) from {table}").fetchone()[0] for table in ("env", "agent", "run")] == [
        1,
        2,
        1,
    ]
    connection.close()


def test_same_task_and_seed_share_a_group(tmp_path: Path) -> None:
    """Episodes that differ only in their agent are comparable; another seed is another group."""
    path = database(tmp_path)
    with connect_writer(path) as writer:
        record_episode(writer, "a")
        record_episode(writer, "b", agent=replace(AGENT, name="other"))
        record_episode(writer, "c", seed=str(2**70))
    connection = sqlite3.connect(path)
    groups = dict(connection.execute("select uid, group_key from episode").fetchall())
    connection.close()
    assert groups["a"] == groups["b"] != groups["c"]


def test_rollup_agrees_with_a_plain_computation(tmp_path: Path) -> None:
    """Mean, spread and success of the leaderboard are those of the finished episodes; failed ones are only counted."""
    path = database(tmp_path)
    returns = [1.0, 4.0, -2.5, 1e6]
    with connect_writer(path) as writer:
        for i, value in enumerate(returns):
            record_episode(writer, f"e{i}", rewards=(value,), success=value > 0)
        record_episode(writer, "failed", rewards=(77.0,), status="failed")
        record_episode(writer, "cut", rewards=(3.0,), status="truncated")
    with Reader(path) as reader:
        (line,) = reader.rollup()
    scored = np.array([*returns, 3.0])
    assert line.mean == pytest.approx(scored.mean())
    assert line.sd == pytest.approx(scored.std(ddof=1))
    assert (line.n, line.n_scored, line.n_failed, line.n_truncated) == (6, 5, 1, 1)
    assert line.success_rate == 3 / 4
    assert verify(path).ok


def test_queue_is_bounded_and_drains(tmp_path: Path) -> None:
    """A producer that never waits for commits is slowed down by the queue, and loses nothing."""
    path = database(tmp_path)
    with connect_writer(path) as writer:
        writer.submit(begin("a"))
        for t in range(1, 10_001):
            ticket = writer.submit(AddStep("a", row(t)))
        writer.wait(ticket, timeout=60)
    assert verify(path).steps == 10_000


def test_messages_of_a_row_keep_their_order_and_fields(tmp_path: Path) -> None:
    """Every field of every message comes back."""
    given = (
        replace(message("think", "assistant", "reflection"), extra='{"a":1}'),
        replace(message('{"x":1}', "assistant", "tool_call"), name="search", call_id="c1"),
        replace(message(None, "tool", "tool_result"), name="search", call_id="c1"),
    )
    path = database(tmp_path)
    with connect_writer(path) as writer:
        writer.submit(begin("a"))
        writer.wait(writer.submit(AddStep("a", replace(row(1), messages=given))), timeout=30)
    with Reader(path) as reader:
        assert reader.steps("a")[1].messages == given

"""Forks, copies, merges and backups."""

from __future__ import annotations

import json
import random
import sqlite3
import string
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ldp_tui.store.connect import connect_writer
from ldp_tui.store.errors import EpisodeUnknown, StepOutOfOrder, StoreReadOnly
from ldp_tui.store.maintenance import backup, copy_episode, merge, stats
from ldp_tui.store.pictures import PictureEncoder
from ldp_tui.store.reader import Reader
from ldp_tui.store.rows import FLAG_EDITED, AddStep, EndEpisode, MessageRow
from ldp_tui.store.verify import verify

from .recording import begin, database, message, record_episode, row


def record_family(path: Path) -> None:
    """A parent of five steps, a fork at 3, a fork of the fork at 4, and one that stands alone."""
    with connect_writer(path) as writer:
        record_episode(writer, "parent", rewards=(1.0, 2.0, 3.0, 4.0, 5.0))
        with Reader(path) as reader:
            shared = reader.steps("parent")
        writer.submit(begin("fork", replace(shared[3], flags=FLAG_EDITED), parent_uid="parent", fork_t=3))
        writer.submit(AddStep("fork", row(4, "elsewhere", reward=10.0)))
        writer.submit(AddStep("fork", row(5, "further", reward=20.0)))
        writer.submit(EndEpisode("fork", "done", 9))
        writer.submit(begin("grandchild", row(4, "elsewhere", reward=10.0), parent_uid="fork", fork_t=4))
        writer.submit(AddStep("grandchild", row(5, "third way", reward=100.0)))
        writer.submit(EndEpisode("grandchild", "done", 9))
        writer.submit(begin("alone", parent_uid="parent", fork_t=2))
        writer.wait(writer.submit(AddStep("alone", row(1, reward=7.0))), timeout=30)


def test_fork_reads_its_ancestors_rows(tmp_path: Path) -> None:
    """Rows, return and curve of a fork run from the reset, through every ancestor, to its own end."""
    path = database(tmp_path)
    record_family(path)
    with Reader(path) as reader:
        steps = reader.steps("grandchild")
        assert [step.t for step in steps] == [0, 1, 2, 3, 4, 5]
        assert [step.reward for step in steps] == [None, 1.0, 2.0, 3.0, 10.0, 100.0]
        assert steps[3].flags == FLAG_EDITED
        assert steps[5].messages[0].content == "third way"
        assert [step.t for step in reader.steps("grandchild", 2, 4)] == [2, 3]
        assert list(reader.returns("fork")) == [0.0, 1.0, 3.0, 6.0, 16.0, 36.0]
        assert [reader.episode(uid).summary.return_ for uid in ("fork", "grandchild", "alone")] == [36.0, 116.0, 7.0]
        assert reader.lineage("grandchild") == ["parent", "fork", "grandchild"]
        header = reader.episode("grandchild")
        assert (header.summary.parent_uid, header.summary.fork_t, header.first_t) == ("fork", 4, 4)
    assert verify(path).problems == ()


@pytest.mark.parametrize("key", ["parent", "fork", "grandchild", "alone"])
def test_tree(tmp_path: Path, key: str) -> None:
    """From any of its episodes: the root with its forks, by the row at which they leave it, running ones included."""
    path = database(tmp_path)
    record_family(path)
    with Reader(path) as reader:
        root = reader.tree(key)
    assert (root.uid, root.parent_uid, root.fork_t, root.level) == ("parent", None, None, 0)
    assert [child.uid for child in root.children] == ["alone", "fork"]
    alone, fork = root.children
    assert (alone.status, alone.steps, alone.return_, alone.children) == ("running", 1, 7.0, ())
    (grandchild,) = fork.children
    assert (grandchild.uid, grandchild.parent_uid, grandchild.fork_t, grandchild.level) == ("grandchild", "fork", 4, 2)
    assert (grandchild.steps, grandchild.return_, grandchild.status) == (5, 116.0, "done")


def test_tree_of_an_episode_without_forks(tmp_path: Path) -> None:
    """It alone; one that is not there is unknown."""
    path = database(tmp_path)
    with connect_writer(path) as writer:
        record_episode(writer, "one")
    with Reader(path) as reader:
        assert reader.tree("one").children == ()
        with pytest.raises(EpisodeUnknown):
            reader.tree(99)


def test_picture_in_many_messages(tmp_path: Path) -> None:
    """It is on disk once, whole in every row that is read, verified, and the words beside it are found."""
    path, again = database(tmp_path), tmp_path / "again.db"
    url = "".join(random.Random(0).choices(string.ascii_letters, k=300_000))
    text = json.dumps([{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": "a green door"}])
    shown = MessageRow("user", "multimodal", None, None, text, None)
    with connect_writer(path) as writer:
        writer.submit(begin("a", replace(row(0), messages=(shown,))))
        for t in range(1, 10):
            writer.submit(AddStep("a", replace(row(t), messages=(shown, message("now")))))
        writer.wait(writer.submit(EndEpisode("a", "done", 9, True, 12, None)), timeout=30)
    assert path.stat().st_size < 3 * len(url)  # ten copies would be more
    assert verify(path).problems == ()
    with Reader(path) as reader, connect_writer(again) as writer:
        assert [kept.messages[0] for kept in reader.steps("a")] == [shown] * 10
        assert len(reader.search(["green"]).hits) == 10
        merge(reader, writer)
        with Reader(again) as copy:
            assert copy.episode("a").chain == reader.episode("a").chain


def test_fork_needs_its_parent_and_its_place(tmp_path: Path) -> None:
    """Unknown parents and beginnings at another row are refused."""
    with connect_writer(database(tmp_path)) as writer:
        with pytest.raises(EpisodeUnknown, match="import it first"):
            writer.wait(writer.submit(begin("f", parent_uid="nobody", fork_t=1)), timeout=30)
        record_episode(writer, "parent")
        with pytest.raises(StepOutOfOrder, match="row 0 or its fork's row"):
            writer.wait(writer.submit(begin("f", row(2), parent_uid="parent", fork_t=1)), timeout=30)


def test_altered_parent_shows_in_the_fork(tmp_path: Path) -> None:
    """The fork's chain covers the rows it shares."""
    path = database(tmp_path)
    record_family(path)
    connection = sqlite3.connect(path)
    connection.executescript("update step set chain=zeroblob(16) where ep=1 and t=2")
    connection.close()
    assert any("fork" in problem for problem in verify(path).problems)


def record_odd(path: Path) -> None:
    """Everything that is stored beside its row."""
    encoder = PictureEncoder()
    noise = np.random.default_rng(0).integers(0, 255, 3 * 40 * 30, np.uint8)
    with connect_writer(path) as writer:
        writer.submit(begin("odd", row(0, picture=encoder.encode(40, 30, noise.tobytes()))))
        for t in range(1, 1200):
            noise[t] ^= 255
            picture = encoder.encode(40, 30, noise.tobytes()) if t % 100 else encoder.encode_text(f"text {t}")
            odd = row(t, "a \ud800", reward=float("nan") if t == 5 else 1.0, picture=picture, obs=b"9" * t)
            writer.submit(AddStep("odd", odd))
        writer.submit(AddStep("odd", row(1200, "long " * 4_000_000)))
        writer.submit(EndEpisode("odd", "failed", 9, False, 12, "why"))
        shared = encoder.encode(40, 30, noise.tobytes())  # builds on a keyframe of the other episode
        writer.submit(begin("other", row(0, picture=shared)))
        writer.wait(writer.submit(AddStep("other", row(1))), timeout=60)


def test_copied_episodes_have_equal_chains_and_pictures(tmp_path: Path) -> None:
    """Merging gives every row, value and picture; the running episode arrives as interrupted."""
    source, target = tmp_path / "source.db", tmp_path / "target.db"
    record_odd(source)
    record_family(source)
    with connect_writer(target) as writer, Reader(source) as reader:
        record_episode(writer, "own")
        merged = merge(reader, writer)
        assert merged.copied == ("odd", "other", "parent", "fork", "grandchild", "alone")
        again = merge(reader, writer)
        assert (again.copied, len(again.present)) == ((), 6)
        with Reader(target) as copy:
            for uid in ("odd", "parent", "fork", "grandchild"):
                assert copy.episode(uid).chain == reader.episode(uid).chain
                assert copy.returns(uid) == reader.returns(uid)
            for uid in ("odd", "other"):
                for t in (0, 1, 99, 100, 640, 1200):
                    assert copy.picture(uid, t) == reader.picture(uid, t)
            assert copy.episode("other").summary.status == "interrupted"
    report = verify(target)
    assert (report.problems, report.episodes) == ((), 7)


def test_copying_an_episode_twice_changes_nothing(tmp_path: Path) -> None:
    """An interrupted copy can simply be repeated."""
    source, target = tmp_path / "source.db", tmp_path / "target.db"
    with connect_writer(source) as writer:
        record_episode(writer, "a")
    with connect_writer(target) as writer, Reader(source) as reader:
        for _ in range(2):
            writer.wait(copy_episode(reader, writer, "a"), timeout=30)
    assert (verify(target).ok, verify(target).steps) == (True, 3)


def test_backup_of_a_database_in_use_is_complete(tmp_path: Path) -> None:
    """It holds what was acknowledged, opens on its own, and never overwrites a file."""
    path, copy = database(tmp_path), tmp_path / "copies" / "copy.db"
    with connect_writer(path) as writer:
        record_episode(writer, "a")
        writer.submit(begin("b"))
        writer.wait(writer.submit(AddStep("b", row(1))), timeout=30)
        backup(path, copy)
        with pytest.raises(StoreReadOnly, match="exists already"):
            backup(path, copy)
    report = verify(copy)
    assert (report.ok, report.steps) == (True, 4)
    assert [file.name for file in copy.parent.iterdir()] == ["copy.db"]


def test_stats_tell_size_and_counts(tmp_path: Path) -> None:
    """What a status bar shows."""
    path = database(tmp_path)
    record_odd(path)
    told = stats(path)
    assert (told.episodes, told.running, told.steps) == (2, 1, 1201)
    assert told.pictures > 1100
    assert told.file_bytes > told.picture_bytes > 0
    assert told.free_bytes > 0

"""What lies beside an export, and what an export that fails leaves behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from ldp_tui.core.errors import UsageError
from ldp_tui.datasets.completions import write_prompt_completion, write_unpaired
from ldp_tui.datasets.files import Exported, FileError
from ldp_tui.datasets.formats import Format, Settings, export_episodes
from ldp_tui.datasets.grpo import write_grpo
from ldp_tui.datasets.manifest import manifest_path
from ldp_tui.datasets.page import write_page
from ldp_tui.datasets.preference_pairs import write_preferences
from ldp_tui.datasets.sharegpt import write_sharegpt
from ldp_tui.datasets.tables import write_csv
from ldp_tui.store.errors import StoreError
from ldp_tui.store.reader import Reader
from ldp_tui.store.writer import Writer
from tests.datasets.recorded import counted

LINES = [f for f in Format if f not in (Format.gif, Format.mp4, Format.gym_llm, Format.hf, Format.minari, Format.html)]


@pytest.fixture
async def recorded(writer: Writer, database: Path) -> Path:
    await counted(writer, 6, uid="short", success=False)
    await counted(writer, 3, 3, uid="long", success=True)
    await counted(writer, 1, uid="cut")
    return database


@pytest.mark.parametrize("format_", LINES)
def test_manifest(recorded: Path, tmp_path: Path, format_: Format) -> None:
    """It tells how the file was made, of which episodes with which chains, and the file's own hash."""
    path = tmp_path / "out.file"
    with Reader(recorded) as reader:
        done = export_episodes(reader, [1, 2, 3], path, format_, Settings(margin=0.5), selection="env:counter")
        chains = {uid: reader.episode(uid).chain.hex() for uid in reader.uids()}
    told = json.loads(manifest_path(path).read_text())
    assert (told["format"], told["version"], told["selection"]) == (format_.value, 1, "env:counter")
    assert told["options"]["margin"] == 0.5
    if path.is_dir():
        hashes = {file.name: sha256(file.read_bytes()).hexdigest() for file in path.iterdir()}
    assert told["sha256"] == (hashes if path.is_dir() else sha256(path.read_bytes()).hexdigest())
    assert {member["uid"]: member["chain"] for member in told["members"]} == {uid: chains[uid] for uid in done.members}
    assert set(done.members) >= {"short", "long"} or format_ is Format.grpo_jsonl
    left_out = {one["uid"] for one in told["left_out"]}
    assert left_out == {uid for uid, _ in done.left_out} == set(chains) - set(done.members)


def test_manifest_of_a_page(recorded: Path, tmp_path: Path) -> None:
    """One page has one member."""
    with Reader(recorded) as reader:
        export_episodes(reader, [2], tmp_path / "e.html", Format.html)
    assert [m["uid"] for m in json.loads((tmp_path / "e.html.manifest.json").read_text())["members"]] == ["long"]


@pytest.mark.parametrize("ids", [[], [1, 2]])
def test_page_of_several(recorded: Path, tmp_path: Path, ids: list[int]) -> None:
    """Is refused, and nothing is written."""
    with Reader(recorded) as reader, pytest.raises(UsageError, match=f"shows one episode, and {len(ids)} were"):
        export_episodes(reader, ids, tmp_path / "e.html", Format.html)
    assert not list(tmp_path.glob("e.html*"))


WRITERS = [write_prompt_completion, write_unpaired, write_grpo, write_sharegpt, write_preferences, write_csv]


@pytest.mark.parametrize("write", WRITERS)
def test_torn_write(recorded: Path, tmp_path: Path, write: Callable[..., Exported]) -> None:
    """What was there before stays whole when reading fails midway, and nothing else is left."""
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "file").write_text("before")
    with Reader(recorded) as reader:
        reader_gone = Reader(recorded)
        reader_gone.close()
        with pytest.raises(StoreError):
            write(reader_gone, [1], folder / "file")
        if write is not write_csv:  # summaries of episodes that are gone are left out
            with pytest.raises(StoreError):
                write(reader, [1, 999], folder / "file")
    assert [(file.name, file.read_text()) for file in folder.iterdir()] == [("file", "before")]


@pytest.mark.parametrize("write", [*WRITERS, lambda reader, ids, path: write_page(reader, ids[0], path)])
def test_path_that_cannot_be_written(recorded: Path, tmp_path: Path, write: Callable[..., Exported]) -> None:
    """The error names it and says why."""
    with Reader(recorded) as reader:
        with pytest.raises(FileError, match=r"no/x cannot be written: No such file or directory"):
            write(reader, [1], tmp_path / "no" / "x")
        with pytest.raises(FileError, match=r"cannot be written: Is a directory"):
            write(reader, [1], tmp_path)


@pytest.mark.parametrize("path", [".", "/"])
def test_path_that_is_no_name(recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """A folder in place of a file is refused, by whatever name."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with Reader(recorded) as reader, pytest.raises((UsageError, FileError)):
        export_episodes(reader, [1], Path(path), Format.csv)

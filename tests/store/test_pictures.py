"""Pictures come back exactly, and are stored once."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldp_tui.store.connect import connect_writer
from ldp_tui.store.errors import RowRejected, StoreCorrupt, ValueRefused
from ldp_tui.store.pictures import (
    CODEC_TEXT,
    CODEC_XOR_ZSTD,
    CODEC_ZSTD,
    PictureEncoder,
    decode_rgb,
    decode_text,
    picture_hash,
)
from ldp_tui.store.reader import Reader
from ldp_tui.store.rows import AddStep, EncodedPicture
from ldp_tui.store.verify import verify

from .recording import begin, database, row


def scene(step: int, width: int = 60, height: int = 40) -> bytes:
    """A noisy background on which a square moves."""
    pixels = np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)
    pixels[5:9, step % 50 : step % 50 + 4] = 255
    return pixels.tobytes()


def decode(pictures: list[EncodedPicture], picture: EncodedPicture) -> bytes:
    return decode_rgb(picture, next((p for p in pictures if p.hash == picture.base), None))


@given(st.lists(st.binary(min_size=3 * 6, max_size=3 * 6), min_size=1, max_size=12))
def test_any_sequence_of_pictures_is_lossless(frames: list[bytes]) -> None:
    """Each decodes to its pixels, and carries the hash of its own bytes."""
    encoder = PictureEncoder()
    pictures = [encoder.encode(3, 2, rgb) for rgb in frames]
    assert [decode(pictures, picture) for picture in pictures] == frames
    assert all(picture_hash(picture) == picture.hash for picture in pictures)


def test_small_changes_build_on_a_keyframe() -> None:
    """Where the picture hardly changes, the XOR with the keyframe is what is kept."""
    encoder = PictureEncoder()
    pictures = [encoder.encode(60, 40, scene(i)) for i in range(10)]
    assert [p.codec for p in pictures] == [CODEC_ZSTD] + [CODEC_XOR_ZSTD] * 9
    assert {p.base for p in pictures[1:]} == {pictures[0].hash}
    assert max(len(p.z) for p in pictures[1:]) < len(pictures[0].z) / 10
    assert [decode(pictures, p) for p in pictures] == [scene(i) for i in range(10)]


def test_equal_pixels_give_the_same_picture() -> None:
    """Also after others in between; another shape of the same bytes is another picture."""
    encoder = PictureEncoder()
    first, other, again = (encoder.encode(60, 40, scene(i)) for i in (1, 2, 1))
    assert first == again != other
    assert encoder.encode(40, 60, scene(1)).hash != first.hash


def test_wrong_number_of_bytes_is_refused() -> None:
    """The message names both numbers."""
    with pytest.raises(ValueRefused, match="needs 18 RGB bytes, not 17"):
        PictureEncoder().encode(3, 2, bytes(17))


@given(st.text(st.characters(exclude_categories=())))
def test_text_pictures_come_back(text: str) -> None:
    """An `ansi` render is kept as it is, with its size in characters."""
    picture = PictureEncoder().encode_text(text)
    assert (decode_text(picture), picture.codec) == (text, CODEC_TEXT)
    assert picture.height == text.count("\n") + 1


def test_damaged_picture_is_reported() -> None:
    """Neither garbage nor a missing keyframe passes for pixels."""
    encoder = PictureEncoder()
    key, built = encoder.encode(60, 40, scene(0)), encoder.encode(60, 40, scene(1))
    with pytest.raises(StoreCorrupt, match="damaged"):
        decode_rgb(replace(key, z=b"garbage"))
    with pytest.raises(StoreCorrupt, match="keyframe"):
        decode_rgb(built)


def test_recorded_pictures_are_found_by_row(tmp_path: Path) -> None:
    """`picture` gives the newest at or before a row; repeated ones are stored once."""
    path = database(tmp_path)
    encoder = PictureEncoder()
    with connect_writer(path) as writer:
        writer.submit(begin("a", row(0, picture=encoder.encode(60, 40, scene(0)))))
        for t in range(1, 9):
            picture = encoder.encode(60, 40, scene(t % 3)) if t < 6 else None
            ticket = writer.submit(AddStep("a", row(t, picture=picture)))
        ticket = writer.submit(AddStep("a", row(9, picture=encoder.encode_text("a\nbc"))))
        writer.wait(ticket, timeout=30)
    with Reader(path) as reader:
        seen = reader.picture("a", 8)
        text = reader.picture("a", 100)
        assert reader.picture("a", -1) is None
    assert seen is not None
    assert text is not None
    assert (seen.t, seen.width, seen.height, seen.rgb) == (5, 60, 40, scene(2))
    assert (text.t, text.text, text.width, text.height) == (9, "a\nbc", 2, 2)
    connection = sqlite3.connect(path)
    assert connection.execute("select count(*) from frame").fetchone()[0] == 4
    connection.close()
    assert verify(path).ok


def test_picture_without_its_keyframe_is_refused(tmp_path: Path) -> None:
    """A step whose picture could never be decoded is not stored."""
    encoder = PictureEncoder()
    encoder.encode(60, 40, scene(0))
    with connect_writer(database(tmp_path)) as writer:
        writer.submit(begin("a"))
        with pytest.raises(RowRejected, match="keyframe"):
            writer.wait(writer.submit(AddStep("a", row(1, picture=encoder.encode(60, 40, scene(1))))), timeout=30)
        writer.wait(writer.submit(AddStep("a", row(1))), timeout=30)

"""Pictures, lossless: zstd of the raw RGB bytes, or of their XOR with a keyframe where that is smaller.

A picture is named by a hash of its *compressed* bytes (a seventh of the time of hashing 720 kB of pixels); the codec,
the size and the keyframe are part of the name. Rendered text is kept the same way.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import cached_property
from typing import Final

import numpy as np
import zstandard

from ldp_tui.store.chain import canonical, digest
from ldp_tui.store.errors import StoreCorrupt, ValueRefused
from ldp_tui.store.rows import EncodedPicture

CODEC_ZSTD: Final = 1
CODEC_XOR_ZSTD: Final = 2
CODEC_TEXT: Final = 4

_LEVEL: Final = 3
_REMEMBERED: Final = 256
_SMALL_ENOUGH: Final = 4
"""A keyframe stays while its XOR pictures have at most 1/4 of the plain size; then the next plain one follows it."""


class PictureEncoder:
    """Encodes the pictures of one lane, in order. Use it from one thread; about 0.1–0.4 ms for 600×400."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, EncodedPicture] = OrderedDict()
        self._keyframe: tuple[EncodedPicture, bytes] | None = None
        self._newest: tuple[bytes, EncodedPicture] | None = None

    @cached_property
    def _compressor(self) -> zstandard.ZstdCompressor:
        """Made with the first picture: it costs as much as recording an episode of one step."""
        return zstandard.ZstdCompressor(level=_LEVEL)

    def encode(self, width: int, height: int, rgb: bytes) -> EncodedPicture:
        """The picture of `rgb` (row-major, 8 bits a channel). Equal pixels give the same record again."""
        if len(rgb) != 3 * width * height:
            raise ValueRefused(f"A picture of {width}×{height} needs {3 * width * height} RGB bytes, not {len(rgb)}.")
        if self._newest is not None and self._newest[0] == rgb and self._newest[1].width == width:
            return self._newest[1]
        plain = _named(width, height, CODEC_ZSTD, None, self._compressor.compress(rgb))
        picture = self._known.get(plain.hash)
        if picture is None:
            picture = self._smaller(plain, rgb)
            self._known[plain.hash] = picture
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(plain.hash)
        self._newest = (rgb, picture)
        return picture

    def encode_text(self, text: str) -> EncodedPicture:
        """A picture made of text, such as an `ansi` render; width and height are its columns and lines."""
        lines = text.split("\n")
        z = self._compressor.compress(text.encode("utf-8", "surrogatepass"))
        return _named(max(map(len, lines)), len(lines), CODEC_TEXT, None, z)

    def _smaller(self, plain: EncodedPicture, rgb: bytes) -> EncodedPicture:
        if self._keyframe is not None:
            key, pixels = self._keyframe
            if (key.width, key.height) == (plain.width, plain.height):
                xor = np.bitwise_xor(np.frombuffer(rgb, np.uint8), np.frombuffer(pixels, np.uint8))
                z = self._compressor.compress(xor.data)
                if len(z) < len(plain.z):
                    if len(z) * _SMALL_ENOUGH > len(plain.z):
                        self._keyframe = None  # drifted away: the next picture that comes plain is the new keyframe
                    return _named(plain.width, plain.height, CODEC_XOR_ZSTD, key.hash, z)
        self._keyframe = (plain, bytes(rgb))
        return plain


def picture_hash(picture: EncodedPicture) -> bytes:
    """The name that `picture` must have; differs from `picture.hash` when the bytes were altered."""
    return digest(canonical(picture.codec, picture.width, picture.height), picture.base or b"", picture.z)


def decode_rgb(picture: EncodedPicture, base: EncodedPicture | None = None) -> bytes:
    """The RGB bytes of a picture. `base` is the keyframe's own record where `picture.base` names one."""
    size = 3 * picture.width * picture.height
    pixels = _unpacked(picture, size)
    if picture.codec == CODEC_ZSTD:
        return pixels
    if picture.codec == CODEC_XOR_ZSTD and base is not None and base.hash == picture.base:
        key = np.frombuffer(_unpacked(base, size), np.uint8)
        return np.bitwise_xor(np.frombuffer(pixels, np.uint8), key).tobytes()
    raise StoreCorrupt(
        f"Picture {picture.hash.hex()} cannot be decoded (codec {picture.codec}, keyframe missing or wrong)."
    )


def decode_text(picture: EncodedPicture) -> str:
    """The text of a CODEC_TEXT picture."""
    return zstandard.ZstdDecompressor().decompress(picture.z).decode("utf-8", "surrogatepass")


def _unpacked(picture: EncodedPicture, size: int) -> bytes:
    try:
        pixels = zstandard.ZstdDecompressor().decompress(picture.z, max_output_size=size)
    except zstandard.ZstdError as error:
        raise StoreCorrupt(f"Picture {picture.hash.hex()} is damaged: {error}.") from error
    if len(pixels) != size:
        raise StoreCorrupt(f"Picture {picture.hash.hex()} has {len(pixels)} bytes instead of {size}.")
    return pixels


def _named(width: int, height: int, codec: int, base: bytes | None, z: bytes) -> EncodedPicture:
    return EncodedPicture(digest(canonical(codec, width, height), base or b"", z), width, height, codec, base, z)

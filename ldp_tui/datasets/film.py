"""Films of recorded episodes: GIF and MP4, of the pictures alone or with the reasoning beside them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Literal

from PIL import Image, ImageDraw, ImageFont

from ldp_tui.core.environment import Picture
from ldp_tui.core.errors import MissingExtra, UsageError
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolRequestMessage
from ldp_tui.datasets.files import Exported, whole_file
from ldp_tui.engine.events import EpisodeStarted, Rendering, StepTaken
from ldp_tui.engine.replay import replay
from ldp_tui.store.reader import Reader

Layout = Literal["picture", "reasoning"]
"""`picture`: what was seen. `reasoning`: step, reflection, action and reward beside it."""

_CELL: Final = (11, 22)
_FONT_SIZE: Final = 17
_MARGIN: Final = 12
_PANEL: Final = 420
_SHORTEST: Final = 240
_INK, _PAPER, _MUTED = "#1d2530", "#f6f8fa", "#66727f"
_COLOURS = re.compile(r"\x1b\[([0-9;]*)m")
_BACKGROUNDS: Final = {41: "#e89a92", 42: "#9ad1a7", 43: "#efd98d", 44: "#9dbde6", 45: "#d3a8dc", 46: "#9bd3d3"}
_INKS: Final = {31: "#bb2d23", 32: "#1c7c3c", 33: "#9a6200", 34: "#1763b0", 35: "#8a3ea0", 36: "#0d756a"}


class NoPictures(UsageError):
    """An episode has nothing that a film could show."""


def write_film(
    reader: Reader, key: int, path: Path, *, kind: Literal["gif", "mp4"], fps: float, layout: Layout = "picture"
) -> Exported:
    """Write a film of one episode, step by step.

    Raises:
        NoPictures: If it has none.
        MissingExtra: If `av`, which MP4 needs, is not installed.
        FileError: If the file cannot be written; an existing one then stays as it was.
    """
    frames = film_frames(reader, key, layout=layout)
    count = (write_gif if kind == "gif" else write_mp4)(frames, path, fps=fps)
    if not count:
        raise NoPictures(f"Episode {key} has no steps to show.")
    return Exported(path, 1, count, members=(reader.episode(key).summary.uid,))


def film_frames(
    reader: Reader, key: int | str, *, layout: Layout = "picture", start: bool = False
) -> Iterator[Image.Image]:
    """One picture for each step, all of one size; steps without a picture of their own show the last one.

    Args:
        reader: Where the episode is.
        key: Its id or uid.
        layout: What a picture shows.
        start: Begin with what was seen before the first step.

    Raises:
        NoPictures: If the episode has no picture and no text that an environment drew.
    """
    seen: Image.Image | None = None
    size: tuple[int, int] | None = None
    total = 0.0
    for event in replay(reader, key):
        if isinstance(event, EpisodeStarted):
            seen = _drawn(event.rendering)
            if not start or seen is None:
                continue
            frame = _beside(seen, "reset", "", "", "") if layout == "reasoning" else seen
        elif isinstance(event, StepTaken):
            total += event.reward
            seen = _drawn(event.rendering) or seen
            if seen is None:
                raise NoPictures(
                    f"Episode {key} has no pictures: its environment draws none, or it was recorded without them "
                    "(ldp-tui run --pictures keeps them)."
                )
            frame = seen
            if layout == "reasoning":
                numbers = f"reward {event.reward:+g}   return {total:+g}"
                frame = _beside(seen, f"step {event.index + 1}", event.reflection, _action_text(event.action), numbers)
        else:
            continue
        size = size or _even(frame.size)
        yield _fitted(frame, size)


def write_gif(frames: Iterator[Image.Image], path: Path, *, fps: float) -> int:
    """Write an endless GIF; the number of pictures given. Equal neighbours become one picture shown longer.

    Raises:
        FileError: If the file cannot be written; an existing one then stays as it was.
    """
    count = 0

    def counted() -> Iterator[Image.Image]:
        nonlocal count
        for frame in frames:
            count += 1
            yield frame.quantize(128, dither=Image.Dither.NONE)

    pictures = counted()
    first = next(pictures, None)
    if first is None:
        return 0
    with whole_file(path) as file:
        first.save(
            file, "GIF", save_all=True, append_images=pictures, duration=round(1000 / fps), loop=0, optimize=False
        )
    return count


def write_mp4(frames: Iterator[Image.Image], path: Path, *, fps: float) -> int:
    """Write an H.264 film in MP4; the number of pictures.

    Raises:
        MissingExtra: If the package `av` is not installed.
        FileError: If the file cannot be written.
    """
    try:
        av: Any = import_module("av")  # typed in some versions, not in others
    except ImportError as error:
        raise MissingExtra("MP4 film", "video") from error
    count = 0
    with whole_file(path) as file, av.open(file, "w", format="mp4") as container:
        stream: Any = None
        for frame in frames:
            if stream is None:
                stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1000))
                stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, "yuv420p"
            for packet in stream.encode(av.VideoFrame.from_image(frame)):
                container.mux(packet)
            count += 1
        if stream is not None:
            for packet in stream.encode():
                container.mux(packet)
    return count


def _drawn(rendering: Rendering) -> Image.Image | None:
    if isinstance(rendering, Picture):
        return Image.frombytes("RGB", (rendering.width, rendering.height), rendering.rgb)
    return _drawn_text(rendering) if rendering else None


def _drawn_text(text: str) -> Image.Image:
    """A drawing in characters, each in a cell of its own, with its colours."""
    lines = text.strip("\n").split("\n")
    columns = max(len(_COLOURS.sub("", line)) for line in lines)
    image = Image.new("RGB", (columns * _CELL[0] + 2 * _MARGIN, len(lines) * _CELL[1] + 2 * _MARGIN), _PAPER)
    draw = ImageDraw.Draw(image)
    ink, ground = _INK, _PAPER
    for row, line in enumerate(lines):
        column = 0
        for index, piece in enumerate(_COLOURS.split(line)):
            if index % 2:
                ink, ground = _colours_after(piece, ink, ground)
                continue
            for character in piece:
                x, y = _MARGIN + column * _CELL[0], _MARGIN + row * _CELL[1]
                if ground != _PAPER:
                    draw.rectangle((x, y, x + _CELL[0] - 1, y + _CELL[1] - 1), fill=ground)
                draw.text((x + _CELL[0] / 2, y + _CELL[1] / 2), character, fill=ink, font=_font(), anchor="mm")
                column += 1
    return image


def _colours_after(codes: str, ink: str, ground: str) -> tuple[str, str]:
    for code in (int(code or 0) for code in codes.split(";")):
        if code == 0:
            ink, ground = _INK, _PAPER
        ink, ground = _INKS.get(code, ink), _BACKGROUNDS.get(code, ground)
    return ink, ground


def _beside(picture: Image.Image, heading: str, reflection: str, action: str, numbers: str) -> Image.Image:
    height = max(picture.height, _SHORTEST)
    image = Image.new("RGB", (picture.width + _PANEL, height), _PAPER)
    image.paste(picture, (0, (height - picture.height) // 2))
    draw = ImageDraw.Draw(image)
    x, y = picture.width + _MARGIN, _MARGIN
    draw.text((x, y), f"{heading}   {numbers}", fill=_MUTED, font=_font())
    width = (_PANEL - 2 * _MARGIN) // 9
    said = textwrap.wrap(" ".join(reflection.split()), width)
    room = (height - y - 4 * _CELL[1]) // _CELL[1]
    if len(said) > room:
        said = [*said[: max(0, room - 1)], "…"]
    for number, line in enumerate(said, 2):
        draw.text((x, y + number * _CELL[1] - _CELL[1] // 2), line, fill=_INK, font=_font())
    for number, line in enumerate(textwrap.wrap(action, width)[:2]):
        draw.text((x, height - _MARGIN - (2 - number) * _CELL[1]), line, fill="#0d756a", font=_font())
    return image


def _action_text(action: Message) -> str:
    if isinstance(action, ToolRequestMessage) and action.tool_calls:
        return ", ".join(str(call) for call in action.tool_calls)
    return action.text


def _even(size: tuple[int, int]) -> tuple[int, int]:
    """Rounded up to even numbers, which MP4 needs."""
    return size[0] + size[0] % 2, size[1] + size[1] % 2


def _fitted(frame: Image.Image, size: tuple[int, int]) -> Image.Image:
    if frame.size == size:
        return frame
    image = Image.new("RGB", size, _PAPER)
    image.paste(frame, (0, 0))
    return image


@lru_cache(maxsize=1)
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(_FONT_SIZE)

"""What our servers tell of an environment besides aviary's protocol, and only to those who ask for it by name.

A request may `want` any of `WANTED`; the answer then has one element more, an object with these values by name.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import BaseModel

from ldp_tui.adapters.plain import plain
from ldp_tui.core.environment import Environment, Frame, Picture
from ldp_tui.core.errors import TransportError
from ldp_tui.engine.episode import task_id_of

EACH_STEP: Final = ("info", "legal_actions", "success", "task_id")
SHOWN: Final = ("frame", "picture")
WANTED: Final = (*EACH_STEP, *SHOWN)
MAX_PIXELS: Final = 2**25


async def extras_of(env: Environment[Any], want: Iterable[str], *, ended: bool = False) -> dict[str, Any]:
    """JSON values of what is wanted and known; `success` is told when the episode has `ended`."""
    extras: dict[str, Any] = {}
    for name in set(want).intersection(WANTED):
        match name:
            case "info":
                extras[name] = plain(dict(env.info()))
            case "legal_actions":
                legal = env.legal_actions()
                extras[name] = None if legal is None else plain(list(legal))
            case "success":
                success = env.success() if ended else None
                extras[name] = None if success is None else bool(success)
            case "task_id":
                extras[name] = await task_id_of(env)
            case "frame":
                extras[name] = frame_json(env)
            case "picture":
                extras[name] = picture_json(env.render())
    return extras


def frame_json(env: Environment[Any]) -> dict[str, Any]:
    """The environment's JSON frame, with `repr` for what JSON has no form for."""
    frame: Frame | None = env.export_frame()
    return {} if frame is None else {"state": plain(_dumped(frame.state)), "info": plain(_dumped(frame.info))}


def frame_of(value: Any) -> Frame:
    """The frame that `frame_json` wrote; raises TransportError if it is something else."""
    if not isinstance(value, Mapping):
        raise TransportError(f"A frame is a JSON object, not {type(value).__name__}.")
    return Frame(deepcopy=False, state=value.get("state"), info=value.get("info"))


def picture_json(rendering: Picture | str | None) -> dict[str, str] | None:
    """`{"png": base64}` of a picture, `{"text": …}` of text."""
    if rendering is None:
        return None
    if isinstance(rendering, str):
        return {"text": rendering}
    from PIL import Image

    buffer = io.BytesIO()
    picture = Image.frombytes("RGB", (rendering.width, rendering.height), rendering.rgb)
    picture.save(buffer, format="PNG", compress_level=1)
    return {"png": base64.b64encode(buffer.getvalue()).decode("ascii")}


def picture_of(value: Any) -> Picture | str | None:
    """The picture that `picture_json` wrote; raises TransportError if it is none, or one of MAX_PIXELS or more."""
    if not isinstance(value, Mapping):
        return None
    if isinstance(value.get("text"), str):
        return str(value["text"])
    from PIL import Image

    try:
        with Image.open(io.BytesIO(base64.b64decode(value["png"], validate=True)), formats=["PNG"]) as image:
            if image.width * image.height >= MAX_PIXELS:
                raise TransportError(f"A picture of {image.width}×{image.height} pixels is too large to be shown.")
            return Picture(image.width, image.height, image.convert("RGB").tobytes())
    except (KeyError, ValueError, TypeError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise TransportError(f"What should be a picture is none: {error}.") from error


def _dumped(value: Any) -> Any:
    return value.model_dump() if isinstance(value, BaseModel) else value

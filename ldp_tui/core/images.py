"""Pictures as text that fits in a message. Pillow is loaded only when a picture is given as pixels or bytes."""

from __future__ import annotations

import base64
import io
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL import Image

_WHITE_SPACE = re.compile(r"\s+")


def encode_image_to_base64(img: Image.Image | bytes | Any, format: str | None = None) -> str:  # noqa: A002 (aviary's signature)
    """Picture as a data URL.

    Args:
        img: A Pillow picture, the bytes of a picture file, or an array of pixels: shape (H, W, 3), type uint8.
        format: Pillow's name of the file format, such as PNG; None keeps the one that the picture came in.

    Raises:
        ValueError: If `format` is None and the picture came in none.
    """
    from PIL import Image

    if isinstance(img, bytes):
        picture: Image.Image = Image.open(io.BytesIO(img))
    elif isinstance(img, Image.Image):
        picture = img
    else:
        picture = Image.fromarray(img)
    chosen = format or picture.format
    if chosen is None:
        raise ValueError("The picture has no file format of its own; name one, such as format='PNG'.")
    buffer = io.BytesIO()
    picture.save(buffer, format=chosen)
    payload = base64.b64encode(buffer.getvalue()).decode("ascii")
    return f"data:{Image.MIME[chosen.upper()]};base64,{payload}"


def image_url(image: Any) -> str:
    """Data URL of a picture (pixels and bytes become PNG); text is checked to be base64 and returned as it is.

    Raises:
        ValueError: If the text is not base64, or the array has no picture's shape.
    """
    if not isinstance(image, str):
        return encode_image_to_base64(image, format="PNG")
    payload = image.partition("base64,")[2] if image.startswith("data:") else image
    try:
        base64.b64decode(_WHITE_SPACE.sub("", payload), validate=True)
    except ValueError as error:
        raise ValueError("Invalid base64 encoded image: an image given as text is base64 or a data URL.") from error
    return image

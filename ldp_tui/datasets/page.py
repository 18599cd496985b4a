"""One episode as a page that needs nothing else: pictures inside, no script, no request to anywhere."""

from __future__ import annotations

import base64
import html
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ldp_tui.core.environment import Picture
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolRequestMessage
from ldp_tui.datasets.files import Exported, whole_file
from ldp_tui.engine.events import EpisodeEnded, EpisodeStarted, Rendering, StepTaken
from ldp_tui.engine.replay import replay
from ldp_tui.store.cleaning import clean_text
from ldp_tui.store.reader import Reader

_COLOURS: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_IMAGE: Final = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]+")
_VISIBLE: Final = {code: 0x2400 + code for code in range(32) if chr(code) not in "\n\t"} | {0x7F: 0x2421}
_HEAD: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }}
pre {{ white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: isolate; margin: .3rem 0 }}
section {{ border-top: 1px solid #8886; padding: .8rem 0; display: grid; grid-template-columns: 1fr minmax(0, 20rem); \
gap: 1rem }}
img {{ max-width: 100%; image-rendering: pixelated }}
h1, h2, dd {{ unicode-bidi: isolate }}
h2 {{ font-size: 1rem; margin: 0 }}
.reflection {{ font-style: italic }} .call {{ font-weight: 600 }} .number {{ opacity: .75 }}
dl {{ display: grid; grid-template-columns: max-content 1fr; gap: 0 1rem }} dd {{ margin: 0 }}
</style></head><body>
"""


def write_page(reader: Reader, key: int, path: Path) -> Exported:
    """Write an episode as HTML: what was seen, the reasoning, the action and the reward of each step.

    All text is escaped. Pictures are PNG inside the page, a repeated one once only; those of messages are shown if
    they are inside the message, and told as text if they lie elsewhere.

    Raises:
        FileError: If the file cannot be written; an existing one then stays as it was.
    """
    uid = reader.episode(key).summary.uid
    steps = 0
    pages = _Page()
    with whole_file(path) as file:
        for event in replay(reader, key):
            match event:
                case EpisodeStarted():
                    file.writelines(_encoded(pages.start(event)))
                case StepTaken():
                    steps += 1
                    file.writelines(_encoded(pages.step(event)))
                case EpisodeEnded():
                    file.writelines(_encoded(pages.end(event)))
        file.write(b"</body></html>\n")
    return Exported(path, 1, steps, members=(uid,))


def _encoded(parts: Iterator[str]) -> Iterator[bytes]:
    return (part.encode() for part in parts)


class _Page:
    """Writes the parts of a page in order, and remembers what it takes to leave out what is the same as before."""

    def __init__(self) -> None:
        self._shown: Rendering = None
        self._return = 0.0

    def start(self, event: EpisodeStarted) -> Iterator[str]:
        title = f"{event.environment.name} · {event.agent.name}"
        yield _HEAD.format(title=_escaped(title))
        yield f"<h1>{_escaped(title)}</h1>\n<dl>"
        facts = {"episode": event.uid, "seed": event.seed, "task": event.task_id, "model": event.agent.model}
        for name, value in facts.items():
            if value is not None:
                yield f"<dt>{name}</dt><dd>{_escaped(str(value))}</dd>"
        yield "</dl>\n<section><div><h2>start</h2>"
        yield from _messages(event.observation)
        yield from self._picture(event.rendering)

    def step(self, event: StepTaken) -> Iterator[str]:
        self._return += event.reward
        yield f'<section id="step-{event.index + 1}"><div><h2>step {event.index + 1}</h2>'
        if event.reflection:
            yield f'<pre class="reflection">{_escaped(event.reflection)}</pre>'
        if event.action.content:
            yield f"<pre>{_escaped(event.action.content)}</pre>"
        if isinstance(event.action, ToolRequestMessage):
            for call in event.action.tool_calls:
                arguments = ", ".join(
                    f"{name}={json.dumps(value, ensure_ascii=False, default=str)}"
                    for name, value in call.function.arguments.items()
                )
                yield f'<pre class="call">{_escaped(f"{call.function.name}({arguments})")}</pre>'
        yield from _messages(event.observation)
        ended = " · terminated" if event.terminated else " · truncated" if event.truncated else ""
        yield f'<p class="number">reward {event.reward:+g} · return {self._return:+g}{ended}</p>'
        yield from self._picture(event.rendering)

    def end(self, event: EpisodeEnded) -> Iterator[str]:
        success = "" if event.success is None else ", success" if event.success else ", no success"
        told = f"{event.reason} after {event.steps} steps: return {event.return_:g}{success}"
        yield f"<section><div><h2>{_escaped(told)}</h2>"
        if event.detail:
            yield f"<pre>{_escaped(event.detail)}</pre>"
        yield "</div></section>\n"

    def _picture(self, rendering: Rendering) -> Iterator[str]:
        """The right half of a section, and its end."""
        yield "</div><div>"
        if rendering is not None and rendering != self._shown:
            self._shown = rendering
            if isinstance(rendering, Picture):
                yield f'<img alt="what was seen" src="{_png(rendering)}">'
            else:
                yield f"<pre>{_escaped(_COLOURS.sub('', rendering))}</pre>"
        yield "</div></section>\n"


def _messages(messages: tuple[Message, ...]) -> Iterator[str]:
    for message in messages:
        if not message.is_multimodal:
            yield f"<pre>{_escaped(message.content or '')}</pre>"
            continue
        for block in json.loads(message.content or "[]"):
            url = block.get("image_url")
            url = url.get("url") if isinstance(url, dict) else url
            if isinstance(url, str) and _IMAGE.fullmatch(url):
                yield f'<img alt="part of the observation" src="{_escaped(url)}">'
            else:
                yield f"<pre>{_escaped(str(block.get('text', url)))}</pre>"


def _png(picture: Picture) -> str:
    from PIL import Image

    written = io.BytesIO()
    Image.frombytes("RGB", (picture.width, picture.height), picture.rgb).save(written, "PNG")
    return "data:image/png;base64," + base64.b64encode(written.getvalue()).decode()


def _escaped(text: str) -> str:
    """Text without markup; control characters become visible ones."""
    return html.escape(clean_text(text).translate(_VISIBLE))

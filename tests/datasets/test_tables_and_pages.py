"""CSV of episodes and steps, and an episode as a page."""

from __future__ import annotations

import csv
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from ldp_tui.core.environment import Picture
from ldp_tui.core.messages import Message
from ldp_tui.datasets.page import write_page
from ldp_tui.datasets.tables import EPISODE_COLUMNS, write_csv
from ldp_tui.store.reader import Reader
from ldp_tui.store.writer import Writer
from tests.datasets.recorded import counted, played
from tests.engine.playing import Counter, Going

HOSTILE = (
    '</pre><script src="https://example.org/x.js"></script><img src=http://example.org/y> \x1b[31m \x00 & "quoted"'
)


def table(database: Path, path: Path, **options: Any) -> list[dict[str, str]]:
    with Reader(database) as reader:
        write_csv(reader, [reader.find(uid) for uid in reader.uids()], path, **options)
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


async def test_episodes(writer: Writer, database: Path, tmp_path: Path) -> None:
    """A row each, however it ended, with everything that a summary tells."""
    await counted(writer, 6, uid="a", success=True)
    await counted(writer, 1, uid="b", seed=None)
    first, second = table(database, tmp_path / "t.csv")
    assert tuple(first) == EPISODE_COLUMNS
    assert (first["uid"], first["env"], first["status"], first["return"], first["success"], first["seed"]) == (
        "a", "Counter", "done", "1.0", "true", "0",
    )  # fmt: skip
    assert (second["status"], second["success"], second["seed"]) == ("truncated", "", "")


async def test_steps(writer: Writer, database: Path, tmp_path: Path) -> None:
    """A row each, with tool, arguments, what was seen, reward and return so far; separators stay inside their cell."""
    await counted(writer, 1, 5, uid="a")
    seen = [Message(content='a,"b"\r\nc\x00\ud800')]
    await played(writer, Counter(step=lambda _: (seen, -0.5, True, False)), Going(), uid="odd")
    rows = table(database, tmp_path / "t.csv", steps=True)
    names = ("uid", "step", "tool", "arguments", "observation", "reward", "return", "terminated", "reflection")
    assert [[row[name] for name in names] for row in rows] == [
        ["a", "0", "go", '{"by":1}', "counted to 1", "1.0", "1.0", "false", "by 1"],
        ["a", "1", "go", '{"by":5}', "counted to 6", "1.0", "2.0", "true", "by 5"],
        ["odd", "0", "go", "{}", 'a,"b"\r\nc\x00\ufffd', "-0.5", "-0.5", "true", ""],
    ]


class Page(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def page(database: Path, path: Path) -> Page:
    with Reader(database) as reader:
        done = write_page(reader, 1, path)
    assert done.episodes == 1
    return Page(path.read_text(encoding="utf-8"))


async def test_page(writer: Writer, database: Path, tmp_path: Path) -> None:
    """Title, what was seen, reasoning, call, reward and end."""
    await counted(writer, 1, 5, uid="a", success=True)
    shown = page(database, tmp_path / "e.html")
    for text in (
        "Counter · ScriptedAgent",
        "Count to 6.",
        "by 5",
        "go(by=5)",
        "counted to 6",
        "return +2 · terminated",
    ):
        assert text in shown.text
    assert "terminated after 2 steps: return 2, success" in shown.text
    assert [attributes["id"] for tag, attributes in shown.tags if tag == "section" and "id" in attributes] == [
        "step-1", "step-2",
    ]  # fmt: skip


async def test_hostile_page(writer: Writer, database: Path, tmp_path: Path) -> None:
    """What environment and model say is text: no tag, no script, no address to load from comes of it."""
    image = {"type": "image_url", "image_url": {"url": "https://example.org/z.png"}}
    seen = [Message(content=HOSTILE), Message(content=[{"type": "text", "text": HOSTILE}, image])]
    env = Counter(step=lambda _: (seen, 0.0, True, False), render=lambda _: HOSTILE)
    await played(writer, env, Going(), seed=1, render=True)
    shown = page(database, tmp_path / "e.html")
    assert "script" not in {tag for tag, _ in shown.tags}
    assert all(str(attributes.get("src", "data:")).startswith("data:") for _, attributes in shown.tags)
    assert not {"src", "href", "onload", "onerror"} & {name for tag, a in shown.tags if tag != "img" for name in a}
    assert 'src="https://example.org/x.js"' in shown.text
    assert "␀" in shown.text
    assert "\x1b" not in shown.text
    policy = next(a["content"] for tag, a in shown.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'")


async def test_pictures_in_a_page(writer: Writer, database: Path, tmp_path: Path) -> None:
    """They are inside it, and one that does not change is there once."""
    pictures = [Picture(1, 1, bytes(3)), Picture(1, 1, bytes(3)), Picture(1, 1, b"\x01\x02\x03")]
    inside = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    env = Counter(2, render=lambda env: pictures[env.state])
    await played(writer, env, Going(), seed=1, render=True)
    shown = page(database, tmp_path / "e.html")
    sources = [str(attributes["src"]) for tag, attributes in shown.tags if tag == "img"]
    assert len(sources) == len(set(sources)) == 2
    assert all(source.startswith("data:image/png;base64,iVBOR") for source in sources)
    await played(writer, Counter(step=lambda _: ([Message(content=[inside])], 0.0, True, False)), Going(), uid="m")
    with Reader(database) as reader:
        write_page(reader, reader.find("m"), tmp_path / "m.html")
    assert 'src="data:image/png;base64,AAAA"' in (tmp_path / "m.html").read_text()

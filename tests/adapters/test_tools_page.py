"""The page of tools, in a real browser."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import pytest

pytest.importorskip("fastapi")

from ldp_tui import Environment, Frame, Message, Messages, Tool
from ldp_tui.adapters.serving.tool_server import make_tool_server
from ldp_tui.web.running import serving
from tests.adapters.browser import CHROMIUM, Page, chromium

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")

TOKEN = "t-0_k"
READY = "!document.getElementById('page').hidden && document.querySelector('.chips button') !== null"
HOSTILE = "</script><script>window.harmed = true</script><img src=x onerror='window.harmed = true'>"


class Hostile(Environment[None]):
    """Everything it says tries to be markup."""

    def __init__(self) -> None:
        self.steps, self.tools = 0, []
        self.reward, self.done = 0.0, False

    async def reset(  # type: ignore[override]
        self, *, seed: int | None = None
    ) -> tuple[Messages, list[Tool]]:
        self.steps = 0
        paint = Tool.from_function(self.paint)
        paint.info.description = HOSTILE
        paint.info.get_properties()["label"]["description"] = HOSTILE
        self.tools = [paint, Tool.from_function(self.finish)]
        return [Message(content=f"seed {seed} {HOSTILE}")], self.tools

    async def step(self, action: Message) -> tuple[Messages, float, bool, bool]:
        self.steps, self.reward, self.done = self.steps + 1, -0.5, False
        return [*await self.exec_tool_calls(action)], self.reward, self.done, False  # type: ignore[arg-type]

    def paint(
        self, label: str, names: list[str], mode: Literal["fill", "line"] = "fill", size: int = 4, smooth: bool = True
    ) -> str:
        """Paint.

        Args:
            label: Text.
            names: Names.
            mode: How.
            size: How large.
            smooth: Whether smooth.
        """
        return f"{label} {names} {mode} {size} {smooth} {HOSTILE}"

    def finish(self) -> str:
        """Finish."""
        self.reward, self.done = 2.0, True
        return "the end"

    def export_frame(self) -> Frame:
        return Frame(state={"steps": self.steps, HOSTILE: HOSTILE})

    def render(self) -> str:
        return f"\x1b[1mbold\x1b[0m \x1b[41mred\x1b[0m {HOSTILE}"

    def legal_actions(self) -> list[dict[str, object]]:
        return [{"name": "finish", "arguments": {}}]

    def success(self) -> bool:
        return True


@contextlib.asynccontextmanager
async def opened(folder: Path, environment: type[Environment[None]] = Hostile) -> AsyncIterator[tuple[Page, str]]:
    """A browser, and the address of the page; nothing is opened yet."""
    app = await make_tool_server(environment, HOSTILE, token=TOKEN)
    with serving(app) as url:
        async with chromium(folder) as page:
            yield page, url


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    """The page, logged in by the address as the command prints it."""
    async with opened(tmp_path) as (page, url):
        await page.open(f"{url}/#token={TOKEN}")
        await page.until(READY)
        yield page
        assert await page.evaluate("window.harmed") is None
        assert [line for line in page.console if "Content Security Policy" in line or "Error" in line] == []


async def text(page: Page, selector: str) -> str:
    return str(await page.evaluate(f"document.querySelector({selector!r}).innerText"))


async def test_everything_said_is_text(page: Page) -> None:
    """Names, descriptions, messages, frames and screens appear as they are written, and nothing of them runs."""
    await page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    for selector in ("#name", ".tool .about", ".hint", "#log", "#frame"):
        assert HOSTILE in await text(page, selector)
    assert await page.evaluate("document.querySelectorAll('main img').length") == 0
    assert await page.evaluate("document.scripts.length") == 1
    assert await page.evaluate("document.querySelector('#frame pre .bold').textContent") == "bold"
    assert await page.evaluate("document.querySelector('#frame pre .bg1').textContent") == "red"


async def test_call_by_keyboard_alone(page: Page) -> None:
    """Tab, letters, Shift+Enter and Enter fill a form and call the tool; result, reward and return are shown."""
    await page.press("Tab")
    assert await page.evaluate("document.activeElement.className") == "skip"
    await page.press("Enter", text="\r")
    await page.until("document.activeElement.id === 'tools'")
    for _ in range(2):
        await page.press("Tab")
    assert await page.evaluate("document.activeElement.labels[0].innerText") == "label\nstring · required"
    await page.type("a")
    await page.press("Enter", text="\r", modifiers=8)
    await page.type("label")
    await page.press("Tab")
    await page.type('["x", "y"]')
    await page.press("Enter", text="\r")
    await page.until(
        "document.getElementById('calls').textContent === '1' && !document.querySelector('.calls').disabled"
    )
    newest = await text(page, "#log li")
    assert "a\nlabel ['x', 'y'] fill 4 True" in newest
    assert "▼ reward −0.5" in newest
    assert (await text(page, "#calls"), await text(page, "#return"), await text(page, "#state")) == (
        "1",
        "−0.5",
        "open",
    )
    assert await page.evaluate("document.getElementById('log').getAttribute('aria-live')") == "polite"


async def test_arguments_that_do_not_fit(page: Page) -> None:
    """Each field says what is wrong with it, the first one has the focus, and nothing is called."""
    await page.evaluate(_fill(names="no list", size="2.5"))
    await page.until("document.querySelectorAll('[aria-invalid=true]').length === 2")
    problems = await page.evaluate("[...document.querySelectorAll('.field .problem')].map((each) => each.textContent)")
    assert problems == ["", "names is no JSON", "", "size is no whole number", ""]
    assert await page.evaluate("document.activeElement.labels[0].innerText.startsWith('names')")
    await page.evaluate(_fill(names='"text"', size=""))  # the server says what the page lets through
    await page.until("document.querySelectorAll('[aria-invalid=true]').length === 1")
    assert "names must be" in await page.evaluate("document.querySelectorAll('.field .problem')[1].textContent")
    assert await text(page, "#calls") == "0"


def _fill(**values: str) -> str:
    """Script that fills fields of the first form and submits it."""
    settings = "".join(
        f"[...document.querySelectorAll('.tool label')].find((each) => each.firstChild.textContent === {name!r})"
        f".control.value = {value!r};"
        for name, value in values.items()
    )
    return f"{settings} document.querySelector('.tool form').requestSubmit()"


async def test_end_and_new_episode(page: Page) -> None:
    """After the end nothing can be called; a new episode begins with a new observation and a return of 0."""
    await page.evaluate("document.querySelector('.chips button').click()")
    await page.until("document.getElementById('state').textContent === 'over'")
    assert "▲ reward 2 · done · success" in await text(page, "#log li")
    assert await page.evaluate("[...document.querySelectorAll('.calls')].every((each) => each.disabled)")
    await page.evaluate("document.getElementById('seed').value = '12'; document.getElementById('new').click()")
    await page.until("document.getElementById('state').textContent === 'open'")
    assert "seed 12" in await text(page, "#log li")
    assert (await text(page, "#return"), await text(page, "#calls")) == ("0", "0")
    assert await page.evaluate("document.querySelectorAll('#log li').length") == 1


async def test_every_control_has_a_name(page: Page) -> None:
    """Labels belong to their fields, buttons have text, and hints and problems are attached."""
    nameless = """[...document.querySelectorAll('input, select, textarea')].filter((each) => !each.labels.length).length
        + [...document.querySelectorAll('button')].filter((each) => !each.textContent.trim()).length"""
    assert await page.evaluate(nameless) == 0
    described = """[...document.querySelectorAll('.field :is(input, select, textarea)[aria-describedby]')]
        .every((each) => each.getAttribute('aria-describedby').split(' ').every((id) => document.getElementById(id)))"""
    assert await page.evaluate(described)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 380])
async def test_looks(page: Page, tmp_path: Path, dark: bool, width: int) -> None:
    """Nothing is wider than the window, texts stand out from what is behind them, the tools are on the first page."""
    await page.look(width=width, height=900, dark=dark)
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    assert await page.evaluate(CONTRASTS) >= 4.5
    top = await page.evaluate("document.querySelector('.tool').getBoundingClientRect().top")
    assert top < 900
    await page.screenshot(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 10_000


CONTRASTS = """(() => {
    const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const light = (colour) => numbers(colour).slice(0, 3).map((part) => part / 255)
        .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
        .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
    const behind = (node) => {
        for (let each = node; each; each = each.parentElement) {
            const colour = getComputedStyle(each).backgroundColor;
            if (numbers(colour)[3] !== 0) return colour;
        }
    };
    let least = 21;
    for (const node of document.querySelectorAll('#page *')) {
        const written = [...node.childNodes].some((each) => each.nodeType === 3 && each.data.trim());
        if (!written || !node.checkVisibility()) continue;
        const pair = [light(getComputedStyle(node).color), light(behind(node))].sort((a, b) => b - a);
        least = Math.min(least, (pair[0] + 0.05) / (pair[1] + 0.05));
    }
    return least;
})()"""
"""The smallest contrast of a text with its background, by WCAG's formula."""


async def test_token(tmp_path: Path) -> None:
    """Without it the page asks for it and tells nothing; the one in the address does not stay in the address."""
    async with opened(tmp_path) as (page, url):
        await page.open(url)
        await page.until("!document.getElementById('gate').hidden")
        assert await page.evaluate("document.activeElement.id") == "token"
        await page.type("wrong")
        await page.press("Enter", text="\r")
        await page.until("document.getElementById('gate-problem').textContent !== ''")
        assert await text(page, "#gate-problem") == "This is not the access token."
        await page.evaluate("document.getElementById('token').value = ''")
        await page.type(TOKEN)
        await page.press("Enter", text="\r")
        await page.until("!document.getElementById('page').hidden")
        await page.open("about:blank")
        await page.open(f"{url}/#token={TOKEN}")
        await page.until("!document.getElementById('page').hidden")
        assert await page.evaluate("location.href") == f"{url}/"


async def test_server_that_ends(tmp_path: Path) -> None:
    """The page says that it cannot be reached."""
    app = await make_tool_server(Hostile, token=TOKEN)
    async with chromium(tmp_path) as page:
        with serving(app) as url:
            await page.open(f"{url}/#token={TOKEN}")
            await page.until(READY)
        await page.evaluate("document.querySelector('.chips button').click()")
        await page.until("document.querySelector('#log .problem') !== null")
        assert await text(page, "#log .problem") == "The server cannot be reached."

from __future__ import annotations

import io
import sys
from collections.abc import Sequence

import pytest

from ldp_tui.agents import InteractiveAgent
from ldp_tui.core.dummy import DummyEnv
from ldp_tui.core.errors import AgentError
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolRequestMessage
from ldp_tui.core.tools import Tool


class Paper:
    """A console of lines written down beforehand."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines, self.told, self.asked = list(lines), [], []

    def tell(self, text: str) -> None:
        self.told.append(text)

    def ask(self, prompt: str) -> str:
        self.asked.append(prompt)
        return self.lines.pop(0)


def measure(count: int, label: str, exact: bool = False) -> None:
    """Measure.

    Args:
        count: How often.
        label: What.
        exact: How.
    """


TOOLS = [Tool.from_function(measure)]


async def called(*lines: str) -> tuple[dict[str, object], Paper]:
    paper = Paper(lines)
    agent = InteractiveAgent(paper)
    action, state, value = await agent.get_asv(await agent.init_state(TOOLS), [Message(content="go")])
    assert isinstance(action.value, ToolRequestMessage)
    assert state.messages == [Message(content="go"), action.value]
    assert (value, paper.lines) == (0.0, [])
    return action.value.tool_calls[0].function.arguments, paper


async def test_a_turn() -> None:
    """The person is shown tools and observations; texts are texts, numbers are numbers, defaults may be left out."""
    arguments, paper = await called("measure", "3", "5", "")
    assert arguments == {"count": 3, "label": "5"}
    assert "AVAILABLE TOOLS\n\nNAME: measure" in paper.told[0]
    assert paper.told[1] == "OBSERVATIONS\n\ngo"
    assert paper.asked == ["Tool: ", "count (integer): ", "label (string): ", "exact (boolean = False): "]


async def test_mistakes() -> None:
    """They are answered, and asked for again; CLEAR begins the turn anew."""
    arguments, paper = await called("guess", "measure", "1", "CLEAR", "measure", "many", "", "2", "x", "maybe", "true")
    assert arguments == {"count": 2, "label": "x", "exact": True}
    assert any("There is no tool 'guess'; there are measure." in told for told in paper.told)
    assert "count is needed." in paper.told


async def test_giving_up() -> None:
    """EXIT ends the episode as the agent's failure."""
    with pytest.raises(AgentError, match="gave up"):
        await called("EXIT")


async def test_at_the_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a console of one's own, this terminal is asked."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("print_story\nA cat wore a hat.\n"))
    env, agent = DummyEnv(), InteractiveAgent()
    obs, tools = await env.reset()
    action, *_ = await agent.get_asv(await agent.init_state(tools), obs)
    _, reward, done, _ = await env.step(action.value)
    assert (reward, done) == (1, True)
    assert "AVAILABLE TOOLS" in capsys.readouterr().out

import pytest

from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolCall, ToolRequestMessage, ToolResponseMessage
from ldp_tui.engine.session import SessionState, reduce
from ldp_tui.play.messages import LaneFailed, LanePhase
from ldp_tui.tui import lane_words as words
from ldp_tui.tui.bridge import LaneView
from tests.tui.fake_engine import HIT, STICK, ended, started, stepped

KEYS = {"0": STICK, "1": HIT, "h": HIT, "s": STICK}


def played(*events: object) -> SessionState:
    state = reduce(SessionState(), started("Blackjack-v1", "optimal"))
    for event in events:
        state = reduce(state, event)  # type: ignore[arg-type]
    return state


def test_titles_from_long_to_short():
    """A narrow pane drops the seed, then the environment."""
    assert words.titles(LaneView(session=played()), "x", "y") == (
        "optimal · Blackjack-v1 · seed 7",
        "optimal · Blackjack-v1",
        "optimal",
    )


@pytest.mark.parametrize(
    ("phase", "text"),
    [
        (LanePhase(0, "agent thinking", 3.21), "thinking 3.2 s"),
        (LanePhase(0, "agent thinking", 0.5), "playing"),
        (LanePhase(0, "resetting", 0.1), "resetting"),
        (LanePhase(0, "waiting for you", 60.0), "waiting for you"),
        (LanePhase(0, "env step", 1.1), "env busy 1.1 s"),
        (None, "starting"),
    ],
)
def test_state_of_a_lane(phase: LanePhase | None, text: str):
    """Waits show their length once it is worth a figure; a person is not timed."""
    assert words.state(LaneView(phase=phase)) == text


def test_state_of_a_dead_lane():
    """The reason is in the title."""
    assert words.state(LaneView(failed=LaneFailed(0, "no such file"))) == "died: no such file"


@pytest.mark.parametrize(
    ("end", "text"),
    [
        (ended(1.0, 3, success=True), "won"),
        (ended(-1.0, 3, success=False), "lost"),
        (ended(0.0, 3), "ended"),
        (ended(0.0, 3, success=False, reason="truncated"), "lost (cut at the limit)"),
        (ended(0.0, 3, reason="aborted"), "stopped"),
    ],
)
def test_why_it_is_over(end: object, text: str):
    """Success decides the word, and a cut is said beside it."""
    assert words.state(LaneView(session=played(end))) == text


@pytest.mark.parametrize(("reward", "text"), [(1.0, "▲ +1.00"), (-0.5, "▼ −0.50"), (0.0, "· +0.00"), (None, "–")])
def test_reward_without_colour(reward: float | None, text: str):
    """A sign and a mark say it."""
    assert words.signed(reward) == text


def test_action_of_gymnasium():
    """The value alone."""
    assert words.action_text(stepped(0, "hit").action) == "hit"


def test_actions_of_tools():
    """Calls with their arguments, side by side, on one line whatever they hold."""
    calls = [ToolCall.from_name("search", query="a\nb"), ToolCall.from_name("done")]
    assert words.action_text(ToolRequestMessage(tool_calls=calls)) == 'search(query="a\\nb"), done()'


def test_silence():
    """A message without calls or text is said to be empty."""
    assert words.action_text(Message(role="assistant", content=None)) == "(says nothing)"


def test_several_answers():
    """Each is led by its tool."""
    answers = [ToolResponseMessage(content=text, name=text, tool_call_id=text) for text in ("one", "two")]
    assert words.observation_text(answers) == "one: one\ntwo: two"


def test_pad_with_several_keys_for_an_action():
    """Each action is offered once, under its first key that is no digit."""
    choices = words.pad_choices(KEYS, (STICK, HIT))
    assert [(choice.key, choice.label) for choice in choices] == [("s", "stick"), ("h", "hit")]


def test_pad_without_keys():
    """Legal actions are offered to the mouse."""
    assert [choice.label for choice in words.pad_choices({}, (STICK, HIT))] == ["stick", "hit"]


def test_masked_action():
    """An action that is not legal is offered, but not allowed."""
    choices = words.pad_choices(KEYS, (STICK,))
    assert words.legal_indices(choices, (STICK,)) == {0}


def test_probabilities_by_name():
    """They follow the order of the choices."""
    choices = words.pad_choices(KEYS, None)
    assert words.chances(choices, {"hit": 0.75, "stick": 0.25}) == (0.25, 0.75)
    assert words.chances(choices, None) is None


@pytest.mark.parametrize(("text", "drawing"), [("#.#\n#@#", True), ("one line", False), ("x\n" + "long " * 20, False)])
def test_text_render(text: str, drawing: bool):
    """Several short lines are a drawing; prose is read in the conversation."""
    assert words.is_drawing(text) is drawing


def test_conversation_of_a_step():
    """Reasons, call, answer and reward, in this order; no line for a reward of nothing."""
    log = played(stepped(0, "hit", 1.0), stepped(1, "hit")).log
    assert [block.kind for block in words.exchange(log[0])] == ["call", "answer", "gain"]
    assert [block.kind for block in words.exchange(log[1])] == ["call", "answer"]

"""ApprovalBar: what an agent proposes, and what a person can answer."""

from __future__ import annotations

from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from ldp_tui.tui.plain import plain
from ldp_tui.tui.widgets.action_pad import ActionPad, Choice

LONGEST = 2_000
"""Characters of a proposal that are shown."""


@dataclass(frozen=True, slots=True)
class Question:
    """What the lane waits with: `mark` and `text` (if any) tell it, `answers` are (key, label, name of the answer)."""

    mark: str
    text: str
    answers: tuple[tuple[str, str, str], ...]


class ApprovalBar(Vertical, can_focus=False):
    """Shows a question; a key or a click on an answer posts `Answered`."""

    HELP = (
        "While an agent waits for you: **⏎** plays what it proposes, **e** changes the call first, **g** asks it "
        "again, any other action plays in its place, **o** takes over. Replaced actions are kept as preferences."
    )
    DEFAULT_CSS = """
    ApprovalBar {
        height: auto; display: none;
        & > .proposal { height: auto; max-height: 5; color: $foreground; }
        & > ActionPad { height: auto; }
    }
    """

    class Answered(Message):
        """A person answered."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    question: Question | None = None

    def compose(self) -> ComposeResult:
        """The question above its answers."""
        yield Static(classes="proposal")
        yield ActionPad(classes="answers")

    @property
    def pad(self) -> ActionPad:
        """Where the answers are; it takes the focus."""
        return self.query_one(ActionPad)

    def ask(self, question: Question) -> None:
        """Show another question."""
        if question == self.question:
            return
        self.question = question
        text = plain(question.text[:LONGEST]) + (" …" if len(question.text) > LONGEST else "")
        colour = {"✗": "$text-error bold", "▸": "$accent bold"}.get(question.mark, "$foreground-muted")
        proposal = self.query_one(".proposal", Static)
        proposal.display = bool(text)
        proposal.update(Content.assemble((f"{question.mark} ", colour), text))
        self.pad.choices = tuple(Choice(key, label, name) for key, label, name in question.answers)

    @on(ActionPad.Chosen)
    def _chosen(self, event: ActionPad.Chosen) -> None:
        event.stop()
        self.post_message(self.Answered(event.name))

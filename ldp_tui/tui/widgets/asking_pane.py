"""AskingPane: the part of a lane's pane in which its agent waits for a person."""

from __future__ import annotations

from textual import on
from textual.containers import Container
from textual.message import Message

from ldp_tui.core.tool_calls import ToolRequestMessage
from ldp_tui.play.messages import Oversight
from ldp_tui.tui import oversight_words as oversight
from ldp_tui.tui.bridge import LaneView
from ldp_tui.tui.widgets.approval_bar import ApprovalBar
from ldp_tui.tui.widgets.tool_form import ToolForm


class AskingPane(Container, can_focus=False):
    """Shows the agent's question, and a form for an answer of one's own. Answers are posted as `Answered`."""

    class Asked(Message):
        """The agent in this lane begins to wait for a person, or no longer waits."""

        def __init__(self, lane: int) -> None:
            super().__init__()
            self.lane = lane

    class Answered(Message):
        """The person answered the agent in this lane; `name` is that of one of the screen's actions."""

        def __init__(self, lane: int, name: str) -> None:
            super().__init__()
            self.lane, self.name = lane, name

    def __init__(self, lane: int) -> None:
        super().__init__(id=f"lane-{lane}", classes="pane lane -gathering")
        self.lane = lane
        self.shown = LaneView()
        self.asks = self._taken_over = False
        """Whether the lane is seen to wait for a person."""
        self._edited_for: Oversight | None = None

    @property
    def bar(self) -> ApprovalBar:
        """The question and its answers."""
        return self.query_one(ApprovalBar)

    @property
    def form(self) -> ToolForm:
        """Where a call is filled in."""
        return self.query_one(ToolForm)

    def take_focus(self) -> None:
        """Put the focus where this lane is played, or read."""

    def entitle(self) -> None:
        """Say above the actions what they are for."""

    @property
    def editing(self) -> bool:
        """Whether a person fills in a form in an agent's lane."""
        return self.has_class("-edited")

    async def edit(self) -> None:
        """Open a form with the proposed call, or an empty one; where actions have keys there is none."""
        session = self.shown.session
        if not self.shown.asks or self._is_keyed or session.started is None:
            return
        await self.form.show_tools(session.started.tools)
        self.form.disabled = False
        proposed = None if session.proposed is None else session.proposed.action
        if isinstance(proposed, ToolRequestMessage) and proposed.tool_calls:
            call = proposed.tool_calls[0].function
            self.form.fill(call.name, call.arguments)
        self._edited_for = self.shown.oversight
        self.add_class("-edited")
        self.call_after_refresh(self.take_focus)

    def stop_editing(self) -> None:
        """Close that form; nothing is played."""
        if self.editing:
            self.remove_class("-edited")
            self.call_after_refresh(self.take_focus)

    async def ask(self, view: LaneView, *, marked: bool) -> None:
        """Show what the agent waits with, or nothing where nobody oversees it; `marked`: as in `question`."""
        question = oversight.question(view, form=not self._is_keyed, marked=marked)
        asked = self.has_class("-asked")
        if question is not None:
            self.bar.ask(question)
        self.set_class(question is not None, "-asked")
        taken_over = view.oversight is not None and view.oversight.taken_over and not view.over
        if not taken_over and view.oversight is not self._edited_for:
            self.remove_class("-edited")
        if view.asks and taken_over and not self._taken_over:
            await self.edit()
        self._taken_over = taken_over and (view.asks or self._taken_over)
        if asked != (question is not None) or self.asks != view.asks:
            self.asks = view.asks
            self.entitle()
            self.post_message(self.Asked(self.lane))

    @property
    def _is_keyed(self) -> bool:
        started = self.shown.session.started
        return started is not None and started.environment.kind == "gymnasium"

    @on(ApprovalBar.Answered)
    def _answered(self, event: ApprovalBar.Answered) -> None:
        event.stop()
        self.post_message(self.Answered(self.lane, event.name))

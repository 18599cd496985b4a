"""Oversight in words: what a lane waits with, and what can be answered."""

from __future__ import annotations

from ldp_tui.tui import lane_words as words
from ldp_tui.tui.bridge import LaneView
from ldp_tui.tui.plain import plain_line
from ldp_tui.tui.widgets.approval_bar import Question

ACCEPT, EDIT, AGAIN, TAKE_OVER = "accept", "edit", "again", "take_over"
NOTE, PLAYER, EXCHANGE, HALT = "note", "player", "exchange", "interrupt"


def question(view: LaneView, *, form: bool, marked: bool) -> Question | None:
    """What the lane waits with; None in a lane that waits for nobody. `form`: actions are made by a form;
    `marked`: the proposal can be seen among the actions.
    """
    oversight, proposed = view.oversight, view.session.proposed
    if oversight is None or view.over or not (oversight.waits or oversight.approving or oversight.taken_over):
        return None
    if oversight.taken_over:
        edit = (("e", "Form", EDIT),) if form else ()
        return Question("·", "The lane is yours.", (*edit, ("o", "Hand back", TAKE_OVER)))
    if not oversight.waits:
        halt = (("i", "Halt", HALT),) if is_model(view) else ()
        return Question("·", "…", (*halt, ("o", "Take over", TAKE_OVER), *further(view)))
    edit = ((("e", "Edit", EDIT),) if oversight.waits == "approval" else (("e", "Form", EDIT),)) if form else ()
    rest = (("g", "Ask again", AGAIN), *edit, ("o", "Take over", TAKE_OVER), *further(view))
    if oversight.waits == "approval" and proposed is not None:
        text = "" if marked and not form else words.action_text(proposed.action)
        return Question("▸", text, (("enter", "Accept", ACCEPT), *rest))
    if oversight.problem == "interrupted":
        return Question("·", "Interrupted.", rest)
    return Question("✗", plain_line(oversight.problem), rest)


def further(view: LaneView) -> tuple[tuple[str, str, str], ...]:
    """Answers that only some agents have a use for."""
    if not is_model(view):
        return ()
    return ("N", "Note", NOTE), ("c", "Model", PLAYER), ("x", "Raw", EXCHANGE)


def is_model(view: LaneView) -> bool:
    """Whether a language model plays in this lane."""
    started = view.session.started
    return started is not None and started.agent.kind == "llm"


def is_agent(view: LaneView) -> bool:
    """Whether somebody plays in this lane who can be overseen, now."""
    return view.ready is not None and not view.ready.human and not view.over

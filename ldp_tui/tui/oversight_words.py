"""Oversight in words: what a lane waits with, and what can be answered."""

from __future__ import annotations

from ldp_tui.tui import lane_words as words
from ldp_tui.tui.bridge import LaneView
from ldp_tui.tui.plain import plain_line
from ldp_tui.tui.widgets.approval_bar import Question

ACCEPT, EDIT, AGAIN, TAKE_OVER = "accept", "edit", "again", "take_over"
NOTE, PLAYER, EXCHANGE = "note", "player", "exchange"


def question(view: LaneView, *, form: bool) -> Question | None:
    """What the lane waits with; None while it waits for nobody. `form`: actions are made by a form."""
    oversight, proposed = view.oversight, view.session.proposed
    if oversight is None or not oversight.waits or view.over:
        return None
    how = "Fill in the form" if form else "Play by the keys above"
    if oversight.taken_over:
        return Question("·", f"The lane is yours. {how}.", (("o", "Hand back", TAKE_OVER),))
    edit = ((("e", "Edit", EDIT),) if oversight.waits == "approval" else (("e", "Form", EDIT),)) if form else ()
    rest = (("g", "Ask again", AGAIN), *edit, ("o", "Take over", TAKE_OVER), *further(view))
    if oversight.waits == "approval" and proposed is not None:
        return Question("▸", words.action_text(proposed.action), (("enter", "Accept", ACCEPT), *rest))
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

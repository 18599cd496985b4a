from __future__ import annotations

from ldp_tui.core.messages import Message
from ldp_tui.models.prompts import (
    append_to_messages,
    append_to_sys,
    indent_xml,
    prepend_sys,
    prepend_sys_and_append_sys,
)

HI = Message(content="Hi")


def test_around_a_conversation() -> None:
    """System messages come first, or first and last; only `append_to_messages` changes what it is given."""
    first, last = Message(role="system", content="a"), Message(role="system", content="b")
    messages = [HI]

    assert append_to_sys("Hi", "a") == prepend_sys(messages, "a") == [first, HI]
    assert append_to_sys("Hi") == [HI]
    assert prepend_sys_and_append_sys(messages, "a", "b") == [first, HI, last]
    assert messages == [HI]
    assert append_to_messages(messages, last) is messages
    assert messages == [HI, last]


def test_indent_xml() -> None:
    """Depth is what opens and is not closed; text keeps its lines, and what is no XML does no harm."""
    assert indent_xml("<a><b>one\n  two</b><c/></a>") == "<a>\n  <b>\n    one\n    two\n  </b>\n  <c/>\n</a>"
    assert indent_xml("<a>1 < 2</a>") == "<a>\n  1\n  <\n  2\n</a>"
    assert indent_xml("</a>text") == "</a>\ntext"
    assert indent_xml("<x/><y>z</y>", indent_size=1) == "<x/>\n<y>\n z\n</y>"
    assert indent_xml("") == ""

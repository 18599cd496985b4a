"""Messages in OpenAI's shape; expectations follow the published behaviour of aviary's `Message`."""

from __future__ import annotations

import base64
import io
import json
import logging
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError

from ldp_tui.core.images import encode_image_to_base64, image_url
from ldp_tui.core.messages import ENV_STATE_INFO_KEY, EnvStateMessage, MalformedMessageError, Message, join
from ldp_tui.core.tool_calls import MessagesAdapter, ToolCall, ToolRequestMessage, ToolResponseMessage, copy_message

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGVsbG8="}}
TEXT = {"type": "text", "text": "hello"}
WITH_INFO = {"include_info": True}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("role", ["user", "system", "tool", "assistant", "function"])
def test_known_role(role: str) -> None:
    """It is kept."""
    assert Message(role=role).role == role


@pytest.mark.parametrize("role", ["developer", "User", "", "invalid"])
def test_unknown_role(role: str) -> None:
    """It is refused with the roles that exist."""
    with pytest.raises(ValidationError, match="assistant, function, system, tool, user"):
        Message(role=role)


@pytest.mark.parametrize("content", ["text", "", None])
def test_plain_content(content: str | None) -> None:
    """It is dumped as it is, and only role and content are dumped."""
    message = Message(content=content)
    assert message.model_dump() == {"role": "user", "content": content}
    assert str(message) == (content or "")
    assert message.deserialized_content == content
    assert not message.is_multimodal


@pytest.mark.parametrize("content", [{}, [], 0, 3, 2.5, False, {"a": [1, None]}, ["a"], [{"type": "other"}], [3, TEXT]])
def test_structured_content(content: Any) -> None:
    """It becomes JSON text, is dumped as that text, and is had back deserialised."""
    message = Message(content=content)
    assert message.content == json.dumps(content)
    assert message.model_dump()["content"] == json.dumps(content)
    assert message.deserialized_content == content
    assert not message.is_multimodal


def test_content_without_a_json_form() -> None:
    """It is refused."""
    with pytest.raises(ValidationError, match="JSON-serializable"):
        Message(content=object())


def test_multimodal_content() -> None:
    """It is dumped as a list of blocks, or as text where that was asked for; a person reads its text."""
    message = Message(content=[IMAGE, TEXT])
    assert message.is_multimodal
    assert message.model_dump()["content"] == [IMAGE, TEXT]
    assert message.model_dump(context={"deserialize_content": False})["content"] == json.dumps([IMAGE, TEXT])
    assert Message.model_validate_json(message.model_dump_json()) == message
    assert message.text == "[image]\nhello"


def test_text_that_looks_multimodal() -> None:
    """It stays text, because it was given as text."""
    message = Message(content=json.dumps([TEXT]))
    assert not message.is_multimodal
    assert message.model_dump()["content"] == json.dumps([TEXT])


def test_fields_of_the_caller() -> None:
    """The dictionary a message is made from is left as it was; unknown fields are ignored."""
    fields = {"role": "user", "content": [TEXT], "info": {"a": [1]}, "name": "unknown"}
    before = json.dumps(fields)
    message = Message.model_validate(fields)
    assert json.dumps(fields) == before
    assert not hasattr(message, "name")


def test_info() -> None:
    """It is dumped only on request, takes part in equality, and is not shown by repr."""
    message = Message(content="x", info={"a": 1})
    assert message.model_dump() == {"role": "user", "content": "x"}
    assert message.model_dump(context=WITH_INFO) == {"role": "user", "content": "x", "info": {"a": 1}}
    assert message != Message(content="x")
    assert "info" not in repr(message)


@given(content=json_values, info=st.none() | st.dictionaries(st.text(), json_values, max_size=3))
def test_round_trip_with_info(content: Any, info: dict[str, Any] | None) -> None:
    """Whatever the content, a dump with info makes an equal message, as Python values and as JSON."""
    message = Message(content=content, info=info)
    assert Message.model_validate(message.model_dump(context=WITH_INFO)) == message
    assert Message.model_validate(json.loads(json.dumps(message.model_dump(context=WITH_INFO)))) == message


def test_env_state_message() -> None:
    """It is the marked message, keeps other info, and the mark survives an adapter's round trip."""
    message = EnvStateMessage(content="state", info={"a": 1})
    assert message.is_env_state
    assert message.info == {"a": 1, ENV_STATE_INFO_KEY: True}
    assert Message(content="state", info={ENV_STATE_INFO_KEY: True}).is_env_state
    assert not Message(content="state").is_env_state
    (back,) = MessagesAdapter.validate_python(MessagesAdapter.dump_python([message], context=WITH_INFO))
    assert back.is_env_state


def test_env_state_info_of_the_caller() -> None:
    """The dictionary given as info is left as it was."""
    info: dict[str, Any] = {"a": 1}
    EnvStateMessage(content="x", info=info)
    assert info == {"a": 1}


@pytest.mark.parametrize("inplace", [True, False])
@pytest.mark.parametrize(
    ("content", "appended", "prepended"),
    [
        (None, "new", "new"),
        ("", "new", "new"),
        ("old", "old\nnew", "new\nold"),
        (
            [TEXT],
            json.dumps([TEXT, {"type": "text", "text": "new"}]),
            json.dumps([{"type": "text", "text": "new"}, TEXT]),
        ),
    ],
)
def test_adding_text(content: Any, appended: str, prepended: str, inplace: bool) -> None:
    """Text is joined by the delimiter, blocks get a block; not in place, the message stays as it was."""
    for method, expected in ((Message.append_text, appended), (Message.prepend_text, prepended)):
        message = Message(content=content, info={"a": []})
        before = message.content
        result = method(message, "new", inplace=inplace)
        assert result.content == expected
        assert (result is message) is inplace
        assert message.content == (expected if inplace else before)
        assert inplace or result.info is not message.info


def test_adding_text_with_a_delimiter() -> None:
    """The delimiter stands between the two texts."""
    assert Message(content="a").append_text("b", delim="").content == "ab"
    assert Message(content="a").prepend_text("b", delim=" ").content == "b a"


def test_adding_text_to_an_object() -> None:
    """There is no place for it, which is said."""
    with pytest.raises(TypeError, match="dict"):
        Message(content={"a": 1}).append_text("b")


def test_cache_breakpoint() -> None:
    """The last block asks for caching; plain text becomes a block; a dump as text leaves the mark out, and says so."""
    mark = {"cache_control": {"type": "ephemeral"}}
    assert Message(content="x", cache_breakpoint=True).model_dump()["content"] == [
        {"type": "text", "text": "x", **mark}
    ]
    multimodal = Message(content=[IMAGE, TEXT], cache_breakpoint=True)
    assert multimodal.model_dump()["content"] == [IMAGE, {**TEXT, **mark}]
    assert multimodal.model_dump(context={"deserialize_content": False})["content"] == json.dumps([IMAGE, TEXT])
    assert Message(cache_breakpoint=True).model_dump()["content"] is None
    assert Message(content='{"a": 1}', cache_breakpoint=True).model_dump_json().count("ephemeral") == 1


@pytest.mark.parametrize("content", ["x", [IMAGE, TEXT], {"a": 1}, None])
def test_cache_breakpoint_that_is_sent_on(content: Any) -> None:
    """A dump with info keeps the mark as it is, so that it validates as an equal message."""
    message = Message(content=content, cache_breakpoint=True)
    dumped = message.model_dump(mode="json", context={"include_info": True})
    assert "ephemeral" not in str(dumped)
    assert Message.model_validate(dumped) == message


def test_cache_breakpoint_in_a_dump_of_text(caplog: pytest.LogCaptureFixture) -> None:
    """Text has no place for it: it is left out, and the log says so."""
    dumped = Message(content="x", cache_breakpoint=True).model_dump(context={"deserialize_content": False})
    assert dumped["content"] == "x"
    assert "cache_breakpoint ignored" in caplog.text


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("MalformedMessageError('No content in message: …')", False),
        ("MalformedMessageError('No tool of that name')", True),
        ("ValueError('No content in message')", True),
    ],
)
def test_log_of_common_failures(text: str, kept: bool) -> None:
    """Replies without text can be filtered from a log; everything else stays."""
    record = logging.LogRecord("n", logging.ERROR, "p", 1, "failed: %s", (text,), None)
    assert MalformedMessageError.common_retryable_errors_log_filter(record) is kept


def test_images() -> None:
    """Arrays become PNG data URLs, given URLs and base64 stay; images come before the text."""
    array = np.zeros((2, 3, 3), dtype=np.uint8)
    message = Message.create_message(text="look", images=[array, "aGVsbG8="])
    first, second, text = message.model_dump()["content"]
    head, _, payload = first["image_url"]["url"].partition(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(payload).startswith(b"\x89PNG")
    assert image_url(base64.b64decode(payload)).startswith(head)
    assert second["image_url"]["url"] == "aGVsbG8="
    assert text == {"type": "text", "text": "look"}
    assert Message.create_message(images=array).is_multimodal
    assert Message.create_message("system", "text").model_dump() == {"role": "system", "content": "text"}


def test_image_in_its_own_format() -> None:
    """It keeps the format it came in unless another is named; pixels have none."""
    jpeg = encode_image_to_base64(np.zeros((2, 2, 3), np.uint8), format="JPEG")
    assert jpeg.startswith("data:image/jpeg;base64,")
    payload = base64.b64decode(jpeg.partition("base64,")[2])
    assert encode_image_to_base64(payload).startswith("data:image/jpeg;base64,")
    assert encode_image_to_base64(Image.open(io.BytesIO(payload)), format="png").startswith("data:image/png;base64,")
    with pytest.raises(ValueError, match="no file format"):
        encode_image_to_base64(np.zeros((2, 2, 3), np.uint8))


def test_base64_in_lines() -> None:
    """White space in it does not matter."""
    lines = base64.encodebytes(bytes(100)).decode()
    assert image_url(lines) == lines


def test_image_that_is_no_base64() -> None:
    """It is refused."""
    with pytest.raises(ValueError, match="base64"):
        Message.create_message(images="not base64!")


def test_joining() -> None:
    """Contents in order, led by their roles unless not wanted; None counts as nothing."""
    messages = [Message(content="a"), Message(role="assistant", content=None)]
    assert join(messages) == "user: a\nassistant: "
    assert join(messages, "|", include_roles=False) == "a|"


def test_adapter_chooses_types() -> None:
    """Requests and responses come back as such from plain dictionaries, text as text."""
    request = ToolRequestMessage(content="x", tool_calls=[ToolCall.from_name("f", a=1)])
    response = ToolResponseMessage.from_call(request.tool_calls[0], "1")
    messages = [Message(content="hi"), request, response]
    back = MessagesAdapter.validate_python(MessagesAdapter.dump_python(messages))
    assert back == messages
    assert [type(message) for message in back] == [Message, ToolRequestMessage, ToolResponseMessage]


def test_copy() -> None:
    """It is equal, of the same type, and shares nothing that could be changed; arrays in info become lists."""
    request = ToolRequestMessage(
        content="x", info={"a": {"b": [1]}}, tool_calls=[ToolCall.from_name("f", x=[1, {"y": 2}])]
    )
    copied = copy_message(request)
    assert copied == request
    assert type(copied) is ToolRequestMessage
    request.info["a"]["b"].append(2)  # type: ignore[index]
    request.tool_calls[0].function.arguments["x"][1]["y"] = 3
    request.tool_calls.append(request.tool_calls[0])
    assert copied.info == {"a": {"b": [1]}}
    assert copied.tool_calls[0].function.arguments == {"x": [1, {"y": 2}]}
    assert len(copied.tool_calls) == 1
    foreign = copy_message(Message(info={"array": np.arange(3), "one": np.int64(2), "set": {1}, "lock": json}))
    assert foreign.info == {"array": [0, 1, 2], "one": 2, "set": {1}, "lock": json}
    assert type(foreign.info["one"]) is int

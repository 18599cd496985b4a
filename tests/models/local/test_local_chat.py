"""Conversations as a model's tokens, and replies in the tool formats that models use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ldp_tui.models.errors import RequestRejected
from ldp_tui.models.in_process.parts import HERMES, LLAMA, MISTRAL, THINK, Part, Parts, RegionParts
from ldp_tui.models.in_process.writing import Detokenizer, StopTexts
from ldp_tui.models.tiny.model import BUNDLED
from tests.models.local.small_models import END, TEMPLATE, save_model, trained

TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "act",
        "description": "Move.",
        "parameters": {"type": "object", "properties": {"action": {"type": "string"}}, "required": ["action"]},
    },
}
USER = {"role": "user", "content": "go"}


def chat_with(template: str | None) -> Any:
    from transformers import PreTrainedTokenizerFast

    from ldp_tui.models.local.chat import LocalChat

    tokenizer = PreTrainedTokenizerFast(tokenizer_object=trained(), eos_token=END)
    tokenizer.chat_template = template
    return LocalChat(tokenizer)


def taken_apart(parts: Parts, text: str, size: int) -> list[Part]:
    """What comes of a text that is fed in pieces; neighbours of text or reasoning joined."""
    found = [part for at in range(0, len(text), size) for part in parts.feed(text[at : at + size])]
    joined: list[Part] = []
    for part in [*found, *parts.end()]:
        if joined and part.kind != "call" and joined[-1].kind == part.kind:
            joined[-1] = Part(part.kind, joined[-1].text + part.text)
        else:
            joined.append(part)
    return joined


def call(name: str, **arguments: Any) -> Part:
    return Part("call", name=name, arguments=json.dumps(arguments))


FORMATS = [
    ([HERMES], 'Low. <tool_call>\n{"name": "act", "arguments": {"a": 1}}\n</tool_call> <b', [
        Part("text", "Low. "), call("act", a=1), Part("text", " <b")]),
    ([HERMES], '<tool_call>{"name": "act", "arguments": {"a": 1}}', [call("act", a=1)]),
    ([HERMES], "<tool_call>nonsense</tool_call>.", [Part("text", "<tool_call>nonsense</tool_call>.")]),
    ([THINK, HERMES], "<think>Hm < 3\n</think>Go.", [Part("reasoning", "Hm < 3\n"), Part("text", "Go.")]),
    (LLAMA, ' {"name": "act", "parameters": {"a": 1}}', [call("act", a=1)]),
    (LLAMA, '<|python_tag|>{"name": "act", "parameters": {}}; {"name": "b", "parameters": {}}', [
        call("act"), call("b")]),
    (LLAMA, '{"reflection": "no call"}', [Part("text", '{"reflection": "no call"}')]),
    (LLAMA, 'Words {"name": "act", "parameters": {}}', [Part("text", 'Words {"name": "act", "parameters": {}}')]),
    ([MISTRAL], '[TOOL_CALLS] [{"name": "act", "arguments": {"a": 1}, "id": "123456789"}]', [call("act", a=1)]),
    ([MISTRAL], '[TOOL_CALLS]act[ARGS]{"a": 1}[TOOL_CALLS]b[CALL_ID]xyz[ARGS]{}', [call("act", a=1), call("b")]),
    ([MISTRAL], "[TOOL_CALLS]act[ARGS]{cut", [Part("text", "[TOOL_CALLS]act[ARGS]{cut")]),
]  # fmt: skip


@pytest.mark.parametrize("size", [1, 4, 1000])
@pytest.mark.parametrize(("regions", "text", "expected"), FORMATS)
def test_tool_formats(regions: Any, text: str, expected: list[Part], size: int) -> None:
    """Text, reasoning and calls are told apart, however the text is cut into pieces."""
    assert taken_apart(RegionParts(regions), text, size) == expected


def test_reasoning_that_the_prompt_opened() -> None:
    """A template may end with the mark; the reply then begins within."""
    chat = chat_with(TEMPLATE + "{{ '<think>\n' if add_generation_prompt }}")
    prompt = chat.render([USER])
    found = taken_apart(chat.parts(prompt, None), "so\n</think>\nleft", 2)
    assert found == [Part("reasoning", "so\n"), Part("text", "\nleft")]


@pytest.mark.parametrize("size", [1, 5, 1000])
def test_a_tokenizer_that_describes_its_replies(size: int) -> None:
    """transformers' own parser takes the reply apart; a call that is no JSON stays text."""
    from transformers import AutoTokenizer

    from ldp_tui.models.local.chat import LocalChat

    chat = LocalChat(AutoTokenizer.from_pretrained(BUNDLED))
    good = 'Low.<tool_call>{"name": "act", "arguments": {"action": "hit"}}</tool_call>'
    assert taken_apart(chat.parts("<|assistant|>", [TOOL]), good, size) == [
        Part("text", "Low."),
        call("act", action="hit"),
    ]
    (broken,) = taken_apart(chat.parts("<|assistant|>", [TOOL]), "Low.<tool_call>{nonsense}</tool_call>", size)
    assert broken.kind == "text"
    assert broken.text.startswith("Low.")
    assert "nonsense" in broken.text


def test_a_template_with_an_unknown_tool_format() -> None:
    """Calls are looked for by the parsing ladder, at the end."""
    chat = chat_with(TEMPLATE.replace("<tool_call>", "<<").replace("</tool_call>", ">>"))
    text = 'I go. {"name": "act", "arguments": {"action": "left"}}'
    assert taken_apart(chat.parts(chat.render([USER], [TOOL]), [TOOL]), text, 3) == [
        Part("text", text),
        call("act", action="left"),
    ]


def test_a_template_that_knows_no_tools() -> None:
    """The system message tells them, with the form of a call, and answers come as the user's words."""
    chat = chat_with("{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}")
    done = {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "act", "arguments": "{}"}}]}
    answer = {"role": "tool", "content": "You moved."}
    text = chat.render([{"role": "system", "content": "Play."}, USER, done, answer], [TOOL])
    assert text.startswith("[system]Play.\n\nYou may call these functions:")
    assert '"name": "act"' in text
    assert '[assistant]<tool_call>{"name": "act", "arguments": {}}</tool_call>' in text
    assert "[user]<tool_response>You moved.</tool_response>" in text
    found = taken_apart(chat.parts(text, [TOOL]), '<tool_call>{"name": "act", "arguments": {}}</tool_call>', 1)
    assert found == [call("act")]


def test_a_model_without_a_template() -> None:
    """It reads roles and colons, and stops where it begins to write for somebody else."""
    chat = chat_with(None)
    messages = [{"role": "system", "content": "Play."}, USER]
    assert chat.render(messages) == "System: Play.\n\nUser: go\n\nAssistant:"
    before, said = chat.render_reply(messages, None, {"role": "assistant", "content": "left"})
    assert (before, said) == (chat.render(messages), f" left{END}")
    assert "\nUser:" in chat.stops


def test_a_template_that_refuses_the_system_message() -> None:
    """It becomes the user's; what is refused even so is told in one line."""
    refusing = (
        "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
        "{% if m.content == 'never' %}{{ raise_exception('not that') }}{% endif %}{{ m.role }}:{{ m.content }};"
        "{% endfor %}"
    )
    chat = chat_with(refusing)
    assert chat.render([{"role": "system", "content": "Play."}, USER]) == "user:Play.\n\ngo;"
    with pytest.raises(RequestRejected, match="not that"):
        chat.render([{"role": "user", "content": "never"}])


def test_a_template_that_rewrites_what_it_began() -> None:
    """A reply is then scored as its plain text with the end mark."""
    chat = chat_with("{{ messages | length }}{% for m in messages %}{{ m.content }}{% endfor %}")
    assert chat.render_reply([USER], None, {"role": "assistant", "content": "left"})[1] == f"left{END}"


def test_characters_of_several_tokens() -> None:
    """Text comes a character at a time, never half a one, and is whole at the end."""
    text, tokenizer = "naïve 🎲 ± \n  ende", trained()
    stream = Detokenizer(lambda ids: str(tokenizer.decode(list(ids), skip_special_tokens=False)))
    pieces = [stream.add(token) for token in tokenizer.encode(text).ids]
    assert "".join([*pieces, stream.end()]) == text
    assert not any("\ufffd" in piece for piece in pieces)
    half = tokenizer.encode("🎲").ids[:-1]
    cut = Detokenizer(lambda ids: str(tokenizer.decode(list(ids), skip_special_tokens=False)))
    assert [cut.add(token) for token in half] == [""] * len(half)
    assert cut.end() == "\ufffd"


def test_stop_texts_over_pieces() -> None:
    """What may be the beginning of one is held back, and told when it is none."""
    stops = StopTexts(["END", "\nUser:"])
    assert [stops.feed(piece) for piece in ("a E", "N", "x\nUs", "er", ": b", "c")] == ["a ", "", "ENx", "", "", ""]
    assert stops.stopped


def test_without_a_tokenizer(tmp_path: Path) -> None:
    """A folder without one is refused in one line when it is loaded."""
    from ldp_tui.models.errors import ModelUnavailable
    from ldp_tui.models.local.loading import load
    from ldp_tui.models.local.naming import Wanted

    save_model(tmp_path, "llama")
    for file in tmp_path.glob("token*"):
        file.unlink()
    with pytest.raises(ModelUnavailable, match="cannot be loaded") as caught:
        load(Wanted(str(tmp_path)))
    assert "\n" not in str(caught.value)

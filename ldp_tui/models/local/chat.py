"""Conversations as a model's own tokens: its tokenizer, chat template and tool format."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerBase

from ldp_tui.core.tools import Tool
from ldp_tui.models.errors import RequestRejected
from ldp_tui.models.in_process.answering import ChatMessages
from ldp_tui.models.in_process.parts import HERMES, LLAMA, MISTRAL, THINK, Part, Parts, Region, RegionParts, call_part
from ldp_tui.models.parsing import ReplyReader, Said

DEFAULT_TEMPLATE: Final = (
    "{% for message in messages %}"
    "{{ message.role | capitalize }}:"
    "{% if message.role == 'assistant' %}{{ ' ' + message.content + eos_token }}"
    "{% else %}{{ ' ' + message.content }}{% endif %}{{ '\n\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}Assistant:{% endif %}"
)
"""For models that have none: `System: …`, `User: …`, `Assistant: …` with a blank line between."""
_DEFAULT_STOPS: Final = ("\nUser:", "\nSystem:", "\nTool:")
_TOOLS: Final = (
    "You may call these functions:\n{tools}\n"
    'To call one, write <tool_call>{{"name": "…", "arguments": {{…}}}}</tool_call> with arguments that fit its schema.'
)
"""For models whose template knows no tools."""


class LocalChat:
    """Renders conversations in OpenAI's shape by the model's template, and encodes them."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, *, ends: Iterable[int] = ()) -> None:
        """A tokenizer; `ends` are further tokens that end a reply."""
        self._tokenizer = tokenizer
        self.ends: Collection[int] = frozenset(
            [*ends, *([tokenizer.eos_token_id] if tokenizer.eos_token_id is not None else [])]
        )
        self.stops: Sequence[str] = ()
        if not tokenizer.chat_template:
            tokenizer.chat_template, self.stops = DEFAULT_TEMPLATE, _DEFAULT_STOPS
        templates = tokenizer.chat_template
        self._source = templates if isinstance(templates, str) else "\n".join(templates.values())
        self._takes_tools = "tools" in self._source
        self._regions = _regions(self._source)
        self._end_texts = [self.decode([end]) for end in sorted(self.ends)]

    def render(self, messages: ChatMessages, tools: ChatMessages | None = None, *, ask: bool = True) -> str:
        """The conversation as the model's text; `ask` opens a reply at its end.

        Raises:
            RequestRejected: If the template refuses it, or if there are pictures.
        """
        plain = [_plain(message) for message in messages]
        if tools and not self._takes_tools:
            plain, tools = _with_tools_told(plain, tools), None
        try:
            return self._applied(plain, tools, ask)
        except TemplateError:
            pass
        try:  # some templates take no system message, or only turns that alternate
            return self._applied(_alternating(plain), tools, ask)
        except TemplateError as error:
            raise RequestRejected(f"the chat template refuses this conversation: {error}") from error

    def render_reply(
        self, messages: ChatMessages, tools: ChatMessages | None, reply: Mapping[str, Any]
    ) -> tuple[str, str]:
        """The text before a reply, and the reply's own text up to its end mark."""
        before = self.render(messages, tools)
        whole = self.render([*messages, reply], tools, ask=False)
        said = whole[len(before) :] if whole.startswith(before) else self._plainly(reply)
        return before, self._up_to_the_end(said)

    def encode(self, text: str) -> list[int]:
        """Token ids of a text, special tokens included."""
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False)
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token ids, special tokens included."""
        text: str = self._tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False)
        return text

    def parts(self, prompt: str, tools: ChatMessages | None) -> Parts:
        """What takes a reply to `prompt` apart: the tokenizer's own description of replies, else known marks."""
        if getattr(self._tokenizer, "response_template", None):
            return TemplateParts(self._tokenizer, prompt, tools)
        regions = [*self._regions, *([] if self._takes_tools else [HERMES])]
        inside = THINK if THINK in regions and prompt.rstrip().endswith(THINK.open) else None
        if tools and not any(region.kind == "call" for region in regions):
            return LadderParts(regions, tools, inside=inside)
        if not tools:
            regions = [region for region in regions if not region.only_first]
        return RegionParts(regions, inside=inside)

    def _applied(self, messages: Sequence[dict[str, Any]], tools: ChatMessages | None, ask: bool) -> str:
        text: str = self._tokenizer.apply_chat_template(
            list(messages), tools=list(tools) if tools else None, add_generation_prompt=ask, tokenize=False
        )
        return text

    def _plainly(self, reply: Mapping[str, Any]) -> str:
        """For templates that do not continue what they began: text, calls as Hermes writes them, the end."""
        said = _plain(reply)
        calls = [json.dumps(call["function"], ensure_ascii=False) for call in said.get("tool_calls", ())]
        return "".join(
            [said["content"], *(f"{HERMES.open}{call}{HERMES.close}" for call in calls), *self._end_texts[:1]]
        )

    def _up_to_the_end(self, text: str) -> str:
        """Without what templates write after the mark that ends a turn, such as a line break: nobody generates it."""
        for end in self._end_texts:
            at = text.rfind(end) if end else -1
            if at >= 0 and not text[at + len(end) :].strip():
                return text[: at + len(end)]
        return text


class LadderParts(RegionParts):
    """Text as it comes, and at its end the calls that the parsing ladder finds in it."""

    def __init__(self, regions: Sequence[Region], tools: ChatMessages, *, inside: Region | None) -> None:
        super().__init__(regions, inside=inside)
        self._reader = ReplyReader([Tool.model_validate(tool) for tool in tools])
        self._told: list[str] = []

    def feed(self, text: str) -> list[Part]:
        """What is certain after some more text."""
        return self._noted(super().feed(text))

    def end(self) -> list[Part]:
        """What was held back until now, and the calls."""
        parts = self._noted(super().end())
        calls = self._reader.read(Said("".join(self._told))).calls
        dumped = [call.function.model_dump() for call in calls]
        return [*parts, *(part for call in dumped if (part := call_part(call)) is not None)]

    def _noted(self, parts: list[Part]) -> list[Part]:
        self._told += [part.text for part in parts if part.kind == "text"]
        return parts


class TemplateParts:
    """Takes a reply apart as the tokenizer's `response_template` says, by transformers' own parser."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, prompt: str, tools: ChatMessages | None) -> None:
        self._parser = tokenizer.get_response_parser(prefix=prompt, tools=list(tools) if tools else None)
        self._fed = ""
        self._told = 0
        """Characters of it that were told, as text or as calls."""
        self._broken = False

    def feed(self, text: str) -> list[Part]:
        """What is certain after some more text."""
        if self._broken:
            return [Part("text", text)] if text else []
        self._fed += text
        try:
            return self._read(self._parser.feed(text))
        except ValueError:
            return self._give_up()

    def end(self) -> list[Part]:
        """What was held back until now."""
        if self._broken:
            return []
        try:
            return self._read(self._parser.finalize()[1])
        except ValueError:
            return self._give_up()

    def _give_up(self) -> list[Part]:
        """A call that is no JSON, for instance: from here on everything is text."""
        self._broken, rest = True, self._fed[self._told :]
        return [Part("text", rest)] if rest else []

    def _read(self, events: Iterable[Mapping[str, Any]]) -> list[Part]:
        parts: list[Part] = []
        read = self._told
        for event in events:
            kind = _kind(event["field"])
            if event["type"] == "region_chunk":
                read = self._fed.index(event["text"], read) + len(event["text"])
                if kind != "call":
                    parts.append(Part(kind, event["text"]))
                    self._told = read
            elif event["type"] == "region_close":
                value = event["value"] if kind == "call" else []
                calls = [call_part(call) for call in (value if isinstance(value, list) else [value])]
                parts += [call for call in calls if call is not None]
                self._told = read
        return parts


def _kind(field: str) -> Any:
    if field == "tool_calls":
        return "call"
    return "text" if field == "content" else "reasoning"


def _regions(template: str) -> list[Region]:
    """The marks that a template writes itself, and so expects."""
    regions = [THINK] if THINK.open in template or "</think>" in template else []
    if HERMES.open in template:
        return [*regions, HERMES]
    if MISTRAL.open in template:
        return [*regions, MISTRAL]
    if LLAMA[0].open in template or ('"parameters"' in template and "ipython" in template):
        return [*regions, *LLAMA]
    return regions


def _plain(message: Mapping[str, Any]) -> dict[str, Any]:
    """A message as templates expect it: text in one piece, arguments as objects."""
    plain = {key: value for key, value in message.items() if value is not None}
    content = plain.get("content", "")
    if isinstance(content, list):
        if any(block.get("type") != "text" for block in content):
            raise RequestRejected("models that run here see no pictures")
        content = "\n".join(block["text"] for block in content)
    plain["content"] = content
    if calls := plain.get("tool_calls"):
        plain["tool_calls"] = [{**call, "function": _with_object(call["function"])} for call in calls]
    return plain


def _with_object(function: Mapping[str, Any]) -> dict[str, Any]:
    arguments = function["arguments"]
    try:
        return {**function, "arguments": json.loads(arguments) if isinstance(arguments, str) else arguments}
    except ValueError:
        return dict(function)


def _with_tools_told(messages: list[dict[str, Any]], tools: ChatMessages) -> list[dict[str, Any]]:
    """The system message says which tools there are; calls and answers become text."""
    told = _TOOLS.format(tools="\n".join(json.dumps(tool["function"], ensure_ascii=False) for tool in tools))
    first = messages[0]["content"] + "\n\n" if messages and messages[0]["role"] == "system" else ""
    rest = messages[1:] if first else messages
    return [{"role": "system", "content": first + told}, *(_without_calls(message) for message in rest)]


def _without_calls(message: Mapping[str, Any]) -> dict[str, Any]:
    if message["role"] == "tool":
        return {"role": "user", "content": f"<tool_response>{message['content']}</tool_response>"}
    calls = [json.dumps(call["function"], ensure_ascii=False) for call in message.get("tool_calls", ())]
    written = [f"{HERMES.open}{call}{HERMES.close}" for call in calls]
    return {"role": message["role"], "content": "\n".join(filter(None, [message["content"], *written]))}


def _alternating(messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same with system messages as the user's, and neighbours of one role as one message."""
    merged: list[dict[str, Any]] = []
    for message in messages:
        role = "user" if message["role"] == "system" else message["role"]
        if merged and merged[-1]["role"] == role and role == "user":
            merged[-1]["content"] += f"\n\n{message['content']}"
        else:
            merged.append({**message, "role": role})
    return merged

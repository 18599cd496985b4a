"""Conversations as token ids and back: the tokenizer and the chat template of a model's folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from jinja2 import nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Tokenizer

from ldp_tui.models.in_process.answering import ChatMessages
from ldp_tui.models.in_process.parts import HERMES, RegionParts

TOKENIZER_FILE: Final = "tokenizer.json"
TEMPLATE_FILE: Final = "chat_template.jinja"
END: Final = "<|end|>"
CALL: Final = HERMES.open
CALL_END: Final = HERMES.close


class _Generation(Extension):
    """`{% generation %}` marks what the model itself writes; for rendering it is no more than its body."""

    tags = {"generation"}  # noqa: RUF012 (jinja2's own type)

    def parse(self, parser: Parser) -> list[nodes.Node]:
        """The nodes between the marks."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class ChatTokenizer:
    """Renders conversations in OpenAI's shape by the model's template, and encodes them."""

    def __init__(self, tokenizer: Tokenizer, template: str) -> None:
        self._render = self.renderer(template)
        self._tokenizer = tokenizer
        self.end = self.id_of(END)
        self.ends = frozenset([self.end])
        self.stops: Sequence[str] = ()

    @classmethod
    def from_folder(cls, folder: Path) -> ChatTokenizer:
        """The tokenizer and template of a model's folder."""
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
        return cls(tokenizer, (folder / TEMPLATE_FILE).read_text(encoding="utf-8"))

    @staticmethod
    def renderer(template: str) -> Callable[..., str]:
        """The template as a function of `messages`, `tools` and `add_generation_prompt`, as transformers has it."""
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols]
        )
        environment.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)  # jinja's escapes HTML
        return environment.from_string(template).render

    def render(self, messages: ChatMessages, tools: ChatMessages | None = None, *, ask: bool = True) -> str:
        """The conversation as the model's text; `ask` opens a reply at its end."""
        return self._render(messages=messages, tools=tools, add_generation_prompt=ask)

    def render_reply(
        self, messages: ChatMessages, tools: ChatMessages | None, reply: Mapping[str, Any]
    ) -> tuple[str, str]:
        """The text before a reply, and the reply's own text with its end mark."""
        before = self.render(messages, tools)
        whole = self.render([*messages, reply], tools, ask=False)
        return before, whole.removeprefix(before)

    def encode(self, text: str) -> list[int]:
        """Token ids of a text, special tokens included."""
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token ids, special tokens included."""
        text: str = self._tokenizer.decode(list(ids), skip_special_tokens=False)
        return text

    def parts(self, prompt: str, tools: ChatMessages | None) -> RegionParts:
        """What takes a reply apart."""
        return RegionParts([HERMES])

    def id_of(self, token: str) -> int:
        """The id of one token; raises KeyError if the vocabulary has no such token."""
        found = self._tokenizer.token_to_id(token)
        if found is None:
            raise KeyError(token)
        return int(found)

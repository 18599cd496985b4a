"""What environments and agents say to each other: text, JSON or multimodal messages in OpenAI's shape.

Field names, dump contexts and edge cases follow aviary's `Message`; `docs/compatibility.md` lists where this differs.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from ldp_tui.core.images import image_url

logger = logging.getLogger(__name__)

ENV_STATE_INFO_KEY = "is_env_state"
"""`Message.info` key that marks a message as a full picture of the environment's state, which an agent may forget."""


EMPTY_CONTENT_BASE_MSG = "No content in message"
"""How the error of a reply without text begins: so common that a log may leave it out."""


class MalformedMessageError(ValueError):
    """A model's reply that cannot be read as the message that was asked for."""

    @classmethod
    def common_retryable_errors_log_filter(cls, record: logging.LogRecord) -> bool:
        """Filter for a logger or handler: False for replies without text, which are asked for again."""
        text = record.getMessage()
        return not (cls.__name__ in text and EMPTY_CONTENT_BASE_MSG in text)


class Message(BaseModel):
    """One message of a conversation.

    `content` is text, or a JSON text when structured content was given (`content_is_json_str`); a JSON list of
    `text` / `image_url` blocks is multimodal and is dumped as a list. `info` is diagnostics: never shown to a model,
    dumped only with `context={"include_info": True}`. Such a dump is for storing and sending on: it validates as an
    equal message. A plain dump is for a model's provider, with `cache_control` in the last block of a cache breakpoint.
    """

    model_config = ConfigDict(extra="ignore")

    DEFAULT_ROLE: ClassVar[str] = "user"
    VALID_ROLES: ClassVar[set[str]] = {"user", "system", "tool", "assistant", "function"}

    role: str = Field(default=DEFAULT_ROLE, description="Who speaks: user, system, assistant, tool or function.")
    content: str | None = Field(default=None, description="Text, JSON text, or None when only tools are called.")
    content_is_json_str: bool = Field(default=False, exclude=True, repr=False)
    info: dict[str, Any] | None = Field(default=None, exclude=True, repr=False)
    cache_breakpoint: bool = Field(
        default=False, exclude=True, repr=False, description="Ask the provider to cache the prompt up to here."
    )

    @field_validator("role")
    @classmethod
    def _check_role(cls, role: str) -> str:
        if role in cls.VALID_ROLES:
            return role
        raise ValueError(f"Role {role!r} is not one of {', '.join(sorted(cls.VALID_ROLES))}.")

    @model_validator(mode="before")
    @classmethod
    def _serialize_structured_content(cls, fields: Any) -> Any:
        """Structured content becomes JSON text. The caller's dictionary is left as it was."""
        if not isinstance(fields, dict) or "content" not in fields:
            return fields
        content = fields["content"]
        if content is None or isinstance(content, str):
            return fields
        try:
            text = json.dumps(content)
        except TypeError as error:
            raise ValueError("Message content must be text or JSON-serializable.") from error
        return {**fields, "content": text, "content_is_json_str": True}

    @model_serializer(mode="wrap")
    def _serialize(self, handler: SerializerFunctionWrapHandler, info: SerializationInfo) -> dict[str, Any]:
        fields: dict[str, Any] = handler(self)
        context = info.context or {}
        deserialize = context.get("deserialize_content", True)
        if self.is_multimodal and "content" in fields and deserialize:
            fields["content"] = json.loads(self.content or "[]")
        if context.get("include_info"):
            if self.info is not None:
                fields["info"] = self.info
            if self.content_is_json_str:
                fields["content_is_json_str"] = True
            if self.cache_breakpoint:
                fields["cache_breakpoint"] = True
        elif self.cache_breakpoint and fields.get("content") is not None:
            if deserialize:
                fields["content"] = _with_cache_control(fields["content"])
            else:
                logger.warning(
                    "cache_breakpoint ignored: it needs content as blocks, and deserialize_content is False."
                )
        return fields

    def __str__(self) -> str:
        return self.content or ""

    @property
    def deserialized_content(self) -> Any:
        """The content as JSON value; the text itself (or None) if it is not JSON."""
        if self.content is None or not self.content_is_json_str:
            return self.content
        return json.loads(self.content)

    @property
    def is_multimodal(self) -> bool:
        """Whether the content is a list of `text` and `image_url` blocks."""
        if not self.content_is_json_str or not self.content or not self.content.startswith("["):
            return False
        try:
            blocks = json.loads(self.content)
        except json.JSONDecodeError:
            return False
        return bool(blocks) and all(
            isinstance(block, dict) and block.get("type") in {"text", "image_url"} for block in blocks
        )

    @property
    def text(self) -> str:
        """What a person reads: text blocks joined, each image as `[image]`, other content as it is."""
        if not self.is_multimodal:
            return self.content or ""
        blocks = json.loads(self.content or "[]")
        return "\n".join(block.get("text", "") if block["type"] == "text" else "[image]" for block in blocks)

    @property
    def is_env_state(self) -> bool:
        """Whether an agent may drop this message once a newer state arrives."""
        return bool(self.info and self.info.get(ENV_STATE_INFO_KEY))

    def append_text(self, text: str, delim: str = "\n", inplace: bool = True) -> Self:
        """Add text after the content; multimodal content gets a new text block, and `delim` is not used.

        Raises:
            TypeError: If the content is a JSON object.
        """
        return self._extend_text(text, delim, inplace=inplace, at_end=True)

    def prepend_text(self, text: str, delim: str = "\n", inplace: bool = True) -> Self:
        """Add text before the content; see `append_text`."""
        return self._extend_text(text, delim, inplace=inplace, at_end=False)

    def _extend_text(self, text: str, delim: str, *, inplace: bool, at_end: bool) -> Self:
        if not self.content:
            content = text
        elif self.content_is_json_str and not isinstance(self.deserialized_content, str):
            blocks = self.deserialized_content
            if not isinstance(blocks, list):
                raise TypeError(f"Text cannot be added to content of type {type(blocks).__name__}.")
            block = {"type": "text", "text": text}
            content = json.dumps([*blocks, block] if at_end else [block, *blocks])
        else:
            content = f"{self.content}{delim}{text}" if at_end else f"{text}{delim}{self.content}"
        if inplace:
            self.content = content
            return self
        return self.model_copy(update={"content": content}, deep=True)

    @classmethod
    def create_message(
        cls,
        role: str = DEFAULT_ROLE,
        text: str | None = None,
        images: Sequence[Any] | Any | None = None,
        **kwargs: Any,
    ) -> Self:
        """Message with text and images (arrays of shape (H, W, 3), PNG bytes, data URLs or base64 text).

        Images come first, then the text, as OpenAI's `image_url` and `text` blocks.

        Raises:
            ValueError: If an image given as text is not base64.
        """
        if images is None:
            return cls(role=role, content=text, **kwargs)
        several = isinstance(images, list | tuple)
        blocks: list[dict[str, Any]] = [
            {"type": "image_url", "image_url": {"url": image_url(image)}} for image in (images if several else [images])
        ]
        if text is not None:
            blocks.append({"type": "text", "text": text})
        return cls.model_validate({"role": role, "content": blocks, **kwargs})


class EnvStateMessage(Message):
    """A message that holds the environment's whole state; the same as `Message(info={"is_env_state": True})`."""

    @model_validator(mode="after")
    def _mark(self) -> Self:
        self.info = {**(self.info or {}), ENV_STATE_INFO_KEY: True}
        return self


def join(messages: Iterable[Message], delimiter: str = "\n", include_roles: bool = True) -> str:
    """All contents as one text, each line block led by its role unless `include_roles` is false."""
    return delimiter.join(f"{m.role}: {m.content or ''}" if include_roles else m.content or "" for m in messages)


def _with_cache_control(content: str | list[dict[str, Any]]) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = (
        [{"type": "text", "text": content}] if isinstance(content, str) else [dict(block) for block in content]
    )
    blocks[-1]["cache_control"] = {"type": "ephemeral"}
    return blocks

"""Replies of a required form: JSON that fits a type, and actions made by a parser of the caller's own."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from ldp_tui.core.arguments import ArgumentError, ArgumentSchema
from ldp_tui.core.messages import MalformedMessageError, Message
from ldp_tui.models.config import ToolParser
from ldp_tui.models.errors import JSONSchemaValidationError, ResponseValidationError
from ldp_tui.models.results import Choice, LLMResult

JSONSchema = Mapping[str, Any]
OutputType = type[BaseModel] | TypeAdapter[Any] | JSONSchema

_FENCED = re.compile(r"```(?:json)?\s*\n(.*?)```", re.DOTALL)


def ask_for_output(
    messages: Sequence[Message], settings: Mapping[str, Any], output_type: OutputType
) -> tuple[list[Message], dict[str, Any]]:
    """The conversation and the request's settings that ask for JSON of this type.

    A schema is sent as structured output; of a pydantic type the schema is told in the system message, in JSON mode.
    """
    if isinstance(output_type, Mapping):
        schema = {**output_type, "additionalProperties": False}
        named = {"name": str(output_type.get("title", "reply")), "strict": True, "schema": schema}
        return list(messages), {**settings, "response_format": {"type": "json_schema", "json_schema": named}}
    told = f"Respond following this JSON schema:\n\n{json.dumps(_schema_of(output_type))}"
    at = next((i for i, message in enumerate(messages) if message.role == "system"), None)
    asked = list(messages)
    if at is None:
        asked.insert(0, Message(role="system", content=told))
    else:
        asked[at] = asked[at].append_text(told, inplace=False)
    return asked, {**settings, "response_format": {"type": "json_object"}}


def check_output(results: Sequence[LLMResult], output_type: OutputType) -> None:
    """Raise JSONSchemaValidationError for the first reply that does not fit; a fenced block is read as its content."""
    for result in results:
        text = unfenced(result.text or "")
        try:
            if isinstance(output_type, Mapping):
                value = json.loads(text)
                if not isinstance(value, dict):
                    raise JSONSchemaValidationError("the reply is no JSON object", model=result.model)
                ArgumentSchema(dict(output_type)).coerce(value)
            elif isinstance(output_type, TypeAdapter):
                output_type.validate_json(text)
            else:
                output_type.model_validate_json(text)
        except ValidationError as error:
            reasons = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'it'}: {e['msg']}" for e in error.errors()[:3])
            raise JSONSchemaValidationError(f"the reply does not fit ({reasons})", model=result.model) from error
        except (ArgumentError, ValueError, RecursionError) as error:
            if isinstance(error, JSONSchemaValidationError):
                raise
            raise JSONSchemaValidationError(f"the reply does not fit ({error})", model=result.model) from error


def unfenced(text: str) -> str:
    """The content of the last fenced block; the text itself if it has none."""
    blocks = _FENCED.findall(text)
    return str(blocks[-1]).strip() if blocks else text.strip()


def parse_with(parser: ToolParser, choice: Choice, tools: list[dict[str, Any]] | None, model: str) -> Message:
    """The action that the caller's parser makes of a reply.

    Raises:
        ResponseValidationError: If it cannot; the model is then asked again.
    """
    first = next(iter(inspect.signature(parser).parameters.values()))
    given = (choice.message.content or "") if first.annotation in (str, "str") else choice
    try:
        return parser(given, tools)
    except (ValidationError, MalformedMessageError) as error:
        raise ResponseValidationError(f"the tool parser refused the reply: {error}", model=model) from error


def _schema_of(output_type: type[BaseModel] | TypeAdapter[Any]) -> dict[str, Any]:
    if isinstance(output_type, TypeAdapter):
        return output_type.json_schema()
    return output_type.model_json_schema()

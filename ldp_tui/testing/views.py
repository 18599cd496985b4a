"""Rules for what an environment says of itself: its tools, pictures, diagnostics and legal actions."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ldp_tui.core.arguments import ArgumentError, ArgumentSchema
from ldp_tui.core.environment import Frame, Picture
from ldp_tui.core.tools import Tool
from ldp_tui.testing.observed import Run, require

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")


def check_tools(tools: list[Tool]) -> None:
    """Rules `tool-names`, `tool-descriptions` and `tool-schemas`: what model providers and forms need."""
    names = [tool.info.name for tool in tools]
    require(len(set(names)) == len(names), "tool-names", f"two tools have the same name: {names}.")
    for tool in tools:
        name, info = tool.info.name, tool.info
        require(
            _NAME.fullmatch(name),
            "tool-names",
            f"{name!r} is refused by model providers; use letters, digits, _ and -.",
        )
        require(info.description.strip(), "tool-descriptions", f"tool {name!r} has no description; write a docstring.")
        parameters = info.parameters.model_dump() if info.parameters is not None else {"type": "object"}
        json.dumps(parameters, allow_nan=False)
        ArgumentSchema(parameters)
        for parameter, schema in info.get_properties().items():
            require(
                str(schema.get("description", "")).strip(),
                "tool-descriptions",
                f"parameter {parameter!r} of tool {name!r} has no description; add it to the docstring's Args.",
            )
        unknown = set(parameters.get("required", ())) - set(info.get_properties())
        require(not unknown, "tool-schemas", f"tool {name!r} requires {sorted(unknown)}, which it does not describe.")


async def check_views(run: Run) -> None:
    """Rules for export_frame, render, info, success, legal_actions and get_id, at the current moment."""
    env = run.env
    frame = env.export_frame()
    require(isinstance(frame, Frame), "export-frame", f"export_frame returned {frame!r}; return a Frame.")
    _check_json("export-frame", frame.model_dump(mode="json"))
    numbers = [number for number in _floats(frame.model_dump()) if not math.isfinite(number)]
    require(not numbers, "export-frame", f"the frame holds {numbers}, which JSON has not; leave them out.")
    picture = env.render()
    require(
        picture is None or isinstance(picture, Picture | str),
        "render",
        f"render returned a {type(picture).__name__}; return a Picture, text or None.",
    )
    info = env.info()
    require(isinstance(info, dict), "info", f"info returned {info!r}; return a dictionary.")
    _check_json("info", info)
    success = env.success()
    require(
        success is None or type(success) is bool, "success", f"success returned {success!r}; return a bool or None."
    )
    _check_legal_actions(env.legal_actions(), {tool.info.name: tool for tool in run.tools})
    try:
        name = await env.get_id()
    except NotImplementedError:
        return
    require(
        isinstance(name, str) and name == await env.get_id(), "get-id", f"get_id gave {name!r}, then another value."
    )


def _check_legal_actions(legal: Any, tools: Mapping[str, Tool]) -> None:
    _check_json("legal-actions", legal)
    for action in legal or ():
        require(
            isinstance(action, dict) and action.get("name") in tools and isinstance(action.get("arguments"), dict),
            "legal-actions",
            f'{action!r} is not {{"name": one of {sorted(tools)}, "arguments": {{…}}}}.',
        )
        parameters = tools[action["name"]].info.parameters
        try:
            ArgumentSchema(parameters.model_dump() if parameters is not None else None).coerce(action["arguments"])
        except ArgumentError as error:
            raise AssertionError(f"legal-actions: {action} does not fit the tool's schema: {error}.") from error


def _floats(value: Any) -> Iterator[float]:
    if isinstance(value, float):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _floats(item)


def _check_json(rule: str, value: Any) -> None:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise AssertionError(
            f"{rule}: {value!r} is not JSON ({error}); use str, int, float, bool, list, dict."
        ) from error

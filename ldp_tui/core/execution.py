"""Runs the tool calls of one message: order, concurrency, exclusive tools, time limits, failures, results as text.

Semantics follow aviary's `exec_tool_calls`, except that arguments are checked against the schema first, that an
exception stops the other calls, and that an exclusive tool keeps its lock while a timed-out thread of it still runs.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from ldp_tui.core.arguments import ArgumentError
from ldp_tui.core.errors import UnknownTool
from ldp_tui.core.messages import Message
from ldp_tui.core.signatures import HIDDEN_PARAMETERS
from ldp_tui.core.tool_calls import INVALID_TOOL_NAME, ToolCall, ToolRequestMessage, ToolResponseMessage, as_json
from ldp_tui.core.tools import Tool
from ldp_tui.core.unchecked import with_fields

logger = logging.getLogger(__name__)

INLINE_SECONDS = 0.002
"""A synchronous tool whose newest call was shorter than this runs on the event loop: a thread would cost more."""


@dataclass(frozen=True, slots=True)
class CallPolicy:
    """How calls run. `timeout` is in seconds and counts waiting for exclusive tools."""

    concurrency: bool = True
    handle_tool_exc: bool = False
    handle_invalid_tool_calls: bool = True
    timeout: float | None = None


async def run_tool_calls(
    tools: Sequence[Tool], message: ToolRequestMessage, *, policy: CallPolicy, injected: Mapping[str, Any]
) -> list[ToolResponseMessage]:
    """One answer for each call, in the order of the calls.

    Raises:
        UnknownTool: For a call of no tool of these, unless the policy answers it; also a ValueError.
        ArgumentError: For arguments that violate the schema, unless the policy answers them; also a ValueError.
        Exception: What a tool raised (TimeoutError past its time limit), unless the policy answers it.
    """
    by_name = {tool.info.name: tool for tool in tools}
    if not policy.handle_invalid_tool_calls:
        unknown = [call.function.name for call in message.tool_calls if call.function.name not in by_name]
        if unknown:
            raise UnknownTool(f"Invalid tool calls: {', '.join(dict.fromkeys(unknown))}. Tools: {', '.join(by_name)}.")
    calls = message.tool_calls
    exclusive = {name for name, tool in by_name.items() if not tool.concurrency_safe}
    several = len(calls) > 1
    locks = _ExclusiveLock() if several and any(call.function.name in exclusive for call in calls) else None
    if not several or not policy.concurrency:
        return [await _answer(by_name, call, policy, injected, locks, alone=True) for call in calls]
    tasks = [asyncio.ensure_future(_answer(by_name, call, policy, injected, locks, alone=False)) for call in calls]
    try:
        return list(await asyncio.gather(*tasks))
    except BaseException:  # a call failed, or all were given up: leave none running
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


async def _answer(
    by_name: Mapping[str, Tool],
    call: ToolCall,
    policy: CallPolicy,
    injected: Mapping[str, Any],
    locks: _ExclusiveLock | None,
    *,
    alone: bool,
) -> ToolResponseMessage:
    started = time.monotonic()
    tool = by_name.get(call.function.name)
    if tool is None:
        return _response(call, started, _unknown_tool(call, by_name), failed=True)
    try:
        arguments = _arguments(tool, call, injected)
    except ArgumentError as error:
        if not policy.handle_invalid_tool_calls:
            raise
        return _response(call, started, f"Invalid arguments for tool {tool.info.name!r}: {error}", failed=True)
    try:
        run = _run(tool, arguments, locks, inline=alone and policy.timeout is None)
        result = await (run if policy.timeout is None else _limited(run, policy.timeout, tool.info.name))
        return _convert(call, started, result)
    except Exception as error:
        if not policy.handle_tool_exc:
            error.failed_tool = tool.info.name  # type: ignore[attr-defined]  # whose failure it is, without changing its type
            raise
        logger.info("Tool %s raised %r.", tool.info.name, error, exc_info=logger.isEnabledFor(logging.DEBUG))
        return _response(call, started, f"Encountered exception during tool call: {error!r}", failed=True)


def _unknown_tool(call: ToolCall, by_name: Mapping[str, Tool]) -> str:
    if call.function.name == INVALID_TOOL_NAME:
        return "Invalid tool call: the arguments are not a valid JSON object."
    return f"Invalid tool call: {call.function.name}. Available tools: {', '.join(by_name)}."


def _arguments(tool: Tool, call: ToolCall, injected: Mapping[str, Any]) -> dict[str, Any]:
    signature = tool.signature
    given = call.function.arguments
    properties = signature.parameters.get("properties") or {}
    if not given.keys().isdisjoint(HIDDEN_PARAMETERS):
        given = {name: value for name, value in given.items() if name in properties or name not in HIDDEN_PARAMETERS}
    extra = {name: value for name, value in injected.items() if name in signature.hidden or signature.takes_any}
    supplied = {name: value for name, value in injected.items() if name in properties}
    if supplied:
        given = {name: value for name, value in given.items() if name not in supplied}
        arguments = signature.arguments({**given, **supplied})
    else:
        arguments = signature.arguments(given)
    arguments.update(extra)
    if "tool_call_id" in signature.hidden:
        arguments["tool_call_id"] = call.id
    return arguments


async def _run(tool: Tool, arguments: dict[str, Any], locks: _ExclusiveLock | None, *, inline: bool) -> Any:
    signature = tool.signature
    if locks is not None:
        await locks.acquire(exclusive=not tool.concurrency_safe)
    handed_over = False
    try:
        if signature.is_async:
            return await tool.function(**arguments)
        if inline and signature.pace.seconds < INLINE_SECONDS:
            return _timed(tool, arguments)
        context = contextvars.copy_context()
        thread = asyncio.get_running_loop().run_in_executor(None, context.run, _timed, tool, arguments)
        try:
            return await asyncio.shield(thread)
        except asyncio.CancelledError:
            # The thread cannot be stopped: its lock stays taken until it ends, and its outcome is dropped.
            handed_over = True
            thread.add_done_callback(lambda done: _forget(done, tool, locks))
            raise
    finally:
        if locks is not None and not handed_over:
            locks.release(exclusive=not tool.concurrency_safe)


def _timed(tool: Tool, arguments: dict[str, Any]) -> Any:
    started = time.perf_counter()
    try:
        return tool.function(**arguments)
    finally:
        tool.signature.pace.seconds = time.perf_counter() - started


def _forget(done: asyncio.Future[Any], tool: Tool, locks: _ExclusiveLock | None) -> None:
    if locks is not None:
        locks.release(exclusive=not tool.concurrency_safe)
    if not done.cancelled() and (error := done.exception()) is not None:
        logger.info("Tool %s raised %r after it was given up.", tool.info.name, error)


async def _limited(run: Any, seconds: float, name: str) -> Any:
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            return await run
    except TimeoutError as error:
        if not limit.expired():  # the tool's own
            raise
        raise TimeoutError(f"tool {name} took longer than {seconds:g} s") from error


def _convert(call: ToolCall, started: float, result: Any) -> ToolResponseMessage:
    if isinstance(result, str):
        return _response(call, started, result)
    if isinstance(result, Message):
        response = _response(call, started, result.content or "", structured=result.content_is_json_str)
        response.info = {**(result.info or {}), **(response.info or {})}
        return response
    if isinstance(result, BaseModel):
        return _response(call, started, result.model_dump_json(exclude_none=True, by_alias=True), structured=True)
    if type(result) is int:
        return _response(call, started, str(result))
    text = json.dumps(result, default=as_json)
    return _response(call, started, text, structured=text.startswith(("[", "{")))


def _response(
    call: ToolCall, started: float, content: str, *, structured: bool = False, failed: bool = False
) -> ToolResponseMessage:
    info: dict[str, Any] = {"start_ts": started, "end_ts": time.monotonic()}
    if failed:
        info["failed"] = True
    return with_fields(
        _TEMPLATE,
        {
            "role": "tool",
            "content": content,
            "content_is_json_str": structured,
            "info": info,
            "cache_breakpoint": False,
            "name": call.function.name,
            "tool_call_id": call.id,
        },
    )


_TEMPLATE = ToolResponseMessage(content="", name="", tool_call_id="", info={})


class _ExclusiveLock:
    """Many concurrency-safe tools at once, or one exclusive tool alone; waiting exclusive tools go first."""

    def __init__(self) -> None:
        self._changed = asyncio.Condition()
        self._shared = 0
        self._exclusive = False
        self._waiting = 0

    async def acquire(self, *, exclusive: bool) -> None:
        async with self._changed:
            if exclusive:
                self._waiting += 1
                try:
                    await self._changed.wait_for(lambda: not self._exclusive and not self._shared)
                    self._exclusive = True
                finally:
                    self._waiting -= 1
                    self._changed.notify_all()  # a call that gave up waiting no longer holds the others back
            else:
                await self._changed.wait_for(lambda: not self._exclusive and not self._waiting)
                self._shared += 1

    def release(self, *, exclusive: bool) -> None:
        if exclusive:
            self._exclusive = False
        else:
            self._shared -= 1
        notify = asyncio.ensure_future(self._notify())
        _notifications.add(notify)
        notify.add_done_callback(_notifications.discard)

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()


_notifications: set[asyncio.Future[None]] = set()

"""litellm's chat completion as it is, for those who ask for its own arguments and responses."""

from __future__ import annotations

from typing import Any

from ldp_tui.models.litellm_thread import in_litellm_thread, quiet_litellm


async def acompletion(model: str, *, messages: list[dict[str, Any]], **options: Any) -> Any:
    """Ask `model`; arguments and response are litellm's. Replies are whole: a stream belongs to another event loop.

    Its prices come from the installed package rather than from the network, and its hints go to the log.
    """

    async def ask() -> Any:
        return await quiet_litellm().acompletion(model, messages=messages, **options)

    return await in_litellm_thread(ask())

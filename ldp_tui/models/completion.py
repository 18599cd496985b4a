"""litellm's chat completion, loaded at first use and kept from writing on the screen."""

from __future__ import annotations

import logging
import os
from typing import Any


async def acompletion(model: str, *, messages: list[dict[str, Any]], **options: Any) -> Any:
    """Ask `model`; arguments and response are litellm's.

    Its prices come from the installed package rather than from the network, and its hints go to the log.
    """
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    import litellm

    litellm.suppress_debug_info = True
    logging.getLogger("LiteLLM").handlers = [logging.NullHandler()]
    return await litellm.acompletion(model, messages=messages, **options)

"""Keeps keys out of messages: servers like to repeat them in their errors."""

from __future__ import annotations

import os
from collections.abc import Iterable

from ldp_tui.core.secrets import TextRedactor


def clean(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` without `secrets`, without values of secret environment variables, and without known shapes of keys."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "[redacted]")
    return TextRedactor.of_environment(os.environ).text(text)

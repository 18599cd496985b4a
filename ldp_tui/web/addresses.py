"""Addresses that people type."""

from __future__ import annotations

from urllib.parse import urlsplit

from ldp_tui.core.errors import UsageError


def check_address(url: str) -> None:
    """Raise UsageError unless `url` is an address that may be recorded: http or https, without secrets in it."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UsageError(f"{url!r} is no address: {error}.") from error
    if parts.username is not None or parts.query:
        raise UsageError("The address is recorded: give the key by api_key_env=NAME, not in the address.")
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise UsageError(f"{url!r} is no address; expected remote:http://HOST:PORT.")

"""What every server and client here is made of: pooled connections, guarded routes, failures as JSON, a server to run.

`connections` needs aiohttp only. `guard` and `running` need the extra `serve`; ask `require_serving` first.
"""

from __future__ import annotations

from importlib.util import find_spec

from ldp_tui.core.errors import MissingExtra


def require_serving(what: str) -> None:
    """Raise MissingExtra, which names the command to install it, if `what` cannot be served here."""
    if any(find_spec(package) is None for package in ("fastapi", "uvicorn")):
        raise MissingExtra(what, "serve")

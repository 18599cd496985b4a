"""`ldp-tui tools`: an environment's tools as HTTP endpoints, with a page to call them."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import tempfile
import webbrowser
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Annotated

import typer

from ldp_tui.cli.options import EnvironmentText
from ldp_tui.cli.output import emit, say
from ldp_tui.cli.serve import Host, MaxEnvironments, Port, check_makeable, secret_of


def tools(
    environment: EnvironmentText,
    *,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    token_env: Annotated[
        str | None,
        typer.Option(
            "--token-env",
            metavar="NAME",
            help="Environment variable with the access token. Default: one is drawn and printed with the address.",
            show_default=False,
        ),
    ] = None,
    max_environments: MaxEnvironments = 64,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
) -> None:
    """See and call an environment's tools in a browser.

    Programs call them too: POST /TOOL. Prints the address on stdout; Ctrl-C ends it.
    """
    from ldp_tui.adapters.serving.tool_server import make_tool_server
    from ldp_tui.registry import make_environment
    from ldp_tui.web.running import bind, serve_until_interrupted, url_of

    token = secrets.token_urlsafe(16) if token_env is None else secret_of(token_env)
    check_makeable(environment)
    app = asyncio.run(
        make_tool_server(
            lambda: make_environment(environment)[0], environment, token=token, max_environments=max_environments
        )
    )
    with bind(host, port) as listening, contextlib.suppress(KeyboardInterrupt):  # Ctrl-C is the ordinary end
        page = f"{url_of(listening)}/#token={token}"
        emit(page if token_env is None else f"{url_of(listening)}/")
        say(f"The tools of {environment}. Ctrl-C ends it.")
        with _shown(page) if open_browser else contextlib.nullcontext():
            serve_until_interrupted(app, listening)


@contextlib.contextmanager
def _shown(address: str) -> Iterator[None]:
    """Open `address` by way of a private file: it holds the token, and others can read a browser's command line."""
    with tempfile.TemporaryDirectory(prefix="ldp-tui-") as folder:
        page = Path(folder) / "open.html"
        page.write_text(f'<meta http-equiv="refresh" content="0; url={escape(address)}">', encoding="utf-8")
        webbrowser.open(page.as_uri())
        yield

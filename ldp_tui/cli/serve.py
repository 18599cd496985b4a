"""`ldp-tui serve`: an environment for clients elsewhere, in aviary's protocol."""

from __future__ import annotations

import contextlib
import os
from ipaddress import ip_address
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ldp_tui.cli.options import EnvironmentText
from ldp_tui.cli.output import emit, say
from ldp_tui.core.errors import UsageError

if TYPE_CHECKING:
    from ldp_tui.core.environment import Environment

Host = Annotated[str, typer.Option("--host", help="Where to listen; 0.0.0.0 is every network of this machine.")]
Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="Port; 0 takes a free one.")]
MaxEnvironments = Annotated[int, typer.Option("--max-environments", min=1, help="How many may be live at once.")]


def serve(
    environment: EnvironmentText,
    *,
    host: Host = "127.0.0.1",
    port: Port = 8041,
    api_key_env: Annotated[
        str | None,
        typer.Option(
            "--api-key-env",
            metavar="NAME",
            help="Environment variable with the key that clients must send. Default: no key.",
            show_default=False,
        ),
    ] = None,
    tasks: Annotated[
        int | None,
        typer.Option(
            "--tasks", min=1, help="Offer that many seeds of an environment. Default: no end.", show_default=False
        ),
    ] = None,
    max_environments: MaxEnvironments = 1024,
    idle_seconds: Annotated[
        float, typer.Option("--idle-seconds", min=1, help="Environments unused for that long are closed.")
    ] = 3600,
    prefix: Annotated[str, typer.Option("--prefix", help="Put before every path, such as /maze.")] = "",
) -> None:
    """Let others play an environment, as remote:URL.

    Aviary's TaskDatasetClient plays it too. Task i is seed i, or task i of a task dataset (module:Dataset). Prints the
    address on stdout; Ctrl-C ends it.
    """
    from ldp_tui.adapters.serving.dataset_server import TaskDatasetServer
    from ldp_tui.registry_tasks import task_dataset
    from ldp_tui.web.running import bind, serve_until_interrupted, url_of

    made = check_makeable(environment)
    if prefix and (not prefix.startswith("/") or prefix.endswith("/")):
        raise UsageError(f"--prefix {prefix} must start with / and not end with it.")
    server = TaskDatasetServer(
        task_dataset(environment, made, size=tasks),
        api_key=None if api_key_env is None else secret_of(api_key_env),
        max_environments=max_environments,
        idle_seconds=idle_seconds,
        prefix=prefix,
    )
    with bind(host, port) as listening, contextlib.suppress(KeyboardInterrupt):  # Ctrl-C is the ordinary end
        emit(f"{url_of(listening)}{prefix}")
        if api_key_env is None and not is_loopback(host):
            say("No API key: everybody who reaches this address can play. See --api-key-env.")
        say(f"Serving {environment}. Ctrl-C ends it.")
        serve_until_interrupted(server.app, listening)


def check_makeable(environment: str) -> Environment[Any]:
    """The environment, made once and closed, so that what cannot be served is refused at once; raises UsageError."""
    import asyncio

    from ldp_tui.engine.rollout import close_bounded
    from ldp_tui.registry import check_environment_name, make_environment

    check_environment_name(environment)
    env, _ = make_environment(environment)
    asyncio.run(close_bounded(env))
    return env


def secret_of(variable: str) -> str:
    """Value of an environment variable that must hold one."""
    value = os.environ.get(variable, "")
    if not value:
        raise UsageError(f"The environment variable {variable} is not set.")
    return value


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches `host`."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False

"""Environments by address, as people name them: `remote:http://host:port[,task=…]`."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from ldp_tui.adapters.serving.dataset_client import dataset_size
from ldp_tui.adapters.serving.environment_client import TaskEnvironmentClient
from ldp_tui.core.errors import UsageError
from ldp_tui.web.addresses import check_address
from ldp_tui.web.connections import Connections

REQUEST_SECONDS = 300.0


class RemoteServer:
    """What the episodes of a run share: connections, and the number of tasks, asked for once."""

    def __init__(self, url: str, connections: Connections) -> None:
        self.url, self.connections = url, connections
        self._size: tuple[int | None] | None = None

    async def size(self) -> int | None:
        """Number of tasks; None if they have no end."""
        if self._size is None:
            self._size = (await dataset_size(self.connections, self.url),)
        return self._size[0]


class RemoteTask(TaskEnvironmentClient):
    """A task of `server`. Without a task, the seed chooses one: number `seed % size` where they are counted,
    else the server's next task, reset with that seed.
    """

    def __init__(self, server: RemoteServer, task: int | Mapping[str, Any] | None) -> None:
        idx = task if isinstance(task, int) else None
        task_kwargs = task if isinstance(task, Mapping) else None
        super().__init__(idx, server.url, task_kwargs=task_kwargs, connections=server.connections)
        self._server, self._chosen = server, task is not None

    async def _start(self, how: Mapping[str, Any]) -> Any:
        if not self._chosen:
            size = await self._server.size()
            seed = how.get("seed")
            self._idx = None if not size else (random.randrange(size) if seed is None else seed % size)
        return await super()._start(how)


def remote_environment(
    url: str,
    *,
    task: int | dict[str, Any] | None = None,
    api_key_env: str | None = None,
    timeout: float = REQUEST_SECONDS,
) -> RemoteTask:
    """Environment at `url`, for people: connects with the first reset.

    Args:
        url: Where a task dataset server answers, a prefix included.
        task: Number or arguments of the task; None: the seed chooses.
        api_key_env: Environment variable that holds the server's API key.
        timeout: Seconds for each request.

    Raises:
        UsageError: If the address is none that can be used, or the variable is not set.
    """
    check_address(url)
    if api_key_env is not None and not os.environ.get(api_key_env):
        raise UsageError(f"The environment variable {api_key_env} holds no API key.")
    if task is not None and (isinstance(task, bool) or not isinstance(task, int | Mapping)):
        raise UsageError(f'task={task!r} is neither a number nor arguments such as {{"seed": 3}}.')
    return RemoteTask(_server(url.rstrip("/"), api_key_env, timeout), task)


@lru_cache(maxsize=8)
def _server(url: str, api_key_env: str | None, timeout: float) -> RemoteServer:
    """The same one for every episode of a run; its connections close with the event loop that uses them."""
    headers = {"X-API-Key": os.environ[api_key_env]} if api_key_env else None
    return RemoteServer(url, Connections(headers=headers, timeout=timeout))

"""A task dataset that lives on a server: ours, or aviary's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ldp_tui.adapters.serving.environment_client import TaskEnvironmentClient
from ldp_tui.core.errors import TransportError
from ldp_tui.core.tasks import TaskDataset
from ldp_tui.web.connections import Connections, wait_for


class TaskDatasetClient(TaskDataset[TaskEnvironmentClient]):
    """Asks the server for its size at once, and for an environment with the first reset of each.

    Args:
        server_url: Where the routes are, a prefix included.
        request_timeout: Seconds for each request, from beginning to end; None: no limit.
        api_key: Sent as `X-API-Key`.
        catch_http_errors: See EnvironmentClient.

    Raises:
        TransportError: If the server cannot be reached or refuses the key.
    """

    def __init__(
        self,
        server_url: str,
        request_timeout: float | None = 300.0,
        api_key: str | None = None,
        catch_http_errors: bool = False,
    ) -> None:
        self.server_url, self.request_timeout = server_url.rstrip("/"), request_timeout
        self.api_key, self.catch_http_errors = api_key, catch_http_errors
        self._connections = Connections(timeout=request_timeout, headers={"X-API-Key": api_key} if api_key else None)
        self._size = wait_for(lambda: dataset_size(self._connections, self.server_url))

    def __len__(self) -> int:
        if self._size is None:
            raise TypeError(f"The tasks of {self.server_url} have no end.")
        return self._size

    def get_new_env_by_idx(self, idx: int) -> TaskEnvironmentClient:
        """Environment of task number `idx`."""
        return self._environment(idx)

    def get_new_env(self) -> TaskEnvironmentClient:
        """Environment of the server's next task."""
        return self._environment(None)

    def get_new_env_by_args(self, **kwargs: Any) -> TaskEnvironmentClient:
        """Environment of the task that `kwargs` describe; they are sent as JSON."""
        return self._environment(None, kwargs)

    async def close_old_envs(self, last_used: float = 3600.0) -> list[str]:
        """Let the server close what nobody used for `last_used` seconds; the ids of what it closed."""
        url = f"{self.server_url}/close_old_envs"
        answer = await self._connections.post(url, {"last_used": last_used})
        if not isinstance(answer, dict) or not isinstance(answer.get("closed_env_ids"), list):
            raise TransportError(f"{url} answered no list of ids.")
        return [str(env_id) for env_id in answer["closed_env_ids"]]

    async def aclose(self) -> None:
        """Close the connections of the running event loop; it does so itself when it ends."""
        await self._connections.aclose()

    def _environment(self, idx: int | None, task_kwargs: Mapping[str, Any] | None = None) -> TaskEnvironmentClient:
        return TaskEnvironmentClient(
            idx,
            self.server_url,
            task_kwargs=task_kwargs,
            catch_http_errors=self.catch_http_errors,
            connections=self._connections,
        )


async def dataset_size(connections: Connections, server_url: str) -> int | None:
    """Number of tasks of the server; None if they have no end."""
    url = f"{server_url}/info"
    told = await connections.get(url)
    size = told.get("dataset_size", "") if isinstance(told, dict) else ""
    if size is not None and not isinstance(size, int):
        raise TransportError(f"{url} answered no dataset size; is this a task dataset server?")
    return size

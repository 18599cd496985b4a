"""Environments that stand where another one stands: by the user's function, by a checked copy, or by replay."""

from __future__ import annotations

import copy
import inspect
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias, TypeVar

from ldp_tui.core.environment import Environment
from ldp_tui.core.errors import EnvError
from ldp_tui.engine.copying import CannotCopy, copy_environment, entanglement
from ldp_tui.engine.events import EpisodeStarted, StepTaken
from ldp_tui.engine.reset import redo_steps, replay_steps
from ldp_tui.engine.rollout import close_bounded

logger = logging.getLogger(__name__)

AnyEnv = TypeVar("AnyEnv", bound=Environment[Any])
TEnvCloneFn: TypeAlias = Callable[[AnyEnv], Awaitable[AnyEnv]] | Callable[[AnyEnv], AnyEnv]


class CannotBranch(EnvError):
    """There is no way to an environment that stands at this moment; the message names what would help."""


class Branches:
    """Where the branches of one search in one environment come from.

    A copy that would act on the original, as `copy.deepcopy` makes of environments whose tools are closures, is never
    used: then a fresh environment is reset with the same seed and the recorded actions are carried out in it, each
    outcome compared with the recorded one.

    Args:
        env: Before its reset.
        clone: Makes the copies; None: `copy.deepcopy`.
        factory: Makes fresh environments to replay in; None: copies of `env` as it is before its reset.
        redo: `clone` gives an environment that stands at the start: the actions are carried out in it.
    """

    def __init__(
        self,
        env: Environment[Any],
        *,
        clone: TEnvCloneFn[Any] | None = None,
        factory: Callable[[], Environment[Any]] | None = None,
        redo: bool = False,
    ) -> None:
        self._clone = clone
        self._redo = redo
        self._cannot_copy: CannotCopy | None = None
        self._factory = factory or _copies_of_fresh(env, wanted=clone is None)

    async def branch(
        self, env: Environment[Any], started: EpisodeStarted, steps: Sequence[StepTaken]
    ) -> Environment[Any]:
        """An environment of its own at the moment where `env` stands, `steps` after `started`.

        Raises:
            CannotBranch: If copies act on the original and there is nothing to replay in.
            ReplayDiverged: If the environment does not repeat itself.
        """
        if self._cannot_copy is None:
            try:
                return await self._copied(env, steps)
            except CannotCopy as error:
                logger.info("Branches are replayed: %s", error)
                self._cannot_copy = error
        if self._factory is None:
            raise CannotBranch(
                f"{self._cannot_copy} Give `env_factory`, so that branches can be played again from the start."
            ) from self._cannot_copy
        fresh = self._factory()
        try:
            await replay_steps(fresh, started, steps)
        except BaseException:
            await close_bounded(fresh)
            raise
        return fresh

    async def _copied(self, env: Environment[Any], steps: Sequence[StepTaken]) -> Environment[Any]:
        if self._clone is None:
            return copy_environment(env)
        made = self._clone(env)
        clone: Environment[Any] = await made if inspect.isawaitable(made) else made
        if self._redo:
            await redo_steps(clone, steps)
        elif reason := entanglement(clone, env):
            raise CannotCopy(f"A copy of {type(env).__name__} acts on the original: {reason}.")
        return clone


def _copies_of_fresh(env: Environment[Any], *, wanted: bool) -> Callable[[], Environment[Any]] | None:
    """Copies of `env` as it is now; None if they would act on it, or if nobody will want them."""
    if not wanted:
        return None
    try:
        pristine = copy_environment(env)
    except CannotCopy:
        return None
    return lambda: copy.deepcopy(pristine)

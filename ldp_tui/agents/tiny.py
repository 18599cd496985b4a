"""The bundled tiny model as a player: it reflects in a sentence or two, and acts. No key, no network, no PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from pydantic import PrivateAttr

from ldp_tui.agents.native import (
    UnsupportedEnvironment,
    changes_the_game,
    environment_id,
    native_environment,
    rules_of,
)
from ldp_tui.agents.reflecting.agent import ReflectAgent
from ldp_tui.core.environment import Environment
from ldp_tui.models.tiny.model import BUNDLED, TinyModel, load_model

PLAYER: Final = "tiny"


class TinyAgent(ReflectAgent):
    """A reflecting player that knows the few games its model was trained on, and refuses others in one line."""

    _tiny: TinyModel | None = PrivateAttr(default=None)

    def prepare(self, *, env: Environment[Any], seed: int | None) -> None:
        """Load the model, and see whether it was trained to play this environment.

        Raises:
            UnsupportedEnvironment: If not; the line names those that it plays.
        """
        if self._tiny is None:
            self._tiny = load_model(_folder(self.llm_config.models[0].name))
        _check_trained(self._tiny, env)
        super().prepare(env=env, seed=seed)


def _check_trained(model: TinyModel, env: Environment[Any]) -> None:
    if not model.games:
        return
    supported = ", ".join(game.name for game in model.games)
    gym_env = native_environment(env, player=PLAYER, supported=supported).gym_env
    rules = rules_of(gym_env)
    if changes_the_game(gym_env) or not any(dict(game.rules) == rules for game in model.games):
        raise UnsupportedEnvironment(PLAYER, environment_id(gym_env), supported)


def _folder(model: str) -> Path:
    _, _, folder = model.partition("/")
    return Path(folder) if folder else BUNDLED

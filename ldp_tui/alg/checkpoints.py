"""The state of a training in a folder, so that it can go on where it was."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ldp_tui.core.errors import LdpTuiError

STATE_FILE: Final = "state.json"


class CheckpointError(LdpTuiError):
    """A checkpoint cannot be read or does not belong to this training; the message says why."""


class TrainingState(BaseModel):
    """How far a training is. Everything else about it is its configuration."""

    model_config = ConfigDict(extra="forbid")

    version: int = 1
    done: int = Field(default=0, ge=0, description="Batches that were trained on.")
    episodes: int = Field(default=0, ge=0, description="Trajectories played for them.")
    seed: int
    finished: bool = False
    optimizer_type: str
    optimizer: dict[str, Any] = Field(default_factory=dict)


class Checkpoint:
    """A folder with one state in it: the newest, whole."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.path = Path(folder) / STATE_FILE

    def load(self, *, optimizer_type: str) -> TrainingState | None:
        """The state; None if there is none yet.

        Raises:
            CheckpointError: If it cannot be read, or is of another optimizer.
        """
        try:
            state = TrainingState.model_validate_json(self.path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            raise CheckpointError(
                f"{self.path} cannot be read ({type(error).__name__}); remove it to start anew."
            ) from error
        if state.optimizer_type != optimizer_type:
            raise CheckpointError(
                f"{self.path} is of a training with {state.optimizer_type}, not {optimizer_type}; give another folder."
            )
        return state

    def save(self, state: TrainingState) -> None:
        """Replace the state by this one: written beside it, synced, then renamed.

        Raises:
            CheckpointError: If it cannot be written.
        """
        beside = self.path.with_suffix(".new")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with beside.open("w", encoding="utf-8") as file:
                json.dump(state.model_dump(), file)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self.path)
        except (OSError, TypeError, ValueError) as error:
            raise CheckpointError(f"{self.path} cannot be written ({error}).") from error

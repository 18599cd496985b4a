"""A model's folder, ready to answer: tokenizer, network, and the games it was trained to play."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Final

from ldp_tui.models.in_process.answering import MOST_TOKENS
from ldp_tui.models.in_process.generation import Generation
from ldp_tui.models.in_process.inbox import Promise
from ldp_tui.models.tiny.batching import Batcher
from ldp_tui.models.tiny.chat import ChatTokenizer
from ldp_tui.models.tiny.errors import ModelFolderError
from ldp_tui.models.tiny.network import Network
from ldp_tui.models.tiny.sampling import Sampler

BUNDLED: Final = Path(__file__).parent / "weights"
"""The model that comes with this package."""

GAMES_FILE: Final = "games.json"
_making: Final = threading.Lock()


@dataclass(frozen=True, slots=True)
class TrainedGame:
    """One environment that the model was trained on: how it is asked for, and what it is."""

    name: str
    rules: Mapping[str, Any]
    """Class and options; another id with the same rules is the same game."""


@dataclass(frozen=True, slots=True)
class TinyModel:
    """Shared by all who play with the model in this process."""

    chat: ChatTokenizer
    network: Network
    batcher: Batcher
    games: tuple[TrainedGame, ...]
    """Empty where the folder does not say."""

    settings: ClassVar = frozenset(
        {"temperature", "top_p", "seed", "n", "max_tokens", "max_completion_tokens", "stop"}
        | {"logprobs", "top_logprobs", "response_format", "parallel_tool_calls"}
    )
    """What may be set of a request."""
    most_tokens: ClassVar = MOST_TOKENS

    @property
    def context(self) -> int:
        """Most tokens of prompt and reply together."""
        return self.network.shape.context

    def sampler(self, settings: Mapping[str, Any], choice: int) -> Sampler:
        """How the tokens of reply number `choice` are picked."""
        seed = settings.get("seed")
        return Sampler(
            temperature=float(settings.get("temperature") or 0.0),
            top_p=float(settings.get("top_p") or 1.0),
            seed=None if seed is None else int(seed) + choice,
            alternatives=int(settings.get("top_logprobs") or 0),
        )

    def start(self, generation: Generation[Sampler]) -> None:
        """Begin a reply."""
        self.batcher.start(generation)

    async def score(self, prompt: Sequence[int], replies: Sequence[Sequence[int]]) -> list[float]:
        """Natural log-probability of each reply as what follows the prompt."""
        promise = Promise[list[float]]()

        def job() -> None:
            try:
                promise.give(self.batcher.score(prompt, replies))
            except Exception as error:  # noqa: BLE001 (raised again where it is awaited)
                promise.refuse(error)

        self.batcher.submit(job)
        return await promise


def load_model(folder: Path = BUNDLED) -> TinyModel:
    """The model in `folder`, loaded once per process.

    Raises:
        ModelFolderError: If there is none that can be run; one line says why.
    """
    with _making:
        return _load(folder)


@lru_cache(maxsize=4)
def _load(folder: Path) -> TinyModel:
    network = Network.from_folder(folder)
    return TinyModel(ChatTokenizer.from_folder(folder), network, Batcher(network), _games(folder))


def _games(folder: Path) -> tuple[TrainedGame, ...]:
    path = folder / GAMES_FILE
    if not path.exists():
        return ()
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))
        return tuple(TrainedGame(entry["name"], entry["rules"]) for entry in listed)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelFolderError(f"{path} cannot be read: {error}.") from error

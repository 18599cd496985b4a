"""How the next token is picked from a row of logits."""

from __future__ import annotations

import numpy as np

from ldp_tui.models.in_process.generation import Picked
from ldp_tui.models.tiny.network import log_softmax
from ldp_tui.models.tiny.safetensors import Floats


class Sampler:
    """Picks tokens for one reply. Temperature 0 takes the best; log-probabilities are the model's own, at 1."""

    def __init__(
        self, *, temperature: float = 0.0, top_p: float = 1.0, seed: int | None = None, alternatives: int = 0
    ) -> None:
        self._temperature, self._top_p, self._alternatives = temperature, top_p, alternatives
        self._rng = np.random.default_rng(seed) if temperature > 0 else None

    def pick(self, logits: Floats) -> Picked:
        """One token for the logits `[V]`."""
        logprobs = log_softmax(logits)
        chosen = int(logits.argmax()) if self._rng is None else self._draw(logits, self._rng)
        best = np.argsort(-logprobs, kind="stable")[: self._alternatives] if self._alternatives else ()
        return Picked(chosen, float(logprobs[chosen]), tuple((int(i), float(logprobs[i])) for i in best))

    def _draw(self, logits: Floats, rng: np.random.Generator) -> int:
        probabilities = np.exp(log_softmax(logits / np.float32(self._temperature))).astype(np.float64)
        order = np.argsort(-probabilities, kind="stable")
        mass = np.cumsum(probabilities[order])
        kept = int(np.searchsorted(mass, min(self._top_p, 1.0) * mass[-1])) + 1
        return int(order[np.searchsorted(mass[:kept], rng.random() * mass[kept - 1], side="right").clip(max=kept - 1)])

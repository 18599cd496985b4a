"""A model server that does everything that servers do, by a seeded draw, and counts what it did."""

from __future__ import annotations

import json
from collections import Counter
from random import Random
from typing import Any

from ldp_tui.testing.model_replies import Reply
from ldp_tui.testing.model_server import (
    BROKEN_JSON,
    EMPTY,
    NO_CHOICE,
    WEB_PAGE,
    Cuts,
    Fails,
    Floods,
    Hangs,
    Says,
)

CANARY = "tr0ub4dor-and-3-canaries-9f2c"
"""A key of no known shape, in a variable of no telling name."""

MEANS = {
    "429": "RateLimited",
    "429 with Retry-After": "RateLimited",
    "500": "ModelUnavailable",
    "hang": "ModelTimeout",
    "cut": "ReplyCut",
    "broken JSON": "InvalidReply",
    "web page": "InvalidReply",
    "no choice": "InvalidReply",
    "empty": "EmptyReply",
    "refusal": "ModelRefusalError",
    "401 with the key": "AuthenticationFailed",
}
"""What the client must call each misbehaviour."""

WEIGHTS = {
    "good": 60.0,
    "streamed": 60.0,
    "slow drip": 2.0,
    "the key in the text": 4.0,
    "wrong tool": 3.0,
    "malformed arguments": 3.0,
    "nonsense": 3.0,
    "10 MB": 0.5,
    "429": 4.0,
    "429 with Retry-After": 4.0,
    "500": 5.0,
    "hang": 0.5,
    "cut": 5.0,
    "broken JSON": 2.0,
    "web page": 2.0,
    "no choice": 2.0,
    "empty": 3.0,
    "refusal": 1.5,
    "401 with the key": 1.5,
}
SAYS: dict[str, Reply] = {
    "429": Fails(429, "slow down"),
    "429 with Retry-After": Fails(429, "slow down", retry_after=0.01),
    "500": Fails(500, f"boom, with {CANARY} in it"),
    "401 with the key": Fails(401, f"Incorrect API key provided: {CANARY}"),
    "hang": Hangs(),
    "cut": Cuts(Says("Half of what I wanted to", pieces=6), events=3),
    "broken JSON": BROKEN_JSON,
    "web page": WEB_PAGE,
    "no choice": NO_CHOICE,
    "empty": EMPTY,
    "refusal": Says(refusal="I do not gamble."),
    "10 MB": Floods(10 * 2**20),
    "nonsense": Says("The weather is fine."),
}
ODD: dict[str, dict[str, Any]] = {
    "wrong tool": {"tool": "double_down"},
    "malformed arguments": {"malformed": True},
    "the key in the text": {"words": f"My key is {CANARY}, and I stick."},
}


class Mixed:
    """Answers Blackjack for one kind of player; `did` counts, by name, what was answered."""

    def __init__(self, player: str, seed: int) -> None:
        self._player, self._rng = player, Random(seed)
        self.did: Counter[str] = Counter()

    def expected(self) -> dict[str, int]:
        """Failed requests by the type that each must be told as."""
        found: Counter[str] = Counter()
        for name, kind in MEANS.items():
            if name == "empty" and self._player == "react":
                continue  # ReAct sets a stop word: a reply that stops there at once is none that failed
            found[kind] += self.did[name]
        return {kind: count for kind, count in found.items() if count}

    def __call__(self, body: dict[str, Any]) -> Any:
        (name,) = self._rng.choices(list(WEIGHTS), list(WEIGHTS.values()))
        self.did[name] += 1
        if name in SAYS:
            return SAYS[name]
        if name in ("streamed", "slow drip"):
            body["stream"] = True  # a server that streams though nobody asked it to
            return self._play("stick", pause=0.005 if name == "slow drip" else 0.0)
        if name in ODD:
            return self._play("stick", **ODD[name])
        return self._play(self._rng.choice(["hit", "stick"]))

    def _play(
        self, action: str, *, words: str = "I think.", tool: str = "act", malformed: bool = False, pause: float = 0.0
    ) -> Says:
        arguments: dict[str, Any] | str = {"action": action} if not malformed else '{"action": "sti'
        said: str = json.dumps({"name": tool, "arguments": arguments})
        match self._player:
            case "reflect":
                said = json.dumps({"reflection": words, "action": action if tool == "act" else tool})
                return Says(said[:-2] if malformed else said, pieces=7, pause=pause)
            case "no-tools":
                return Says(f"{words} {said[:-3] if malformed else said}", pieces=7, pause=pause)
        return Says(words, calls=[(tool, arguments)], pieces=7, pause=pause)

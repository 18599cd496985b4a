"""Blackjack-v1 described in words for a language model (gym-llm's BlackjackLLM)."""

from typing import Any

import gymnasium
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec
from gymnasium.envs.toy_text.blackjack import BlackjackEnv

Observation = dict[str, int]

GOAL = """\
Win the hand of blackjack: finish with a sum closer to 21 than the dealer's without going over 21.
Number cards count their number, face cards count 10, and an ace counts 11 while that does not bring the sum over 21
(a usable ace), else 1. Cards are drawn from an endless deck: cards already seen do not change the odds.
You and the dealer start with two cards; one of the dealer's is open. Hit takes one more card; above 21 you are bust and
lose at once. Stick ends your turn: the dealer then draws until the sum is 17 or more; if it is over 21, you win.
{natural}
Reward at the end: +1 for a win, 0 for a draw, -1 for a loss. The hand ends when you stick or bust."""
WINS_AT_ONCE = (
    "If you stick on an ace and a ten dealt at first (a natural), you win unless the dealer has a natural too."
)
PAYS_MORE = "A win with an ace and a ten dealt at first (a natural) gives +1.5."
COUNTS_AS_21 = "An ace and a ten dealt at first (a natural) count like any other 21."


class BlackjackLLM(BlackjackEnv):
    """Blackjack-v1 with named observations and the three methods that describe it."""

    def __init__(self, render_mode: str | None = None, **rules: Any) -> None:
        super().__init__(render_mode=render_mode, **{"sab": True, **rules})
        self.observation_space = spaces.Dict(
            players_sum=spaces.Discrete(32), dealers_card=spaces.Discrete(11), usable_ace=spaces.Discrete(2)
        )

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Deal two cards each."""
        hand, info = super().reset(seed=seed, options=options)
        return _named(hand), info

    def step(self, action: int) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Stick (0) or hit (1)."""
        hand, reward, terminated, truncated, info = super().step(action)  # type: ignore[no-untyped-call]
        return _named(hand), reward, terminated, truncated, info

    def get_observation_schema(self) -> dict[str, dict[str, Any]]:
        """Meaning, type and size of each observation."""
        return {
            "players_sum": {
                "description": "Sum of your cards: 4 to 21 while you play (12 to 21 with a usable ace), else bust",
                "type": "int",
                "size": 1,
            },
            "dealers_card": {
                "description": "Value of the dealer's open card, 1 (an ace) to 10 (a ten or a face card)",
                "type": "int",
                "size": 1,
            },
            "usable_ace": {
                "description": "1 if one of your aces counts 11, which cannot bust at the next card; else 0",
                "type": "int",
                "size": 1,
            },
        }

    def get_action_schema(self) -> dict[int, str]:
        """Name of each action."""
        return {0: "stick", 1: "hit"}

    def get_goal_description(self) -> str:
        """Rules, rewards and end."""
        if self.sab:
            return GOAL.format(natural=WINS_AT_ONCE)
        return GOAL.format(natural=PAYS_MORE if self.natural else COUNTS_AS_21)


def _named(hand: tuple[int, int, int]) -> Observation:
    return dict(zip(("players_sum", "dealers_card", "usable_ace"), (int(value) for value in hand), strict=True))


def make(
    render_mode: str | None = "rgb_array", natural: bool = False, sab: bool = True, max_steps: int | None = None
) -> gymnasium.Env[Observation, int]:
    """Blackjack. With `sab` (Sutton and Barto) a natural wins; without it, `natural` pays 1.5 for winning by one."""
    spec = EnvSpec(
        id="BlackjackLLM-v1",
        entry_point=BlackjackLLM,
        max_episode_steps=max_steps,
        kwargs={"natural": natural, "sab": sab},
    )
    return gymnasium.make(spec, render_mode=render_mode, disable_env_checker=True)

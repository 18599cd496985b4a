"""Recorded episodes as the conversations that a reflecting player has, and these as token ids with training targets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final, Literal

from ldp_tui.agents.reflecting.briefing import Briefing, briefing_of
from ldp_tui.agents.reflecting.prompt import Turn, reply_text, system_prompt, turn_text
from ldp_tui.core.tool_calls import ToolRequestMessage
from ldp_tui.core.tools import Tool
from ldp_tui.engine.events import EpisodeStarted, StepTaken
from ldp_tui.models.tiny.chat import CALL, ChatTokenizer
from ldp_tui.registry import make_environment
from ldp_tui.training.demo_model.games import Lesson
from ldp_tui.training.demo_model.tokenizer import CLOSE_REFLECTION, OPEN_REFLECTION

Shown = Literal["start", "step", "reward", "return"]
Form = Literal["json", "tool", "plain"]
"""json, tool: as the reflecting player asks for a reply · plain: a bare transcript of tool calls, with no prompt."""

LONGEST_HISTORY: Final = 10
"""Earlier turns that are shown at most, few of them more often than many."""
_LONGEST_PLAIN: Final = 16
"""Earlier turns of a bare transcript, which begins with the episode."""
_FORMS: Final[Sequence[tuple[Form, bool, float]]] = (
    ("json", False, 0.38),
    ("json", True, 0.20),
    ("tool", False, 0.15),
    ("tool", True, 0.17),
    ("plain", True, 0.10),
)
"""Form, whether earlier turns are shown, and how often it is drawn."""
_SHOWN: Final[Sequence[tuple[Shown, ...]]] = (
    ("start",),
    ("start",),
    ("start",),
    ("start", "step", "reward", "return"),
    ("start", "step", "reward", "return"),
    ("start", "reward"),
    (),
)
"""What a turn tells besides the observation, in one of these ways."""
_BARE: Final = 0.3
"""How often the reply has no reflection, as when actions are scored."""


@dataclass(frozen=True, slots=True)
class Game:
    """What the conversations about one environment share."""

    name: str
    briefing: Briefing
    tools: tuple[Mapping[str, Any], ...]
    prompts: Mapping[str, str]
    """System prompt by form."""
    share: float


@dataclass(frozen=True, slots=True)
class Decision:
    """One recorded decision: what was seen, what the teacher said, what is best, and what was played."""

    observation: str
    step: int
    reward: float | None
    """Of the step before; None at the start."""
    return_: float
    reflection: str
    best: str
    played: str

    def told(self, shown: Collection[Shown]) -> str:
        """The turn's message as the player sends it."""
        return turn_text(
            Turn(
                self.observation,
                start=self.step == 0 if "start" in shown else None,
                step=self.step if "step" in shown else None,
                reward=self.reward if "reward" in shown else None,
                return_=self.return_ if "return" in shown else None,
            )
        )


@dataclass(frozen=True, slots=True)
class Episode:
    """The decisions of one recorded episode."""

    game: Game
    decisions: tuple[Decision, ...]


@dataclass(frozen=True, slots=True)
class Example:
    """Token ids of a conversation; `targets` marks those that the model is trained to write."""

    ids: tuple[int, ...]
    targets: tuple[bool, ...]


def game_of(lesson: Lesson) -> Game:
    """The game as the player is told of it."""
    env, _ = make_environment(lesson.environment)
    tools: Sequence[Tool] = env.tools
    briefing = briefing_of(env, tools)
    definitions = tuple(tool.model_dump(exclude_none=True, by_alias=True) for tool in tools)
    prompts = {"json": system_prompt(briefing, "json"), "tool": system_prompt(briefing, "tool")}
    return Game(lesson.environment, briefing, definitions, prompts, lesson.share)


def read_episode(game: Game, started: EpisodeStarted, steps: Iterable[StepTaken]) -> Episode:
    """The decisions of a recorded episode; the best action is the one that the teacher most probably plays."""
    seen, decisions = started.observation, list[Decision]()
    reward, return_ = None, 0.0
    for step in steps:
        text = "\n".join(message.text for message in seen)
        probabilities = step.probabilities or {}
        best = max(probabilities, key=lambda name: probabilities[name])
        assert isinstance(step.action, ToolRequestMessage)
        played = str(step.action.tool_calls[0].function.arguments["action"])
        shown = game.briefing.without_preamble(text) if step.index == 0 else text
        decisions.append(Decision(shown, step.index, reward, return_, step.reflection, best, played))
        seen, reward, return_ = step.observation, step.reward, return_ + step.reward
    return Episode(game, tuple(decisions))


class Curriculum:
    """All decisions of the recordings, sorted by what the player sees, and drawn evenly over that."""

    def __init__(self, episodes: Iterable[Episode]) -> None:
        self._episodes = list(episodes)
        places: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
        for number, episode in enumerate(self._episodes):
            for turn, decision in enumerate(episode.decisions):
                places[episode.game.name, decision.observation].append((number, turn))
        self._places = list(places.values())

    def __len__(self) -> int:
        return len(self._places)

    def situations(self) -> Iterator[tuple[Game, Decision]]:
        """Every distinct situation once."""
        for places in self._places:
            number, turn = places[0]
            yield self._episodes[number].game, self._episodes[number].decisions[turn]

    def conversations(self, rng: Random) -> Iterator[Conversation]:
        """A conversation that ends with each distinct situation, its earlier turns and form drawn anew each time."""
        weights = [weight for _, _, weight in _FORMS]
        for places in self._places:
            number, turn = rng.choice(places)
            if rng.random() >= self._episodes[number].game.share:
                continue
            form, remembers, _ = rng.choices(_FORMS, weights)[0]
            earlier = min(turn, round(LONGEST_HISTORY * rng.random() ** 2 + 0.5)) if remembers else 0
            if form == "plain" and turn > _LONGEST_PLAIN:
                form = "tool"
            first = 0 if form == "plain" else turn - earlier
            shown = rng.choice(_SHOWN)
            yield Conversation(self._episodes[number], first, turn, form, shown, bare=rng.random() < _BARE)


@dataclass(frozen=True, slots=True)
class Conversation:
    """The decisions `first` … `last` of an episode as messages in OpenAI's shape. `bare`: replies do not reflect."""

    episode: Episode
    first: int
    last: int
    form: Form
    shown: tuple[Shown, ...] = ("start",)
    bare: bool = False

    @property
    def tools(self) -> Sequence[Mapping[str, Any]] | None:
        """The tools that the model is told of; in JSON form none."""
        return None if self.form == "json" else self.episode.game.tools

    def messages(self) -> list[dict[str, Any]]:
        """System prompt (unless plain), then observation and reply in turn."""
        game, decisions = self.episode.game, self.episode.decisions
        found: list[dict[str, Any]] = []
        if self.form != "plain":
            found.append({"role": "system", "content": game.prompts[self.form]})
        for turn in range(self.first, self.last + 1):
            decision = decisions[turn]
            answers = turn > self.first and self.form != "json"
            told = decision.observation if self.form == "plain" else decision.told(self.shown)
            if self.form == "plain" and turn == 0:
                told = f"{game.briefing.preamble}\n\n{told}"
            found.append({"role": "tool" if answers else "user", "content": told})
            found.append(self._reply(decision, last=turn == self.last))
        return found

    def taught(self, turn: int) -> bool:
        """Whether the reply of a decision is the best one: a move that was tried out is shown, but not taught."""
        decision = self.episode.decisions[turn]
        return turn == self.last or decision.played == decision.best

    def _reply(self, decision: Decision, *, last: bool) -> dict[str, Any]:
        action = decision.best if last else decision.played
        reflection = "" if self.bare or action != decision.best else decision.reflection
        if self.form == "json":
            return {"role": "assistant", "content": reply_text(reflection, action)}
        name = self.episode.game.tools[0]["function"]["name"]
        call = {"type": "function", "function": {"name": name, "arguments": {"action": action}}}
        return {"role": "assistant", "content": reflection, "tool_calls": [call]}


def encode(conversation: Conversation, chat: ChatTokenizer) -> Example:
    """Token ids; targets are the replies that are taught. That a bare reply does not reflect is not a target."""
    messages, tools = conversation.messages(), conversation.tools
    ids: list[int] = []
    targets: list[bool] = []
    done, turn = "", conversation.first
    for position, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        before, reply = chat.render_reply(messages[:position], tools, message)
        shown, said = chat.encode(before.removeprefix(done)), chat.encode(reply)
        given = _given(reply, chat) if conversation.taught(turn) else len(said)
        ids += shown + said
        targets += [False] * (len(shown) + given) + [True] * (len(said) - given)
        done, turn = before + reply, turn + 1
    return Example(tuple(ids), tuple(targets))


def _given(reply: str, chat: ChatTokenizer) -> int:
    """How many of a reply's first tokens say no more than that it does not reflect."""
    for opening in (OPEN_REFLECTION + CLOSE_REFLECTION, CALL):
        if reply.startswith(opening):
            return len(chat.encode(opening))
    return 0

"""How the bundled model is made: what its teacher says is true, what it reads is what players send."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import AsyncGenerator
from pathlib import Path
from random import Random

import gymnasium
import pytest

from ldp_tui.agents.known_games import known_game
from ldp_tui.agents.planning import solve
from ldp_tui.agents.players import tiny_player
from ldp_tui.agents.reflecting.agent import ReflectAgent
from ldp_tui.engine.rollout import rollout
from ldp_tui.models.backend import Delta, Request
from ldp_tui.models.config import LLMConfig, ModelSpec
from ldp_tui.models.tiny.chat import ChatTokenizer
from ldp_tui.models.tiny.model import BUNDLED, load_model
from ldp_tui.registry import make_environment
from ldp_tui.training.demo_model.build import TEMPLATE, build, read_curriculum
from ldp_tui.training.demo_model.evaluate import Exam, take_exam
from ldp_tui.training.demo_model.examples import Conversation, encode
from ldp_tui.training.demo_model.games import LESSONS, Lesson
from ldp_tui.training.demo_model.recipe import Recipe
from ldp_tui.training.demo_model.recordings import record_lessons
from ldp_tui.training.demo_model.reflections import Situation, reason

SMALL = Recipe(
    lessons=(Lesson("CliffWalking-v1", 4, 0.3, max_steps=30), Lesson("FrozenLake-v1,is_slippery=false", 4, 0.3)),
    vocabulary=400,
    hidden=16,
    layers=1,
    heads=2,
    mlp=24,
    rounds=2,
    batch_tokens=512,
)


def quiet(_: str) -> None:
    """Nobody follows the progress."""


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The teacher's episodes of a small recipe."""
    path = tmp_path_factory.mktemp("teacher") / "teacher.db"
    record_lessons(path, SMALL.lessons, progress=quiet)
    return path


def said_of(environment: str, state: int, **options: object) -> str:
    """What the teacher says in a state of the rules."""
    env = gymnasium.make(environment, **options)
    game = known_game(env)
    assert game is not None
    plan = solve(game.table, horizon=None)
    best = plan.action(state, remaining=None)
    names = {"TaxiEnv": ("south", "north", "east", "west", "pickup", "dropoff"), "BlackjackEnv": ("stick", "hit")}
    lake, cliff = ("left", "down", "right", "up"), ("up", "right", "down", "left")
    labels = {**names, "FrozenLakeEnv": lake, "CliffWalkingEnv": cliff}[type(env.unwrapped).__name__]
    return reason(Situation(env.unwrapped, game, plan, state, best, labels[best]))


def test_what_the_teacher_says_of_cards() -> None:
    """The chances it names are those of the rules: counted here over all cards, and over many dealers' hands."""
    from ldp_tui.agents.blackjack import hand_index

    said = said_of("Blackjack-v1", hand_index(14, 10, False, first_decision=True))
    assert said == "14 against a 10: sticking wins only 21%, a card busts me 46%. I hit."
    busts = sum(card + 14 > 21 for card in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10, 10]) / 13
    assert f"{busts:.0%}" == "46%"
    env, rng, wins = gymnasium.make("Blackjack-v1"), Random(1), 0
    for _ in range(4_000):
        env.reset(seed=rng.randrange(2**31))
        env.unwrapped.player, env.unwrapped.dealer = [10, 4], [10, rng.choice([*range(1, 10), 10, 10, 10, 10])]
        wins += env.step(0)[1] > 0
    assert wins / 4_000 == pytest.approx(0.21, abs=0.025)


def test_what_the_teacher_says_of_places() -> None:
    """Distances are those of the best play, dangers those of the transition table."""
    assert said_of("CliffWalking-v1", 36) == "The cliff lies right of the start. I go up."
    assert said_of("CliffWalking-v1", 35) == "The goal is just below. I go down."
    assert said_of("CliffWalking-v1", 30) == "Below column 6 is the cliff, the goal is 6 moves on. I go right."
    det = said_of("FrozenLake-v1", 0, is_slippery=False)
    assert det == "From row 0, column 0 it is 6 moves to the goal, past the holes. I go down."
    slippery = said_of("FrozenLake-v1", 6)
    assert slippery == "Row 1, column 2: on this ice left ends in a hole with 33%, no move risks less. I go left."
    last = said_of("FrozenLake-v1", 14)
    assert last == "Row 3, column 2: on this ice down reaches the goal with 33%, cannot end in a hole. I go down."
    red_to_green, on_board = 1, 4 * 4 + 1
    assert said_of("Taxi-v4", red_to_green) == "The passenger waits here at Red. I do the pickup."
    assert said_of("Taxi-v4", on_board) == "The passenger is on board for Green, 8 moves away. I go south."


async def test_conversations_are_what_the_player_sends(recordings: Path) -> None:
    """The reflecting player's requests, in an episode that goes as the recorded one, are the training conversations."""
    curriculum = read_curriculum(recordings, SMALL)
    conversations = [c for c in curriculum.conversations(Random(1)) if c.form == "json"]
    assert conversations
    episode = conversations[0].episode
    sent: list[list[dict[str, object]]] = []

    class Parrot:
        """Says what the recorded episode's teacher said, and keeps what it was asked."""

        async def reply(self, request: Request) -> AsyncGenerator[Delta, None]:
            turn = len(sent)
            sent.append(request.messages)
            yield Delta(text=str(recorded(turn).messages()[-1]["content"]), finish_reason="stop")

    def recorded(turn: int) -> Conversation:
        shown = ("start", "step", "reward", "return")
        return Conversation(episode, max(0, turn - 2), turn, "json", shown)

    follow = [at for at, decision in enumerate(episode.decisions) if decision.played != decision.best]
    turns = (follow[0] if follow else len(episode.decisions) - 1) + 1
    config = LLMConfig(models=[ModelSpec(name="parrot")], backend=Parrot())

    env, _ = make_environment(episode.game.name)
    async for _ in rollout(env, ReflectAgent(llm_config=config, history=2), seed=0, max_steps=turns):
        pass
    assert len(sent) == turns
    for turn, messages in enumerate(sent):
        assert messages == recorded(turn).messages()[:-1]


def test_targets_are_what_is_taught(recordings: Path) -> None:
    """The model learns whole replies where the best move was played, and of bare ones the action alone."""
    chat = ChatTokenizer.from_folder(BUNDLED)
    for conversation in read_curriculum(recordings, SMALL).conversations(Random(2)):
        example = encode(conversation, chat)
        text = chat.render(conversation.messages(), conversation.tools, ask=False)
        assert chat.decode(example.ids) == text
        taught = chat.decode([token for token, target in zip(example.ids, example.targets, strict=True) if target])
        decisions = conversation.episode.decisions
        last = decisions[conversation.last]
        assert taught.endswith("<|end|>")
        assert (last.reflection in taught) != conversation.bare
        replies = [turn for turn in range(conversation.first, conversation.last + 1) if conversation.taught(turn)]
        assert taught.count("<|end|>") == len(replies)
        assert "observation" not in taught


def test_the_bundled_model_was_made_by_this_recipe() -> None:
    """Template, tokens and games of the folder are those that the recipe gives; its licence is there."""
    assert (BUNDLED / "chat_template.jinja").read_text(encoding="utf-8") == TEMPLATE.read_text(encoding="utf-8")
    assert [game.name for game in load_model().games] == [lesson.environment for lesson in LESSONS]
    card = (BUNDLED / "README.md").read_text(encoding="utf-8")
    assert "license: apache-2.0" in card
    digest = hashlib.sha256((BUNDLED / "model.safetensors").read_bytes()).hexdigest()
    assert digest in card
    assert sum(path.stat().st_size for path in BUNDLED.iterdir()) < 3_000_000


def test_an_exam() -> None:
    """Episodes on fixed seeds, by words and by scores, with the interval and the exact references beside."""
    exam = Exam("FrozenLake-v1,is_slippery=false", 6, 1.0)
    for mode in ("greedy", "scored"):
        result = take_exam(BUNDLED, exam, mode)
        assert result.passed
        assert (result.returns.n, result.returns.mean, result.unread, result.optimal) == (6, 1.0, 0, 1.0)
    assert not take_exam(BUNDLED, dataclasses.replace(exam, least=1.1), "scored").passed


def test_the_same_recipe_twice(recordings: Path, tmp_path: Path) -> None:
    """Fixed seeds give the same weights and the same tokenizer; the folder can be played without PyTorch."""
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    for name in ("one", "two"):
        build(tmp_path / name, SMALL, database=recordings, progress=quiet)
    for file in ("model.safetensors", "tokenizer.json", "config.json", "games.json"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    exam = Exam("CliffWalking-v1", 2, -1e9, max_steps=5)
    assert take_exam(tmp_path / "one", exam, "scored").steps == 10
    assert tiny_player(str(tmp_path / "one")).llm_config.models[0].name == f"tiny/{tmp_path / 'one'}"

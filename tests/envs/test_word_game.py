"""The word game: its list, its marks, its end."""

from __future__ import annotations

import random
import re

import pytest

from envs import word_game
from ldp_tui.agents.schema_sampling import sample_arguments
from tests.envs.calls import call


def test_word_list() -> None:
    """At least 500 different words of five letters a to z."""
    assert len(set(word_game.WORDS)) == len(word_game.WORDS) >= 500
    assert all(re.fullmatch("[a-z]{5}", word) for word in word_game.WORDS)


@pytest.mark.parametrize(
    ("secret", "guessed", "marks"),
    [
        ("crane", "crane", "[C] [R] [A] [N] [E]"),
        ("crane", "moist", " m   o   i   s   t "),
        ("crane", "ocean", " o  (C) (E) (A) (N)"),
        ("abbey", "babes", "(B) (A) [B] [E]  s "),
        ("robot", "floor", " f   l  (O) [O] (R)"),
        ("tiger", "sleep", " s   l   e  [E]  p "),
        ("steel", "eerie", "(E) (E)  r   i   e "),
    ],
)
def test_marks(secret: str, guessed: str, marks: str) -> None:
    """Each letter is found at most as often as it occurs, right places first; no mark needs colour."""
    assert word_game.mark(secret, guessed) == marks
    assert re.sub(r"\x1b\[[\d;]*m", "", word_game.mark(secret, guessed, colour=True)) == marks


async def test_player_who_knows_the_word() -> None:
    """One guess wins."""
    env = word_game.make()
    for seed in range(5):
        await env.reset(seed=seed)
        text, reward, done, truncated = await call(env, "guess", word=env.state.secret.upper())
        assert text.endswith("Right after 1 of 6 tries.")
        assert (reward, done, truncated, env.success()) == (1.0, True, False, True)


async def test_player_who_reads_the_marks() -> None:
    """Guessing any listed word that fits all marks wins nearly always."""
    env = word_game.make()
    won = 0
    for seed in range(40):
        await env.reset(seed=seed)
        fitting, done = list(word_game.WORDS), False
        while not done:
            guessed = fitting[len(fitting) // 2]
            text, _, done, _ = await call(env, "guess", word=guessed)
            board = text.splitlines()
            marks = next(line for line in reversed(board) if re.sub(r"[^a-zA-Z]", "", line).lower() == guessed)
            fitting = [word for word in fitting if word_game.mark(word, guessed) == marks]
        won += bool(env.success())
    assert won >= 36


async def test_six_wrong_guesses() -> None:
    """The episode ends without reward and reveals the word; a further guess changes nothing."""
    env = word_game.make(word="crane")
    await env.reset()
    for number in range(6):
        text, reward, done, _ = await call(env, "guess", word="moist")
        assert (reward, done) == (0.0, number == 5)
    assert text.endswith("No tries left. The word was CRANE.")
    assert env.success() is False
    assert env.info()["secret"] == "crane"
    assert (await call(env, "guess", word="crane"))[1:] == (0.0, True, False)


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("abc", "needs at least 5 characters"),
        ("abcdef", "may have at most 5 characters, has 6"),
        ("12345", "must match ^[A-Za-z]+$"),
        ("caf\u00e9s", "must match ^[A-Za-z]+$"),
        ("", "needs at least 5 characters"),
    ],
)
async def test_guess_that_is_no_word(word: str, reason: str) -> None:
    """Its schema refuses it, with the reason, and it does not count as a try."""
    env = word_game.make(word="crane")
    await env.reset()
    text, reward, done, _ = await call(env, "guess", word=word)
    assert text.endswith(f"word: {reason}")
    assert (reward, done, env.info()["tries"]) == (0.0, False, 0)


async def test_player_without_an_idea() -> None:
    """Random words fit the schema, so each episode is over after six of them."""
    env = word_game.make()
    for seed in range(20):
        _, tools = await env.reset(seed=seed)
        rng = random.Random(seed)
        for number in range(6):
            text, _, done, _ = await call(env, "guess", **sample_arguments(tools[0].info.parameters.model_dump(), rng))
            assert "Invalid" not in text
            assert done == (number == 5)


async def test_board() -> None:
    """It shows the guesses and a line of dots for each try that is left; info counts the words that still fit."""
    env = word_game.make(word="crane")
    await env.reset()
    assert env.info()["words_left"] == len(word_game.WORDS)
    await call(env, "guess", word="ocean")
    assert env.render().count("·") == 25
    assert 1 <= env.info()["words_left"] < 20
    assert "secret" not in env.info()


async def test_secret_that_is_no_word() -> None:
    """Reset refuses it."""
    with pytest.raises(ValueError, match="five letters"):
        await word_game.make(word="no").reset()

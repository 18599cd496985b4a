"""The library environment: its world, its questions, search and lookup."""

from __future__ import annotations

import pytest

from envs import library_qa
from tests.envs.calls import call, request

QUESTIONS = [question for split in library_qa.SPLITS for question in library_qa.load_questions(split)]


def is_comparison(question: library_qa.Question) -> bool:
    return " or " in question.text


def test_sizes() -> None:
    """At least 60 articles and 40 different questions, a quarter of them for testing."""
    assert len(library_qa.articles()) >= 60
    assert len({question.text for question in QUESTIONS}) == len(QUESTIONS) >= 40
    assert len(library_qa.load_questions("test")) >= 10


def test_articles() -> None:
    """Titles stay apart when normalised, every article has at least two sentences, and each is linked with another."""
    articles = library_qa.articles()
    assert len(library_qa.titles_by_key()) == len(articles)
    for title, sentences in articles.items():
        assert len(sentences) >= 2, title
        assert all(sentence.endswith(".") for sentence in sentences), title
        text = " ".join(sentences).casefold()
        linked = any(
            other.casefold() in text or title.casefold() in " ".join(articles[other]).casefold()
            for other in articles
            if other != title
        )
        assert linked, title


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.id)
def test_question(question: library_qa.Question) -> None:
    """The first article names the second, which holds the answer; a comparison names both articles and answers one."""
    first, second = question.supporting
    articles = library_qa.articles()
    assert {first, second} <= articles.keys()
    if is_comparison(question):
        assert first in question.text
        assert second in question.text
        assert question.answers[0] in question.supporting
    else:
        assert second.casefold() in " ".join(articles[first]).casefold()
        assert question.answers[0].casefold() in " ".join(articles[second]).casefold()


@pytest.mark.parametrize("split", library_qa.SPLITS)
async def test_player_who_reads_both_articles(split: str) -> None:
    """All questions of the task dataset end with reward 1, success and all evidence found."""
    dataset = library_qa.make_dataset(split)
    for index in range(len(dataset)):
        env = dataset.get_new_env_by_idx(index)
        await env.reset()
        question = env.state.question
        for title in question.supporting:
            text, *_ = await call(env, "search", entity=title)
            assert text.startswith(library_qa.articles()[title][0])
        if not is_comparison(question):
            text, *_ = await call(env, "lookup", keyword=question.answers[0])
            assert question.answers[0].casefold() in text.casefold()
        _, reward, done, _ = await call(env, "submit_answer", answer=question.answers[-1])
        assert (reward, done, env.success(), env.info()["evidence_found"]) == (1.0, True, True, 1.0)


async def test_lookup_walks_through_the_matching_sentences() -> None:
    """It counts them, says when there are no more, starts again with another word, and follows the newest search."""
    env = library_qa.make(index=0)
    await env.reset()
    calls = [
        ("lookup", {"keyword": "ewle"}),
        ("search", {"entity": "the river ewle"}),
        ("lookup", {"keyword": "ewle"}),
        ("lookup", {"keyword": "Ewle"}),
        ("lookup", {"keyword": "ewle"}),
        ("lookup", {"keyword": "railway"}),
        ("lookup", {"keyword": "ewle"}),
        ("search", {"entity": "Atlantis"}),
        ("lookup", {"keyword": "dragon"}),
        ("lookup", {"keyword": " "}),
    ]
    messages, *_ = await env.step(request(*calls))
    texts = [message.content or "" for message in messages]
    assert texts[0] == "No article is open. Call search first."
    assert texts[1].endswith("(… 1 more sentence; use lookup)")
    assert texts[2].startswith("(1 of 2) The River Ewle is")
    assert texts[3].startswith("(2 of 2) The railway")
    assert texts[4] == "There are no more sentences with 'ewle' in 'River Ewle'."
    assert texts[5].startswith("(1 of 1)")
    assert texts[6].startswith("(1 of 2)")
    assert texts[7].startswith("There is no article 'Atlantis'.")
    assert texts[8] == "The article 'River Ewle' does not contain 'dragon'."
    assert texts[9] == "Give a word or phrase to look for."


@pytest.mark.parametrize(
    ("entity", "expected"),
    [("clock tide", ["Tide Clock"]), ("Quilon", ["Quillon"]), ("great storm", ["Great Storm of 1823"]), ("", [])],
)
def test_similar_titles(entity: str, expected: list[str]) -> None:
    """Titles that share a word come first, then titles spelt alike; nothing gives nothing."""
    assert library_qa.similar_titles(entity)[:1] == expected


@pytest.mark.parametrize("answer", ["1482", "1,482", " 1,482. ", "the 1482"])
async def test_ways_to_write_an_answer(answer: str) -> None:
    """Case, articles, punctuation and thousands separators do not matter."""
    number = next(i for i, question in enumerate(library_qa.load_questions("test")) if question.answers == ("1,482",))
    env = library_qa.make(split="test", index=number)
    await env.reset()
    assert (await call(env, "submit_answer", answer=answer))[1] == 1.0


async def test_wrong_answer() -> None:
    """It ends the episode with the reward for it; the expected answer is revealed only then."""
    env = library_qa.make(index=0, incorrect_reward=-0.5)
    await env.reset()
    assert "expected" not in env.info()
    assert (await call(env, "submit_answer", answer="nobody knows"))[1:] == (-0.5, True, False)
    assert env.info()["expected"] == env.state.question.answers[0]
    assert (await call(env, "search", entity="Orrin"))[1:] == (0.0, True, False)


async def test_question_that_does_not_exist() -> None:
    """It is refused where it is given, with the numbers there are."""
    with pytest.raises(ValueError, match="no question 999; the questions are 0 to"):
        library_qa.make(index=999)
    with pytest.raises(ValueError, match="no question -1"):
        await library_qa.make().reset(options={"index": -1})
    env = library_qa.make()
    await env.reset(seed=1, options={"index": 5})
    assert await env.get_id() == "train-05"

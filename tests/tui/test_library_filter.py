import math

import pytest

from ldp_tui.store.results import EpisodeFilter, Range
from ldp_tui.tui.library_filter import FilterError, parse_filter, with_value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", EpisodeFilter()),
        ("   ", EpisodeFilter()),
        ("env:cartpole", EpisodeFilter(envs=("cartpole",))),
        ("env:cartpole,maze env=taxi", EpisodeFilter(envs=("cartpole", "maze", "taxi"))),
        ('agent:"my agent, v2"', EpisodeFilter(agents=("my agent, v2",))),
        ("seed:7,8", EpisodeFilter(seeds=("7", "8"))),
        ("end:terminated", EpisodeFilter(statuses=("done",))),
        ("task:gsm-1 tag:good,short", EpisodeFilter(task_ids=("gsm-1",), tags=("good", "short"))),
        ("end:failed,Aborted", EpisodeFilter(statuses=("failed", "aborted"))),
        ("return>=100", EpisodeFilter(return_=Range(low=100))),
        ("return>100", EpisodeFilter(return_=Range(low=math.nextafter(100, math.inf)))),
        ("return<-1.5", EpisodeFilter(return_=Range(high=math.nextafter(-1.5, -math.inf)))),
        ("return:-1..1", EpisodeFilter(return_=Range(-1, 1))),
        ("return:..1", EpisodeFilter(return_=Range(high=1))),
        ("return≥1", EpisodeFilter(words=("return≥1",))),
        ("return>=−3", EpisodeFilter(return_=Range(low=-3))),
        ("return=1", EpisodeFilter(return_=Range(1, 1))),
        ("steps>10 steps<=20", EpisodeFilter(steps=Range(11, 20))),
        ("success:yes", EpisodeFilter(success=True)),
        ("success:No", EpisodeFilter(success=False)),
        ("traceback", EpisodeFilter(words=("traceback",))),
        ('"two words" text:other', EpisodeFilter(words=("two words", "other"))),
        ("ENV:maze key error", EpisodeFilter(envs=("maze",), words=("key", "error"))),
    ],
)
def test_filter_line(text: str, expected: EpisodeFilter) -> None:
    """Each term becomes the restriction it names."""
    assert parse_filter(text) == expected


@pytest.mark.parametrize(
    ("text", "position", "reason"),
    [
        ("envv:maze", 0, "no field `envv`: did you mean `env`?"),
        ("  colour:red", 2, "no field `colour`: there are env, agent"),
        ("env:maze agent:", 15, "`agent:` needs a value"),
        ("env:,", 5, "`env:` needs a value"),
        ("env>maze", 3, "`env` takes `:`, not `>`"),
        ("return>=many", 8, "`many` is not a number"),
        ("return>nan", 7, "`nan` is not a number to compare with"),
        ("steps:1..x", 9, "`x` is not a number"),
        ("steps:1.5", 6, "`1.5` is not a whole number"),
        ("return>1..2", 6, "a range is written `return:10..20`"),
        ("end:ended", 4, "no value `ended`: there are terminated"),
        ("end:failed,abortd", 11, "did you mean `aborted`?"),
        ("success:perhaps", 8, "no value `perhaps`: there are yes, no"),
        (">5", 0, "needs a field before it"),
        ('env:maze "open', 9, "never closed"),
        ('env:"open', 4, "never closed"),
        ('""', 2, "empty words"),
    ],
)
def test_filter_that_cannot_be_read(text: str, position: int, reason: str) -> None:
    """The error says what is wrong and at which character."""
    with pytest.raises(FilterError) as caught:
        parse_filter(text)
    assert caught.value.position == position
    assert reason in caught.value.reason


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ("", "CartPole-v1", "env:CartPole-v1"),
        ("return>1 env:maze words", "CartPole-v1", "env:CartPole-v1 return>1 words"),
        ("env:maze return>1", None, "return>1"),
        ("", "my env, 2", 'env:"my env, 2"'),
    ],
)
def test_value_chosen_from_a_list(text: str, value: str | None, expected: str) -> None:
    """It replaces the terms of its field in the filter line and leaves the others."""
    assert with_value(text, "env", value) == expected


def test_very_long_filter() -> None:
    """Reading it takes time in proportion to its length."""
    assert len(parse_filter("x" * 50_000 + ' "' + "y" * 50_000 + '"').words) == 2

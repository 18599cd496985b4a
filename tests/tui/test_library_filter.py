import math

import pytest

from ldp_tui.tui.library_filter import FilterError, LibraryFilter, Range, parse_filter, with_value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", LibraryFilter()),
        ("   ", LibraryFilter()),
        ("env:cartpole", LibraryFilter(envs=("cartpole",))),
        ("env:cartpole,maze env=taxi", LibraryFilter(envs=("cartpole", "maze", "taxi"))),
        ('agent:"my agent, v2"', LibraryFilter(agents=("my agent, v2",))),
        ("seed:7,8", LibraryFilter(seeds=("7", "8"))),
        ("end:failed,Aborted", LibraryFilter(ends=("failed", "aborted"))),
        ("return>=100", LibraryFilter(return_=Range(100, math.inf))),
        ("return>100", LibraryFilter(return_=Range(math.nextafter(100, math.inf), math.inf))),
        ("return<-1.5", LibraryFilter(return_=Range(-math.inf, math.nextafter(-1.5, -math.inf)))),
        ("return:-1..1", LibraryFilter(return_=Range(-1, 1))),
        ("return:..1", LibraryFilter(return_=Range(high=1))),
        ("return≥1", LibraryFilter(words=("return≥1",))),
        ("return>=−3", LibraryFilter(return_=Range(low=-3))),
        ("return=1", LibraryFilter(return_=Range(1, 1))),
        ("steps>10 steps<=20", LibraryFilter(steps=Range(11, 20))),
        ("success:yes", LibraryFilter(success=True)),
        ("success:No", LibraryFilter(success=False)),
        ("traceback", LibraryFilter(words=("traceback",))),
        ('"two words" text:other', LibraryFilter(words=("two words", "other"))),
        ("ENV:maze key error", LibraryFilter(envs=("maze",), words=("key", "error"))),
    ],
)
def test_filter_line(text: str, expected: LibraryFilter) -> None:
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
        ("end:ended", 4, "no value `ended`: there are running"),
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

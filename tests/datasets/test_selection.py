import math
import time
from datetime import datetime, timedelta

import pytest

from ldp_tui.datasets.selection import SelectionError, parse_selection, with_value
from ldp_tui.datasets.selection_completion import completions
from ldp_tui.store.results import Count, EpisodeFilter, Facets, Range


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
        ("env:=Taxi-v4 agent:~qwen", EpisodeFilter(envs=("=Taxi-v4",), agents=("~qwen",))),
        ("kind:llm,random", EpisodeFilter(kinds=("llm", "random"))),
        ("human", EpisodeFilter(kinds=("human",))),
        ('"human"', EpisodeFilter(words=("human",))),
        ("seed:3..5,9", EpisodeFilter(seeds=("3", "4", "5", "9"))),
        ("rating>=4", EpisodeFilter(rating=Range(low=4))),
        ("cost<=0.5", EpisodeFilter(cost_usd=Range(high=0.5))),
        ("tool:search tool:lookup", EpisodeFilter(tools=("search", "lookup"))),
        ("decision:none", EpisodeFilter(decisions=("none",))),
        ("decision:none,ignore", EpisodeFilter(decisions=("ignore", "none"))),
        ("flagged:yes", EpisodeFilter(flagged=True)),
        ("-tag:bad", EpisodeFilter(without=(EpisodeFilter(tags=("bad",)),))),
        ('-"key error" maze', EpisodeFilter(words=("maze",), without=(EpisodeFilter(words=("key error",)),))),
        ("-human", EpisodeFilter(without=(EpisodeFilter(kinds=("human",)),))),
        ("-", EpisodeFilter(words=("-",))),
        ("best-of:4 per:task limit:500", EpisodeFilter(best_of=4, per=("task",), limit=500)),
        ("ENV:maze key error", EpisodeFilter(envs=("maze",), words=("key", "error"))),
    ],
)
def test_filter_line(text: str, expected: EpisodeFilter) -> None:
    """Each term becomes the restriction it names."""
    assert parse_selection(text) == expected


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
        ("-colour:red", 1, "no field `colour`"),
        ("decision:maybe", 9, "no value `maybe`: there are accept, reject, ignore, none"),
        ("agent:~gpt(", 10, "no regular expression: missing )"),
        ("env:~", 5, "`~` needs a name behind it"),
        ("seed:9..3", 5, "a range of seeds goes upwards"),
        ("seed:0..99999", 5, "at most 10,000"),
        ("rating>4.5", 7, "`4.5` is not a whole number"),
        ("since:yesterday", 6, "`yesterday` is no time"),
        ("best-of:0", 8, "`0` is not a number of episodes"),
        ("-limit:3", 0, "`limit` says how many are kept"),
        ("per:task", 8, "add best-of:1"),
        (">5", 0, "needs a field before it"),
        ('env:maze "open', 9, "never closed"),
        ('env:"open', 4, "never closed"),
        ('""', 2, "empty words"),
    ],
)
def test_filter_that_cannot_be_read(text: str, position: int, reason: str) -> None:
    """The error says what is wrong and at which character."""
    with pytest.raises(SelectionError) as caught:
        parse_selection(text)
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
    assert len(parse_selection("x" * 50_000 + ' "' + "y" * 50_000 + '"').words) == 2


def test_times() -> None:
    """A day is meant whole, in local time; a span counts back from now."""
    day = datetime(2026, 3, 4).astimezone()
    found = parse_selection("since:2026-03-04 until:2026-03-04").started_ns
    assert found == Range(round(day.timestamp() * 1e9), round((day + timedelta(days=1)).timestamp() * 1e9) - 1)
    low = parse_selection("since:2h").started_ns.low
    assert low is not None
    assert 7_200 <= time.time() - low / 1e9 < 7_300


FACETS = Facets(
    envs=(Count("Taxi-v4", 9), Count("my env", 2)),
    agents=(Count("random", 8), Count("reflect:gpt", 3)),
    statuses=(),
    tags=(Count("good", 4),),
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("ret", ["return>"]),
        ("env:maze s", ["env:maze seed:", "env:maze steps>", "env:maze success:", "env:maze since:"]),
        ("-t", ["-task:", "-tool:", "-tag:", "-text:"]),
        ("hu", ["human"]),
        ("env:", ["env:Taxi-v4", 'env:"my env"']),
        ("env:taxi", ["env:Taxi-v4"]),
        ("env:Taxi-v4,m", ['env:Taxi-v4,"my env"']),
        ("agent:re", ["agent:reflect:gpt"]),
        ("-tag:", ["-tag:good"]),
        ("end:in", ["end:interrupted"]),
        ("decision:", ["decision:accept", "decision:reject", "decision:ignore", "decision:none"]),
        ("colour:", []),
        ('"open', []),
    ],
)
def test_completion(text: str, expected: list[str]) -> None:
    """Fields, and values that there are; a completed line can be read."""
    assert completions(text, FACETS) == expected
    for line in expected:
        if not line.endswith((":", ">")):
            parse_selection(line + (" best-of:1" if "per:" in line else ""))

"""Specifications, intervals, task sets, trajectories and the messages of errors."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldp_tui.core.dummy import DummyEnv
from ldp_tui.core.errors import EnvironmentFileError, LdpTuiError, MissingExtra, SpecError, UnknownName, UsageError
from ldp_tui.core.intervals import mean_interval, rate_interval
from ldp_tui.core.messages import Message
from ldp_tui.core.specs import Spec
from ldp_tui.core.tasks import TaskDataset
from ldp_tui.core.trajectory import Trajectory, Transition, discounted_returns

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
names = st.from_regex(r"[A-Za-z][\w./-]{0,10}", fullmatch=True)
keys = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True)


@given(name=names, model=st.just("") | names, options=st.dictionaries(keys, json_values, max_size=4))
def test_specification_round_trip(name: str, model: str, options: dict[str, Any]) -> None:
    """What a specification writes is read as the same specification."""
    spec = Spec(name, model, options)
    assert Spec.parse(str(spec)) == spec


@given(st.text(alphabet='ab=,:"\\[]{}1 ', max_size=20))
def test_any_text_as_specification(text: str) -> None:
    """It is read or refused as SpecError; what is read says itself again."""
    try:
        spec = Spec.parse(text)
    except SpecError:
        return
    assert spec.name


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("random", Spec("random")),
        ("FrozenLake-v1, is_slippery=false", Spec("FrozenLake-v1", "", {"is_slippery": False})),
        ("reflect:openai/gpt-5-mini,temperature=0.5", Spec("reflect", "openai/gpt-5-mini", {"temperature": 0.5})),
        ("m:http://x:1/v1,a=b=c", Spec("m", "http://x:1/v1", {"a": "b=c"})),
        ('x,a=[1,{"b":2}],c="d,e",f=', Spec("x", "", {"a": [1, {"b": 2}], "c": "d,e", "f": ""})),
        ("x,a=True,b=None,c=none,d=1e3", Spec("x", "", {"a": True, "b": None, "c": "none", "d": 1000.0})),
        ("x,big=" + "1" * 5000, Spec("x", "", {"big": "1" * 5000})),
    ],
)
def test_specification(text: str, spec: Spec) -> None:
    """Values are JSON where they read as JSON, Python's three words too, and text otherwise."""
    assert Spec.parse(text) == spec


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "names nothing"),
        (":model", "names nothing"),
        ("x,a", "'a' is not key=value"),
        ("x,1a=2", "not key=value"),
        ("x,a=1,a=2", "given twice"),
    ],
)
def test_specification_that_cannot_be_read(text: str, words: str) -> None:
    """It is refused with the part that is wrong."""
    with pytest.raises(SpecError, match=words):
        Spec.parse(text)


@pytest.mark.parametrize(
    ("n", "t"),
    # Student's t, 0.975 quantile, from published tables
    [(2, 12.7062), (3, 4.3027), (4, 3.1824), (5, 2.7764), (6, 2.5706), (11, 2.2281), (31, 2.0423), (121, 1.9799)],
)
def test_interval_of_a_mean(n: int, t: float) -> None:
    """Its margin is the tabulated quantile times the standard error, within half a percent."""
    values = [float(i) for i in range(n)]
    estimate = mean_interval(values)
    assert estimate is not None
    mean = (n - 1) / 2
    error = math.sqrt(sum((value - mean) ** 2 for value in values) / (n - 1) / n)
    assert (estimate.n, estimate.mean) == (n, mean)
    assert estimate.margin == pytest.approx(t * error, rel=0.005)
    assert estimate.low + estimate.high == pytest.approx(2 * mean)


def test_interval_of_few_values() -> None:
    """None of no value, infinite of one, of no width where all are equal."""
    assert mean_interval([]) is None
    one = mean_interval([3.0])
    assert one is not None
    assert (one.low, one.mean, one.high) == (-math.inf, 3.0, math.inf)
    equal = mean_interval([0.1] * 3)
    assert equal is not None
    assert equal.margin == pytest.approx(0, abs=1e-12)
    assert rate_interval(0, 0) is None


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    # Wilson's score interval; Agresti & Coull (1998) and Newcombe (1998), table I
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (10, 10, 0.7225, 1.0),
    ],
)
def test_interval_of_a_rate(successes: int, n: int, low: float, high: float) -> None:
    """It has the published bounds, also at rates of 0 and 1."""
    estimate = rate_interval(successes, n)
    assert estimate is not None
    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=5e-5)
    assert estimate.mean == successes / n


class Numbered(TaskDataset[DummyEnv]):
    """Ten tasks."""

    def __len__(self) -> int:
        return 10

    def get_new_env_by_idx(self, idx: int) -> DummyEnv:
        return DummyEnv(task=str(idx))


class Endless(TaskDataset[DummyEnv]):
    """Tasks without end."""

    def get_new_env(self) -> DummyEnv:
        return DummyEnv()


def tasks(**options: Any) -> list[list[int]]:
    return [[int(env.task or "") for env in batch] for batch in Numbered().iter_batches(4, **options)]


def test_batches_of_a_finite_set() -> None:
    """In order, or shuffled repeatably by seed; the last one may be smaller."""
    assert tasks() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    shuffled = tasks(shuffle=True, seed=1)
    assert sorted(itertools.chain(*shuffled)) == list(range(10))
    assert shuffled == tasks(shuffle=True, seed=1) != tasks()
    assert list(map(len, shuffled)) == [4, 4, 2]


def test_batches_of_an_endless_set() -> None:
    """They do not end."""
    batches = Endless().iter_batches(2)
    assert [len(batch) for batch in itertools.islice(batches, 5)] == [2] * 5


def test_what_a_task_set_does_not_offer() -> None:
    """It says so by type of error: no length, no numbers, no supply."""
    with pytest.raises(TypeError, match="Endless"):
        len(Endless())
    with pytest.raises(NotImplementedError, match="numbered"):
        Endless().get_new_env_by_idx(0)
    with pytest.raises(NotImplementedError, match="endless"):
        Numbered().get_new_env()
    with pytest.raises(NotImplementedError, match="arguments"):
        Numbered().get_new_env_by_args(a=1)


@pytest.mark.parametrize(
    ("rewards", "ends", "discount", "returns"),
    [
        ([], [], 1.0, []),
        ([1, 2, 3], [False, False, True], 1.0, [6, 5, 3]),
        ([1, 2, 3], [False, False, False], 0.5, [2.75, 3.5, 3]),
        ([1, 2, 3], [False, True, False], 1.0, [3, 2, 3]),
        ([1, 2, 3], [True, True, True], 0.9, [1, 2, 3]),
    ],
)
def test_discounted_returns(rewards: list[float], ends: list[bool], discount: float, returns: list[float]) -> None:
    """Rewards from each step on, up to the next end."""
    assert discounted_returns(rewards, ends, discount) == returns


def test_returns_of_unequal_lists() -> None:
    """They are refused."""
    with pytest.raises(ValueError, match="shorter"):
        discounted_returns([1.0], [])


def test_trajectory() -> None:
    """Returns restart behind a step that is done or truncated; failing and being done are told apart."""
    steps = [
        Transition(timestep=0, observation=[Message(content="a")], reward=1),
        Transition(timestep=1, observation=[], reward=2, truncated=True),
        Transition(timestep=2, observation=[], reward=4, done=True),
    ]
    trajectory = Trajectory(steps=steps)
    assert trajectory.compute_discounted_returns(0.5) == [2, 2, 4]
    assert trajectory.done
    assert not trajectory.failed
    assert not Trajectory().done
    failed = Transition(timestep=3, observation=[], metadata={"exception": "x"})
    assert Trajectory(steps=[*steps, failed]).failed
    assert Trajectory.model_validate_json(trajectory.model_dump_json()) == trajectory
    assert Trajectory().traj_id != Trajectory().traj_id


def test_errors_as_sentences() -> None:
    """Each names what is wrong and what to do, and all descend from one root."""
    unknown = UnknownName("environment", "FrozenLak-v1", ["FrozenLake-v1", "Taxi-v4"])
    assert str(unknown) == (
        "Unknown environment 'FrozenLak-v1'. Did you mean FrozenLake-v1? Available: FrozenLake-v1, Taxi-v4."
    )
    assert str(UnknownName("x", "qqq", [str(i) for i in range(50)])) == "Unknown x 'qqq'."
    assert "pip install 'ldp-tui[atari]'" in str(MissingExtra("Pong", "atari"))
    assert str(EnvironmentFileError("a.py", 3, "no")) == "a.py:3: no"
    assert str(EnvironmentFileError("a.py", None, "no")) == "a.py: no"
    for error in (unknown, SpecError("x"), MissingExtra("a", "b"), EnvironmentFileError("a", 1, "b")):
        assert isinstance(error, UsageError)
        assert isinstance(error, LdpTuiError)

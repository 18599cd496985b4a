"""The calculator environment: its problems, its arithmetic, its rewards."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from envs import calculator
from ldp_tui import Message
from tests.envs.calls import call, request

ANNOTATION = re.compile(r"<<([^=>]+)=([^>]+)>>")
PROBLEMS = [problem for split in calculator.SPLITS for problem in calculator.load_problems(split)]


def test_problem_set() -> None:
    """There are at least 60 different problems, in two splits that share none."""
    questions = [problem.question for problem in PROBLEMS]
    assert len(questions) >= 60
    assert len(set(questions)) == len(questions)
    assert len(calculator.load_problems("test")) >= 12


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.id)
def test_solution_of_a_problem(problem: calculator.WordProblem) -> None:
    """Every <<a=b>> is right, stands before the same number, and the last one is the answer after ####."""
    annotations = ANNOTATION.findall(problem.solution)
    assert annotations
    for expression, value in annotations:
        assert calculator.evaluate(expression) == pytest.approx(float(value))
        assert re.search(
            re.escape(f"{expression} = <<{expression}={value}>>{value}") + r"(?![\d.]*\d)", problem.solution
        )
    assert float(annotations[-1][1]) == problem.value
    assert problem.solution.splitlines()[-1] == f"#### {calculator.format_number(problem.value or 0)}"


@pytest.mark.parametrize("split", calculator.SPLITS)
async def test_player_who_follows_each_solution(split: str) -> None:
    """All episodes of the task dataset end with reward 1 and success."""
    dataset = calculator.make_dataset(split)
    for index in range(len(dataset)):
        env = dataset.get_new_env_by_idx(index)
        await env.reset(seed=0)
        for expression, value in ANNOTATION.findall(env.state.problem.solution):
            assert await call(env, "calculator", expr=expression) == (value, 0.0, False, False)
        text, reward, done, truncated = await call(env, "submit_answer", answer=str(env.state.problem.value))
        assert (reward, done, truncated, env.success()) == (1.0, True, False, True), text


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("2 + 3 * 4", 14),
        ("(48 / 2 + 3) * 1.5", 40.5),
        ("7 // 2 + 7 % 4", 6),
        ("-2 ** 2", -4),
        ("6 × 7 − 8 ÷ 2", 38),
        ("max(3, min(9, 4)) + abs(-1)", 5),
        ("round(10 / 3, 2)", 3.33),
        ("2 ** -1", 0.5),
        ("ceil(1.2) + floor(1.8) + sqrt(16)", 7),
    ],
)
def test_expression(expression: str, value: float) -> None:
    """It has the value that arithmetic gives it."""
    assert calculator.evaluate(expression) == pytest.approx(value)


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("1 / 0", "divides by zero"),
        ("9 ** 9 ** 9", "too large"),
        ("10 ** 300 * 10 ** 300", "larger than 1e300"),
        ("1e999", "larger than 1e300"),
        ("(-8) ** 0.5", "no real result"),
        ("sqrt(-1)", "cannot be calculated"),
        ("1,200 * 2", "without commas"),
        ("2 ^ 3", "written with **"),
        ("2 +", "not an arithmetic expression"),
        ("", "not an arithmetic expression"),
        ("1\x00", "not an arithmetic expression"),
        ("x + 1", "not understood"),
        ("True + 1", "not understood"),
        ("'a' * 3", "not understood"),
        ("[1] * 999999999", "not understood"),
        ("__import__('os').getcwd()", "not understood"),
        ("(1).__class__", "not understood"),
        ("max(*[1])", "not understood"),
        ("round(1, ndigits=2)", "not understood"),
        ("1 if 1 else 2", "not understood"),
        ("1or 2", "not understood"),
        ("1+" * 200 + "1", "longer than"),
    ],
)
def test_expression_that_is_refused(expression: str, reason: str) -> None:
    """It raises an error that tells the player why."""
    with pytest.raises(calculator.ExpressionError, match=re.escape(reason)):
        calculator.evaluate(expression)


@pytest.mark.parametrize(
    ("text", "value"), [("72", 72), (" $1,250.50 ", 1250.5), ("-3.", -3), (".5", 0.5), ("15%", 15), ("−4", -4)]
)
def test_number_as_people_write_it(text: str, value: float) -> None:
    """It is read."""
    assert calculator.read_number(text) == value


@pytest.mark.parametrize("text", ["", "seventy", "72 apples", "1,2", "nan", "inf", "1e999", "3 4", "--1"])
def test_text_that_is_no_number(text: str) -> None:
    """It is refused, except that a space inside a number is ignored as a thousands separator."""
    if text == "3 4":
        assert calculator.read_number(text) == 34
    else:
        with pytest.raises(calculator.ExpressionError):
            calculator.read_number(text)


async def test_mistakes_with_the_default_rewards() -> None:
    """They are answered, cost nothing and do not end the episode."""
    env = calculator.make()
    await env.reset(seed=1)
    for name, arguments in [
        ("calculator", {"expr": "1 / 0"}),
        ("submit_answer", {"answer": "many"}),
        ("calculator", {"expression": "1"}),
        ("calculator", {}),
    ]:
        text, reward, done, truncated = await call(env, name, **arguments)
        assert text
        assert (reward, done, truncated) == (0.0, False, False)
    assert env.info()["failures"] == 2
    assert env.success() is False


async def test_failure_under_the_strict_rewards() -> None:
    """It costs 1 and ends the episode."""
    env = calculator.make(tool_failure_reward=-1.0, done_on_failure=True)
    await env.reset(seed=1)
    _, reward, done, _ = await call(env, "calculator", expr="1 / 0")
    assert (reward, done, env.success()) == (-1.0, True, False)


async def test_several_calls_in_one_message() -> None:
    """They run in order, their rewards add up, and calls after the submission are not counted."""
    env = calculator.make(tool_success_reward=0.25, incorrect_reward=-0.5)
    await env.reset(seed=1)
    calls = [("calculator", {"expr": "1 + 1"}), ("submit_answer", {"answer": "-7"}), ("submit_answer", {"answer": "1"})]
    messages, reward, done, _ = await env.step(request(*calls))
    assert [message.content for message in messages] == ["2", "-7 is not correct.", calculator.EPISODE_OVER]
    assert (reward, done, env.success()) == (-0.25, True, False)
    assert await env.step(request(calls[1])) == ([Message(content=calculator.EPISODE_OVER)], 0.0, True, False)


async def test_expected_answer() -> None:
    """It appears in info only after the episode."""
    env = calculator.make(index=3)
    await env.reset()
    assert "expected" not in env.info()
    await call(env, "submit_answer", answer="0")
    assert env.info()["expected"] == env.state.problem.value


async def test_question_of_ones_own() -> None:
    """A submitted number ends the episode; success is not defined."""
    env = calculator.CalculatorEnv.from_task("What is two and two?")
    messages, _ = await env.reset()
    assert (messages[0].content or "").startswith("What is two and two?")
    assert (await call(env, "submit_answer", answer="4"))[1:] == (0.0, True, False)
    assert env.success() is None


async def test_file_in_gsm8k_format(tmp_path: Path) -> None:
    """Its rows become problems named after the file."""
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps({"question": "1 + 1?", "answer": "<<1+1=2>>2\n#### 1,002"}) + "\n\n", encoding="utf-8")
    env = calculator.make(path=str(path))
    await env.reset(seed=5)
    assert (await env.get_id(), env.state.problem.value) == ("mine-00", 1002)


def test_unknown_split() -> None:
    """The error names the splits."""
    with pytest.raises(ValueError, match="train, test"):
        calculator.make(split="dev")


async def test_problem_that_does_not_exist() -> None:
    """It is refused where it is given, with the numbers there are."""
    with pytest.raises(ValueError, match="no problem 999; the problems are 0 to"):
        calculator.make(index=999)
    with pytest.raises(ValueError, match="no problem -1"):
        await calculator.make().reset(options={"index": -1})
    env = calculator.make()
    await env.reset(seed=1, options={"index": 5})
    assert await env.get_id() == "train-05"


async def test_player_who_never_submits() -> None:
    """The episode is cut, whether tools were called or not; a submission in the last step still counts."""
    env = calculator.make(max_steps=2)
    await env.reset(seed=0)
    assert (await call(env, "calculator", expr="1 + 1"))[2:] == (False, False)
    assert (await env.step(Message(role="assistant", content="Hm.")))[2:] == (False, True)
    assert await call(env, "submit_answer", answer="1") == (calculator.EPISODE_OVER, 0.0, False, True)
    await env.reset(seed=0)
    await call(env, "calculator", expr="1 + 1")
    assert (await call(env, "submit_answer", answer="1"))[2:] == (True, False)
    assert calculator.make().config.max_steps == calculator.MAX_STEPS
    assert calculator.make(max_steps=None).config.max_steps is None

"""Grade-school maths word problems with a calculator, in GSM8K's format."""

import ast
import json
import math
import operator
import random
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ldp_tui import Environment, Frame, Message, Messages, TaskDataset, Tool, ToolRequestMessage

Number = int | float

INSTRUCTIONS = "Work the answer out with the tool calculator, then give it to submit_answer as a plain number."
EPISODE_OVER = "The episode is over; nothing more is counted."

MAX_STEPS = 50
LONGEST_EXPRESSION = 200
LARGEST_NUMBER = 1e300


@dataclass(frozen=True, slots=True)
class WordProblem:
    """One problem. `value` is the number after `####`; None where the answer is not known."""

    id: str
    question: str
    solution: str = ""
    value: float | None = None


@dataclass(frozen=True, slots=True)
class CalculatorConfig:
    """Rewards and tolerance, under the field names of aviary's calculator.

    There a failure costs 1 and ends the episode: `tool_failure_reward=-1, done_on_failure=True`; and nothing cuts an
    episode, which `max_steps` does here (None: never).
    """

    correct_reward: float = 1.0
    incorrect_reward: float = 0.0
    tool_failure_reward: float = 0.0
    tool_success_reward: float = 0.0
    rel_tol: float = 1e-4
    done_on_failure: bool = False
    max_steps: int | None = MAX_STEPS


@dataclass(slots=True)
class CalculatorState:
    """What happened in the episode; `reward` is of the newest step alone."""

    problem: WordProblem
    reward: float = 0.0
    done: bool = False
    submitted: float | None = None
    correct: bool | None = None
    calculations: list[str] = field(default_factory=list)
    failures: int = 0
    steps: int = 0
    truncated: bool = False


class CalculatorEnv(Environment[CalculatorState]):
    """One word problem per episode: the seed picks it from `problems`."""

    def __init__(self, problems: Sequence[WordProblem], config: CalculatorConfig | None = None) -> None:
        if not problems:
            raise ValueError("CalculatorEnv needs at least one problem.")
        self.problems = tuple(problems)
        self.config = config or CalculatorConfig()

    @classmethod
    def from_task(cls, task: str) -> "CalculatorEnv":
        """Environment for a question of one's own; a submitted number ends it and earns nothing."""
        return cls([WordProblem(id="task", question=task)])

    async def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Messages, list[Tool]]:
        """Pick a problem. `options={"index": i}` picks the i-th, whatever the seed."""
        index = (options or {}).get("index")
        chosen = random.Random(seed).randrange(len(self.problems)) if index is None else index
        problem = problem_at(self.problems, chosen)
        self.state = CalculatorState(problem)
        self.tools = [Tool.from_function(self.calculator), Tool.from_function(self.submit_answer)]
        return [Message(content=f"{problem.question}\n\n{INSTRUCTIONS}")], list(self.tools)

    async def step(self, action: Message) -> tuple[Messages, float, bool, bool]:
        """Run the calls in their order; the rewards of one message add up."""
        state, limit = self.state, self.config.max_steps
        if state.done or state.truncated:
            return [Message(content=EPISODE_OVER)], 0.0, state.done, state.truncated
        state.steps, state.reward = state.steps + 1, 0.0
        answers: Messages = self.default_no_tool_calls_response[0]
        if isinstance(action, ToolRequestMessage) and action.tool_calls:
            answers = [*await self.exec_tool_calls(action, concurrency=False, handle_tool_exc=True)]
        state.truncated = not state.done and limit is not None and state.steps >= limit
        return answers, state.reward, state.done, state.truncated

    def calculator(self, expr: str) -> str:
        """Calculate an arithmetic expression.

        Args:
            expr: Expression of numbers, + - * / // % **, parentheses, abs, ceil, floor, max, min, round and sqrt, for
                example (48 / 2 + 3) * 1.5
        """
        if self.state.done:
            return EPISODE_OVER
        try:
            result = format_number(evaluate(expr))
        except ExpressionError as error:
            return self._fail(f"{error} Nothing was calculated.")
        self.state.calculations.append(f"{expr.strip()} = {result}")
        self.state.reward += self.config.tool_success_reward
        return result

    def submit_answer(self, answer: str) -> str:
        """Submit the final answer, which ends the episode.

        Args:
            answer: The number alone, such as 72 or 4.5
        """
        if self.state.done:
            return EPISODE_OVER
        try:
            value = read_number(answer)
        except ExpressionError as error:
            return self._fail(f"{error} Submit a plain number such as 72 or 4.5.")
        self.state.submitted, self.state.done = value, True
        expected = self.state.problem.value
        if expected is None:
            return f"Submitted {format_number(value)}."
        correct = math.isclose(value, expected, rel_tol=self.config.rel_tol, abs_tol=1e-9)
        self.state.correct = correct
        self.state.reward += self.config.correct_reward if correct else self.config.incorrect_reward
        return f"{format_number(value)} is {'correct' if correct else 'not correct'}."

    def _fail(self, reason: str) -> str:
        self.state.failures += 1
        self.state.reward += self.config.tool_failure_reward
        self.state.done = self.config.done_on_failure
        return reason

    async def get_id(self) -> str:
        """Identifier of the problem, such as `train-07`."""
        return self.state.problem.id

    def success(self) -> bool | None:
        """Whether the right answer was submitted; None where it is not known."""
        return None if self.state.problem.value is None else bool(self.state.correct)

    def info(self) -> dict[str, Any]:
        """Counts, and the expected answer once the episode is over."""
        state = self.state
        revealed = {"expected": state.problem.value, "solution": state.problem.solution} if state.done else {}
        return {
            "problem": state.problem.id,
            "calculations": len(state.calculations),
            "failures": state.failures,
            **revealed,
        }

    def export_frame(self) -> Frame:
        """The problem, the calculations so far and the submitted answer."""
        state = self.state
        return Frame(
            state={
                "question": state.problem.question,
                "calculations": list(state.calculations),
                "submitted": "" if state.submitted is None else format_number(state.submitted),
                "done": state.done,
            },
            info=self.info(),
        )

    def render(self) -> str:
        """The problem with the calculations below it."""
        state = self.state
        lines = [state.problem.question, "", *(f"  {line}" for line in state.calculations)]
        if state.submitted is not None:
            verdict = {True: "  (correct)", False: "  (not correct)", None: ""}[state.correct]
            lines.append(f"  answer: {format_number(state.submitted)}{verdict}")
        return "\n".join(lines).rstrip()


class CalculatorDataset(TaskDataset[CalculatorEnv]):
    """One environment per problem of a split (`train` or `test`), or of a GSM8K file given by `path`."""

    def __init__(self, split: str = "train", path: str | None = None, config: CalculatorConfig | None = None) -> None:
        self.problems = load_problems(split, path)
        self.config = config

    def __len__(self) -> int:
        return len(self.problems)

    def get_new_env_by_idx(self, idx: int) -> CalculatorEnv:
        """Environment bound to the problem at `idx`."""
        return CalculatorEnv([self.problems[idx]], self.config)


def make(
    split: Literal["train", "test"] = "train",
    index: int | None = None,
    path: str | None = None,
    *,
    correct_reward: float = 1.0,
    incorrect_reward: float = 0.0,
    tool_failure_reward: float = 0.0,
    tool_success_reward: float = 0.0,
    rel_tol: float = 1e-4,
    done_on_failure: bool = False,
    max_steps: int | None = MAX_STEPS,
) -> CalculatorEnv:
    """Environment over a split, or over the JSON lines of a GSM8K file at `path`; `index` fixes the problem.

    An episode is cut after `max_steps` steps (None: never).
    """
    problems = load_problems(split, path)
    config = CalculatorConfig(
        correct_reward, incorrect_reward, tool_failure_reward, tool_success_reward, rel_tol, done_on_failure, max_steps
    )
    return CalculatorEnv(problems if index is None else [problem_at(problems, index)], config)


make_dataset = CalculatorDataset


def load_problems(split: str, path: str | None = None) -> list[WordProblem]:
    """Problems of a split, or of a file with one `{"question", "answer"}` object per line."""
    if path is not None:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
        name, rows = Path(path).stem, [json.loads(line) for line in lines if line.strip()]
    elif split in SPLITS:
        name, rows = split, read_block(SPLITS[split])
    else:
        raise ValueError(f"Unknown split {split!r}; the splits are {', '.join(SPLITS)}.")
    return [
        WordProblem(f"{name}-{number:02d}", row["question"], row["answer"], final_answer(row["answer"]))
        for number, row in enumerate(rows)
    ]


def problem_at(problems: Sequence[WordProblem], index: int) -> WordProblem:
    """Problem number `index`; raises ValueError if there is none."""
    if not 0 <= index < len(problems):
        raise ValueError(f"There is no problem {index}; the problems are 0 to {len(problems) - 1}.")
    return problems[index]


def read_block(block: str) -> list[dict[str, str]]:
    """Rows in GSM8K's format from the text form below: question lines, `> ` solution lines, `#### ` answer."""
    rows = []
    for paragraph in block.strip().split("\n\n"):
        lines = paragraph.splitlines()
        question = " ".join(line for line in lines if not line.startswith((">", "####")))
        answer = "\n".join(line.removeprefix("> ") for line in lines if line.startswith((">", "####")))
        rows.append({"question": question, "answer": answer})
    return rows


def final_answer(solution: str) -> float:
    """The number after `####`."""
    return read_number(solution.rsplit("####", 1)[-1])


class ExpressionError(ValueError):
    """An expression or number that cannot be read or calculated; the message is for the player."""


OPERATORS: dict[type[ast.AST], Callable[..., Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
FUNCTIONS: dict[str, Callable[..., Number]] = {
    "abs": abs,
    "ceil": math.ceil,
    "floor": math.floor,
    "max": max,
    "min": min,
    "round": round,
    "sqrt": math.sqrt,
}


def evaluate(expression: str) -> Number:
    """Value of an arithmetic expression; only numbers, operators and the functions above are understood.

    Raises:
        ExpressionError: For anything else, for division by zero, and for numbers beyond 1e300.
    """
    if len(expression) > LONGEST_EXPRESSION:
        raise ExpressionError(f"The expression is longer than {LONGEST_EXPRESSION} characters.")
    text = expression.strip().translate(str.maketrans("×÷−", "*/-"))
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError) as error:
        raise ExpressionError(f"{expression!r} is not an arithmetic expression.") from error
    try:
        return _value(tree.body)
    except ZeroDivisionError as error:
        raise ExpressionError(f"{expression!r} divides by zero.") from error
    except (OverflowError, TypeError, ValueError) as error:
        if isinstance(error, ExpressionError):
            raise
        raise ExpressionError(f"{expression!r} cannot be calculated: {error}.") from error


def _value(node: ast.expr) -> Number:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return _bounded(number)
        case ast.UnaryOp(op=op, operand=operand) if type(op) in OPERATORS:
            return _bounded(OPERATORS[type(op)](_value(operand)))
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _bounded(_power(_value(left), _value(right)))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            return _bounded(OPERATORS[type(op)](_value(left), _value(right)))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in FUNCTIONS:
            return _bounded(FUNCTIONS[name](*(_value(argument) for argument in arguments)))
        case ast.BinOp(op=ast.BitXor()):
            raise ExpressionError("Powers are written with **, not ^.")
        case ast.Tuple():
            raise ExpressionError("Write numbers without commas: 1200, not 1,200.")
    raise ExpressionError(f"{ast.unparse(node)} is not understood: only numbers, + - * / // % ** and parentheses are.")


def _power(base: Number, exponent: Number) -> Number:
    """`base ** exponent`, refused before it is computed where the result would not fit."""
    if base and abs(exponent) * abs(math.log10(abs(base))) > math.log10(LARGEST_NUMBER):
        raise ExpressionError("The result of the power is too large or too small.")
    result = base**exponent
    if isinstance(result, complex):
        raise ExpressionError("The power has no real result.")
    return result


def _bounded(value: Number) -> Number:
    if not abs(value) <= LARGEST_NUMBER:  # written so that it also refuses NaN
        raise ExpressionError("A number is larger than 1e300.")
    return value


def read_number(text: str) -> float:
    """Number from text such as `72`, `$1,250.50` or `15%`.

    Raises:
        ExpressionError: If there is no single number in it.
    """
    bare = re.sub(r"[\s$€£%]|,(?=\d{3}\b)", "", text.replace("−", "-"))
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?", bare):
        raise ExpressionError(f"{text[:60]!r} is not a number.")
    return float(bare)


def format_number(value: Number) -> str:
    """Shortest text of a number: whole numbers without a point, others with at most twelve digits."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    return str(value) if isinstance(value, int) else f"{value:.12g}"


TRAIN = """
Nadia folded 36 paper boats on Monday and a third as many on Tuesday. How many boats did she fold in all?
> On Tuesday she folded 36/3 = <<36/3=12>>12 boats.
> In all she folded 36+12 = <<36+12=48>>48 boats.
#### 48

A baker puts 12 rolls in each bag. He bakes 15 bags of rolls and sells 9 of the bags. How many rolls are left?
> There are 15-9 = <<15-9=6>>6 bags left.
> That is 6*12 = <<6*12=72>>72 rolls.
#### 72

Tomas saves $4 every week. After 7 weeks he buys a kite for $19. How many dollars does he have left?
> He saves 4*7 = <<4*7=28>>28 dollars.
> After buying the kite he has 28-19 = <<28-19=9>>9 dollars.
#### 9

A rain barrel holds 180 litres. Watering the garden takes 24 litres a day. How many litres are left after 6 days
without rain if the barrel was full?
> In 6 days the garden takes 24*6 = <<24*6=144>>144 litres.
> The barrel still holds 180-144 = <<180-144=36>>36 litres.
#### 36

Ingrid reads 18 pages before school and twice as many in the evening. How many pages does she read in 5 days?
> In the evening she reads 18*2 = <<18*2=36>>36 pages.
> In one day she reads 18+36 = <<18+36=54>>54 pages.
> In 5 days she reads 54*5 = <<54*5=270>>270 pages.
#### 270

A train has 8 carriages with 45 seats each. If 287 passengers are seated, how many seats are empty?
> The train has 8*45 = <<8*45=360>>360 seats.
> There are 360-287 = <<360-287=73>>73 empty seats.
#### 73

Pencils cost 35 cents each and erasers cost 60 cents each. How many cents do 6 pencils and 4 erasers cost?
> The pencils cost 6*35 = <<6*35=210>>210 cents.
> The erasers cost 4*60 = <<4*60=240>>240 cents.
> Together they cost 210+240 = <<210+240=450>>450 cents.
#### 450

Omar has 5 shelves with 14 model cars each. He gives his cousin 10 cars and sells half of the rest. How many cars does
he keep?
> He starts with 5*14 = <<5*14=70>>70 cars.
> After the gift he has 70-10 = <<70-10=60>>60 cars.
> He sells half and keeps 60/2 = <<60/2=30>>30 cars.
#### 30

A ferry makes 6 crossings a day and carries 32 cars on each crossing. How many cars does it carry in two weeks?
> It carries 6*32 = <<6*32=192>>192 cars a day.
> Two weeks have 2*7 = <<2*7=14>>14 days.
> It carries 192*14 = <<192*14=2688>>2688 cars.
#### 2688

Lucia's recipe for 4 people needs 300 grams of rice. How many grams does she need for 10 people?
> One person needs 300/4 = <<300/4=75>>75 grams.
> Ten people need 75*10 = <<75*10=750>>750 grams.
#### 750

A farmer collects 156 eggs and packs them in boxes of 12. She sells each box for $3. How many dollars does she earn?
> She fills 156/12 = <<156/12=13>>13 boxes.
> She earns 13*3 = <<13*3=39>>39 dollars.
#### 39

Wei is 9 years old. His aunt is 4 times as old. In how many years will his aunt be exactly 3 times as old as Wei?
> His aunt is 9*4 = <<9*4=36>>36 years old.
> The difference in age is always 36-9 = <<36-9=27>>27 years.
> She is 3 times as old when twice Wei's age is 27, that is when Wei is 27/2 = <<27/2=13.5>>13.5 years old.
> That is in 13.5-9 = <<13.5-9=4.5>>4.5 years.
#### 4.5

A climbing rope of 60 metres is cut into 4 pieces of 9 metres. The rest is cut into pieces of 3 metres. How many short
pieces are there?
> The long pieces take 4*9 = <<4*9=36>>36 metres.
> There are 60-36 = <<60-36=24>>24 metres left.
> That makes 24/3 = <<24/3=8>>8 short pieces.
#### 8

A cinema sold 120 adult tickets at $11 and 85 child tickets at $6. How many dollars did it take?
> Adults paid 120*11 = <<120*11=1320>>1320 dollars.
> Children paid 85*6 = <<85*6=510>>510 dollars.
> The cinema took 1320+510 = <<1320+510=1830>>1830 dollars.
#### 1830

Greta runs 2.5 kilometres on each of 4 weekdays and 7 kilometres on Saturday. How many kilometres does she run in 3
such weeks?
> On weekdays she runs 2.5*4 = <<2.5*4=10>>10 kilometres.
> In a week she runs 10+7 = <<10+7=17>>17 kilometres.
> In 3 weeks she runs 17*3 = <<17*3=51>>51 kilometres.
#### 51

A coat costs $80. In the sale its price falls by 15%. How many dollars does the coat cost in the sale?
> The discount is 80*0.15 = <<80*0.15=12>>12 dollars.
> The coat costs 80-12 = <<80-12=68>>68 dollars.
#### 68

Five friends share a bill of $94 and a tip of $11 equally. How many dollars does each of them pay?
> Together they pay 94+11 = <<94+11=105>>105 dollars.
> Each pays 105/5 = <<105/5=21>>21 dollars.
#### 21

A beekeeper has 14 hives. Each hive gives 9 jars of honey in summer and 4 jars in autumn. He keeps 20 jars for himself.
How many jars can he sell?
> Each hive gives 9+4 = <<9+4=13>>13 jars.
> All hives give 14*13 = <<14*13=182>>182 jars.
> He can sell 182-20 = <<182-20=162>>162 jars.
#### 162

A lift can carry 600 kilograms. Seven people of 68 kilograms each are inside. How many kilograms may their luggage
weigh?
> The people weigh 7*68 = <<7*68=476>>476 kilograms.
> The luggage may weigh 600-476 = <<600-476=124>>124 kilograms.
#### 124

Mina plants 8 rows of 11 tulips. A frost kills 16 of them and a deer eats a quarter of the rest. How many tulips bloom?
> She plants 8*11 = <<8*11=88>>88 tulips.
> After the frost there are 88-16 = <<88-16=72>>72 tulips.
> The deer eats 72/4 = <<72/4=18>>18 tulips.
> There are 72-18 = <<72-18=54>>54 tulips in bloom.
#### 54

A printer prints 22 pages a minute. How many minutes does it need for 4 copies of a 77-page report?
> There are 4*77 = <<4*77=308>>308 pages to print.
> It needs 308/22 = <<308/22=14>>14 minutes.
#### 14

Anders buys 3 boxes of nails. Each box has 250 nails. He uses 38 nails on each of 17 benches. How many nails are left?
> He buys 3*250 = <<3*250=750>>750 nails.
> The benches take 38*17 = <<38*17=646>>646 nails.
> There are 750-646 = <<750-646=104>>104 nails left.
#### 104

A swimming pool is 25 metres long. Sofia swims 36 lengths, rests, and then swims 20 more. How many metres does she
swim?
> She swims 36+20 = <<36+20=56>>56 lengths.
> That is 56*25 = <<56*25=1400>>1400 metres.
#### 1400

A parking garage charges $3 for the first hour and $2 for every further hour. How many dollars does a driver pay for
parking from 9 in the morning until 4 in the afternoon?
> From 9 to 16 hours there are 16-9 = <<16-9=7>>7 hours.
> After the first hour there are 7-1 = <<7-1=6>>6 hours.
> They cost 6*2 = <<6*2=12>>12 dollars.
> The driver pays 3+12 = <<3+12=15>>15 dollars.
#### 15

A choir has 54 singers. Two thirds of them are adults, and the rest are children. How many more adults than children
are there?
> There are 54*2/3 = <<54*2/3=36>>36 adults.
> There are 54-36 = <<54-36=18>>18 children.
> There are 36-18 = <<36-18=18>>18 more adults.
#### 18

A hiking trail is 21 kilometres long. Paul walks 4 kilometres an hour for 3 hours and then 3 kilometres an hour. How
many hours does he need for the whole trail?
> In 3 hours he walks 4*3 = <<4*3=12>>12 kilometres.
> There are 21-12 = <<21-12=9>>9 kilometres left.
> They take 9/3 = <<9/3=3>>3 hours.
> He needs 3+3 = <<3+3=6>>6 hours.
#### 6

A toy factory makes 450 puzzles a day, of which 4% are faulty. How many good puzzles does it make in 6 days?
> Each day 450*0.04 = <<450*0.04=18>>18 puzzles are faulty.
> Each day 450-18 = <<450-18=432>>432 puzzles are good.
> In 6 days it makes 432*6 = <<432*6=2592>>2592 good puzzles.
#### 2592

Hana has twice as many stickers as Ben. Ben has 13 more than Carl. Carl has 29 stickers. How many stickers do the three
have together?
> Ben has 29+13 = <<29+13=42>>42 stickers.
> Hana has 42*2 = <<42*2=84>>84 stickers.
> Together they have 84+42+29 = <<84+42+29=155>>155 stickers.
#### 155

A water tank is filled by two pipes. One brings 14 litres a minute and the other brings 9 litres a minute. How many
minutes do they need to fill 690 litres together?
> Together they bring 14+9 = <<14+9=23>>23 litres a minute.
> They need 690/23 = <<690/23=30>>30 minutes.
#### 30

A school orders 32 desks for $75 each and 32 chairs for $28 each. Delivery costs $120. How many dollars does it pay?
> A desk and a chair cost 75+28 = <<75+28=103>>103 dollars.
> All sets cost 32*103 = <<32*103=3296>>3296 dollars.
> With delivery that is 3296+120 = <<3296+120=3416>>3416 dollars.
#### 3416

Elif knits a scarf of 150 centimetres. She knits 12 centimetres a day for 8 days and then 9 centimetres a day. How many
days does she knit in all?
> In 8 days she knits 12*8 = <<12*8=96>>96 centimetres.
> There are 150-96 = <<150-96=54>>54 centimetres left.
> They take 54/9 = <<54/9=6>>6 days.
> She knits for 8+6 = <<8+6=14>>14 days.
#### 14

A theatre has 24 rows. The first 10 rows have 18 seats each and the other rows have 22 seats each. How many seats are
there?
> The first rows have 10*18 = <<10*18=180>>180 seats.
> There are 24-10 = <<24-10=14>>14 other rows.
> They have 14*22 = <<14*22=308>>308 seats.
> There are 180+308 = <<180+308=488>>488 seats.
#### 488

Ravi's phone plan costs $12 a month plus 5 cents for each minute of calls. How many dollars does he pay for a month
with 140 minutes of calls?
> The calls cost 140*0.05 = <<140*0.05=7>>7 dollars.
> He pays 12+7 = <<12+7=19>>19 dollars.
#### 19

A bookshop had 640 books. It sold 115 in March and 98 in April, and then 200 new books arrived. How many books does it
have now?
> It sold 115+98 = <<115+98=213>>213 books.
> It had 640-213 = <<640-213=427>>427 books left.
> Now it has 427+200 = <<427+200=627>>627 books.
#### 627

A rectangular field is 85 metres long and 40 metres wide. A fence around it costs $6 a metre. How many dollars does the
fence cost?
> Half the way around is 85+40 = <<85+40=125>>125 metres.
> The whole way around is 125*2 = <<125*2=250>>250 metres.
> The fence costs 250*6 = <<250*6=1500>>1500 dollars.
#### 1500

Jonas earns $14 an hour and one and a half times as much for each hour above 40 in a week. How many dollars does he
earn in a week of 46 hours?
> The first 40 hours bring 40*14 = <<40*14=560>>560 dollars.
> An extra hour brings 14*1.5 = <<14*1.5=21>>21 dollars.
> There are 46-40 = <<46-40=6>>6 extra hours.
> They bring 6*21 = <<6*21=126>>126 dollars.
> He earns 560+126 = <<560+126=686>>686 dollars.
#### 686

A box holds 6 layers of 24 oranges. One orange in every 16 is spoiled. How many oranges are good?
> The box holds 6*24 = <<6*24=144>>144 oranges.
> There are 144/16 = <<144/16=9>>9 spoiled oranges.
> There are 144-9 = <<144-9=135>>135 good oranges.
#### 135

A bus starts with 17 passengers. At the first stop 8 get off and 12 get on. At the second stop a third of the
passengers get off. How many passengers stay on the bus?
> After the first stop there are 17-8+12 = <<17-8+12=21>>21 passengers.
> At the second stop 21/3 = <<21/3=7>>7 get off.
> There are 21-7 = <<21-7=14>>14 passengers on the bus.
#### 14

Zara's car uses 6 litres of petrol for 100 kilometres. Petrol costs $1.50 a litre. How many dollars does she pay for
the petrol of a trip of 450 kilometres?
> The trip is 450/100 = <<450/100=4.5>>4.5 times 100 kilometres.
> It takes 4.5*6 = <<4.5*6=27>>27 litres.
> They cost 27*1.5 = <<27*1.5=40.5>>40.5 dollars.
#### 40.5

A chess club has 3 times as many juniors as seniors. There are 48 members. How many juniors are there?
> The members are 3+1 = <<3+1=4>>4 equal groups, of which one is the seniors.
> Each group has 48/4 = <<48/4=12>>12 members.
> There are 12*3 = <<12*3=36>>36 juniors.
#### 36

A candle is 24 centimetres tall and burns down 1.5 centimetres an hour. How tall is it, in centimetres, after burning
for 5 hours on each of 2 evenings?
> It burns for 5*2 = <<5*2=10>>10 hours.
> It loses 10*1.5 = <<10*1.5=15>>15 centimetres.
> It is 24-15 = <<24-15=9>>9 centimetres tall.
#### 9

Karim sells lemonade for $2 a cup. The lemons cost him $18 and the cups cost 10 cents each. How many dollars of profit
does he make by selling 60 cups?
> He takes 60*2 = <<60*2=120>>120 dollars.
> The cups cost 60*0.1 = <<60*0.1=6>>6 dollars.
> His costs are 18+6 = <<18+6=24>>24 dollars.
> His profit is 120-24 = <<120-24=96>>96 dollars.
#### 96

There are 28 pupils in a class. Each pupil needs 3 notebooks, and notebooks come in packs of 7. How many packs does the
teacher buy?
> The pupils need 28*3 = <<28*3=84>>84 notebooks.
> That is 84/7 = <<84/7=12>>12 packs.
#### 12

A library lends 75 books on each weekday and 130 on Saturday, and is closed on Sunday. How many books does it lend in 4
weeks?
> On weekdays it lends 75*5 = <<75*5=375>>375 books.
> In a week it lends 375+130 = <<375+130=505>>505 books.
> In 4 weeks it lends 505*4 = <<505*4=2020>>2020 books.
#### 2020

Dora has $50. She buys 3 plants at $8.50 each and a pot for $12. How many dollars does she have left?
> The plants cost 3*8.5 = <<3*8.5=25.5>>25.5 dollars.
> She spends 25.5+12 = <<25.5+12=37.5>>37.5 dollars.
> She has 50-37.5 = <<50-37.5=12.5>>12.5 dollars left.
#### 12.5

A snail climbs 3 metres up a wall each day and slides back 1 metre each night. How high above the ground, in metres, is
it at the end of the fifth day, before it slides?
> A day and a night bring it 3-1 = <<3-1=2>>2 metres up.
> After 4 days and nights it is at 4*2 = <<4*2=8>>8 metres.
> On the fifth day it reaches 8+3 = <<8+3=11>>11 metres.
#### 11

Two trains leave the same station in opposite directions. One travels at 80 kilometres an hour and the other at 95. How
many kilometres apart are they after 3 hours?
> Each hour they part by 80+95 = <<80+95=175>>175 kilometres.
> After 3 hours they are 175*3 = <<175*3=525>>525 kilometres apart.
#### 525

A jar holds red, green and blue marbles. There are 40 red marbles, half as many green ones, and 15 more blue marbles
than green ones. How many marbles are in the jar?
> There are 40/2 = <<40/2=20>>20 green marbles.
> There are 20+15 = <<20+15=35>>35 blue marbles.
> There are 40+20+35 = <<40+20+35=95>>95 marbles.
#### 95
"""

TEST = """
A carpenter makes 7 stools a day for 4 days and 5 stools a day for the next 6 days. How many stools does he make?
> In the first days he makes 7*4 = <<7*4=28>>28 stools.
> In the next days he makes 5*6 = <<5*6=30>>30 stools.
> He makes 28+30 = <<28+30=58>>58 stools.
#### 58

A pizza is cut into 12 slices. Maja eats 2 slices, Leo eats twice as many as Maja, and Ida eats 1. How many slices are
left?
> Leo eats 2*2 = <<2*2=4>>4 slices.
> Together they eat 2+4+1 = <<2+4+1=7>>7 slices.
> There are 12-7 = <<12-7=5>>5 slices left.
#### 5

A shop buys mugs for $4 and sells them for $7. How many mugs must it sell to make a profit of $135?
> On each mug it makes 7-4 = <<7-4=3>>3 dollars.
> It must sell 135/3 = <<135/3=45>>45 mugs.
#### 45

A reservoir holds 9000 cubic metres of water. It loses 5% in June and then 450 cubic metres in July. How many cubic
metres are left?
> In June it loses 9000*0.05 = <<9000*0.05=450>>450 cubic metres.
> In both months it loses 450+450 = <<450+450=900>>900 cubic metres.
> There are 9000-900 = <<9000-900=8100>>8100 cubic metres left.
#### 8100

Each of 16 teams in a tournament has 11 players and 4 substitutes. How many people play or wait to play?
> A team has 11+4 = <<11+4=15>>15 people.
> All teams have 16*15 = <<16*15=240>>240 people.
#### 240

Bashir types 45 words a minute. He types for 20 minutes, rests for 5, and types for another 12 minutes. How many words
does he type?
> He types for 20+12 = <<20+12=32>>32 minutes.
> He types 32*45 = <<32*45=1440>>1440 words.
#### 1440

A ribbon of 4.8 metres is cut into 6 equal pieces, and 5 of them are used. How many metres are not used?
> Each piece is 4.8/6 = <<4.8/6=0.8>>0.8 metres long.
> There is 6-5 = <<6-5=1>>1 piece not used.
> That is 1*0.8 = <<1*0.8=0.8>>0.8 metres.
#### 0.8

An orchard has 13 rows of 18 apple trees and 9 rows of 14 pear trees. How many trees does it have?
> There are 13*18 = <<13*18=234>>234 apple trees.
> There are 9*14 = <<9*14=126>>126 pear trees.
> There are 234+126 = <<234+126=360>>360 trees.
#### 360

Yusuf's video has 3600 views. Each day 250 more people watch it. After how many days does it have 5100 views?
> It needs 5100-3600 = <<5100-3600=1500>>1500 more views.
> That takes 1500/250 = <<1500/250=6>>6 days.
#### 6

A hotel has 48 double rooms and 20 single rooms. Every room is full except 7 double rooms. How many guests are there if
each full double room has 2 guests?
> There are 48-7 = <<48-7=41>>41 full double rooms.
> They have 41*2 = <<41*2=82>>82 guests.
> There are 82+20 = <<82+20=102>>102 guests.
#### 102

Clara mixes 3 parts of blue paint with 5 parts of white paint. How many litres of white paint are in 24 litres of the
mix?
> The mix has 3+5 = <<3+5=8>>8 parts.
> Each part is 24/8 = <<24/8=3>>3 litres.
> The white paint is 3*5 = <<3*5=15>>15 litres.
#### 15

A museum charges $9 for adults, and children pay a third of that. How many dollars do 4 adults and 7 children pay?
> A child pays 9/3 = <<9/3=3>>3 dollars.
> The adults pay 4*9 = <<4*9=36>>36 dollars.
> The children pay 7*3 = <<7*3=21>>21 dollars.
> Together they pay 36+21 = <<36+21=57>>57 dollars.
#### 57

A cyclist rides 18 kilometres an hour for 2.5 hours and then walks 3 kilometres because of a flat tyre. How many
kilometres does she travel?
> She rides 18*2.5 = <<18*2.5=45>>45 kilometres.
> She travels 45+3 = <<45+3=48>>48 kilometres.
#### 48

Sami has 96 photos. He puts 6 photos on each page of an album and has filled 11 pages. How many more pages does he
need?
> He has placed 6*11 = <<6*11=66>>66 photos.
> There are 96-66 = <<96-66=30>>30 photos left.
> They need 30/6 = <<30/6=5>>5 pages.
#### 5

A laptop costs $720. Vera pays a quarter at once and the rest in 9 equal monthly payments. How many dollars is each
payment?
> At once she pays 720/4 = <<720/4=180>>180 dollars.
> The rest is 720-180 = <<720-180=540>>540 dollars.
> Each payment is 540/9 = <<540/9=60>>60 dollars.
#### 60

The temperature was 4 degrees below zero at dawn. It rose 2 degrees an hour for 7 hours and then fell 3 degrees. How
many degrees above zero was it then?
> It rose 2*7 = <<2*7=14>>14 degrees.
> It was then -4+14 = <<-4+14=10>>10 degrees.
> After the fall it was 10-3 = <<10-3=7>>7 degrees.
#### 7
"""

SPLITS = {"train": TRAIN, "test": TEST}

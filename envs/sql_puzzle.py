"""Answer a question about a small shop by querying its SQLite database."""

import datetime
import random
import re
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from ldp_tui import Environment, Frame, Message, Messages, Tool, ToolRequestMessage

INSTRUCTIONS = (
    "The answer is in the shop's SQLite database. list_tables and describe show what there is, query runs one SELECT, "
    "and submit ends the episode. Prices are whole dollars, dates are written YYYY-MM-DD."
)
EPISODE_OVER = "The episode is over; nothing more is counted."
CLOSED = "The environment is closed; reset it to play again."

SCHEMA = """
CREATE TABLE customers (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, city TEXT NOT NULL, email TEXT, joined_on TEXT NOT NULL
);
CREATE TABLE products (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, category TEXT NOT NULL, price INTEGER NOT NULL, stock INTEGER NOT NULL
);
CREATE TABLE orders (
    id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers(id), ordered_on TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('open', 'shipped', 'cancelled'))
);
CREATE TABLE order_items (
    order_id INTEGER NOT NULL REFERENCES orders(id), product_id INTEGER NOT NULL REFERENCES products(id),
    quantity INTEGER NOT NULL, unit_price INTEGER NOT NULL, PRIMARY KEY (order_id, product_id)
);
CREATE TABLE reviews (
    id INTEGER PRIMARY KEY, product_id INTEGER NOT NULL REFERENCES products(id),
    customer_id INTEGER NOT NULL REFERENCES customers(id), stars INTEGER NOT NULL CHECK (stars BETWEEN 1 AND 5),
    written_on TEXT NOT NULL
);
"""

FIRST_NAMES = (
    "Ada Bela Chidi Dana Elio Fatou Goran Hilde Ines Jun Kofi Lena Mateo Nour Olga Pavel Rosa Sven Tala Uma Viktor Yara"
)
LAST_NAMES = "Abbott Brandt Costa Diallo Eriksen Farkas Greco Haddad Ivanov Jansen Kowal Lindqvist Moreau Nakata Okafor"
CITIES = ("Northport", "Eastbridge", "Southfield", "Westholm", "Lakeside")
CATALOGUE = {
    "kitchen": ("kettle", "whisk", "breadboard", "teapot", "saucepan", "colander"),
    "garden": ("rake", "trowel", "watering can", "bird feeder", "plant pot", "hose"),
    "office": ("stapler", "desk lamp", "notebook", "fountain pen", "paper tray", "globe"),
    "sport": ("skipping rope", "tennis racket", "football", "yoga mat", "dumbbell", "frisbee"),
    "toys": ("kite", "puzzle", "spinning top", "wooden train", "marbles", "yo-yo"),
}
STATUSES = ("shipped", "shipped", "shipped", "open", "cancelled")
FIRST_DAY = datetime.date(2024, 1, 1)
MOST_SHOPS = 20


@dataclass(frozen=True, slots=True)
class Template:
    """A question with `:name` parameters, the query that answers it, and the query for each parameter's values."""

    text: str
    answer: str
    parameters: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Puzzle:
    """A question about one database; `answer` was computed from its rows and is the only one."""

    id: str
    question: str
    answer: str | int | float


@dataclass(slots=True)
class SqlState:
    """The puzzle and how far the player is; `reward` is of the newest step alone."""

    puzzle: Puzzle
    seed: int
    last_sql: str = ""
    last_result: str = ""
    queries: int = 0
    errors: int = 0
    submitted: str | None = None
    correct: bool | None = None
    reward: float = 0.0
    done: bool = False


class SqlPuzzleEnv(Environment[SqlState]):
    """A new shop and question per episode, both drawn from the seed, in a temporary folder that `close` removes.

    Args:
        template: Number of the question template (0 to 23); by default the seed picks one.
        max_rows: Rows of a result that are shown.
        max_seconds: Time after which a query is stopped.
        correct_reward: For the right answer.
        incorrect_reward: For a wrong answer.
    """

    def __init__(
        self,
        *,
        template: int | None = None,
        max_rows: int = 20,
        max_seconds: float = 1.0,
        correct_reward: float = 1.0,
        incorrect_reward: float = 0.0,
    ) -> None:
        self.template = _checked(template)
        self.max_rows = max_rows
        self.max_seconds = max_seconds
        self.correct_reward = correct_reward
        self.incorrect_reward = incorrect_reward
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._database = Path()

    async def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Messages, list[Tool]]:
        """Build a shop and ask about it. `options={"template": i}` picks the question template."""
        self._remove_folder()
        number = _checked((options or {}).get("template", self.template))
        seed = random.randrange(2**32) if seed is None else seed
        self._folder = tempfile.TemporaryDirectory(prefix="ldp-tui-shop-", ignore_cleanup_errors=True)
        try:
            self._database, puzzle = build(Path(self._folder.name), seed, number)
        except BaseException:
            self._remove_folder()
            raise
        self.state = SqlState(puzzle, seed)
        functions = (self.list_tables, self.describe, self.query, self.submit)
        self.tools = [Tool.from_function(function) for function in functions]
        return [Message(content=f"{puzzle.question}\n\n{INSTRUCTIONS}")], list(self.tools)

    async def step(self, action: Message) -> tuple[Messages, float, bool, bool]:
        """Run the calls in their order."""
        if self.state.done:
            return [Message(content=EPISODE_OVER)], 0.0, True, False
        if not isinstance(action, ToolRequestMessage) or not action.tool_calls:
            return self.default_no_tool_calls_response
        self.state.reward = 0.0
        answers = await self.exec_tool_calls(action, concurrency=False, handle_tool_exc=True)
        return [*answers], self.state.reward, self.state.done, False

    async def close(self) -> None:
        """Remove the database and its folder."""
        self._remove_folder()

    def _remove_folder(self) -> None:
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def list_tables(self) -> str:
        """List the tables with their numbers of rows."""
        if refusal := self._refusal():
            return refusal
        names, _ = self._select("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        counts = [self._select(f'SELECT count(*) FROM "{name}"')[0][0][0] for (name,) in names]  # noqa: S608 (own names)
        return "\n".join(f"{name} ({count} rows)" for (name,), count in zip(names, counts, strict=True))

    def describe(self, table: str) -> str:
        """Show the columns of a table.

        Args:
            table: Name of the table
        """
        if refusal := self._refusal():
            return refusal
        rows, _ = self._select("SELECT lower(name), sql FROM sqlite_master WHERE type = 'table'")
        definition = dict(rows).get(table.strip().lower())
        return definition or f"There is no table {table[:60]!r}. Call list_tables to see all."

    def query(self, sql: str) -> str:
        """Run one SELECT statement and show its first rows.

        Args:
            sql: The statement in SQLite's dialect
        """
        if refusal := self._refusal():
            return refusal
        state = self.state
        state.last_sql, state.queries = sql.strip(), state.queries + 1
        try:
            rows, columns = self._select(sql)
        except (sqlite3.Error, sqlite3.Warning, ValueError) as error:
            state.errors += 1
            state.last_result = f"The query failed: {explain(error, self.max_seconds)}"
        else:
            state.last_result = table_text(columns, rows, self.max_rows)
        return state.last_result

    def submit(self, answer: str) -> str:
        """Submit the answer, which ends the episode.

        Args:
            answer: The number, name or date alone
        """
        if refusal := self._refusal():
            return refusal
        state = self.state
        state.submitted, state.done = answer.strip(), True
        state.correct = matches(answer, state.puzzle.answer)
        state.reward += self.correct_reward if state.correct else self.incorrect_reward
        return f"{state.submitted[:80]!r} is {'correct' if state.correct else 'not correct'}."

    def _refusal(self) -> str:
        if self.state.done:
            return EPISODE_OVER
        return CLOSED if self._folder is None else ""

    def _select(self, sql: str) -> tuple[list[tuple[Any, ...]], list[str]]:
        """Rows (one more than are shown) and column names of a query that can read and nothing else."""
        with closing(sqlite3.connect(f"{self._database.as_uri()}?mode=ro", uri=True)) as connection:
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 20_000)
            connection.setlimit(sqlite3.SQLITE_LIMIT_COLUMN, 50)
            connection.setlimit(sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 100)
            connection.set_authorizer(allow_reading)
            deadline = time.monotonic() + self.max_seconds
            connection.set_progress_handler(lambda: time.monotonic() > deadline, 1_000)
            cursor = connection.execute(sql)
            rows = cursor.fetchmany(self.max_rows + 1)
            return rows, [column[0] for column in cursor.description or ()]

    async def get_id(self) -> str:
        """Template and seed of the database, such as `shop-07-1234`."""
        return self.state.puzzle.id

    def success(self) -> bool:
        """Whether the right answer was submitted."""
        return bool(self.state.correct)

    def info(self) -> dict[str, Any]:
        """Seed of the database, queries and how many of them failed; the answer once the episode is over."""
        state = self.state
        counts = {"puzzle": state.puzzle.id, "seed": state.seed, "queries": state.queries, "errors": state.errors}
        return {**counts, "expected": state.puzzle.answer} if state.done else counts

    def export_frame(self) -> Frame:
        """The question, the newest query and its result."""
        state = self.state
        return Frame(
            state={
                "question": state.puzzle.question,
                "sql": state.last_sql,
                "result": state.last_result,
                "submitted": state.submitted or "",
                "done": state.done,
            },
            info=self.info(),
        )

    def render(self) -> str:
        """The question, the newest query and its result."""
        state = self.state
        lines = [state.puzzle.question]
        if state.last_sql:
            lines += ["", f"sql> {state.last_sql}", state.last_result]
        if state.submitted is not None:
            lines += ["", f"answer: {state.submitted} ({'correct' if state.correct else 'not correct'})"]
        return "\n".join(lines)


make = SqlPuzzleEnv


def _checked(template: int | None) -> int | None:
    if template is not None and not 0 <= template < len(TEMPLATES):
        raise ValueError(f"There is no template {template}; the templates are 0 to {len(TEMPLATES) - 1}.")
    return template


def allow_reading(action: int, *_: str | None) -> int:
    """SQLite authorizer: reading, selecting and calling functions; no writing, attaching, pragmas or extensions."""
    reading = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
    return sqlite3.SQLITE_OK if action in reading else sqlite3.SQLITE_DENY


def explain(error: Exception, max_seconds: float) -> str:
    """What the player should know of a failed query."""
    text = str(error)
    if text == "interrupted":
        return f"it took longer than {max_seconds:g} s and was stopped."
    if "authoriz" in text or "prohibited" in text:
        return "only SELECT statements on the listed tables are allowed."
    return f"{text.rstrip('.')}."


def table_text(columns: list[str], rows: list[tuple[Any, ...]], max_rows: int, widest: int = 40) -> str:
    """Rows as aligned text; more than `max_rows` and cells over `widest` characters are cut, and say so."""
    if not columns:
        return "The statement has no result. Write a SELECT."
    cells = [[_cell(value, widest) for value in row] for row in [tuple(columns), *rows[:max_rows]]]
    widths = [max(len(row[place]) for row in cells) for place in range(len(columns))]
    lines = [" | ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    lines.insert(1, "-+-".join("-" * width for width in widths))
    if not rows:
        lines.append("(no rows)")
    elif len(rows) > max_rows:
        lines.append(f"(only the first {max_rows} rows are shown)")
    return "\n".join(lines)


def _cell(value: Any, widest: int) -> str:
    text = "NULL" if value is None else value.hex() if isinstance(value, bytes) else str(value)
    text = " ".join(text.split())
    return text if len(text) <= widest else f"{text[: widest - 1]}…"


def matches(submitted: str, expected: str | float) -> bool:
    """Whether two answers say the same: numbers to within 0.01, texts without regard to case and outer punctuation."""
    text = submitted.strip().strip("\"'.$").casefold()
    if isinstance(expected, str):
        return text == expected.casefold()
    bare = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    return bool(re.fullmatch(r"[+-]?\d+(\.\d+)?", bare)) and abs(float(bare) - expected) <= 0.01


def build(folder: Path, seed: int, number: int | None) -> tuple[Path, Puzzle]:
    """Write the shop of `seed` into `folder` and ask a question that has exactly one answer.

    A shop in which question template `number` has none is replaced by the next one that the seed gives.
    """
    for attempt in range(MOST_SHOPS):
        rng = random.Random(f"{seed}/{attempt}")
        path = folder / f"shop-{attempt}.db"
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA synchronous = OFF")  # the file does not outlive the episode
            with connection:
                connection.executescript(SCHEMA)
                _fill(connection, rng)
            numbers = [number] if number is not None else rng.sample(range(len(TEMPLATES)), len(TEMPLATES))
            for candidate in numbers:
                for question, answer in _instances(connection, TEMPLATES[candidate], rng):
                    return path, Puzzle(f"shop-{candidate:02d}-{seed}", question, answer)
    raise ValueError(f"Question template {number} has no single answer in {MOST_SHOPS} shops of seed {seed}.")


def _fill(connection: sqlite3.Connection, rng: random.Random) -> None:
    first, last = FIRST_NAMES.split(), LAST_NAMES.split()
    names = rng.sample([f"{a} {b}" for a in first for b in last], 40)
    customers = [
        (key, name, rng.choice(CITIES), _email(name) if rng.random() < 0.8 else None, _day(rng, 0, 500))
        for key, name in enumerate(names, start=1)
    ]
    goods = [(name, category) for category, items in CATALOGUE.items() for name in items]
    rng.shuffle(goods)
    products = [
        (key, name, category, rng.randint(3, 120), rng.choice([0, rng.randint(1, 60), rng.randint(1, 60)]))
        for key, (name, category) in enumerate(goods, start=1)
    ]
    orders = [(key, rng.choice(customers[:36])[0], _day(rng, 500, 365), rng.choice(STATUSES)) for key in range(1, 121)]
    items = [
        (order[0], bought[0], rng.randint(1, 5), max(1, bought[3] - rng.choice([0, 0, 1, 2])))
        for order in orders
        for bought in rng.sample(products[:27], rng.randint(1, 4))
    ]
    reviews = [
        (key, rng.choice(products)[0], rng.choice(customers)[0], rng.choice([1, 2, 3, 4, 4, 5, 5]), _day(rng, 520, 365))
        for key in range(1, 81)
    ]
    for table, width, rows in (
        ("customers", 5, customers),
        ("products", 5, products),
        ("orders", 4, orders),
        ("order_items", 4, items),
        ("reviews", 5, reviews),
    ):
        connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * width)})", rows)  # noqa: S608 (own names)


def _email(name: str) -> str:
    return f"{name.lower().replace(' ', '.')}@example.org"


def _day(rng: random.Random, first: int, span: int) -> str:
    return (FIRST_DAY + datetime.timedelta(days=first + rng.randrange(span))).isoformat()


def _instances(
    connection: sqlite3.Connection, template: Template, rng: random.Random
) -> Iterator[tuple[str, str | int | float]]:
    """Question and answer for the parameter values that give a single answer, in random order."""
    choices = [[(name, value) for (value,) in connection.execute(query)] for name, query in template.parameters.items()]
    combinations = [dict(chosen) for chosen in product(*choices)]
    rng.shuffle(combinations)
    for values in combinations:
        rows = connection.execute(template.answer, values).fetchmany(2)
        if len(rows) == 1 and rows[0][0] not in (None, 0):
            question = template.text
            for name, value in values.items():
                question = question.replace(f":{name}", str(value))
            yield question, rows[0][0]


CITY = {"city": "SELECT DISTINCT city FROM customers ORDER BY city"}
CATEGORY = {"category": "SELECT DISTINCT category FROM products ORDER BY category"}
MONTH = {"month": "SELECT DISTINCT substr(ordered_on, 1, 7) FROM orders ORDER BY 1"}
PRODUCT = {"product": "SELECT name FROM products ORDER BY name"}
CUSTOMER = {"customer": "SELECT name FROM customers ORDER BY name"}

TEMPLATES = (
    Template(
        "How many customers live in :city?",
        "SELECT count(*) FROM customers WHERE city = :city",
        CITY,
    ),
    Template(
        "How many customers from :city have no e-mail address?",
        "SELECT count(*) FROM customers WHERE city = :city AND email IS NULL",
        CITY,
    ),
    Template(
        "Which customer joined first?",
        "SELECT name FROM customers WHERE joined_on = (SELECT min(joined_on) FROM customers)",
    ),
    Template(
        "Which city do most customers live in?",
        """WITH n AS (SELECT city, count(*) AS c FROM customers GROUP BY city)
           SELECT city FROM n WHERE c = (SELECT max(c) FROM n)""",
    ),
    Template(
        "What is the most expensive product in the category :category?",
        """SELECT name FROM products WHERE category = :category
           AND price = (SELECT max(price) FROM products WHERE category = :category)""",
        CATEGORY,
    ),
    Template(
        "How many products of the category :category are out of stock?",
        "SELECT count(*) FROM products WHERE category = :category AND stock = 0",
        CATEGORY,
    ),
    Template(
        "What are all products in stock worth together, at their prices, in dollars?",
        "SELECT sum(price * stock) FROM products",
    ),
    Template(
        "What is the average price of the products in the category :category, in dollars, rounded to two decimals?",
        "SELECT round(avg(price), 2) FROM products WHERE category = :category",
        CATEGORY,
    ),
    Template(
        "How many orders were placed in :month, not counting cancelled ones?",
        "SELECT count(*) FROM orders WHERE substr(ordered_on, 1, 7) = :month AND status <> 'cancelled'",
        MONTH,
    ),
    Template(
        "In which month (YYYY-MM) were most orders placed, cancelled ones included?",
        """WITH n AS (SELECT substr(ordered_on, 1, 7) AS m, count(*) AS c FROM orders GROUP BY m)
           SELECT m FROM n WHERE c = (SELECT max(c) FROM n)""",
    ),
    Template(
        "How many orders did :customer place, cancelled ones included?",
        "SELECT count(*) FROM orders JOIN customers ON customers.id = customer_id WHERE name = :customer",
        CUSTOMER,
    ),
    Template(
        "Which customer placed the most orders that were not cancelled?",
        """WITH n AS (SELECT customer_id, count(*) AS c FROM orders WHERE status <> 'cancelled' GROUP BY customer_id)
           SELECT name FROM n JOIN customers ON id = customer_id WHERE c = (SELECT max(c) FROM n)""",
    ),
    Template(
        "How many customers never placed an order?",
        "SELECT count(*) FROM customers WHERE id NOT IN (SELECT customer_id FROM orders)",
    ),
    Template(
        "How many dollars did :customer pay for shipped orders?",
        """SELECT sum(quantity * unit_price) FROM order_items JOIN orders ON orders.id = order_id
           JOIN customers ON customers.id = customer_id WHERE name = :customer AND status = 'shipped'""",
        CUSTOMER,
    ),
    Template(
        "How many dollars did shipped orders placed in :month bring?",
        """SELECT sum(quantity * unit_price) FROM order_items JOIN orders ON orders.id = order_id
           WHERE status = 'shipped' AND substr(ordered_on, 1, 7) = :month""",
        MONTH,
    ),
    Template(
        "How many pieces of the product ':product' were shipped?",
        """SELECT sum(quantity) FROM order_items JOIN orders ON orders.id = order_id
           JOIN products ON products.id = product_id WHERE products.name = :product AND status = 'shipped'""",
        PRODUCT,
    ),
    Template(
        "Which product was shipped in the largest number of pieces?",
        """WITH n AS (SELECT product_id, sum(quantity) AS q FROM order_items JOIN orders ON orders.id = order_id
           WHERE status = 'shipped' GROUP BY product_id)
           SELECT name FROM n JOIN products ON id = product_id WHERE q = (SELECT max(q) FROM n)""",
    ),
    Template(
        "Which category brought the most money with shipped orders?",
        """WITH n AS (SELECT category, sum(quantity * unit_price) AS t FROM order_items
           JOIN orders ON orders.id = order_id JOIN products ON products.id = product_id
           WHERE status = 'shipped' GROUP BY category)
           SELECT category FROM n WHERE t = (SELECT max(t) FROM n)""",
    ),
    Template(
        "How many products were never ordered?",
        "SELECT count(*) FROM products WHERE id NOT IN (SELECT product_id FROM order_items)",
    ),
    Template(
        "How many different customers from :city ordered something of the category :category, cancelled or not?",
        """SELECT count(DISTINCT customer_id) FROM orders JOIN customers ON customers.id = customer_id
           JOIN order_items ON order_id = orders.id JOIN products ON products.id = product_id
           WHERE city = :city AND category = :category""",
        {**CITY, **CATEGORY},
    ),
    Template(
        "What is the total of the most expensive order that was not cancelled, in dollars?",
        """SELECT max(total) FROM (SELECT sum(quantity * unit_price) AS total FROM order_items
           JOIN orders ON orders.id = order_id WHERE status <> 'cancelled' GROUP BY order_id)""",
    ),
    Template(
        "What is the average number of stars of the product ':product', rounded to two decimals?",
        """SELECT round(avg(stars), 2) FROM reviews JOIN products ON products.id = product_id
           WHERE name = :product HAVING count(*) > 1""",
        PRODUCT,
    ),
    Template(
        "Which product has the most reviews?",
        """WITH n AS (SELECT product_id, count(*) AS c FROM reviews GROUP BY product_id)
           SELECT name FROM n JOIN products ON id = product_id WHERE c = (SELECT max(c) FROM n)""",
    ),
    Template(
        "How many reviews were written by customers from :city with one or two stars?",
        "SELECT count(*) FROM reviews JOIN customers ON customers.id = customer_id WHERE city = :city AND stars <= 2",
        CITY,
    ),
)

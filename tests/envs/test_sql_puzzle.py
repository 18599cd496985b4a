"""The SQL puzzle: its questions, its limits, and what it leaves behind."""

from __future__ import annotations

import re
import sqlite3
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from envs import sql_puzzle
from tests.envs.calls import call, request


class Shop:
    """The rows of a shop as Python objects, to answer the questions without SQL."""

    def __init__(self, path: Path) -> None:
        with closing(sqlite3.connect(path)) as connection:
            connection.row_factory = sqlite3.Row
            for table in ("customers", "products", "orders", "order_items", "reviews"):
                rows = [SimpleNamespace(**dict(row)) for row in connection.execute(f"SELECT * FROM {table}")]
                setattr(self, table, rows)
        self.customer = {c.id: c for c in self.customers}
        self.product = {p.id: p for p in self.products}
        self.order = {o.id: o for o in self.orders}

    customers: list[Any]
    products: list[Any]
    orders: list[Any]
    order_items: list[Any]
    reviews: list[Any]

    def shipped(self) -> list[Any]:
        return [i for i in self.order_items if self.order[i.order_id].status == "shipped"]

    def buyer(self, item: Any) -> Any:
        return self.customer[self.order[item.order_id].customer_id]


def worth(items: Iterable[Any]) -> int:
    return sum(i.quantity * i.unit_price for i in items)


def most(totals: dict[Any, int]) -> Any:
    ((first, top), (_, second)) = Counter(totals).most_common(2)
    assert top > second
    return first


def totals(pairs: Iterable[tuple[Any, int]]) -> dict[Any, int]:
    summed: dict[Any, int] = defaultdict(int)
    for key, number in pairs:
        summed[key] += number
    return summed


def mean(numbers: list[int]) -> float:
    return round(sum(numbers) / len(numbers), 2)


ANSWERS: list[tuple[str, Callable[..., Any]]] = [
    (r"How many customers live in (\w+)\?", lambda s, city: sum(c.city == city for c in s.customers)),
    (
        r"How many customers from (\w+) have no e-mail",
        lambda s, city: sum(c.city == city and c.email is None for c in s.customers),
    ),
    (r"Which customer joined first", lambda s: min(s.customers, key=lambda c: c.joined_on).name),
    (r"Which city do most", lambda s: most(Counter(c.city for c in s.customers))),
    (
        r"most expensive product in the category (\w+)\?",
        lambda s, k: max((p for p in s.products if p.category == k), key=lambda p: p.price).name,
    ),
    (
        r"products of the category (\w+) are out of stock",
        lambda s, k: sum(p.category == k and p.stock == 0 for p in s.products),
    ),
    (r"all products in stock worth", lambda s: sum(p.price * p.stock for p in s.products)),
    (
        r"average price of the products in the category (\w+),",
        lambda s, k: mean([p.price for p in s.products if p.category == k]),
    ),
    (
        r"How many orders were placed in ([\d-]+), not",
        lambda s, m: sum(o.ordered_on.startswith(m) and o.status != "cancelled" for o in s.orders),
    ),
    (r"In which month", lambda s: most(Counter(o.ordered_on[:7] for o in s.orders))),
    (r"How many orders did (.+) place,", lambda s, n: sum(s.customer[o.customer_id].name == n for o in s.orders)),
    (
        r"Which customer placed the most orders",
        lambda s: most(Counter(s.customer[o.customer_id].name for o in s.orders if o.status != "cancelled")),
    ),
    (r"customers never placed an order", lambda s: len(s.customers) - len({o.customer_id for o in s.orders})),
    (r"How many dollars did (.+) pay for", lambda s, n: worth(i for i in s.shipped() if s.buyer(i).name == n)),
    (
        r"How many dollars did shipped orders placed in ([\d-]+) bring",
        lambda s, m: worth(i for i in s.shipped() if s.order[i.order_id].ordered_on.startswith(m)),
    ),
    (
        r"pieces of the product '(.+)' were shipped",
        lambda s, n: sum(i.quantity for i in s.shipped() if s.product[i.product_id].name == n),
    ),
    (
        r"shipped in the largest number of pieces",
        lambda s: most(totals((s.product[i.product_id].name, i.quantity) for i in s.shipped())),
    ),
    (
        r"Which category brought the most",
        lambda s: most(totals((s.product[i.product_id].category, i.quantity * i.unit_price) for i in s.shipped())),
    ),
    (r"products were never ordered", lambda s: len(s.products) - len({i.product_id for i in s.order_items})),
    (
        r"different customers from (\w+) ordered something of the category (\w+),",
        lambda s, city, k: len(
            {s.buyer(i).id for i in s.order_items if s.buyer(i).city == city and s.product[i.product_id].category == k}
        ),
    ),
    (
        r"total of the most expensive order",
        lambda s: max(
            totals(
                (i.order_id, i.quantity * i.unit_price)
                for i in s.order_items
                if s.order[i.order_id].status != "cancelled"
            ).values()
        ),
    ),
    (
        r"average number of stars of the product '(.+)',",
        lambda s, n: mean([r.stars for r in s.reviews if s.product[r.product_id].name == n]),
    ),
    (r"Which product has the most reviews", lambda s: most(Counter(s.product[r.product_id].name for r in s.reviews))),
    (
        r"How many reviews were written by customers from (\w+) with",
        lambda s, city: sum(s.customer[r.customer_id].city == city and r.stars <= 2 for r in s.reviews),
    ),
]


def worked_out(question: str, shop: Shop) -> Any:
    ((match, answer),) = [(found, a) for pattern, a in ANSWERS if (found := re.search(pattern, question))]
    return answer(shop, *match.groups())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the environment puts its databases."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_number_of_templates() -> None:
    """At least 20 different questions."""
    assert len({template.text for template in sql_puzzle.TEMPLATES}) == len(sql_puzzle.TEMPLATES) == len(ANSWERS) >= 20


@pytest.mark.parametrize("template", range(len(sql_puzzle.TEMPLATES)))
async def test_answer_worked_out_without_sql(template: int, folder: Path) -> None:
    """It is accepted, for several databases and parameters; the question holds no placeholder."""
    env = sql_puzzle.make(template=template)
    for seed in range(4):
        await env.reset(seed=seed)
        question = env.state.puzzle.question
        assert ":" not in question
        (path,) = sorted(folder.rglob("*.db"))[-1:]
        _, reward, done, _ = await call(env, "submit", answer=str(worked_out(question, Shop(path))))
        assert (reward, done, env.success()) == (1.0, True, True), question
    await env.close()


async def test_player_who_queries() -> None:
    """A question is answered with the tools alone."""
    env = sql_puzzle.make(template=12)
    await env.reset(seed=3)
    tables, *_ = await call(env, "list_tables")
    assert tables.splitlines()[0] == "customers (40 rows)"
    assert "customer_id INTEGER NOT NULL" in (await call(env, "describe", table="Orders"))[0]
    sql = "SELECT count(*) AS n FROM customers WHERE id NOT IN (SELECT customer_id FROM orders)"
    result, *_ = await call(env, "query", sql=sql)
    header, _, number = result.splitlines()
    assert header == "n"
    assert (await call(env, "submit", answer=number))[1:] == (1.0, True, False)
    await env.close()


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM customers",
        "INSERT INTO products VALUES (99, 'x', 'y', 1, 1)",
        "DROP TABLE orders",
        "CREATE TEMP TABLE t (x)",
        "ATTACH 'other.db' AS other",
        "VACUUM INTO 'copy.db'",
        "PRAGMA journal_mode = WAL",
        "BEGIN",
        "SELECT load_extension('x')",
    ],
)
async def test_statement_that_does_more_than_read(sql: str, folder: Path) -> None:
    """It is refused with a clear text, and nothing is written."""
    env = sql_puzzle.make()
    await env.reset(seed=0)
    before = {path: path.read_bytes() for path in folder.rglob("*.db")}
    text, reward, done, _ = await call(env, "query", sql=sql)
    assert text == "The query failed: only SELECT statements on the listed tables are allowed."
    assert (reward, done) == (0.0, False)
    assert {path: path.read_bytes() for path in folder.rglob("*.db")} == before
    await env.close()


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("SELEC 1", "syntax error"),
        ("SELECT shoe_size FROM customers", "no such column"),
        ("SELECT * FROM nowhere", "no such table"),
        ("SELECT 1; SELECT 2", "one statement"),
        ("SELECT zeroblob(100000000)", "too big"),
        ("SELECT CAST(x'ff' AS TEXT)", "UTF-8"),
        ("SELECT 1\x00", "null character"),
        ("SELECT :name", "binding"),
        ("", "Write a SELECT"),
    ],
)
async def test_query_that_fails(sql: str, reason: str) -> None:
    """The answer says why, and the episode goes on."""
    env = sql_puzzle.make()
    await env.reset(seed=0)
    text, reward, done, _ = await call(env, "query", sql=sql)
    assert reason in text
    assert (reward, done) == (0.0, False)
    await env.close()


async def test_query_without_end() -> None:
    """It is stopped at the time limit."""
    env = sql_puzzle.make(max_seconds=0.05)
    await env.reset(seed=0)
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    text, *_ = await call(env, "query", sql=endless)
    assert text == "The query failed: it took longer than 0.05 s and was stopped."
    await env.close()


async def test_large_result() -> None:
    """Rows beyond the limit and long cells are cut, and the table says so."""
    env = sql_puzzle.make(max_rows=3)
    await env.reset(seed=0)
    text, *_ = await call(env, "query", sql="SELECT id, hex(zeroblob(50)) AS long, NULL, x'00ff' FROM customers")
    lines = text.splitlines()
    assert len(lines) == 6
    assert lines[2].split(" | ") == ["1 ", "0" * 39 + "…", "NULL", "00ff"]
    assert lines[-1] == "(only the first 3 rows are shown)"
    assert "(no rows)" in (await call(env, "query", sql="SELECT * FROM orders WHERE 0"))[0]
    await env.close()


async def test_unknown_table() -> None:
    """The answer points to list_tables."""
    env = sql_puzzle.make()
    await env.reset(seed=0)
    assert "Call list_tables" in (await call(env, "describe", table="x\ud800'; --"))[0]
    await env.close()


@pytest.mark.parametrize(
    ("submitted", "expected", "same"),
    [
        ("1,250", 1250, True),
        (" $1250. ", 1250, True),
        ("59.83", 59.833, True),
        ("59.9", 59.833, False),
        ("about 5", 5, False),
        ("nan", 5, False),
        ("'Yoga Mat'", "yoga mat", True),
        ("mat", "yoga mat", False),
        ("2025-08", "2025-08", True),
    ],
)
def test_ways_to_write_an_answer(submitted: str, expected: str | float, same: bool) -> None:
    """Numbers match to within 0.01, texts without regard to case and quotes."""
    assert sql_puzzle.matches(submitted, expected) is same


async def test_folder_during_and_after_episodes(folder: Path) -> None:
    """There is one folder at a time, and none after close; closing again and calls after it do no harm."""
    env = sql_puzzle.make()
    for seed in (0, 1):
        await env.reset(seed=seed)
        assert len(list(folder.iterdir())) == 1
    await env.close()
    assert list(folder.iterdir()) == []
    await env.close()
    messages, reward, done, _ = await env.step(request(("query", {"sql": "SELECT 1"}), ("list_tables", {})))
    assert {message.content for message in messages} == {sql_puzzle.CLOSED}
    assert (reward, done) == (0.0, False)


async def test_reset_that_fails(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It leaves no folder behind, not even that of the episode before."""
    env = sql_puzzle.make()
    await env.reset(seed=0)
    monkeypatch.setattr(sql_puzzle, "SCHEMA", "CREATE TABLE broken")
    with pytest.raises(sqlite3.OperationalError):
        await env.reset(seed=1)
    assert list(folder.iterdir()) == []


async def test_template_without_a_single_answer(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reset tries further shops of the seed, then says so."""
    tied = sql_puzzle.Template("Which?", "SELECT name FROM customers")
    monkeypatch.setattr(sql_puzzle, "TEMPLATES", (tied,))
    monkeypatch.setattr(sql_puzzle, "MOST_SHOPS", 2)
    with pytest.raises(ValueError, match="no single answer in 2 shops of seed 5"):
        await sql_puzzle.make(template=0).reset(seed=5)
    assert list(folder.iterdir()) == []


async def test_template_that_does_not_exist() -> None:
    """It is refused where it is given."""
    with pytest.raises(ValueError, match="no template 99"):
        sql_puzzle.make(template=99)
    with pytest.raises(ValueError, match="no template -1"):
        await sql_puzzle.make().reset(options={"template": -1})


async def test_reset_without_seed() -> None:
    """A seed is drawn and told, and gives the same puzzle again."""
    env = sql_puzzle.make()
    await env.reset()
    puzzle = env.state.puzzle
    await env.reset(seed=env.info()["seed"])
    assert env.state.puzzle == puzzle
    await env.close()

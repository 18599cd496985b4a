"""Lists: filters, orders, pages, row numbers, counts and facets agree with a plain computation over all episodes."""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ldp_tui.store import listing, selecting
from ldp_tui.store.connect import connect_writer
from ldp_tui.store.errors import EpisodeUnknown
from ldp_tui.store.reader import Reader
from ldp_tui.store.results import SORT_KEYS, EpisodeFilter, EpisodeSummary, Group, Range, Sort
from ldp_tui.store.rows import AddStep, AgentRow, EndEpisode, EndStatus

from .recording import ENV, begin, database, row

ENVS = [
    replace(ENV, name=name, pkg_versions=f'{{"v":{v}}}')
    for name in ("Taxi-v3", "CartPole-v1", "cartpole")
    for v in (1, 2)
]
AGENTS = [AgentRow(name, kind) for name, kind in (("random", "random"), ("gpt", "llm"), ("Human", "human"))]
STATUSES: list[EndStatus] = ["done", "done", "done", "truncated", "failed", "interrupted", "aborted"]
N = 160


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """160 episodes whose properties collide often."""
    where = database(tmp_path_factory.mktemp("listing"))
    dice = random.Random(0)
    with connect_writer(where) as writer:
        for i in range(N):
            uid = f"e{i:03d}"
            first = row(0, dice.choice(["a lazy dog", "a quick fox", "nothing"]))
            writer.submit(
                begin(
                    uid,
                    first,
                    env=dice.choice(ENVS),
                    agent=dice.choice(AGENTS),
                    seed=dice.choice([None, "1", "2"]),
                    task_id=dice.choice([None, "t1"]),
                    started_ns=dice.randrange(50),
                    run_uid=dice.choice(["r1", "r2"]),
                )
            )
            for t in range(1, dice.randrange(1, 5)):
                writer.submit(AddStep(uid, row(t, reward=float(dice.randrange(3)))))
            writer.submit(EndEpisode(uid, dice.choice(STATUSES), 60 + i, dice.choice([None, True, False])))
        writer.submit(begin("running"))
        writer.wait(writer.submit(AddStep("running", row(1, "a lazy dog"))), timeout=60)
    connection = sqlite3.connect(where)
    for ep in range(1, N + 1, 4):
        connection.execute(
            "insert into message(ep, t, i, role, kind, name) values(?, 1, 90, 'assistant', 'tool_call', 'look')", (ep,)
        )
    for ep in range(1, N + 1, 3):
        connection.execute("insert into tag values(?, 'good')", (ep,))
        connection.execute("update episode set decision='accept', rating=?, flagged=1 where id=?", (ep % 5 + 1, ep))
    connection.commit()
    connection.close()
    return where


@pytest.fixture
def reader(path: Path) -> Iterator[Reader]:
    with Reader(path) as opened:
        yield opened


Keep = Callable[[EpisodeSummary], bool]
FILTERS: dict[str, tuple[EpisodeFilter, Keep]] = {
    "nothing": (EpisodeFilter(), lambda e: True),
    "env": (EpisodeFilter(envs=("CARTPOLE",)), lambda e: "cartpole" in e.env.lower()),
    "one env": (EpisodeFilter(envs=("taxi",)), lambda e: e.env == "Taxi-v3"),
    "envs": (EpisodeFilter(envs=("taxi", "Pole-v")), lambda e: e.env != "cartpole"),
    "agent": (EpisodeFilter(agents=("gp",)), lambda e: e.agent == "gpt"),
    "env and agent": (
        EpisodeFilter(envs=("taxi",), agents=("gpt", "human")),
        lambda e: e.env == "Taxi-v3" and e.agent != "random",
    ),
    "failed": (EpisodeFilter(statuses=("failed",)), lambda e: e.status == "failed"),
    "several statuses": (EpisodeFilter(statuses=("failed", "done")), lambda e: e.status in ("failed", "done")),
    "seed": (EpisodeFilter(seeds=("1",)), lambda e: e.seed == "1"),
    "seeds": (EpisodeFilter(seeds=("1", "2")), lambda e: e.seed is not None),
    "task": (EpisodeFilter(task_ids=("t1",)), lambda e: e.task_id == "t1"),
    "return": (EpisodeFilter(return_=Range(1, 3)), lambda e: 1 <= e.return_ <= 3),
    "return from": (EpisodeFilter(return_=Range(low=2.5)), lambda e: e.return_ >= 2.5),
    "steps": (EpisodeFilter(steps=Range(high=1)), lambda e: e.steps <= 1),
    "since": (EpisodeFilter(started_ns=Range(20, 40)), lambda e: 20 <= e.started_ns <= 40),
    "success": (EpisodeFilter(success=False), lambda e: e.success is False),
    "tag": (EpisodeFilter(tags=("good",)), lambda e: "good" in e.tags),
    "word": (EpisodeFilter(words=("FOX",)), lambda e: e.uid in WITH["fox"]),
    "words and return": (
        EpisodeFilter(words=("dog", "lazy*"), return_=Range(low=1)),
        lambda e: e.uid in WITH["dog"] and e.return_ >= 1,
    ),
    "decided": (EpisodeFilter(decisions=("accept",)), lambda e: e.decision == "accept"),
    "undecided": (EpisodeFilter(decisions=("none",)), lambda e: e.decision is None),
    "flagged": (EpisodeFilter(flagged=True), lambda e: e.flagged),
    "rating": (EpisodeFilter(rating=Range(low=4)), lambda e: (e.rating or 0) >= 4),
    "kind": (EpisodeFilter(kinds=("human", "llm")), lambda e: e.agent_kind != "random"),
    "whole name": (EpisodeFilter(envs=("=cartpole",)), lambda e: e.env == "cartpole"),
    "pattern": (EpisodeFilter(agents=("~^(gp|hum)",)), lambda e: e.agent != "random"),
    "tool": (EpisodeFilter(tools=("look",)), lambda e: e.id in LOOKED),
    "without": (
        EpisodeFilter(return_=Range(low=1), without=(EpisodeFilter(tags=("good",)), EpisodeFilter(words=("dog",)))),
        lambda e: e.return_ >= 1 and "good" not in e.tags and e.uid not in WITH["dog"],
    ),
    "run": (EpisodeFilter(run_uid="r2"), lambda e: e.run_uid == "r2"),
    "no such env": (EpisodeFilter(envs=("nowhere",)), lambda e: False),
    "no such word": (EpisodeFilter(words=("xylophone",)), lambda e: False),
    "all at once": (
        EpisodeFilter(envs=("cart",), agents=("random",), statuses=("done",), return_=Range(0, 4), tags=("good",)),
        lambda e: (
            "cart" in e.env.lower()
            and (e.agent, e.status) == ("random", "done")
            and 0 <= e.return_ <= 4
            and "good" in e.tags
        ),
    ),
}
WITH: dict[str, set[str]] = {}
LOOKED = range(1, N + 1, 4)


def key_of(sort: Sort, everything: list[EpisodeSummary], path: Path) -> Callable[[EpisodeSummary], tuple[object, ...]]:
    column = {"newest": "started_ns", "return": "return_", "steps": "steps", "cost": "cost_usd"}.get(sort.key)
    sign = -1 if sort.descending else 1
    if column is not None:
        return lambda e: (sign * getattr(e, column), sign * e.id)
    table = sort.key
    connection = sqlite3.connect(path)
    named = connection.execute(f"select id, name from {table}").fetchall()
    groups = dict(connection.execute(f"select id, {table}_id from episode").fetchall())
    connection.close()
    order = sorted(((name.casefold(), name, ident) for ident, name in named), reverse=not sort.descending)
    place = {ident: number for number, (_, _, ident) in enumerate(order)}
    return lambda e: (place[groups[e.id]], -e.started_ns, -e.id)


@pytest.mark.parametrize("few", [selecting.FEW, 5], ids=["small filters drive", "orders drive"])
@pytest.mark.parametrize("name", FILTERS)
def test_filtered_list_is_what_a_scan_finds_in_every_order(
    reader: Reader, path: Path, name: str, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row numbers, pages and count agree with filtering and sorting all summaries in Python."""
    monkeypatch.setattr(selecting, "FEW", few)
    everything = reader.summaries(list(range(1, N + 1)))
    for word in ("fox", "dog"):
        WITH[word] = {e.uid for e in everything if word in (reader.steps(e.id, 0, 1)[0].messages[0].content or "")}
    wanted, keep = FILTERS[name]
    kept = [e for e in everything if keep(e)]
    assert reader.count(wanted) == len(kept)
    for sort in (Sort(key, descending) for key in SORT_KEYS for descending in (True, False)):
        expected = [e.id for e in sorted(kept, key=key_of(sort, everything, path))]
        assert list(reader.episode_ids(wanted, sort)) == expected, sort
        paged, after = [], None
        while True:
            page = reader.episodes(wanted, sort, after=after, limit=17)
            paged += [e.id for e in page.episodes]
            after = page.after
            if after is None:
                break
        assert paged == expected, sort


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("few", [selecting.FEW, 5], ids=["small filters drive", "orders drive"])
def test_every_list_query_uses_an_index(path: Path, name: str, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """No list scans the episode table; an order that drives is not sorted again."""
    monkeypatch.setattr(selecting, "FEW", few)
    connection = sqlite3.connect(path)
    selection = selecting.select(connection, FILTERS[name][0])
    for key in ("newest", "return", "steps", "cost"):
        sql, values = listing.page_query(selection, Sort(key))  # type: ignore[arg-type]
        plan = [line[3] for line in connection.execute(f"explain query plan {sql}", values).fetchall()]
        searched = [step for step in plan if "episode" in step]
        assert searched, plan
        assert all("INDEX ep_" in step or "PRIMARY KEY" in step for step in searched), plan
        if not selection.is_small:
            assert not any("TEMP B-TREE FOR ORDER BY" in step for step in plan), plan
    connection.close()


def test_running_episodes_have_a_list_of_their_own(reader: Reader) -> None:
    """They are not among the ended ones."""
    assert [e.uid for e in reader.running()] == ["running"]
    assert reader.count() == N


def test_facets_count_what_there_is(reader: Reader) -> None:
    """Counts by environment, agent, status and tag add up."""
    facets = reader.facets()
    everything = reader.summaries(list(range(1, N + 1)))
    for counts, values in (
        (facets.envs, [e.env for e in everything]),
        (facets.agents, [e.agent for e in everything]),
        (facets.statuses, [e.status for e in everything]),
        (facets.tags, [tag for e in everything for tag in e.tags]),
    ):
        assert {count.value: count.n for count in counts} == {value: values.count(value) for value in set(values)}
        assert [count.n for count in counts] == sorted((count.n for count in counts), reverse=True)


def test_versions_of_an_environment_share_a_line_of_the_leaderboard(reader: Reader) -> None:
    """Pooled mean and spread are those of all their episodes."""
    everything = [e for e in reader.summaries(list(range(1, N + 1))) if e.status in ("done", "truncated")]
    for line in reader.rollup():
        returns = [e.return_ for e in everything if (e.env, e.agent) == (line.env, line.agent)]
        mean = sum(returns) / len(returns)
        assert line.n_scored == len(returns)
        assert line.mean == pytest.approx(mean)
        assert line.sd**2 * (len(returns) - 1) == pytest.approx(sum((x - mean) ** 2 for x in returns))


def test_episode_is_found_by_the_beginning_of_its_uid(reader: Reader) -> None:
    """Whole uids and unambiguous beginnings are found; the others are explained."""
    assert reader.find("e007") == 8
    assert reader.find("run") == reader.find("running")
    with pytest.raises(EpisodeUnknown, match="Several episodes begin with 'e0'"):
        reader.find("e0")
    for nothing in ("", "x", "e0%", "E007"):
        with pytest.raises(EpisodeUnknown):
            reader.find(nothing)


def test_missing_ids_are_left_out(reader: Reader) -> None:
    """Rows of a window whose episode is gone simply do not come."""
    assert [e.id for e in reader.summaries([5, 9999, 3])] == [5, 3]


def test_version_changes_when_something_is_written(path: Path, reader: Reader) -> None:
    """Polling it tells when a list is out of date."""
    before = reader.version()
    assert reader.version() == before
    with connect_writer(path) as writer:
        writer.wait(writer.submit(AddStep("running", row(2))), timeout=30)
    assert reader.version() != before


def test_return_curve_sums_rewards(reader: Reader) -> None:
    """One value per row, the last of which is the return."""
    summary = reader.episode("e005").summary
    curve = reader.returns("e005")
    assert len(curve) == summary.steps + 1
    assert curve[-1] == summary.return_


@pytest.mark.parametrize(
    ("per", "columns"),
    [((), (0, 2)), (("seed",), (0, 3)), (("env", "agent"), (0, 1))],
    ids=["task", "seed", "env and agent"],
)
def test_best_of_each_group(reader: Reader, path: Path, per: tuple[Group, ...], columns: tuple[int, ...]) -> None:
    """So many of the highest return, the older of equals, among what the rest of the filter leaves."""
    connection = sqlite3.connect(path)
    found = connection.execute(
        "select id, env_id, agent_id, coalesce(task_id, seed, uid), coalesce(seed, uid), ret from episode"
        " where status='done' and env_id in (select id from env where name='Taxi-v3') order by ret desc, id"
    ).fetchall()
    connection.close()
    kept: set[int] = set()
    places: Counter[tuple[object, ...]] = Counter()
    for ident, *keys, _ in found:
        group = tuple(keys[column] for column in columns)
        places[group] += 1
        if places[group] <= 2:
            kept.add(ident)
    wanted = EpisodeFilter(envs=("=Taxi-v3",), statuses=("done",), best_of=2, per=per)
    assert 0 < len(kept) < len(found)
    assert set(reader.episode_ids(wanted)) == kept
    assert reader.count(wanted) == len(kept)


def test_limit(reader: Reader) -> None:
    """The first in the order of the list, in pages as in one piece."""
    wanted, sort = EpisodeFilter(envs=("cart",), limit=30), Sort("return")
    ids = list(reader.episode_ids(wanted, sort))
    assert ids == list(reader.episode_ids(replace(wanted, limit=None), sort))[:30]
    assert reader.count(wanted) == 30
    paged, after = list[int](), None
    while True:
        page = reader.episodes(wanted, sort, after=after, limit=13)
        paged += [e.id for e in page.episodes]
        if (after := page.after) is None:
            break
    assert paged == ids

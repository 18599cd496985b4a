"""Counts and the leaderboard, from the rollup table."""

from __future__ import annotations

import math
import sqlite3
from collections import Counter
from dataclasses import replace

from ldp_tui.store.results import Count, Facets, Standing

_STANDINGS = (
    "select env.name, agent.name, n, n_scored, mean_ret, m2_ret, min_ret, max_ret, n_success, n_judged, n_done,"
    " n_truncated, n_failed, n_interrupted, n_aborted, steps, tokens_in, tokens_out, cost_usd, last_ns"
    " from rollup join env on env.id=env_id join agent on agent.id=agent_id where n>0"
)


def facets(connection: sqlite3.Connection) -> Facets:
    """The values that ended episodes have, most frequent first."""
    envs: Counter[str] = Counter()
    agents: Counter[str] = Counter()
    statuses: Counter[str] = Counter()
    for line in standings(connection):
        envs[line.env] += line.n
        agents[line.agent] += line.n
        statuses += Counter(
            done=line.n_done,
            truncated=line.n_truncated,
            failed=line.n_failed,
            interrupted=line.n_interrupted,
            aborted=line.n_aborted,
        )
    tags = Counter(dict(connection.execute("select tag, count(*) from tag group by tag").fetchall()))
    return Facets(_counts(envs), _counts(agents), _counts(statuses), _counts(tags))


def standings(connection: sqlite3.Connection) -> list[Standing]:
    """One line per environment and agent name; versions of the same name are taken together."""
    merged: dict[tuple[str, str], Standing] = {}
    for row in connection.execute(_STANDINGS).fetchall():
        line = Standing(*row)
        if line.n_scored == 0:
            line = replace(line, mean=math.nan)
        known = merged.get((line.env, line.agent))
        merged[line.env, line.agent] = line if known is None else _together(known, line)
    return sorted(merged.values(), key=lambda line: (line.env.casefold(), line.env, _best_first(line), line.agent))


def _together(one: Standing, other: Standing) -> Standing:
    mean, m2 = _pooled(one, other)
    lows = [low for low in (one.low, other.low) if low is not None]
    highs = [high for high in (one.high, other.high) if high is not None]
    return Standing(
        env=one.env,
        agent=one.agent,
        n=one.n + other.n,
        n_scored=one.n_scored + other.n_scored,
        mean=mean,
        m2=m2,
        low=min(lows, default=None),
        high=max(highs, default=None),
        n_success=one.n_success + other.n_success,
        n_judged=one.n_judged + other.n_judged,
        n_done=one.n_done + other.n_done,
        n_truncated=one.n_truncated + other.n_truncated,
        n_failed=one.n_failed + other.n_failed,
        n_interrupted=one.n_interrupted + other.n_interrupted,
        n_aborted=one.n_aborted + other.n_aborted,
        steps=one.steps + other.steps,
        tokens_in=one.tokens_in + other.tokens_in,
        tokens_out=one.tokens_out + other.tokens_out,
        cost_usd=one.cost_usd + other.cost_usd,
        last_ns=max(one.last_ns, other.last_ns),
    )


def _pooled(one: Standing, other: Standing) -> tuple[float, float]:
    """(mean, m2) of both samples together (Chan, Golub and LeVeque 1983)."""
    if not one.n_scored or not other.n_scored:
        scored = one if one.n_scored else other
        return scored.mean, scored.m2
    n, apart = one.n_scored + other.n_scored, other.mean - one.mean
    return (
        one.mean + apart * other.n_scored / n,
        one.m2 + other.m2 + apart * apart * one.n_scored * other.n_scored / n,
    )


def _best_first(line: Standing) -> float:
    return math.inf if math.isnan(line.mean) else -line.mean


def _counts(counter: Counter[str]) -> tuple[Count, ...]:
    return tuple(Count(value, n) for value, n in counter.most_common() if n > 0)

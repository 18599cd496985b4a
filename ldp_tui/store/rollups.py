"""The leaderboard table: one row per environment and agent, kept by the transaction that ends an episode.

Returns of `done` and `truncated` episodes count towards mean and spread (Welford's update); failed, interrupted and
aborted ones, and returns with a NaN, infinite or huge reward in them, are only counted.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Final

_ADD: Final = """
insert into rollup(env_id, agent_id, n, n_scored, mean_ret, m2_ret, min_ret, max_ret, n_success, n_judged, n_done,
  n_truncated, n_failed, n_interrupted, n_aborted, steps, tokens_in, tokens_out, cost_usd, last_ns)
select env_id, agent_id, 1, scored, iif(scored, ret, 0.0), 0.0, iif(scored, ret, null), iif(scored, ret, null),
  coalesce(success, 0), success is not null, status='done', status='truncated', status='failed', status='interrupted',
  status='aborted', n_steps, tokens_in, tokens_out, cost_usd, started_ns
from (select *, status in('done','truncated') and ret_x is null as scored from episode
  where id in (select value from json_each(?)) order by id) where true
on conflict(env_id, agent_id) do update set
  n=n+1, n_scored=n_scored+excluded.n_scored,
  mean_ret=iif(excluded.n_scored, mean_ret+(excluded.mean_ret-mean_ret)/(n_scored+1), mean_ret),
  m2_ret=iif(excluded.n_scored, m2_ret+(excluded.mean_ret-mean_ret)*(excluded.mean_ret-mean_ret)*n_scored/(n_scored+1),
    m2_ret),
  min_ret=iif(excluded.n_scored, min(coalesce(min_ret, excluded.min_ret), excluded.min_ret), min_ret),
  max_ret=iif(excluded.n_scored, max(coalesce(max_ret, excluded.max_ret), excluded.max_ret), max_ret),
  n_success=n_success+excluded.n_success, n_judged=n_judged+excluded.n_judged, n_done=n_done+excluded.n_done,
  n_truncated=n_truncated+excluded.n_truncated, n_failed=n_failed+excluded.n_failed,
  n_interrupted=n_interrupted+excluded.n_interrupted, n_aborted=n_aborted+excluded.n_aborted,
  steps=steps+excluded.steps, tokens_in=tokens_in+excluded.tokens_in, tokens_out=tokens_out+excluded.tokens_out,
  cost_usd=cost_usd+excluded.cost_usd, last_ns=max(last_ns, excluded.last_ns)
"""

_TAKE_BACK: Final = """
update rollup set n=n-1, n_interrupted=n_interrupted-1, steps=steps-e.n_steps, tokens_in=rollup.tokens_in-e.tokens_in,
  tokens_out=rollup.tokens_out-e.tokens_out, cost_usd=rollup.cost_usd-e.cost_usd,
  n_success=n_success-coalesce(e.success, 0), n_judged=n_judged-(e.success is not null)
from (select * from episode where id=?) as e where rollup.env_id=e.env_id and rollup.agent_id=e.agent_id
"""


def add(connection: sqlite3.Connection, eps: Sequence[int]) -> None:
    """Count the episodes `eps`, which have just ended."""
    connection.execute(_ADD, (json.dumps(eps),))


def take_back(connection: sqlite3.Connection, ep: int) -> None:
    """Uncount episode `ep`, which was interrupted and goes on."""
    connection.execute(_TAKE_BACK, (ep,))


def rebuild(connection: sqlite3.Connection) -> None:
    """Compute the table again from the episodes, inside the caller's transaction."""
    connection.execute("delete from rollup")
    add(connection, [ep for (ep,) in connection.execute("select id from episode where status<>'running'").fetchall()])

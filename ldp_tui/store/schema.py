"""The tables. Times are integer nanoseconds (UTC); hashes are 16-byte blake2b; every table is STRICT."""

from __future__ import annotations

from typing import Final

APPLICATION_ID: Final = 0x4C445054
"""`LDPT`: says that a SQLite file is one of ours."""

SCHEMA_VERSION: Final = 2
"""`user_version` of a database this code writes; the number of the newest migration."""

PAGE_SIZE: Final = 8192
"""Set before the first switch to WAL, after which SQLite ignores it."""

SHARED: Final = """
create table meta(k text primary key, v any) strict;
create table blob_text(id integer primary key, h blob not null unique, n integer not null,
  codec integer not null default 0, z any not null) strict;
create table frame(id integer primary key, h blob not null unique, w integer not null, ht integer not null,
  mode text not null default 'RGB', codec integer not null, base_id integer references frame(id),
  z blob not null) strict;
create table env(id integer primary key, h blob not null unique, name text not null, kind text not null,
  spec_json text not null, pkg_versions text not null, obs_space text, act_space text,
  tools_id integer references blob_text(id), deterministic integer) strict;
create table agent(id integer primary key, h blob not null unique, name text not null,
  kind text not null check(kind in('human','llm','random','scripted','policy')), model text, config_json text not null,
  prompt_id integer references blob_text(id), checkpoint_id integer references checkpoint(id)) strict;
create table run(id integer primary key, uid text not null unique, name text, app_version text not null, git_sha text,
  host text, started_ns integer not null, ended_ns integer) strict;
create table process(id integer primary key, host text not null, pid integer not null, boot text not null,
  heartbeat_ns integer not null, unique(host, pid, boot)) strict;
"""

EPISODES: Final = """
create table episode(id integer primary key, uid text not null unique, run_id integer not null references run(id),
  process_id integer references process(id), env_id integer not null references env(id),
  agent_id integer not null references agent(id),
  task_id text, seed text, options_json text, group_key blob,
  status text not null default 'running'
    check(status in('running','done','truncated','failed','interrupted','aborted')),
  parent_id integer references episode(id), fork_t integer, root_id integer, first_t integer not null default 0,
  started_ns integer not null, ended_ns integer,
  n_steps integer not null default 0, n_messages integer not null default 0,
  ret real not null default 0, ret_x text, success integer,
  tokens_in integer not null default 0, tokens_out integer not null default 0, cost_usd real not null default 0,
  wall_us integer not null default 0, detail text,
  decision text check(decision in('accept','reject','ignore')), rating integer check(rating between 1 and 5),
  flagged integer not null default 0, split text, chain blob not null, sig blob, summary text) strict;
create index ep_started on episode(started_ns, id) where status<>'running';
create index ep_env_started on episode(env_id, started_ns, id) where status<>'running';
create index ep_env_ret on episode(env_id, ret, id) where status<>'running';
create index ep_agent_started on episode(agent_id, started_ns, id) where status<>'running';
create index ep_agent_ret on episode(agent_id, ret, id) where status<>'running';
create index ep_ret on episode(ret, id) where status<>'running';
create index ep_nsteps on episode(n_steps, id) where status<>'running';
create index ep_cost on episode(cost_usd, id) where status<>'running';
create index ep_seed on episode(seed, started_ns, id) where seed is not null and status<>'running';
create index ep_task on episode(task_id, started_ns, id) where task_id is not null and status<>'running';
create index ep_incomplete on episode(status, started_ns, id) where status in('failed','interrupted','aborted');
create index ep_queue on episode(env_id, ret, id) where decision is null and status in('done','truncated');
create index ep_group on episode(group_key, ret) where group_key is not null;
create index ep_parent on episode(parent_id) where parent_id is not null;
create index ep_sig on episode(sig) where sig is not null;
create index ep_running on episode(started_ns, id) where status='running';
create table step(ep integer not null, t integer not null, action text, action_id integer, reward real, reward_x text,
  flags integer not null default 0, value real, tokens_in integer, tokens_out integer, cost_usd real, dt_us integer,
  frame_id integer, chain blob not null, info text, info_id integer, obs blob, obs_id integer, snap_id integer,
  primary key(ep, t)) without rowid, strict;
create table message(id integer primary key, ep integer not null, t integer not null, i integer not null,
  role text not null, kind text not null default 'text', name text, call_id text, content text, content_id integer,
  extra text) strict;
create unique index message_ep on message(ep, t, i);
create index message_tool on message(name, ep) where kind='tool_call';
create table generation(id integer primary key, ep integer not null, t integer not null, i integer not null, model text,
  params_json text, request_id text, finish text, tokens_in integer, tokens_out integer, tokens_cached integer,
  cost_usd real, latency_us integer, ttft_us integer, token_ids blob, logprobs blob, raw_id integer) strict;
create unique index generation_ep on generation(ep, t, i);
create table rollup(env_id integer not null, agent_id integer not null, n integer not null, n_scored integer not null,
  mean_ret real not null, m2_ret real not null, min_ret real, max_ret real, n_success integer not null,
  n_judged integer not null, n_done integer not null, n_truncated integer not null, n_failed integer not null,
  n_interrupted integer not null, n_aborted integer not null, steps integer not null, tokens_in integer not null,
  tokens_out integer not null, cost_usd real not null, last_ns integer not null,
  primary key(env_id, agent_id)) without rowid, strict;
create virtual table message_fts using fts5(content, content='message', content_rowid='id',
  tokenize="unicode61 remove_diacritics 2");
"""

CURATION: Final = """
create table annotation(id integer primary key, ep integer not null, t integer, i integer, name text not null,
  kind text not null check(kind in('human','llm','code')), author text not null, label text, score real, comment text,
  identifier text not null default '', created_ns integer not null,
  supersedes integer references annotation(id)) strict;
create index ann_ep on annotation(ep, t);
create index ann_name on annotation(name, score);
create table tag(ep integer not null, tag text not null, primary key(tag, ep)) without rowid, strict;
create index tag_ep on tag(ep);
create table edit(id integer primary key, ep integer not null, t integer not null, i integer not null,
  field text not null, old_h blob not null, new_text text, author text not null, created_ns integer not null,
  reason text) strict;
create index edit_ep on edit(ep, t);
create table step_mask(ep integer not null, t integer not null, mask integer not null, author text,
  primary key(ep,t)) without rowid, strict;
create table pair(id integer primary key, chosen_ep integer not null, rejected_ep integer not null,
  from_t integer not null default 0, how text not null, margin real, author text, decision text,
  created_ns integer not null, unique(chosen_ep, rejected_ep, from_t)) strict;
create table event_log(id integer primary key, ns integer not null, who text not null, what text not null,
  payload text not null, undone integer not null default 0) strict;
"""

LINEAGE: Final = """
create table dataset(id integer primary key, name text not null unique, recipe_json text not null) strict;
create table snapshot(id integer primary key, dataset_id integer not null references dataset(id),
  version integer not null, parent_id integer references snapshot(id), query_json text not null, seed text,
  n_episodes integer not null, n_steps integer not null, content_h blob not null, app_version text not null,
  created_ns integer not null, unique(dataset_id, version)) strict;
create table snapshot_item(snapshot_id integer not null, ep integer not null, upto_t integer, chain blob not null,
  split text not null, weight real not null default 1, pair_id integer,
  primary key(snapshot_id, ep)) without rowid, strict;
create table export(id integer primary key, snapshot_id integer not null references snapshot(id), format text not null,
  path text not null, options_json text not null, sha256 text not null, n_rows integer not null, bytes integer not null,
  created_ns integer not null) strict;
create table train_run(id integer primary key, export_id integer references export(id), method text not null,
  config_json text not null, base_model text, started_ns integer, ended_ns integer, metrics_json text) strict;
create table checkpoint(id integer primary key, train_run_id integer references train_run(id), step integer,
  path text not null, sha256 text, metrics_json text) strict;
"""

INITIAL: Final = SHARED + EPISODES + CURATION + LINEAGE

MEMORIES: Final = """
create table memory(id integer primary key, uid text not null unique, collection text not null, query text not null,
  input text not null, output text not null, value_json text not null, metadata_json text not null, run_uid text,
  template text not null, embedding text, vector blob, created_ns integer not null) strict;
create index memory_collection on memory(collection, id);
"""


def statements(script: str) -> list[str]:
    """The single statements of a script whose literals hold no semicolon."""
    return [statement.strip() for statement in script.split(";") if statement.strip()]

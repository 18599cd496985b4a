"""Events as rows of the store, and back. What is told live and what is read later are the same events.

Row `t=0` is the reset; row `t=index+1` is step `index`: its messages are the reflection, the action, what was seen.
Timings of single phases and timestamps of tools are clocks, not facts of the episode: rows keep their sum only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from ldp_tui.core.agent import AgentKind, Usage
from ldp_tui.core.environment import Picture
from ldp_tui.core.errors import Phase
from ldp_tui.core.messages import Message
from ldp_tui.engine.codec import intervention_from_wire, intervention_to_wire
from ldp_tui.engine.events import (
    AgentRecord,
    EndReason,
    EnvironmentRecord,
    EpisodeEnded,
    EpisodeStarted,
    Intervened,
    Rendering,
    StepTaken,
)
from ldp_tui.engine.generation_rows import generation_of, generation_row
from ldp_tui.engine.message_rows import OBSERVATION, json_text, json_value, message_rows, messages_from_rows
from ldp_tui.store.pictures import PictureEncoder
from ldp_tui.store.rows import (
    FLAG_ERROR,
    FLAG_HUMAN,
    FLAG_OVERRULED,
    FLAG_TERMINATED,
    FLAG_TRUNCATED,
    AddAnnotation,
    AddStep,
    AgentRow,
    AnnotationRow,
    BeginEpisode,
    EncodedPicture,
    EndEpisode,
    EndStatus,
    EnvRow,
    MessageRow,
    StepRow,
)

_STATUS: dict[EndReason, EndStatus] = {
    "terminated": "done",
    "truncated": "truncated",
    "failed": "failed",
    "aborted": "aborted",
    "interrupted": "interrupted",
}
_REASON: dict[str, EndReason] = {status: reason for reason, status in _STATUS.items()}
_PHASES: tuple[Phase, ...] = ("agent", "env", "tool", "transport")


EMPTY_RESET = StepRow(
    t=0,
    action=None,
    reward=None,
    flags=0,
    value=None,
    tokens_in=None,
    tokens_out=None,
    cost_usd=None,
    dt_us=None,
    picture=None,
    obs=None,
    info=None,
    messages=(),
)
"""Row 0 of an episode in which nothing was seen."""


def begin_operation(
    event: EpisodeStarted, run_uid: str, pictures: PictureEncoder | None, shared: StepTaken | None = None
) -> BeginEpisode:
    """The operation that stores the header and the first row: the reset, or the `shared` step that a fork repeats."""
    options = {"options": dict(event.options), "max_steps": event.max_steps}
    return BeginEpisode(
        uid=event.uid,
        run_uid=run_uid,
        env=_env_row(event.environment, event.tools),
        agent=_agent_row(event.agent),
        task_id=event.task_id,
        seed=None if event.seed is None else str(event.seed),
        options=json_text({name: value for name, value in options.items() if value is not None and value != {}}),
        started_ns=event.started_ns,
        parent_uid=event.parent_uid,
        fork_t=event.fork_t,
        first=_reset_row(event, pictures) if shared is None else _step_row(shared, pictures, human=False),
    )


def _reset_row(event: EpisodeStarted, pictures: PictureEncoder | None) -> StepRow:
    return replace(
        EMPTY_RESET,
        picture=_encode(event.rendering, pictures),
        obs=_native_observation(event.observation),
        info=_diagnostics(event),
        messages=tuple(row for message in event.observation for row in message_rows(message)),
    )


def step_operation(uid: str, event: StepTaken, pictures: PictureEncoder | None, *, human: bool = False) -> AddStep:
    """The operation that stores one step. `human`: a person chose the action."""
    return AddStep(uid, _step_row(event, pictures, human=human))


def _step_row(event: StepTaken, pictures: PictureEncoder | None, *, human: bool) -> StepRow:
    rows = [MessageRow("assistant", "reflection", None, None, event.reflection, None)] if event.reflection else []
    rows.extend(message_rows(event.action))
    calls = _calls_json(rows)
    flags = (FLAG_TERMINATED if event.terminated else 0) | (FLAG_TRUNCATED if event.truncated else 0)
    chosen = event.overseen if event.interventions else None
    if human if chosen is None else chosen.author == "human":
        flags |= FLAG_HUMAN
    if chosen is not None and chosen.proposed is not None:
        flags |= FLAG_OVERRULED
    for message in event.observation:
        rows.extend(message_rows(message))
        if message.info and message.info.get("failed"):
            flags |= FLAG_ERROR
    usage = event.usage
    return StepRow(
        t=event.index + 1,
        action=calls,
        reward=event.reward,
        flags=flags,
        value=event.value or None,
        tokens_in=usage.tokens_in if usage else None,
        tokens_out=usage.tokens_out if usage else None,
        cost_usd=usage.cost_usd if usage else None,
        dt_us=event.agent_us + event.env_us,
        picture=_encode(event.rendering, pictures),
        obs=_native_observation(event.observation),
        info=_diagnostics(event),
        messages=tuple(rows),
        generations=tuple(map(generation_row, event.generations)) if event.generations else (),
    )


def annotation_operation(uid: str, event: Intervened, created_ns: int) -> AddAnnotation:
    """The operation that notes an intervention when it happens, so that one that leads to no step is kept too."""
    told = event.intervention
    row = AnnotationRow(event.index + 1, "intervention", told.author, told.by, told.kind, told.text or None, created_ns)
    return AddAnnotation(uid, row)


def end_operation(uid: str, event: EpisodeEnded, wall_us: int) -> EndEpisode:
    """The operation that closes the episode; the phase of a failure leads its detail."""
    detail = event.detail if event.phase is None else f"{event.phase}: {event.detail or ''}"
    left = tuple(map(generation_row, event.generations))
    return EndEpisode(uid, _STATUS[event.reason], event.ended_ns, event.success, wall_us, detail, left)


def end_reason(status: str) -> EndReason:
    """Reason of an ended episode from its stored status."""
    return _REASON[status]


def failure_from_detail(detail: str | None) -> tuple[Phase | None, str | None]:
    """Phase and text that `end_operation` joined."""
    for phase in _PHASES:
        if detail is not None and detail.startswith(f"{phase}: "):
            return phase, detail.removeprefix(f"{phase}: ")
    return None, detail


def step_event(row: StepRow, rendering: Rendering) -> StepTaken:
    """The event that `step_operation` stored."""
    messages = list(row.messages)
    reflection = ""
    if messages and messages[0].kind == "reflection":
        reflection = messages.pop(0).content or ""
    action, *seen = messages_from_rows(messages) or [Message(role="assistant")]
    info, shown = _read_diagnostics(row.info)
    spent = (row.tokens_in, row.tokens_out, row.cost_usd) != (None, None, None)
    return StepTaken(
        index=row.t - 1,
        action=action,
        observation=_with_native_observation(seen, row.obs),
        reward=0.0 if row.reward is None else row.reward,
        terminated=bool(row.flags & FLAG_TERMINATED),
        truncated=bool(row.flags & FLAG_TRUNCATED),
        reflection=reflection,
        probabilities=shown.get("probabilities"),
        value=row.value or 0.0,
        info=info,
        rendering=rendering,
        legal_actions=_as_tuple(shown.get("legal_actions")),
        env_us=row.dt_us or 0,
        usage=Usage(row.tokens_in or 0, row.tokens_out or 0, row.cost_usd or 0.0) if spent else None,
        graph=shown.get("graph"),
        interventions=tuple(intervention_from_wire(one) for one in shown.get("interventions", ())),
        generations=tuple(map(generation_of, row.generations)),
    )


def start_event(
    row: StepRow,
    *,
    uid: str,
    env: EnvRow,
    agent: AgentRow,
    seed: str | None,
    task_id: str | None,
    options: str | None,
    started_ns: int,
    rendering: Rendering,
    parent_uid: str | None = None,
    fork_t: int | None = None,
) -> EpisodeStarted:
    """The event that `begin_operation` stored; `row` is the reset row."""
    info, shown = _read_diagnostics(row.info)
    stored: dict[str, Any] = json_value(options) if options else {}
    return EpisodeStarted(
        uid=uid,
        environment=_environment_record(env),
        agent=AgentRecord(agent.name, _agent_kind(agent.kind), agent.model, json_value(agent.config), agent.prompt),
        seed=None if seed is None else int(seed),
        task_id=task_id,
        options=stored.get("options", {}),
        started_ns=started_ns,
        observation=_with_native_observation(messages_from_rows(row.messages), row.obs),
        tools=tuple(json_value(env.tools)) if env.tools else (),
        rendering=rendering,
        info=info,
        legal_actions=_as_tuple(shown.get("legal_actions")),
        max_steps=stored.get("max_steps"),
        parent_uid=parent_uid,
        fork_t=fork_t,
    )


def _native_observation(messages: Sequence[Message]) -> bytes | None:
    for message in messages:
        if message.info and OBSERVATION in message.info:
            return json_text(message.info[OBSERVATION]).encode()
    return None


def _with_native_observation(messages: Sequence[Message], obs: bytes | None) -> tuple[Message, ...]:
    if obs is not None:
        for message in messages:
            if message.info and OBSERVATION in message.info:
                message.info[OBSERVATION] = json_value(obs)
    return tuple(messages)


def _diagnostics(event: EpisodeStarted | StepTaken) -> str | None:
    """Info, and what is known of how the action came about, as one JSON text; None when there is nothing to tell."""
    parts: dict[str, Any] = {}
    if event.info:
        parts["info"] = dict(event.info)
    if event.legal_actions is not None:
        parts["legal_actions"] = list(event.legal_actions)
    if isinstance(event, StepTaken) and event.probabilities is not None:
        parts["probabilities"] = dict(event.probabilities)
    if isinstance(event, StepTaken) and event.graph is not None:
        parts["graph"] = dict(event.graph)
    if isinstance(event, StepTaken) and event.interventions:
        parts["interventions"] = [intervention_to_wire(one) for one in event.interventions]
    return json_text(parts) if parts else None


def _read_diagnostics(text: str | None) -> tuple[dict[str, Any], dict[str, Any]]:
    parts: dict[str, Any] = json_value(text) if text else {}
    return parts.pop("info", {}), parts


def _calls_json(rows: Sequence[MessageRow]) -> str | None:
    """The step's calls as `[[name, arguments], …]`; None for an action that is text."""
    calls = [f"[{_quoted(row.name)},{row.content}]" for row in rows if row.kind == "tool_call"]
    return f"[{','.join(calls)}]" if calls else None


@lru_cache(maxsize=1024)
def _quoted(name: str | None) -> str:
    return json_text(name)


def _encode(rendering: Rendering, pictures: PictureEncoder | None) -> EncodedPicture | None:
    if rendering is None or pictures is None:
        return None
    if isinstance(rendering, Picture):
        return pictures.encode(rendering.width, rendering.height, rendering.rgb)
    return pictures.encode_text(rendering)


def _env_row(environment: EnvironmentRecord, tools: tuple[Mapping[str, Any], ...]) -> EnvRow:
    """Row of the environment; episodes of one campaign share it, so the newest ones are kept."""
    key = (id(environment), tuple(map(id, tools)))
    kept = _env_rows.get(key)
    if kept is not None:
        return kept[-1]
    row = EnvRow(
        name=environment.name,
        kind=environment.kind,
        spec=json_text(environment.spec),
        pkg_versions=json_text(environment.packages),
        observation_space=None if environment.observation_space is None else json_text(environment.observation_space),
        action_space=None if environment.action_space is None else json_text(environment.action_space),
        tools=json_text(list(tools)),
        deterministic=environment.deterministic,
    )
    if len(_env_rows) >= 64:
        _env_rows.clear()
    _env_rows[key] = (environment, tools, row)  # what the key's ids belong to stays alive with it
    return row


_env_rows: dict[tuple[int, tuple[int, ...]], tuple[EnvironmentRecord, tuple[Mapping[str, Any], ...], EnvRow]] = {}


def _environment_record(row: EnvRow) -> EnvironmentRecord:
    return EnvironmentRecord(
        name=row.name,
        kind=row.kind,
        spec=json_value(row.spec),
        packages=json_value(row.pkg_versions),
        observation_space=json_value(row.observation_space) if row.observation_space else None,
        action_space=json_value(row.action_space) if row.action_space else None,
        deterministic=row.deterministic,
    )


def _agent_row(agent: AgentRecord) -> AgentRow:
    return AgentRow(agent.name, agent.kind, agent.model, json_text(agent.config), agent.prompt)


def _agent_kind(kind: str) -> AgentKind:
    match kind:
        case "human" | "llm" | "random" | "scripted" | "policy":
            return kind
        case _:
            return "scripted"


def _as_tuple(value: list[Any] | None) -> tuple[Any, ...] | None:
    return None if value is None else tuple(value)

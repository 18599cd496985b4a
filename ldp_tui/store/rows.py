"""What is written and read: one frozen record per stored thing, and the operations that write them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

FLAG_TERMINATED: Final = 1
FLAG_TRUNCATED: Final = 2
FLAG_ERROR: Final = 4
FLAG_HUMAN: Final = 8
FLAG_EDITED: Final = 16
FLAG_OVERRULED: Final = 32
"""Another action was proposed than the one played: the row is a preference (table `pair`)."""

EndStatus = Literal["done", "truncated", "failed", "interrupted", "aborted"]
Status = Literal["running", "done", "truncated", "failed", "interrupted", "aborted"]


@dataclass(frozen=True, slots=True)
class EncodedPicture:
    """One compressed picture, named by `hash`; `base` is the hash of the keyframe that an XOR picture builds on."""

    hash: bytes
    width: int
    height: int
    codec: int
    base: bytes | None
    z: bytes


@dataclass(frozen=True, slots=True)
class MessageRow:
    """One message of a step.

    `kind`: text, json, multimodal, env_state, request, tool_call, tool_result, reflection or system. `extra`: JSON.
    """

    role: str
    kind: str
    name: str | None
    call_id: str | None
    content: str | None
    extra: str | None


@dataclass(frozen=True, slots=True)
class GenerationRow:
    """One request to a model. `params` is JSON text; `finish` is `error:TYPE` where it failed; `raw` is what came.

    `token_ids` are little-endian 32-bit integers, `logprobs` little-endian 64-bit floats, one for each token.
    """

    model: str | None
    params: str | None
    request_id: str | None
    finish: str | None
    tokens_in: int | None
    tokens_out: int | None
    tokens_cached: int | None
    cost_usd: float | None
    latency_us: int | None
    ttft_us: int | None
    token_ids: bytes | None
    logprobs: bytes | None
    raw: str | None = None


@dataclass(frozen=True, slots=True)
class StepRow:
    """Row `t` of an episode: the t-th action and what it led to; row 0 is the reset.

    `action` and `info` are JSON text, `obs` the JSON bytes of the native observation, `flags` the FLAG_ bits. `reward`
    may be NaN or infinite: it is kept, and left out of sums. `generations`, as `dt_us`, are not in the hash chain.
    """

    t: int
    action: str | None
    reward: float | None
    flags: int
    value: float | None
    tokens_in: int | None
    tokens_out: int | None
    cost_usd: float | None
    dt_us: int | None
    picture: EncodedPicture | None
    obs: bytes | None
    info: str | None
    messages: tuple[MessageRow, ...]
    generations: tuple[GenerationRow, ...] = ()


@dataclass(frozen=True, slots=True)
class EnvRow:
    """An environment as it was: equal rows are stored once. All but `name` and `kind` are JSON text."""

    name: str
    kind: str
    spec: str
    pkg_versions: str
    observation_space: str | None = None
    action_space: str | None = None
    tools: str | None = None
    deterministic: bool | None = None


@dataclass(frozen=True, slots=True)
class AgentRow:
    """Who played: equal rows are stored once. `kind`: human, llm, random, scripted or policy; `config`: JSON text."""

    name: str
    kind: str
    model: str | None = None
    config: str = "{}"
    prompt: str | None = None


@dataclass(frozen=True, slots=True)
class BeginEpisode:
    """Start an episode with its reset row.

    A fork names its parent and the row `fork_t` it starts from. Its `first` then has `t == fork_t` and repeats that row
    (edited where it differs): rows before it are read from the parent. With `first.t == 0` it stands alone.
    """

    uid: str
    run_uid: str
    env: EnvRow
    agent: AgentRow
    task_id: str | None
    seed: str | None
    options: str | None
    started_ns: int
    parent_uid: str | None
    fork_t: int | None
    first: StepRow


@dataclass(frozen=True, slots=True)
class AddStep:
    """Append the next row; its `t` is one more than the last."""

    uid: str
    row: StepRow


@dataclass(frozen=True, slots=True)
class EndEpisode:
    """Close an episode. `success`: None where the task does not define it; `detail`: what went wrong, for people.

    `generations` are those that no row came of.
    """

    uid: str
    status: EndStatus
    ended_ns: int
    success: bool | None = None
    wall_us: int = 0
    detail: str | None = None
    generations: tuple[GenerationRow, ...] = ()


@dataclass(frozen=True, slots=True)
class MemoryRow:
    """What an agent remembers, found again by its query. `value` and `metadata` are JSON text.

    `vector` holds the query's embedding as little-endian 32-bit floats, `embedding` says which model made it.
    """

    uid: str
    collection: str
    query: str
    input: str
    output: str
    value: str
    metadata: str
    run_uid: str | None
    template: str
    embedding: str | None
    vector: bytes | None
    created_ns: int


@dataclass(frozen=True, slots=True)
class AddMemory:
    """Keep a memory. The same one may be added again; another one of its uid is refused."""

    row: MemoryRow


@dataclass(frozen=True, slots=True)
class AnnotationRow:
    """Something said of row `t` of an episode. `kind` is that of its author: human, llm or code."""

    t: int
    name: str
    kind: Literal["human", "llm", "code"]
    author: str
    label: str | None = None
    comment: str | None = None
    created_ns: int = 0


@dataclass(frozen=True, slots=True)
class AddAnnotation:
    """Note something about an episode that was begun; the chain does not cover it."""

    uid: str
    row: AnnotationRow


EpisodeOperation = BeginEpisode | AddStep | EndEpisode
"""What a recording is made of."""
Operation = EpisodeOperation | AddMemory | AddAnnotation

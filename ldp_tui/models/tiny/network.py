"""A Llama in NumPy: as much of the architecture as small models use, and nothing else.

Shapes: `B` rows (sequences), `T` new tokens of each, `S` tokens that can be seen, `E` hidden size, `H` heads, `K` heads
of keys and values (`H` is a multiple), `D` size of a head, `V` vocabulary. The same weights load in transformers'
`LlamaForCausalLM`, and the logits agree.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from ldp_tui.models.tiny.errors import ModelFolderError
from ldp_tui.models.tiny.safetensors import Floats, read_tensors

Integers = NDArray[np.int64]
Reading = tuple[Floats, Floats]
"""Keys and values of one sequence, `[layers, K, tokens, D]`."""

CONFIG_FILE: Final = "config.json"
WEIGHTS_FILE: Final = "model.safetensors"


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of a network."""

    vocabulary: int
    hidden: int
    layers: int
    heads: int
    key_heads: int
    head_size: int
    context: int
    """Most tokens of a sequence."""
    epsilon: float
    rope_base: float

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Sizes of a transformers configuration.

        Raises:
            ModelFolderError: If it is not of a plain Llama.
        """
        rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
        plain = (
            config.get("model_type") == "llama"
            and config.get("hidden_act", "silu") == "silu"
            and not (config.get("attention_bias") or config.get("mlp_bias"))
            and rope.get("rope_type", "default") == "default"
        )
        if not plain:
            raise ModelFolderError(
                f"Only plain Llama models run without PyTorch; this one is a {config.get('model_type')}."
            )
        heads = config["num_attention_heads"]
        return cls(
            vocabulary=config["vocab_size"],
            hidden=config["hidden_size"],
            layers=config["num_hidden_layers"],
            heads=heads,
            key_heads=config.get("num_key_value_heads") or heads,
            head_size=config.get("head_dim") or config["hidden_size"] // heads,
            context=config["max_position_embeddings"],
            epsilon=config["rms_norm_eps"],
            rope_base=rope.get("rope_theta") or config.get("rope_theta", 10_000.0),
        )


@dataclass(frozen=True, slots=True)
class Layer:
    """One block's matrices, each applied from the right; the norm before them is folded into their rows."""

    attend: Floats
    """`[E, (H + 2K) D]`: queries, keys and values."""
    merge: Floats
    """`[H D, E]`"""
    widen: Floats
    """`[E, 2 M]`: gate and up."""
    narrow: Floats
    """`[M, E]`"""


class Cache:
    """Keys and values of the tokens that each row has seen, and how many they are."""

    def __init__(self, shape: Shape, *, rows: int, capacity: int) -> None:
        self._shape = shape
        self.lengths: Integers = np.zeros(rows, dtype=np.int64)
        self.keys, self.values = self._empty(rows, capacity), self._empty(rows, capacity)

    @property
    def rows(self) -> int:
        """How many sequences fit."""
        return len(self.lengths)

    def reserve(self, *, rows: int, capacity: int) -> None:
        """Make room for at least so many rows and tokens; what is there stays."""
        have_rows, have_capacity = self.rows, self.keys.shape[3]
        if rows <= have_rows and capacity <= have_capacity:
            return
        rows = max(have_rows, rows if rows <= have_rows else max(rows, 2 * have_rows))
        capacity = max(have_capacity, capacity if capacity <= have_capacity else max(capacity, 2 * have_capacity))
        for name in ("keys", "values"):
            larger = self._empty(rows, capacity)
            larger[:, :have_rows, :, :have_capacity] = getattr(self, name)
            setattr(self, name, larger)
        self.lengths = np.concatenate([self.lengths, np.zeros(rows - have_rows, dtype=np.int64)])

    def move(self, source: int, target: int) -> None:
        """Row `target` becomes what row `source` is."""
        length = self.lengths[target] = self.lengths[source]
        for store in (self.keys, self.values):
            store[:, target, :, :length] = store[:, source, :, :length]

    def reading(self, row: int, length: int) -> Reading:
        """Keys and values of a row's first tokens, copied."""
        span = np.s_[:, row, :, :length]
        return self.keys[span].copy(), self.values[span].copy()

    def restore(self, row: int, reading: Reading | None, length: int) -> None:
        """A row begins with the first `length` tokens of a reading, and nothing else."""
        if reading is not None:
            self.keys[:, row, :, :length], self.values[:, row, :, :length] = (part[:, :, :length] for part in reading)
        self.lengths[row] = length

    def repeated(self, times: int, *, room: int) -> Cache:
        """A cache with `times` copies of row 0 and room for `room` further tokens."""
        length = int(self.lengths[0])
        copies = Cache(self._shape, rows=times, capacity=length + room)
        copies.lengths[:] = length
        copies.keys[:, :, :, :length] = self.keys[:, :1, :, :length]
        copies.values[:, :, :, :length] = self.values[:, :1, :, :length]
        return copies

    def _empty(self, rows: int, capacity: int) -> Floats:
        shape = self._shape
        return np.zeros((shape.layers, rows, shape.key_heads, capacity, shape.head_size), dtype=np.float32)


class Network:
    """Weights and how they are applied. Holds no sequence; safe to use from several threads at once."""

    def __init__(self, shape: Shape, tensors: dict[str, Floats]) -> None:
        self.shape = shape
        self._embedding = tensors["model.embed_tokens.weight"]
        head = tensors.get("lm_head.weight", self._embedding)
        self._head = np.ascontiguousarray((head * tensors["model.norm.weight"]).T)
        self._layers = [_layer(tensors, f"model.layers.{number}.") for number in range(shape.layers)]
        frequencies = shape.rope_base ** (-np.arange(0, shape.head_size, 2, dtype=np.float32) / shape.head_size)
        angles = np.outer(np.arange(shape.context, dtype=np.float32), frequencies)
        self._cos, self._sin = np.cos(angles), np.sin(angles)  # [context, D/2]

    @classmethod
    def from_folder(cls, folder: Path) -> Self:
        """The model that transformers saved in `folder`.

        Raises:
            ModelFolderError: If it is none, or not a plain Llama.
        """
        try:
            config = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
            return cls(Shape.from_config(config), read_tensors(folder / WEIGHTS_FILE))
        except OSError as error:
            raise ModelFolderError(f"{folder} holds no model: {CONFIG_FILE} cannot be read.") from error
        except (ValueError, KeyError) as error:
            raise ModelFolderError(f"{folder} holds no whole model: {error} is missing or wrong.") from error

    def cache(self, *, rows: int = 1, capacity: int = 64) -> Cache:
        """An empty cache."""
        return Cache(self.shape, rows=rows, capacity=capacity)

    def read(self, ids: Integers, counts: Integers, cache: Cache, *, first: int = 0) -> Floats:
        """Continue the rows `first` … of the cache by `ids` `[B, T]`; the last hidden state of each token `[B, T, E]`.

        Row `b` takes `counts[b]` tokens, the rest of its `T` is padding. The cache must have room for all `T`.
        """
        shape, (rows, width) = self.shape, ids.shape
        lengths = cache.lengths[first : first + rows]
        seen = int(lengths.max()) + width
        positions = lengths[:, None] + np.arange(width)  # [B, T]
        rotation = self._rotation(positions)
        hidden_keys = None
        if width > 1 or int(lengths.min()) != int(lengths.max()):
            hidden_keys = np.arange(seen) > positions[:, None, None, :, None]  # [B, 1, 1, T, S]
        at = np.arange(first, first + rows)[:, None]
        group, scale = shape.heads // shape.key_heads, np.float32(shape.head_size**-0.5)
        split = (shape.heads * shape.head_size, (shape.heads + shape.key_heads) * shape.head_size)
        x = self._embedding[ids]
        for number, layer in enumerate(self._layers):
            attended = _normal(x, shape.epsilon) @ layer.attend
            queries = attended[..., : split[0]].reshape(rows, width, shape.heads, shape.head_size)
            keys = attended[..., split[0] : split[1]].reshape(rows, width, shape.key_heads, shape.head_size)
            values = attended[..., split[1] :].reshape(rows, width, shape.key_heads, shape.head_size)
            cache.keys[number][at, :, positions] = _rotated(keys, rotation)
            cache.values[number][at, :, positions] = values
            queries = _rotated(queries, rotation) * scale
            queries = queries.transpose(0, 2, 1, 3).reshape(rows, shape.key_heads, group, width, shape.head_size)
            visible = slice(first, first + rows), slice(None), None, slice(seen)
            scores = queries @ cache.keys[number][visible].swapaxes(-1, -2)  # [B, K, H/K, T, S]
            if hidden_keys is not None:
                np.copyto(scores, -np.inf, where=hidden_keys)
            mixed = _softmax(scores) @ cache.values[number][visible]  # [B, K, H/K, T, D]
            mixed = mixed.reshape(rows, shape.heads, width, shape.head_size).transpose(0, 2, 1, 3)
            x = x + mixed.reshape(rows, width, -1) @ layer.merge
            x = x + _gated(_normal(x, shape.epsilon) @ layer.widen) @ layer.narrow
        cache.lengths[first : first + rows] += counts
        return x

    def logits(self, hidden: Floats) -> Floats:
        """`[…, E]` to `[…, V]`."""
        found: Floats = _normal(hidden, self.shape.epsilon) @ self._head
        return found

    def _rotation(self, positions: Integers) -> tuple[Floats, Floats]:
        """Cosines and sines `[B, T, 1, D/2]`; padding beyond the context, which is never read, turns as the last."""
        inside = np.minimum(positions, self.shape.context - 1)
        return self._cos[inside][:, :, None], self._sin[inside][:, :, None]


def log_softmax(logits: Floats) -> Floats:
    """Natural log-probabilities over the last axis."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    found: Floats = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return found


def _layer(tensors: dict[str, Floats], prefix: str) -> Layer:
    def weight(name: str) -> Floats:
        return tensors[f"{prefix}{name}.weight"]

    before_attention, before_mlp = weight("input_layernorm"), weight("post_attention_layernorm")
    attend = np.concatenate([weight(f"self_attn.{part}_proj") for part in "qkv"]) * before_attention
    widen = np.concatenate([weight("mlp.gate_proj"), weight("mlp.up_proj")]) * before_mlp
    matrices = (attend, weight("self_attn.o_proj"), widen, weight("mlp.down_proj"))
    return Layer(*(np.ascontiguousarray(matrix.T) for matrix in matrices))


def _normal(x: Floats, epsilon: float) -> Floats:
    """Root-mean-square norm over the last axis, without its weight."""
    found: Floats = x / np.sqrt(np.einsum("...i,...i->...", x, x)[..., None] / x.shape[-1] + np.float32(epsilon))
    return found


def _rotated(x: Floats, rotation: tuple[Floats, Floats]) -> Floats:
    """Rotary position embedding of `[B, T, heads, D]`, halves paired as transformers does."""
    cos, sin = rotation
    half = x.shape[-1] // 2
    first, second = x[..., :half], x[..., half:]
    return np.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)


def _softmax(scores: Floats) -> Floats:
    scores -= scores.max(axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=-1, keepdims=True)
    return scores


def _gated(widened: Floats) -> Floats:
    """SwiGLU: `silu(gate) * up` of `[…, 2M]`."""
    half = widened.shape[-1] // 2
    gate = widened[..., :half]
    gated: Floats = gate * widened[..., half:]
    gated /= 1.0 + np.exp(-gate)
    return gated

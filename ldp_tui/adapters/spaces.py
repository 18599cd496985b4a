"""Gymnasium spaces as JSON: the schema of a space, and its elements as plain values, both ways."""

from __future__ import annotations

import json
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, NoReturn

import numpy as np
import orjson
from gymnasium import spaces
from gymnasium.vector.utils import concatenate, create_empty_array, iterate
from numpy.typing import NDArray

from ldp_tui.adapters.plain import PACK_ABOVE, number_of, packed, plain, unpacked
from ldp_tui.adapters.space_schema import array_schema, list_schema, nullable_list, object_schema, packed_or

Role = Literal["observation", "action"]
"""Actions must be easy to type (one-element boxes are numbers); observations may be packed when they are big."""

_ORJSON_TYPES: Final = frozenset(map(np.dtype, ["f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"]))
_TABLE_LIMIT: Final = 4096


class InvalidValueError(ValueError):
    """A value that is no element of the space; the text says which part and what would be."""


class Codec(ABC):
    """One space's translation; `schema` is the JSON Schema that every encoded element satisfies."""

    schema: dict[str, Any]

    @abstractmethod
    def encode(self, native: Any) -> Any:
        """The element as a plain JSON value that shares no memory with it."""

    def encode_json(self, native: Any) -> bytes:
        """What `encode` gives as JSON text."""
        return orjson.dumps(self.encode(native))

    @abstractmethod
    def decode(self, value: Any, path: str = "action") -> Any:
        """The element that a JSON value stands for; raises `InvalidValueError` naming `path`."""


def codec_for(space: spaces.Space[Any], *, role: Role = "observation", names: Sequence[str] | None = None) -> Codec:
    """The translation of a space; `names` are the words for the elements of a Discrete space, in order."""
    if isinstance(space, spaces.Discrete):
        return DiscreteCodec(space, names)
    for kind, build in _BUILDERS:
        if isinstance(space, kind):
            return build(space, role)
    return ForeignCodec(space)


class DiscreteCodec(Codec):
    """Integers from `start`, or one name each; integers, numeric strings and names are all understood."""

    def __init__(self, space: spaces.Discrete[Any], names: Sequence[str] | None = None) -> None:
        self.start, self.n = int(space.start), int(space.n)
        self.names = tuple(names) if names is not None and _usable(names, self.n) else None
        self._known: dict[Any, int] = {}
        if self.n <= _TABLE_LIMIT:
            for native in range(self.start, self.start + self.n):
                self._known[native] = self._known[str(native)] = native
        if self.names is None:
            self.schema = {"type": "integer", "minimum": self.start, "maximum": self.start + self.n - 1}
        else:
            self.schema = {"type": "string", "enum": list(self.names)}
            for native, name in enumerate(self.names, self.start):
                self._known[name] = self._known[_folded(name)] = native

    def encode(self, native: Any) -> int | str:
        """The name where there is one, else the integer."""
        index = int(native)
        return index if self.names is None else self.names[index - self.start]

    def decode(self, value: Any, path: str = "action") -> int:
        """The integer; `True`, lists and unknown words are refused."""
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            found = self._known.get(value)
            if found is None and isinstance(value, str):
                found = self._known.get(_folded(value))
            if found is None and self.n > _TABLE_LIMIT:
                found = self._in_range(value)
            if found is not None:
                return found
        return _refuse(path, value, self.expected)

    @property
    def expected(self) -> str:
        """What a valid value looks like, for the sentence that refuses another one."""
        if self.names is not None:
            return f"one of {', '.join(self.names)}"
        return f"an integer from {self.start} to {self.start + self.n - 1}"

    def _in_range(self, value: str | float) -> int | None:
        try:
            number = int(value)
        except (ValueError, OverflowError):
            return None
        whole = isinstance(value, str) or number == value
        return number if whole and self.start <= number < self.start + self.n else None


class ArrayCodec(Codec):
    """Box, MultiDiscrete and MultiBinary: an array of one shape and dtype between two arrays of bounds."""

    def __init__(self, low: NDArray[Any], high: NDArray[Any], dtype: np.dtype[Any], role: Role) -> None:
        self.low, self.high, self.dtype, self.shape = low, high, dtype, low.shape
        self.single = role == "action" and low.size == 1
        self._float = bool(np.issubdtype(dtype, np.floating))
        self._direct = dtype in _ORJSON_TYPES and low.ndim > 0
        self._pack = role == "observation" and low.size > PACK_ABOVE
        span = np.where(np.isfinite(low) & np.isfinite(high), high.astype(float) - low.astype(float), 1.0)
        self._slack: NDArray[Any] = span * 1e-6 if self._float else np.zeros_like(low)
        nested = array_schema(low, high, "number" if self._float else "integer")
        while self.single and nested["type"] == "array":
            nested = nested["items"]
        self.schema = packed_or(nested) if self._pack else nested

    def encode(self, native: Any) -> Any:
        """Nested lists (or one number, or packed bytes); non-finite floats become the words JSON lacks.

        Floats have the fewest digits that name them in the space's own precision.
        """
        value = orjson.loads(self.encode_json(native))
        while self.single and isinstance(value, list):
            value = value[0]
        return value

    def encode_json(self, native: Any) -> bytes:
        """The JSON text that `encode` reads, except that a one-element action is still in its list."""
        array = np.asarray(native, dtype=self.dtype)
        if self._pack:
            return orjson.dumps(packed(array))
        if not self._direct or not array.flags.c_contiguous:
            return orjson.dumps(plain(array.tolist()))
        text = orjson.dumps(array, option=orjson.OPT_SERIALIZE_NUMPY)
        return orjson.dumps(plain(array.tolist())) if self._float and b"null" in text else text

    def decode(self, value: Any, path: str = "action") -> NDArray[Any]:
        """An array of the space's shape and dtype, within its bounds."""
        value = _parsed(value)
        if self._pack and isinstance(value, dict):
            return self._unpacked(value, path)
        array = self._numbers(value, path)
        if self.single and array.size == 1:
            array = array.reshape(self.shape)
        if array.shape != self.shape:
            _refuse(path, value, f"{self.expected} (its shape is {list(array.shape)})")
        outside = ~((array >= self.low - self._slack) & (array <= self.high + self._slack))
        if outside.any():
            place = tuple(int(i) for i in np.argwhere(outside)[0])
            at = "" if self.single else "".join(f"[{i}]" for i in place)
            given = float(str(array[place])) if self._float else array[place].item()
            _refuse(path + at, given, f"from {self.low[place]:g} to {self.high[place]:g}")
        return np.asarray(np.clip(array, self.low, self.high), dtype=self.dtype)

    def _unpacked(self, value: dict[str, Any], path: str) -> NDArray[Any]:
        try:
            return unpacked(value).astype(self.dtype).reshape(self.shape)
        except (ValueError, KeyError, TypeError, zlib.error):
            return _refuse(path, value, self.expected)

    def _numbers(self, value: Any, path: str) -> NDArray[Any]:
        if value is None:
            _refuse(path, value, self.expected)
        try:
            array = np.asarray(number_of(value), dtype=np.float64 if self._float else None)
            if self._float:
                with np.errstate(over="ignore"):  # too large for the precision is infinite, and judged as such
                    array = array.astype(self.dtype)
        except (ValueError, TypeError):
            return _refuse(path, value, self.expected)
        if array.dtype == np.bool_:
            array = array.astype(np.int8)
        whole = self._float or np.issubdtype(array.dtype, np.integer)
        if not whole and (array.dtype.kind != "f" or not np.array_equal(array, np.trunc(array))):
            _refuse(path, value, self.expected)
        return array

    @property
    def expected(self) -> str:
        """What a valid value looks like, for the sentence that refuses another one."""
        kind = "number" if self._float else "integer"
        if self.single:
            bounded = bool(np.isfinite(self.low).all() and np.isfinite(self.high).all())
            article = "a" if self._float else "an"
            return f"{article} {kind}" + (f" from {self.low.item():g} to {self.high.item():g}" if bounded else "")
        return f"a list of {kind}s of shape {list(self.shape)}"


class TextCodec(Codec):
    """Strings of a bounded length over a character set."""

    def __init__(self, space: spaces.Text, role: Role = "action") -> None:
        self._space = space
        self.schema = {"type": "string", "minLength": space.min_length, "maxLength": space.max_length}
        if 0 < len(space.character_set) <= 256:
            members = "".join(f"\\{c}" if c in "\\]^-[" else c for c in sorted(space.character_set))
            self.schema["pattern"] = f"^[{members}]*$"

    def encode(self, native: Any) -> str:
        """The string itself."""
        return str(native)

    def decode(self, value: Any, path: str = "action") -> str:
        """The string; refused when too long, too short, or with foreign characters."""
        if isinstance(value, str) and self._space.contains(value):
            return value
        low, high = self._space.min_length, self._space.max_length
        return _refuse(path, value, f"a text of {low} to {high} characters out of {self._space.characters}")


class DictCodec(Codec):
    """An object with one property per key; keys that are no strings go by their text."""

    def __init__(self, space: spaces.Dict, role: Role) -> None:
        self._parts = {str(key): (key, codec_for(part, role=role)) for key, part in space.spaces.items()}
        properties = {name: codec.schema for name, (_, codec) in self._parts.items()}
        self.schema = object_schema(properties)

    def encode(self, native: Any) -> dict[str, Any]:
        """One plain value per key."""
        return {name: codec.encode(native[key]) for name, (key, codec) in self._parts.items()}

    def decode(self, value: Any, path: str = "action") -> dict[Any, Any]:
        """A dict with exactly the keys of the space."""
        value = _parsed(value)
        if not isinstance(value, Mapping) or set(value) != set(self._parts):
            _refuse(path, value, f"an object with the keys {', '.join(self._parts)}")
        return {key: codec.decode(value[name], f"{path}.{name}") for name, (key, codec) in self._parts.items()}


class TupleCodec(Codec):
    """A list with one element per member space."""

    def __init__(self, space: spaces.Tuple[Any], role: Role) -> None:
        self._parts = [codec_for(part, role=role) for part in space.spaces]
        self.schema = list_schema([codec.schema for codec in self._parts])

    def encode(self, native: Any) -> list[Any]:
        """One plain value per member."""
        return [codec.encode(item) for codec, item in zip(self._parts, native, strict=True)]

    def decode(self, value: Any, path: str = "action") -> tuple[Any, ...]:
        """A tuple of as many elements as the space has members."""
        value = _parsed(value)
        if not _is_list(value) or len(value) != len(self._parts):
            _refuse(path, value, f"a list of {len(self._parts)} values")
        return tuple(
            codec.decode(item, f"{path}[{i}]") for i, (codec, item) in enumerate(zip(self._parts, value, strict=True))
        )


class SequenceCodec(Codec):
    """A list of any length over one space."""

    def __init__(self, space: spaces.Sequence, role: Role) -> None:
        self._space, self._item = space, codec_for(space.feature_space, role=role)
        self.schema = {"type": "array", "items": self._item.schema}

    def encode(self, native: Any) -> list[Any]:
        """One plain value per element."""
        items = iterate(self._space.stacked_feature_space, native) if self._space.stack else native
        return [self._item.encode(item) for item in items]

    def decode(self, value: Any, path: str = "action") -> Any:
        """A tuple, or the stacked array where the space stacks."""
        value = _parsed(value)
        if not _is_list(value):
            _refuse(path, value, "a list")
        items = tuple(self._item.decode(item, f"{path}[{i}]") for i, item in enumerate(value))
        return _stacked(self._space.feature_space, items) if self._space.stack else items


class GraphCodec(Codec):
    """An object of `nodes`, `edges` and `edge_links`; the latter two are null in a graph without edges."""

    def __init__(self, space: spaces.Graph, role: Role) -> None:
        self._space = space
        self._node = codec_for(space.node_space, role=role)
        self._edge = None if space.edge_space is None else codec_for(space.edge_space, role=role)
        link = {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 2, "maxItems": 2}
        self.schema = object_schema(
            {
                "nodes": {"type": "array", "items": self._node.schema},
                "edges": nullable_list(None if self._edge is None else self._edge.schema),
                "edge_links": nullable_list(None if self._edge is None else link),
            }
        )

    def encode(self, native: Any) -> dict[str, Any]:
        """Lists of node values, edge values and index pairs."""
        nodes = [self._node.encode(node) for node in iterate(self._space.batch_node_space, native.nodes)]
        if self._edge is None or native.edges is None or native.edge_links is None:
            return {"nodes": nodes, "edges": None, "edge_links": None}
        edges = [self._edge.encode(edge) for edge in iterate(self._space.batch_edge_space, native.edges)]
        return {"nodes": nodes, "edges": edges, "edge_links": np.asarray(native.edge_links).tolist()}

    def decode(self, value: Any, path: str = "action") -> spaces.GraphInstance:
        """A `GraphInstance` whose links name existing nodes."""
        value = _parsed(value)
        if not isinstance(value, Mapping) or not _is_list(value.get("nodes")):
            _refuse(path, value, "an object with the keys nodes, edges, edge_links")
        nodes = tuple(self._node.decode(node, f"{path}.nodes[{i}]") for i, node in enumerate(value["nodes"]))
        stacked = _stacked(self._space.node_space, nodes)
        edges, links = value.get("edges"), value.get("edge_links")
        if self._edge is None or edges is None or links is None:
            return spaces.GraphInstance(stacked, None, None)
        decoded = tuple(self._edge.decode(edge, f"{path}.edges[{i}]") for i, edge in enumerate(edges))
        pairs = ArrayCodec(
            np.zeros((len(decoded), 2)), np.full((len(decoded), 2), len(nodes) - 1), np.dtype(np.int32), "observation"
        )
        return spaces.GraphInstance(
            stacked, _stacked(self._space.edge_space, decoded), pairs.decode(links, f"{path}.edge_links")
        )


class OneOfCodec(Codec):
    """An object of `choice` (which member space) and `value` (its element)."""

    def __init__(self, space: spaces.OneOf[Any], role: Role) -> None:
        self._parts = [codec_for(part, role=role) for part in space.spaces]
        self.schema = {
            "anyOf": [
                object_schema({"choice": {"type": "integer", "enum": [i]}, "value": codec.schema})
                for i, codec in enumerate(self._parts)
            ]
        }

    def encode(self, native: Any) -> dict[str, Any]:
        """The index and the plain value."""
        index = int(native[0])
        return {"choice": index, "value": self._parts[index].encode(native[1])}

    def decode(self, value: Any, path: str = "action") -> tuple[int, Any]:
        """The pair that Gymnasium uses."""
        value = _parsed(value)
        if not isinstance(value, Mapping) or set(value) != {"choice", "value"}:
            _refuse(path, value, "an object with the keys choice and value")
        index = DiscreteCodec(spaces.Discrete(len(self._parts))).decode(value["choice"], f"{path}.choice")
        return index, self._parts[index].decode(value["value"], f"{path}.value")


class ForeignCodec(Codec):
    """A space class of somebody else's, through its own `to_jsonable` and `from_jsonable`."""

    def __init__(self, space: spaces.Space[Any]) -> None:
        self._space = space
        self.schema = {"description": f"an element of {space}"}

    def encode(self, native: Any) -> Any:
        """What the space's own `to_jsonable` gives, without numpy."""
        return plain(self._space.to_jsonable([native])[0])

    def decode(self, value: Any, path: str = "action") -> Any:
        """What the space's own `from_jsonable` gives, checked by its `contains`."""
        try:
            native = self._space.from_jsonable([_parsed(value)])[0]
        except (ValueError, TypeError, KeyError, IndexError, AssertionError) as error:
            raise InvalidValueError(f"{path}: {error}") from error
        return native if self._space.contains(native) else _refuse(path, value, f"an element of {self._space}")


def _box(space: Any, role: Role) -> Codec:
    return ArrayCodec(space.low, space.high, space.dtype, role)


def _multi_discrete(space: Any, role: Role) -> Codec:
    return ArrayCodec(np.asarray(space.start), space.start + (space.nvec - 1), space.dtype, role)


def _multi_binary(space: Any, role: Role) -> Codec:
    return ArrayCodec(np.zeros(space.shape, np.int8), np.ones(space.shape, np.int8), space.dtype, role)


_BUILDERS: Final[list[tuple[type, Callable[[Any, Role], Codec]]]] = [
    (spaces.Box, _box),
    (spaces.MultiDiscrete, _multi_discrete),
    (spaces.MultiBinary, _multi_binary),
    (spaces.Text, TextCodec),
    (spaces.Dict, DictCodec),
    (spaces.Tuple, TupleCodec),
    (spaces.Sequence, SequenceCodec),
    (spaces.Graph, GraphCodec),
    (spaces.OneOf, OneOfCodec),
]


def _usable(names: Sequence[str], n: int) -> bool:
    return len(names) == n and len({_folded(name) for name in names}) == n


def _folded(text: str) -> str:
    return " ".join(text.replace("_", " ").replace("-", " ").split()).casefold()


def _refuse(path: str, value: Any, expected: str) -> NoReturn:
    shown = repr(value)
    raise InvalidValueError(f"{path} must be {expected}, not {shown if len(shown) <= 60 else shown[:57] + '…'}")


def _parsed(value: Any) -> Any:
    """Lists, objects and numbers that arrive as JSON text."""
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _stacked(space: Any, items: tuple[Any, ...]) -> Any:
    empty: Any = create_empty_array(space, len(items))
    return concatenate(space, items, empty) if items else empty

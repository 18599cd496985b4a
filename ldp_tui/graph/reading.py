"""Values of a graph from their JSON (`ldp_tui.graph.values` describes it), from files that may be torn or hostile."""

from __future__ import annotations

import base64
import contextlib
import math
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel, ValidationError

from ldp_tui.graph.results import OpResult
from ldp_tui.graph.runs import CallID
from ldp_tui.graph.values import DEPTH, PROTOCOL_TYPES, Described, Json, canonical, content_hash, outline

_NESTING: Final = 2 * DEPTH + 10  # each container may be behind a reference
_ITEMS: Final = 50_000_000
_ARRAY_KINDS: Final = frozenset("biufc")


class Malformed(ValueError):
    """What is wrong with a value; its place is added by whoever knows it."""


def table(value: Json, what: str) -> Mapping[str, Json]:
    """`value` if it is a JSON object; raises Malformed."""
    if not isinstance(value, dict):
        raise Malformed(f"{what} is {_kind(value)}, not an object")
    return value


def listed(value: Json, what: str) -> list[Json]:
    """`value` if it is a JSON list; raises Malformed."""
    if not isinstance(value, list):
        raise Malformed(f"{what} is {_kind(value)}, not a list")
    return value


def text(value: Json, what: str) -> str:
    """`value` if it is text; raises Malformed."""
    if not isinstance(value, str):
        raise Malformed(f"{what} is {_kind(value)}, not text")
    return value


def uuid(value: Json, what: str) -> UUID:
    """The UUID that `value` spells; raises Malformed."""
    spelled = text(value, what)
    try:
        return UUID(spelled)
    except ValueError:
        raise Malformed(f"{what} is no UUID: {spelled[:40]!r}") from None


class Decoder:
    """Makes values of JSON. `node` gives the result of this graph with a forward id, or raises Malformed."""

    def __init__(
        self, shared: Mapping[str, Json], types: Iterable[type[BaseModel]], node: Callable[[UUID], OpResult[Any]]
    ) -> None:
        self._shared = shared
        self._types = {**PROTOCOL_TYPES, **{f"{cls.__module__}.{cls.__qualname__}": cls for cls in types}}
        self._node = node
        self._depth = self._items = 0
        self._known: dict[str, tuple[Any, int]] = {}

    def decode(self, encoded: Json) -> Any:
        """The value. What is shared in the file is one object at each of its places, so it is not to be changed.

        Raises:
            Malformed: If it is none that `Encoder` writes.
        """
        self._depth += 1
        self._items += 1
        if self._depth > _NESTING:
            raise Malformed("values nest too deep")
        if self._items > _ITEMS:
            raise Malformed(f"values have more than {_ITEMS:,} items, counted at each of their places")
        try:
            if isinstance(encoded, list):
                return [self.decode(item) for item in encoded]
            if not isinstance(encoded, dict):
                return encoded
            if "$" not in encoded:
                return {key: self.decode(item) for key, item in encoded.items()}
            kind = encoded["$"]
            read = _KINDS.get(kind) if isinstance(kind, str) else None
            if read is None:
                raise Malformed(f"there is no kind of value {str(kind)[:40]!r}")
            return read(self, encoded)
        finally:
            self._depth -= 1

    def _listed(self, encoded: Mapping[str, Json]) -> list[Any]:
        return [self.decode(item) for item in listed(encoded.get("items"), "`items`")]

    def _hashed(self, encoded: Mapping[str, Json]) -> frozenset[Any]:
        try:
            return frozenset(self._listed(encoded))
        except TypeError as error:
            raise Malformed(f"an item of a set is none: {error}") from None

    def _dict(self, encoded: Mapping[str, Json]) -> dict[Any, Any]:
        made = {}
        for pair in listed(encoded.get("items"), "`items`"):
            if not isinstance(pair, list) or len(pair) != 2:
                raise Malformed("an item of a dict is no pair")
            try:
                made[self.decode(pair[0])] = self.decode(pair[1])
            except TypeError as error:
                raise Malformed(f"a key of a dict is none: {error}") from None
        return made

    def _ref(self, encoded: Mapping[str, Json]) -> Any:
        digest = text(encoded.get("id"), "`id`")
        if digest not in self._known:
            self._known[digest] = self._decode_shared(digest)
        value, items = self._known[digest]
        self._items += items
        return value

    def _decode_shared(self, digest: str) -> tuple[Any, int]:
        if digest not in self._shared:
            raise Malformed(f"the value {digest[:40]} is missing from `values`")
        content = self._shared[digest]
        if content_hash(canonical(content)) != digest:  # a value that contains itself has no hash either
            raise Malformed(f"the value {digest} does not fit its hash: the file was altered or damaged")
        before = self._items
        value = self.decode(content)
        items, self._items = self._items - before, before
        return value, items

    def _model(self, encoded: Mapping[str, Json]) -> Any:
        name = text(encoded.get("type"), "`type`")
        fields = {key: self.decode(item) for key, item in table(encoded.get("fields"), "`fields`").items()}
        cls = self._types.get(name)
        if cls is None:
            return Described(name, text(encoded.get("text", outline(name, fields)), "`text`"), fields)
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            first = error.errors()[0]
            raise Malformed(f"no {name}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
        except (TypeError, ValueError) as error:
            raise Malformed(f"no {name}: {error}") from None

    def _result(self, encoded: Mapping[str, Json]) -> OpResult[Any]:
        return OpResult(
            call_id(encoded.get("call_id")),
            text(encoded.get("op_name"), "`op_name`"),
            text(encoded.get("op_class_name"), "`op_class_name`"),
            self.decode(encoded.get("value")),
        )

    def _object(self, encoded: Mapping[str, Json]) -> Described:
        return Described(text(encoded.get("type"), "`type`"), text(encoded.get("text"), "`text`"))


def call_id(encoded: Json) -> CallID:
    """The call id that an object spells; raises Malformed."""
    ids = table(encoded, "`call_id`")
    return CallID(uuid(ids.get("run_id"), "`run_id`"), uuid(ids.get("fwd_id"), "`fwd_id`"))


def _array(_: Decoder, encoded: Mapping[str, Json]) -> Any:
    """A NumPy array or scalar. A tensor, where torch has been imported. Described, without NumPy."""
    dtype, shape = text(encoded.get("dtype"), "`dtype`"), listed(encoded.get("shape"), "`shape`")
    content = _bytes(_, encoded)
    if len(shape) > 32 or not all(type(size) is int and size >= 0 for size in shape):
        raise Malformed("`shape` is no shape of an array")
    try:
        import numpy
    except ImportError:
        return Described("numpy.ndarray", f"array of {dtype}, shape {tuple(shape)}")
    try:
        kind = numpy.dtype(dtype)
    except (TypeError, ValueError, SyntaxError):
        raise Malformed(f"`dtype` is no type of numbers: {dtype[:40]!r}") from None
    if kind.kind not in _ARRAY_KINDS or kind.shape or math.prod(shape) * kind.itemsize != len(content):
        raise Malformed(f"{len(content)} bytes are no array of {dtype[:40]} with shape {tuple(shape)}")
    array = numpy.frombuffer(content, kind).reshape(shape).astype(kind.newbyteorder("="))
    torch = sys.modules.get("torch")
    if encoded.get("library") == "torch" and torch is not None:
        with contextlib.suppress(TypeError):  # torch has fewer types
            return torch.from_numpy(array)
    return array if shape else array[()]


def _bytes(_: Decoder, encoded: Mapping[str, Json]) -> bytes:
    try:
        return base64.b64decode(text(encoded.get("value"), "`value`"), validate=True)
    except ValueError as error:
        raise Malformed(f"`value` is no base64: {error}") from None


def _utf8(content: bytes) -> str:
    try:
        return content.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        raise Malformed("`value` is no text") from None


def _from_text(make: Callable[[str], Any], what: str) -> Callable[[Decoder, Mapping[str, Json]], Any]:
    def read(_: Decoder, encoded: Mapping[str, Json]) -> Any:
        spelled = text(encoded.get("value"), "`value`")
        try:
            return make(spelled)
        except ValueError:
            raise Malformed(f"{spelled[:40]!r} is no {what}") from None

    return read


_KINDS: Final[Mapping[str, Callable[[Decoder, Mapping[str, Json]], Any]]] = {
    "tuple": lambda decoder, encoded: tuple(decoder._listed(encoded)),
    "set": lambda decoder, encoded: set(decoder._hashed(encoded)),
    "frozenset": Decoder._hashed,
    "dict": Decoder._dict,
    "int": _from_text(lambda spelled: int(spelled, 16), "hexadecimal number"),
    "float": _from_text(float, "number"),
    "text": lambda decoder, encoded: _utf8(_bytes(decoder, encoded)),
    "bytes": _bytes,
    "uuid": _from_text(UUID, "UUID"),
    "datetime": _from_text(datetime.fromisoformat, "date and time"),
    "date": _from_text(date.fromisoformat, "date"),
    "array": _array,
    "model": Decoder._model,
    "node": lambda decoder, encoded: decoder._node(uuid(encoded.get("id"), "`id`")),
    "result": Decoder._result,
    "object": Decoder._object,
    "ref": Decoder._ref,
}


def _kind(value: Json) -> str:
    if value is None:
        return "missing"
    return {bool: "a truth value", str: "text", list: "a list", dict: "an object"}.get(type(value), "a number")

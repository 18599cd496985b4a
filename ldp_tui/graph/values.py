"""Values of a graph as JSON, and back.

What JSON has is written as it is. Everything else is an object with the key `$` that tells its kind:

| `$` | what | further keys |
|---|---|---|
| `tuple`, `set`, `frozenset` | | `items` |
| `dict` | keys that are not all text, or one that is `$` | `items`: pairs |
| `int`, `float`, `text`, `bytes` | beyond JSON: large, not finite, lone surrogates, binary | `value` |
| `uuid`, `datetime`, `date` | | `value` |
| `array` | of NumPy or torch | `library`, `dtype`, `shape`, `value` |
| `model` | pydantic model or dataclass | `type`, `fields`, perhaps `text` |
| `node` | result of this graph | `id` |
| `result` | result of another run | `call_id`, `op_name`, `op_class_name`, `value` |
| `object` | anything else: its type and what `repr` says | `type`, `text` |
| `ref` | a value kept once for all its uses, by the hash of its content | `id` |

Nothing here runs code that the data names: a model is made only of the classes in `PROTOCOL_TYPES`, or those the
reader gives, and everything else becomes a `Described`.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, TypeAlias
from uuid import UUID

from pydantic import BaseModel

from ldp_tui.core.messages import EnvStateMessage, Message
from ldp_tui.core.secrets import TextRedactor
from ldp_tui.core.tool_calls import ToolCall, ToolCallFunction, ToolRequestMessage, ToolResponseMessage
from ldp_tui.core.tools import FunctionInfo, Parameters, Tool
from ldp_tui.graph.results import Node, OpResult
from ldp_tui.graph.runs import CallID

Json: TypeAlias = Any

DEPTH: Final = 50
"""How deep values may nest."""
INLINE: Final = 100
"""Length of JSON text up to which a value is written where it is used."""
DESCRIPTION: Final = 400
"""Length of the text that stands for an object."""

PROTOCOL_TYPES: Final[Mapping[str, type[BaseModel]]] = {
    cls.__name__: cls
    for cls in (
        CallID,
        EnvStateMessage,
        FunctionInfo,
        Message,
        Parameters,
        Tool,
        ToolCall,
        ToolCallFunction,
        ToolRequestMessage,
        ToolResponseMessage,
    )
}
"""Models that are made again from a file, by the name that stands for them there."""

_SHORT_NAMES: Final = {cls: name for name, cls in PROTOCOL_TYPES.items()}
_SECRET_KEY: Final = re.compile(
    r"api_?key|passw(?:or)?d|authorization|(?:access|auth)_?token|client_?secret", re.IGNORECASE
)
_ADDRESS: Final = re.compile(r" at 0x[0-9a-f]+")
_LARGEST_INT: Final = 2**63


@dataclass(frozen=True, slots=True)
class Described:
    """What stands for an object that a file cannot hold, or whose class the reader does not know."""

    type: str
    """Module and name of its class."""
    text: str
    """What `repr` said of it, shortened."""
    fields: Mapping[str, Any] | None = None
    """Its fields, for models and dataclasses."""

    def __str__(self) -> str:
        return self.text


class Encoder:
    """Makes JSON of values; `shared` collects those that are long, by hash. Secrets are taken out."""

    def __init__(self, node_ids: Iterable[UUID] = (), redactor: TextRedactor | None = None) -> None:
        """Encoder of a graph whose results have these forward ids."""
        self.shared: dict[str, Json] = {}
        self._node_ids = frozenset(node_ids)
        self._redactor = redactor or TextRedactor.of_environment(os.environ)
        self._inside: set[int] = set()

    def encode(self, value: Any) -> Json:
        """`value` as JSON."""
        if value is None or isinstance(value, bool):
            return value
        for kind, write in _SCALARS:
            if isinstance(value, kind):
                return self._share(write(self, value))
        if id(value) in self._inside or len(self._inside) >= DEPTH:
            return self._described(value, "… (refers to itself)" if id(value) in self._inside else "… (nests too deep)")
        self._inside.add(id(value))
        try:
            return self._share(self._container(value))
        finally:
            self._inside.discard(id(value))

    def _share(self, encoded: Json) -> Json:
        if not isinstance(encoded, str | list | dict):
            return encoded
        text = canonical(encoded)
        if len(text) <= INLINE:
            return encoded
        digest = content_hash(text)
        self.shared[digest] = encoded
        return {"$": "ref", "id": digest}

    def _container(self, value: Any) -> Json:
        if isinstance(value, Node | OpResult):
            return self._result(value)
        if isinstance(value, list):
            return [self.encode(item) for item in value]
        if isinstance(value, dict):
            return self._dict(value)
        if isinstance(value, tuple):
            return {"$": "tuple", "items": [self.encode(item) for item in value]}
        if isinstance(value, set | frozenset):
            items = sorted((self.encode(item) for item in value), key=canonical)
            return {"$": "set" if isinstance(value, set) else "frozenset", "items": items}
        if isinstance(value, BaseModel):
            return self._model(value)
        if (array := _array(value)) is not None:
            return array
        return self._described(value)

    def _dict(self, value: dict[Any, Any]) -> Json:
        pairs = [(key, self._field(key, item)) for key, item in value.items()]
        if all(isinstance(key, str) and key != "$" and key.isprintable() for key, _ in pairs):
            return dict(pairs)
        return {"$": "dict", "items": [[self.encode(key), item] for key, item in pairs]}

    def _field(self, name: Any, value: Any) -> Json:
        if isinstance(name, str) and isinstance(value, str) and value and _SECRET_KEY.search(name):
            return {"$": "object", "type": "builtins.str", "text": "[redacted]"}
        return self.encode(value)

    def _model(self, model: BaseModel) -> Json:
        cls = type(model)
        values = {name: model.__dict__[name] for name in cls.model_fields if name in model.__dict__}
        fields = {name: self._field(name, each) for name, each in {**values, **(model.model_extra or {})}.items()}
        return {"$": "model", "type": _SHORT_NAMES.get(cls) or _type_name(cls), "fields": fields}

    def _result(self, result: Node | OpResult[Any]) -> Json:
        call_id = result.call_id
        if call_id.fwd_id in self._node_ids:
            return {"$": "node", "id": str(call_id.fwd_id)}
        return {
            "$": "result",
            "call_id": call_id.model_dump(),
            "op_name": result.op_name,
            "op_class_name": result.op_class_name,
            "value": self.encode(result.value),
        }

    def _described(self, value: Any, text: str | None = None) -> Json:
        name, fields = _type_name(type(value)), None
        if isinstance(value, Described):
            name, text, fields = value.type, value.text, value.fields
        elif text is None and dataclasses.is_dataclass(value):
            fields = {field.name: getattr(value, field.name, None) for field in dataclasses.fields(value)}
        text = text or self._repr(value)
        if fields is None:
            return {"$": "object", "type": name, "text": text}
        encoded = {"$": "model", "type": name, "fields": {key: self._field(key, each) for key, each in fields.items()}}
        return encoded if text == outline(name, fields) else {**encoded, "text": text}

    def _repr(self, value: Any) -> str:
        try:
            text = repr(value)
        except Exception as error:  # noqa: BLE001 (whatever an object's repr raises, the graph is saved)
            text = f"<{type(value).__name__}: its repr raised {type(error).__name__}>"
        text = self._redactor.text(_ADDRESS.sub("", text).encode("utf-8", "replace").decode())
        return text if len(text) <= DESCRIPTION else f"{text[: DESCRIPTION - 1]}…"

    def _text(self, value: str) -> Json:
        text = self._redactor.text(str(value))
        try:
            text.encode()
        except UnicodeEncodeError:
            return {"$": "text", "value": _base64(text.encode("utf-8", "surrogatepass"))}
        return text

    def _int(self, value: int) -> Json:
        return int(value) if -_LARGEST_INT <= value < _LARGEST_INT else {"$": "int", "value": hex(value)}

    def _float(self, value: float) -> Json:
        number = float(value)
        return {"$": "float", "value": repr(number)} if number - number != 0.0 else number


_SCALARS: Final[tuple[tuple[type, Callable[[Encoder, Any], Json]], ...]] = (
    (str, Encoder._text),
    (int, Encoder._int),
    (float, Encoder._float),
    (bytes, lambda _, value: {"$": "bytes", "value": _base64(value)}),
    (UUID, lambda _, value: {"$": "uuid", "value": str(value)}),
    (datetime, lambda _, value: {"$": "datetime", "value": value.isoformat()}),
    (date, lambda _, value: {"$": "date", "value": value.isoformat()}),
)


def outline(type_name: str, fields: Mapping[str, Any]) -> str:
    """What a model is called where nothing else is known of it: its class and the names of its fields."""
    return f"{type_name.rpartition('.')[2]}({', '.join(fields)})"


def canonical(encoded: Json) -> str:
    """JSON text that is the same for equal values."""
    return json.dumps(encoded, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def content_hash(text: str) -> str:
    """First 128 bits of the SHA-256 of a canonical text, as hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _type_name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _array(value: Any) -> Json | None:
    """NumPy arrays and scalars, torch tensors; None for those whose bytes say nothing elsewhere."""
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    library = "numpy"
    if torch is not None and isinstance(value, torch.Tensor):
        library = "torch"
        try:
            value = value.detach().cpu().numpy()
        except TypeError:  # bfloat16, sparse: NumPy has nothing like it
            return None
    if numpy is None or not isinstance(value, numpy.ndarray | numpy.generic):
        return None
    array = numpy.ascontiguousarray(value)
    if array.dtype.kind not in "biufc":
        return None
    dtype = array.dtype.newbyteorder("<")
    return {
        "$": "array",
        "library": library,
        "dtype": dtype.str,
        "shape": list(value.shape),
        "value": _base64(array.astype(dtype, copy=False).tobytes()),
    }

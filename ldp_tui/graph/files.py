"""Graphs as files: a result with all that led to it, what its ops were given, gave and recorded.

A file is JSON (UTF-8):

    {"format": "ldp-tui graph", "version": 1, "run_id": …, "root": …,
     "nodes": [{"id": …, "op_name": …, "op_class_name": …, "output": …,
                "args": […], "kwargs": {…}, "records": {…}}, …],
     "values": {hash: …}}

`nodes` are in topological order, the root first: a node refers only to nodes behind it. `values` holds what is long,
once for all its uses, under the hash of its content. `ldp_tui.graph.values` describes how values are written.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NoReturn
from uuid import UUID

from pydantic import BaseModel

from ldp_tui.graph.contexts import OpCtx
from ldp_tui.graph.errors import GraphFileError
from ldp_tui.graph.reading import Decoder, Malformed, listed, table, text, uuid
from ldp_tui.graph.results import Inputs, Node, OpResult
from ldp_tui.graph.runs import CallID, CallRecord, Run, adopt_run
from ldp_tui.graph.values import Encoder, Json

FORMAT: Final = "ldp-tui graph"
VERSION: Final = 1
LARGEST: Final = 256 * 2**20
"""Bytes up to which a file is read."""


def save_graph(result: OpResult[Any], path: str | os.PathLike[str]) -> None:
    """Write `result` and all that led to it to a file: whole, or not at all.

    Secrets are taken out; objects that JSON cannot hold are described.

    Raises:
        NotRecorded: If the graph was not kept: an op ran in evaluation mode.
        OSError: If the file cannot be written.
    """
    path = Path(path)
    content = dump_graph(result)
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False
    ) as file:
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(file.name).unlink()
            raise


def load_graph(path: str | os.PathLike[str], *, types: Iterable[type[BaseModel]] = ()) -> OpResult[Any]:
    """The result that was saved, with its graph. The ops need not be in this process, except for `compute_grads`.

    Args:
        path: What `save_graph` wrote.
        types: Models to make again besides those of the protocol; others become `Described`.

    Raises:
        GraphFileError: If the file is torn, altered, too large, of a later version, or no graph file.
        OSError: If it cannot be read.
    """
    path = Path(path)
    size = path.stat().st_size
    if size > LARGEST:
        raise GraphFileError(str(path), "", f"it has {size:,} bytes; graphs are read up to {LARGEST:,}")
    return _load(path.read_bytes(), types, str(path))


def dump_graph(result: OpResult[Any]) -> str:
    """What `save_graph` writes, as text."""
    results = list(result.traverse())
    encoder = Encoder(each.call_id.fwd_id for each in results)
    nodes = [_encoded(each, encoder) for each in results]
    document = {
        "format": FORMAT,
        "version": VERSION,
        "run_id": str(result.run_id),
        "root": str(result.call_id.fwd_id),
        "nodes": nodes,
        "values": encoder.shared,
    }
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def parse_graph(content: str | bytes, *, types: Iterable[type[BaseModel]] = (), source: str = "graph") -> OpResult[Any]:
    """What `load_graph` gives, from text; `source` is what errors call it."""
    return _load(content, types, source)


def _encoded(result: OpResult[Any], encoder: Encoder) -> Json:
    args, kwargs = result.inputs
    own = {key: value for key, value in result.records().items() if key not in {"input", "output"}}
    return {
        "id": str(result.call_id.fwd_id),
        "op_name": result.op_name,
        "op_class_name": result.op_class_name,
        "output": encoder.encode(result.value),
        "args": [encoder.encode(value) for value in args],
        "kwargs": {name: encoder.encode(value) for name, value in kwargs.items()},
        "records": {key: encoder.encode(value) for key, value in own.items()},
    }


def _load(content: str | bytes, types: Iterable[type[BaseModel]], source: str) -> OpResult[Any]:
    reader = _Reader(types)
    try:
        return reader.read(table(_parsed(content, source), "the file"))
    except Malformed as error:
        raise GraphFileError(source, reader.where, f"{error}.") from None
    except RecursionError:
        raise GraphFileError(source, reader.where, "values nest too deep.") from None


class _Reader:
    """Builds one graph. `where` is the place in the file that is being read."""

    def __init__(self, types: Iterable[type[BaseModel]]) -> None:
        self.where = ""
        self._types = tuple(types)
        self._records: dict[UUID, CallRecord] = {}

    def read(self, document: Mapping[str, Json]) -> OpResult[Any]:
        _check_version(document)
        run = Run(uuid(document.get("run_id"), "`run_id`"))
        decoder = Decoder(
            table(document.get("values"), "`values`"), self._types, lambda fwd_id: OpResult.of(self._node(fwd_id), run)
        )
        nodes = listed(document.get("nodes"), "`nodes`")
        for index in reversed(range(len(nodes))):
            self.where = f"nodes[{index}]"
            self._add(table(nodes[index], "it"), run, decoder)
        self.where = ""
        root = self._node(uuid(document.get("root"), "`root`"))
        self._fill(run)
        return OpResult.of(root, run)

    def _add(self, encoded: Mapping[str, Json], run: Run, decoder: Decoder) -> None:
        fwd_id = uuid(encoded.get("id"), "`id`")
        if fwd_id in self._records:
            raise Malformed(f"there are two nodes {fwd_id}")
        op_name, op_class_name = (text(encoded.get(key), f"`{key}`") for key in ("op_name", "op_class_name"))
        node = Node(CallID(run.id, fwd_id), op_name, op_class_name, decoder.decode(encoded.get("output")))

        def given(value: Json) -> Any:
            decoded = decoder.decode(value)
            return decoded.node if isinstance(decoded, OpResult) and decoded.run is run else decoded

        args = tuple(given(value) for value in listed(encoded.get("args"), "`args`"))
        kwargs = {name: given(value) for name, value in table(encoded.get("kwargs"), "`kwargs`").items()}
        record: CallRecord = {"input": Inputs(args, kwargs), "output": node}
        for key, value in table(encoded.get("records"), "`records`").items():
            record.setdefault(key, decoder.decode(value))
        self._records[fwd_id] = record

    def _node(self, fwd_id: UUID) -> Node:
        """The node, which has been read if it is behind the one that refers to it."""
        record = self._records.get(fwd_id)
        if record is None:
            raise Malformed(f"the node {fwd_id} that it refers to is not among those behind it")
        node: Node = record["output"]
        return node

    def _fill(self, run: Run) -> None:
        """Records go where the process keeps those of these ops; apart from them, if the run itself still lives."""
        contexts: dict[str, OpCtx] = {}
        findable = adopt_run(run)
        for fwd_id, record in self._records.items():
            name = record["output"].op_name
            if name not in contexts:
                contexts[name] = OpCtx.get_or_create(name) if findable else OpCtx(name)
            run.open_records(contexts[name])[fwd_id] = record


def _parsed(content: str | bytes, source: str) -> Json:
    try:
        return json.loads(content, parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise GraphFileError(source, f"byte {error.start}", "it is not UTF-8 text.") from None
    except json.JSONDecodeError as error:
        raise GraphFileError(source, f"line {error.lineno}, column {error.colno}", f"{error.msg}.") from None
    except ValueError as error:  # a number with thousands of digits
        raise Malformed(str(error)) from None


def _refuse_constant(name: str) -> NoReturn:
    raise Malformed(f"{name} is no JSON")


def _check_version(document: Mapping[str, Json]) -> None:
    if document.get("format") != FORMAT:
        raise Malformed(f"it is no graph file: `format` is not {FORMAT!r}")
    version = document.get("version")
    if type(version) is not int or version < 1:
        raise Malformed("`version` is no version number")
    if version > VERSION:
        raise Malformed(f"it was written by a later version of ldp-tui: format {version}, this one reads {VERSION}")

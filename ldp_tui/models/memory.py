"""What agents remember: texts found again by how alike they are, in memory or in the project's store."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar
from uuid import UUID, uuid4

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, JsonValue, PrivateAttr, SerializeAsAny, model_validator

from ldp_tui.core.settings import Settings
from ldp_tui.models.embeddings import EmbeddingModel, SparseEmbeddingModel
from ldp_tui.store import AddMemory, MemoryRow, Reader, connect_writer, default_path
from ldp_tui.store.errors import StoreMissing

if TYPE_CHECKING:
    from ldp_tui.graph import CallID, Op
    from ldp_tui.models.ops import MemoryOp

Vector = NDArray[np.float32]


class Memory(BaseModel):
    """One memory: what was seen, what was done, and what came of it. `query` is what it is found by."""

    query: str = Field(description="What is embedded; it may be longer than the input, which a prompt shows.")
    input: str = Field(default="", description="What was seen; the query where it is not given.")
    output: str = Field(description="What was done.")
    value: float | str = Field(description="What came of it, such as the return.")
    metadata: JsonValue = Field(default_factory=dict)
    run_id: UUID | None = Field(default=None, description="The forward pass that made it.")
    template: str = "Input: {input}\nOutput: {output}\nValue: {value}"

    @model_validator(mode="before")
    @classmethod
    def _input_is_query(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("input") is None and "query" in given:
            return {**given, "input": given["query"]}
        return given

    def __str__(self) -> str:
        return self.template.format(**self.model_dump())

    @classmethod
    def from_ops(
        cls,
        mem_op: MemoryOp,
        mem_call_id: CallID,
        output_op: Op[Any],
        output_call_id: CallID,
        value: float,
        **fields: Any,
    ) -> Self:
        """The memory of a call of a MemoryOp and of what another op then gave."""
        query: str = mem_op.ctx.get(mem_call_id, "query")
        shown: str | None = mem_op.ctx.get(mem_call_id, "memory_input")
        output = output_op.ctx.get(output_call_id, "output").value
        return cls(
            query=query,
            input=query if shown is None else shown,
            output=str(output),
            value=value,
            run_id=output_call_id.run_id,
            **fields,
        )


class VectorIndex:
    """Vectors by number, searched by cosine. Threads may share one."""

    def __init__(self) -> None:
        self._keys: list[int] = []
        self._rows: Vector = np.zeros((0, 0), np.float32)
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._keys)

    def __getstate__(self) -> dict[str, Any]:
        """What a copy, or a file, needs: all but the lock."""
        with self._lock:
            return {"_keys": list(self._keys), "_rows": self._rows.copy()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.Lock())

    def add(self, key: int, vector: Sequence[float] | Vector) -> None:
        """Add a vector of the same length as those before.

        Raises:
            ValueError: If it has another length.
        """
        row = _unit(np.asarray(vector, np.float32))
        with self._lock:
            count = len(self._keys)
            if not count:
                self._rows = np.zeros((8, row.size), np.float32)
            elif row.size != self._rows.shape[1]:
                raise ValueError(f"An embedding of {row.size} numbers does not fit those of {self._rows.shape[1]}.")
            elif count == len(self._rows):
                self._rows = np.concatenate([self._rows, np.zeros_like(self._rows)])
            self._rows[count] = row
            self._keys.append(key)

    def search(self, vector: Sequence[float] | Vector, count: int) -> list[tuple[int, float]]:
        """The numbers of the `count` nearest, nearest first, with their cosines; equally near ones by age."""
        with self._lock:
            if not self._keys or count < 1:
                return []
            cosines = self._rows[: len(self._keys)] @ _unit(np.asarray(vector, np.float32))
            best = np.argsort(-cosines, kind="stable")[:count]
            return [(self._keys[int(i)], float(cosines[i])) for i in best]


TIndex = TypeVar("TIndex")


class MemoryModel(Settings, ABC, Generic[TIndex]):
    """A collection of memories. It may start with some."""

    DEFAULT_MEMORY_MATCHES: ClassVar[int] = 3

    model_config = ConfigDict(arbitrary_types_allowed=True)

    embedding_model: SerializeAsAny[EmbeddingModel] = Field(default_factory=SparseEmbeddingModel)
    memories: dict[int, Memory] = Field(default_factory=dict)

    async def add_memory(self, memory: Memory) -> None:
        """Remember it."""
        await self.add_memories([memory])

    async def add_memories(self, memories: Iterable[Memory]) -> None:
        """Remember several at once."""
        new = list(memories)
        for memory, vector in zip(new, await self._embedded(new), strict=True):
            key = await self._add_to_index(embedding=vector)
            self.memories[key] = memory

    async def get_memory(self, query: str, matches: int = DEFAULT_MEMORY_MATCHES) -> list[Memory]:
        """The memories most like the query, most alike first."""
        vector = np.asarray(await self.embedding_model.embed_document(query), np.float32)
        return await self._search_index(embedding=vector, matches=matches)

    def __len__(self) -> int:
        return len(self.memories)

    @asynccontextmanager
    async def safe_access_index(self) -> AsyncIterator[TIndex]:
        """The index, complete."""
        yield await self._index_of_all()

    @abstractmethod
    async def _index_of_all(self) -> TIndex:
        """The index with every memory in it."""

    @abstractmethod
    async def _add_to_index(self, embedding: Vector) -> int:
        """Add an embedding; its number."""

    @abstractmethod
    async def _search_index(self, embedding: Vector, matches: int = DEFAULT_MEMORY_MATCHES) -> list[Memory]:
        """The memories nearest to an embedding."""

    async def _embedded(self, memories: Sequence[Memory]) -> list[Vector]:
        vectors = await self.embedding_model.embed_documents([memory.query for memory in memories]) if memories else []
        return [np.asarray(vector, np.float32) for vector in vectors]


class VectorMemoryModel(MemoryModel[VectorIndex]):
    """Memories in this process, searched by cosine similarity of their embeddings."""

    _index: VectorIndex = PrivateAttr(default_factory=VectorIndex)
    _indexed: set[int] = PrivateAttr(default_factory=set)

    async def _index_of_all(self) -> VectorIndex:
        await self._index_missing()
        return self._index

    async def _add_to_index(self, embedding: Vector) -> int:
        await self._index_missing()
        key = max(self._indexed, default=-1) + 1
        self._take(key, embedding)
        return key

    async def _search_index(self, embedding: Vector, matches: int = MemoryModel.DEFAULT_MEMORY_MATCHES) -> list[Memory]:
        await self._index_missing()
        return [self.memories[key] for key, _ in self._index.search(embedding, matches)]

    async def _index_missing(self) -> None:
        """Embed the memories it started with."""
        missing = [key for key in self.memories if key not in self._indexed]
        if not missing:
            return
        for key, vector in zip(missing, await self._embedded([self.memories[k] for k in missing]), strict=True):
            self._take(key, vector)

    def _take(self, key: int, vector: Vector) -> None:
        if key not in self._indexed:
            self._indexed.add(key)
            self._index.add(key, vector)


UIndexMemoryModel = VectorMemoryModel
"""The name that LDP's users know it by."""


class StoredMemoryModel(VectorMemoryModel):
    """Memories in the project's store, shared by everybody who names the same collection, and there the next day."""

    path: Path = Field(default_factory=default_path)
    collection: str = "default"

    _newest: int = PrivateAttr(default=0)

    async def add_memories(self, memories: Iterable[Memory]) -> None:
        """Remember them; they are on disk when this returns.

        Raises:
            StoreError: If the store cannot be written.
        """
        new = list(memories)
        vectors = await self._embedded(new)
        rows = [self._row(memory, vector) for memory, vector in zip(new, vectors, strict=True)]
        await asyncio.to_thread(self._write, rows)

    async def _index_missing(self) -> None:
        """Take in what came to the store since."""
        for number, row in await asyncio.to_thread(self._read):
            if number in self.memories:
                continue
            memory = _memory(row)
            vector = np.frombuffer(row.vector, "<f4") if row.vector and row.embedding == self._embedding() else None
            if vector is None:
                (vector,) = await self._embedded([memory])
            self.memories[number] = memory
            self._take(number, vector)
            self._newest = max(self._newest, number)

    def _read(self) -> list[tuple[int, MemoryRow]]:
        try:
            with Reader(self.path) as reader:
                return reader.memories(self.collection, after=self._newest)
        except StoreMissing:
            return []

    def _write(self, rows: Sequence[MemoryRow]) -> None:
        with connect_writer(self.path) as writer:
            for ticket in [writer.submit(AddMemory(row)) for row in rows]:
                writer.wait(ticket)

    def _row(self, memory: Memory, vector: Vector) -> MemoryRow:
        return MemoryRow(
            uid=str(uuid4()),
            collection=self.collection,
            query=memory.query,
            input=memory.input,
            output=memory.output,
            value=json.dumps(memory.value),
            metadata=json.dumps(memory.metadata),
            run_uid=None if memory.run_id is None else str(memory.run_id),
            template=memory.template,
            embedding=self._embedding(),
            vector=vector.astype("<f4").tobytes(),
            created_ns=time.time_ns(),
        )

    def _embedding(self) -> str:
        """Which embedding made a vector: vectors of another are made again."""
        return f"{self.embedding_model.name}-{self.embedding_model.ndim}"


def _memory(row: MemoryRow) -> Memory:
    return Memory(
        query=row.query,
        input=row.input,
        output=row.output,
        value=json.loads(row.value),
        metadata=json.loads(row.metadata),
        run_id=None if row.run_uid is None else UUID(row.run_uid),
        template=row.template,
    )


def _unit(vector: Vector) -> Vector:
    length = float(np.linalg.norm(vector))
    return vector / np.float32(length) if length else vector

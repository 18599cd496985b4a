from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ldp_tui.graph import FxnOp, compute_graph, eval_mode
from ldp_tui.graph.errors import NotRecorded
from ldp_tui.models import Memory, MemoryOp, SparseEmbeddingModel, StoredMemoryModel, VectorMemoryModel
from ldp_tui.models.memory import VectorIndex

NORTH = Memory(query="wall to the south", output="go north", value=1.0)
SOUTH = Memory(query="wall to the north", output="go south", value=-1.0)
CARDS = Memory(query="my hand counts 20", input="20", output="stick", value="good", metadata={"table": 3})


def test_memory() -> None:
    """What was seen is the query where nothing else is given; the caller's dictionary stays as it was."""
    given = {"query": "q", "output": "o", "value": 1.0}
    assert Memory.model_validate(given).input == "q"
    assert given == {"query": "q", "output": "o", "value": 1.0}
    assert str(CARDS) == "Input: 20\nOutput: stick\nValue: good"
    assert Memory(**CARDS.model_dump()) == CARDS


def test_index() -> None:
    """The nearest come first whatever their length, equally near ones by age; lengths must agree."""
    index = VectorIndex()
    assert index.search([1, 0], 3) == []
    for key in range(20):
        index.add(key, [1.0, 0.0] if key % 2 else [0.0, 5.0])

    assert len(index) == 20
    assert index.search([3, 0.1], 2) == [(1, pytest.approx(0.9995, abs=1e-3)), (3, pytest.approx(0.9995, abs=1e-3))]
    assert index.search([0, 1], 100)[0] == (0, 1.0)
    assert len(index.search([0, 1], 100)) == 20
    assert index.search(np.zeros(2), 1)[0][1] == 0.0
    with pytest.raises(ValueError, match="does not fit"):
        index.add(20, [1.0, 0.0, 0.0])


@pytest.mark.parametrize("stored", [False, True], ids=["in memory", "in the store"])
async def test_remembering(tmp_path: Path, stored: bool) -> None:
    """What is most like the query comes first."""
    model = StoredMemoryModel(path=tmp_path / "m.db") if stored else VectorMemoryModel()
    assert await model.get_memory("anything") == []
    await model.add_memory(NORTH)
    await model.add_memories([SOUTH, CARDS])

    assert await model.get_memory("a wall north of me", matches=1) == [SOUTH]
    assert (await model.get_memory("hand of 20"))[0] == CARDS
    assert len(await model.get_memory("wall", matches=2)) == 2
    assert len(model) == 3
    async with model.safe_access_index() as index:
        assert len(index) == 3


async def test_starting_with_memories() -> None:
    """They are found like those that come later."""
    model = VectorMemoryModel(memories={4: NORTH})
    await model.add_memory(CARDS)
    assert model.memories == {4: NORTH, 5: CARDS}
    assert await model.get_memory("south wall", matches=1) == [NORTH]


async def test_shared_and_lasting(tmp_path: Path) -> None:
    """What one remembers the others know at once, by collection, and the next day with other embeddings as well."""
    path = tmp_path / "m.db"
    one, other = StoredMemoryModel(path=path, collection="maze"), StoredMemoryModel(path=path, collection="maze")
    cards = StoredMemoryModel(path=path, collection="cards")
    await one.add_memory(NORTH)
    assert await other.get_memory("wall") == [NORTH]
    await other.add_memory(SOUTH)
    await cards.add_memory(CARDS)

    later = StoredMemoryModel(path=path, collection="maze", embedding_model=SparseEmbeddingModel(ndim=16))

    assert len(await one.get_memory("wall")) == len(await later.get_memory("wall")) == 2
    assert await cards.get_memory("wall") == [CARDS]


async def test_memory_op() -> None:
    """It looks memories up, and a call becomes a memory of what came after it."""
    op, act = MemoryOp(VectorMemoryModel(memories={0: NORTH})), FxnOp(lambda found: f"{len(found)} known")
    async with compute_graph():
        found = await op("wall", input="shown", matches=2)
        output = await act(found)
    memory = Memory.from_ops(op, found.call_id, act, output.call_id, value=2.0, metadata={"by": "test"})

    assert found.value == [NORTH]
    assert (memory.query, memory.input, memory.output, memory.value) == ("wall", "shown", "1 known", 2.0)
    assert memory.run_id == output.run_id
    output.compute_grads(1.0)
    assert op.get_input_grads(found.call_id) == ([], {"query": 0.0, "input": 0.0, "matches": 0.0})


async def test_memory_op_in_evaluation() -> None:
    """It keeps nothing of a call."""
    op = MemoryOp()
    async with compute_graph():
        with eval_mode():
            found = await op("wall")
        assert found.value == []
        with pytest.raises(NotRecorded):
            op.ctx.get(found.call_id, "query")

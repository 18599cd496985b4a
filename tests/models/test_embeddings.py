from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from pydantic import ValidationError

from ldp_tui.core.errors import UnknownSetting
from ldp_tui.graph import compute_graph
from ldp_tui.models import AllModelsExhaustedError, EmbeddingModel, EmbeddingOp, SparseEmbeddingModel
from ldp_tui.testing.model_server import ModelServer
from tests.models.asking import KEY


async def cosine(one: str, other: str) -> float:
    a, b = await SparseEmbeddingModel().embed_documents([one, other])
    return float(np.dot(a, b))


async def test_local_embedding() -> None:
    """Texts with words in common are nearer than others, misspelt ones nearer than strangers; the length is 1."""
    asked = "Pick up the passenger at the red stop"

    near, misspelt = (
        await cosine(asked, "The passenger waits at the red stop"),
        await cosine(asked, "pasenger at redstop"),
    )
    strange = await cosine(asked, "Blackjack: hit or stick?")

    assert 1 > near > misspelt > strange
    assert await cosine(asked, asked.upper()) == pytest.approx(1)
    (vector,) = await SparseEmbeddingModel(ndim=64).embed_documents([asked])
    assert len(vector) == 64
    assert math.isclose(sum(x * x for x in vector), 1)
    assert set(await SparseEmbeddingModel().embed_document("")) == {0.0}


async def test_local_embedding_is_the_same_everywhere() -> None:
    """Another process, with another hash seed, gives the same numbers: stored vectors stay good."""
    code = (
        "import asyncio; from ldp_tui.models import SparseEmbeddingModel\n"
        "print(asyncio.run(SparseEmbeddingModel(ndim=8).embed_document('a few words')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == str(await SparseEmbeddingModel(ndim=8).embed_document("a few words"))


async def test_embeddings_of_a_server() -> None:
    """They are asked for in batches, with the key; lists come in the order of the texts."""
    with ModelServer(api_key=KEY) as server:
        place = {"base_url": server.base_url, "api_key": KEY}
        model = EmbeddingModel.from_name("openai/small", ndim=4, batch_size=2, **place)
        vectors = await model.embed_documents(["a", "bb", "ccc"])

    assert [sum(vector) for vector in vectors] == [1, 2, 3]
    assert [request.body["input"] for request in server.requests] == [["a", "bb"], ["ccc"]]
    assert server.requests[0].body == {"model": "small", "input": ["a", "bb"], "dimensions": 4}
    assert KEY not in repr(model) + model.model_dump_json()


async def test_embeddings_refused() -> None:
    """A key that is refused is an error of its own, without the key."""
    with ModelServer(api_key="another") as server:
        model = EmbeddingModel.from_name("openai/small", base_url=server.base_url, api_key=KEY, max_retries=0)
        with pytest.raises(AllModelsExhaustedError, match="AuthenticationFailed") as refused:
            await model.embed_documents(["a"])
    assert KEY not in str(refused.value)


async def test_hybrid() -> None:
    """The server's numbers come first, then the local ones."""
    with ModelServer() as server:
        model = EmbeddingModel.from_name("hybrid-openai/small", ndim=4, base_url=server.base_url)
        vector = await model.embed_document("abc")
    assert (model.ndim, len(vector)) == (516, 516)
    assert sum(vector[:4]) == 3


def test_settings_that_do_not_exist() -> None:
    """They are refused, the nearest named."""
    with pytest.raises(UnknownSetting, match="Did you mean ndim"):
        EmbeddingModel.from_name("sparse", dim=3)
    with pytest.raises(UnknownSetting, match="Did you mean batch_size"):
        EmbeddingModel.from_name("m", batchsize=3)


@pytest.mark.parametrize(("dense", "sparse"), [(512, 0), (0, 32), (16, 64)])
async def test_embedding_op(dense: int, sparse: int) -> None:
    """Without a provider's name nothing is asked of anybody; the gradient ends there."""
    op = EmbeddingOp(dense_embedding_dim=dense, sparse_embedding_dim=sparse)
    async with compute_graph():
        result = await op("test text")
    assert result.value.shape == (dense + sparse,)
    result.compute_grads()
    assert op.get_input_grads(result.call_id) == ([], {"string_input": None})


async def test_embedding_op_of_a_server() -> None:
    """A provider's model is asked for the first part."""
    with ModelServer() as server:
        op = EmbeddingOp(dense_embedding="openai/small", dense_embedding_dim=4, base_url=server.base_url)
        assert (await op("aaa")).value.tolist() == [0, 3, 0, 0]


def test_embedding_op_of_nothing() -> None:
    """It is refused."""
    with pytest.raises(ValidationError):
        EmbeddingOp(dense_embedding_dim=0)

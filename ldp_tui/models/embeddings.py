"""Text → vectors: a small local embedding that needs nothing, providers' models, and both side by side."""

from __future__ import annotations

import asyncio
import math
import re
import zlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import chain, pairwise
from typing import Any, Final

from pydantic import ConfigDict, Field, SecretStr, SerializeAsAny, model_validator

from ldp_tui.core.settings import Settings, refuse_unknown
from ldp_tui.models.config import ModelSpec
from ldp_tui.models.errors import InvalidReply, ModelTimeout
from ldp_tui.models.providers import served_name, speaks_openai
from ldp_tui.models.retrying import ask_in_turn
from ldp_tui.models.waiting import within

LOCAL_DIMENSIONS: Final = 512


class EmbeddingModel(Settings, ABC):
    """Texts as vectors of floats. `ndim`: how many; None where only the provider knows."""

    name: str
    ndim: int | None = None

    @abstractmethod
    async def embed_documents(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector for each text."""

    async def embed_document(self, text: str) -> list[float]:
        """The vector of one text."""
        return (await self.embed_documents([text]))[0]

    @staticmethod
    def from_name(embedding: str, **settings: Any) -> EmbeddingModel:
        """`sparse` is the local one, `hybrid-NAME` the local one beside a provider's, everything else a provider's."""
        if embedding == "sparse":
            return SparseEmbeddingModel(**settings)
        if embedding.startswith("hybrid-"):
            dense = LiteLLMEmbeddingModel(name=embedding.removeprefix("hybrid-"), **settings)
            return HybridEmbeddingModel(name=embedding, models=[dense, SparseEmbeddingModel()])
        return LiteLLMEmbeddingModel(name=embedding, **settings)


class SparseEmbeddingModel(EmbeddingModel):
    """Words, pairs of words, and pieces of three letters, hashed into `ndim` signed counts; of length 1.

    Feature hashing (Weinberger et al. 2009, arXiv:0902.2206) with counts damped by 1 + log. Texts with words in common
    are near each other, misspelt ones too; meaning is not looked at. The same in every process.
    """

    name: str = "sparse"
    ndim: int | None = Field(default=LOCAL_DIMENSIONS, gt=0)

    async def embed_documents(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector for each text; of a text without words, zeros."""
        return [self._embed(text) for text in texts]

    def _embed(self, text: str) -> list[float]:
        size = self.ndim or LOCAL_DIMENSIONS
        vector = [0.0] * size
        for feature, count in Counter(_features(text)).items():
            digest = zlib.crc32(feature.encode("utf-8", "surrogatepass"))
            vector[digest % size] += (1.0 if digest & 0x8000_0000 else -1.0) * (1.0 + math.log(count))
        length = math.sqrt(sum(value * value for value in vector))
        return [value / length for value in vector] if length else vector


class LiteLLMEmbeddingModel(EmbeddingModel):
    """A provider's embeddings; those of a server with a `base_url` of its own are asked for directly."""

    name: str = "text-embedding-3-small"
    ndim: int | None = Field(default=None, gt=0, description="Numbers asked for; None: as many as the model has.")
    api_base: str | None = Field(default=None, alias="base_url")
    api_key: SecretStr | None = Field(default=None, exclude=True, repr=False)
    api_key_env: str | None = None
    timeout: float | None = Field(default=60.0, gt=0)
    max_retries: int = Field(default=3, ge=0)
    retry_seconds: float = Field(default=1.0, ge=0)
    batch_size: int = Field(default=16, ge=1, description="Texts of one request.")
    embed_kwargs: dict[str, Any] = Field(default_factory=dict, description="Passed on with each request.")

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown(cls, given: Any) -> Any:
        if isinstance(given, dict) and "base_url" in given:
            given = {("api_base" if key == "base_url" else key): value for key, value in given.items()}
        if isinstance(given, dict):
            refuse_unknown(given, cls.model_fields, of=cls.__name__)
        return given

    async def embed_documents(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector for each text.

        Raises:
            ModelError: If the provider does not answer.
        """
        spec = self._spec()
        batches = [list(texts[start : start + self.batch_size]) for start in range(0, len(texts), self.batch_size)]
        vectors: list[list[float]] = []
        for batch in batches:
            vectors += await ask_in_turn([spec], partial(self._ask, texts=batch))
        return vectors

    async def _ask(self, spec: ModelSpec, texts: list[str]) -> list[list[float]]:
        settings = dict(self.embed_kwargs)
        if self.ndim is not None:
            settings["dimensions"] = self.ndim
        try:
            async with within(spec.timeout):
                answer = await _answer(spec, texts, settings)
        except TimeoutError as error:
            raise ModelTimeout(f"no embeddings within {spec.timeout:g} s", model=spec.name) from error
        return _vectors(answer, len(texts), spec.name)

    def _spec(self) -> ModelSpec:
        fields = ("name", "api_base", "api_key", "api_key_env", "timeout", "max_retries", "retry_seconds")
        return ModelSpec(**{name: getattr(self, name) for name in fields})


class HybridEmbeddingModel(EmbeddingModel):
    """Several models' vectors, one after the other."""

    name: str = "hybrid"
    models: list[SerializeAsAny[EmbeddingModel]] = Field(min_length=1)

    @model_validator(mode="after")
    def _count(self) -> HybridEmbeddingModel:
        sizes = [model.ndim for model in self.models]
        self.ndim = sum(size or 0 for size in sizes) if None not in sizes else None
        return self

    async def embed_documents(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector for each text."""
        parts = await asyncio.gather(*(model.embed_documents(texts) for model in self.models))
        return [list(chain.from_iterable(vectors)) for vectors in zip(*parts, strict=True)]


async def _answer(spec: ModelSpec, texts: list[str], settings: dict[str, Any]) -> Any:
    if spec.api_base is not None and speaks_openai(spec.name):
        from ldp_tui.models.openai_http import embed

        body = {"model": served_name(spec.name), "input": texts, **settings}
        return await embed(body, base=spec.api_base, key=spec.key(), model=spec.name)
    from ldp_tui.models.litellm_thread import embed as ask_litellm

    given = {"api_base": spec.api_base, "api_key": spec.key(), "timeout": spec.timeout, "max_retries": 0}
    return await ask_litellm(spec.name, texts, {**{k: v for k, v in given.items() if v is not None}, **settings})


def _vectors(answer: Any, count: int, model: str) -> list[list[float]]:
    items = answer.get("data") if isinstance(answer, dict) else None
    try:
        ordered = sorted(items or (), key=lambda item: int(item.get("index", 0)))
        vectors = [[float(number) for number in item["embedding"]] for item in ordered]
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise InvalidReply("the embeddings cannot be read", model=model) from error
    if len(vectors) != count:
        raise InvalidReply(f"{count} embeddings were asked for, {len(vectors)} came", model=model)
    return vectors


def _features(text: str) -> Iterable[str]:
    words = re.findall(r"\w+", text.casefold())
    yield from words
    yield from (f"{one} {other}" for one, other in pairwise(words))
    for word in words:
        marked = f"^{word}$"
        yield from (f"#{marked[start : start + 3]}" for start in range(len(marked) - 2))

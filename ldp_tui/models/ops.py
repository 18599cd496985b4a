"""The ops of a compute graph that ask models, embed texts and look into memories."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ldp_tui.core.agent import Usage, annotate, heard_live, reflect, spend
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolRequestMessage
from ldp_tui.core.tools import Tool
from ldp_tui.graph import CallID, GradInType, Op, OpCtx, get_call_id, get_training_mode
from ldp_tui.graph.gradient_estimators import assign_constant_grads, assign_llm_grads
from ldp_tui.models.client import LLMModel
from ldp_tui.models.config import LLMConfig
from ldp_tui.models.embeddings import (
    EmbeddingModel,
    HybridEmbeddingModel,
    LiteLLMEmbeddingModel,
    SparseEmbeddingModel,
)
from ldp_tui.models.results import LLMResult

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ldp_tui.models.memory import Memory, MemoryModel

logger = logging.getLogger(__name__)


class LLMCallOp(Op[Message]):
    """Asks a language model. What it says is reported while it is said (`reflect`), what it cost afterwards (`spend`).

    A call records its `result` (LLMResult), `raw_logprob`, `temperature` and `logprob`.
    """

    def __init__(
        self,
        num_samples_logprob_estimate: int = 0,
        response_validator: Callable[[LLMResult], Awaitable[None] | None] | None = None,
        default_tool_choice: str | None = LLMModel.TOOL_CHOICE_REQUIRED,
    ) -> None:
        """Op of a model call.

        Args:
            num_samples_logprob_estimate: Further replies asked for to estimate a log-probability at temperatures
                other than 0 and 1; with 0 there is no estimate.
            response_validator: Raises for replies that are to be asked for again.
            default_tool_choice: What holds where tools are given and the call names no choice.
        """
        self.num_samples_partition_estimate = num_samples_logprob_estimate
        self.response_validator = response_validator
        self.default_tool_choice = default_tool_choice

    async def forward(
        self,
        config: LLMConfig | Mapping[str, Any] | str,
        msgs: Sequence[Message],
        tools: Sequence[Tool] | None = None,
        tool_choice: Tool | str | None = None,
    ) -> Message:
        """The model's reply: a ToolRequestMessage if it calls tools, or if `tools` is an empty list.

        Raises:
            ModelError: If no model of the chain gives a usable reply.
            UnknownSetting: If `config` has a key that does not exist.
        """
        config = LLMConfig.model_validate(config)
        if self.response_validator is not None:
            config = config.model_copy(update={"response_validator": self.response_validator})
        model = LLMModel(llm_config=config)
        if tools and tool_choice is None:
            tool_choice = self.default_tool_choice
        callbacks = [reflect] if config.stream and heard_live() else None
        kept: dict[str, Any] = {"logprobs": True} if config.keep_tokens else {}
        result = await model.call_single(msgs, callbacks, tools=tools, tool_choice=tool_choice, **kept)
        if config.keep_tokens and result.token_ids is not None:
            told = {"prompt": result.prompt_ids, "reply": result.token_ids, "logprobs": result.token_logprobs}
            annotate({"tokens": [told]})
        for said in (result.reasoning_content, result.text) if callbacks is None else ():
            if said:
                reflect(said)
        spend(Usage(result.prompt_count or 0, result.completion_count or 0, result.cost))
        temperature = float(config.models[0].extra_params.get("temperature", 1.0))
        logprob = await self.compute_logprob(
            result.logprob, temperature, model, messages=msgs, tools=tools, tool_choice=tool_choice
        )
        call_id = get_call_id()
        for key, value in (
            ("result", result),
            ("raw_logprob", result.logprob),
            ("temperature", temperature),
            ("logprob", logprob),
        ):
            self.ctx.update(call_id, key, value)
        return (result.messages or [Message(role="assistant", content="")])[0]

    async def compute_logprob(
        self, raw_log_p: float | None, temperature: float, model: LLMModel, **request: Any
    ) -> float | None:
        """Log-probability of a reply at `temperature`, of its log-probability `raw_log_p` at temperature 1.

        At 1 they are the same; at 0 it is given as 1.0, as in LDP. Else it is raw / T − log Z with the partition
        function Z = E[exp((1/T − 1) · log p)], estimated by replies sampled at temperature 1; None without samples.
        """
        if temperature == 1:
            return raw_log_p
        if temperature == 0:
            return 1.0
        samples = self.num_samples_partition_estimate
        if raw_log_p is None or samples == 0:
            return None
        results = await asyncio.gather(*(model.call_single(temperature=1.0, **request) for _ in range(samples)))
        logprobs = [result.logprob for result in results if result.logprob is not None]
        if not logprobs:
            return None
        factor = 1.0 / temperature - 1.0
        return raw_log_p / temperature - (_logsumexp([factor * p for p in logprobs]) - math.log(len(logprobs)))

    @classmethod
    def backward(
        cls, ctx: OpCtx, input_args: list[Any], input_kwargs: dict[str, Any], grad_output: Any, call_id: CallID
    ) -> GradInType:
        """Zero for each field of the configuration, and for every other input as a whole."""
        return assign_llm_grads(input_args, input_kwargs, 0.0)

    def get_examples(self) -> list[tuple[LLMResult, Any]]:
        """Result of each recorded call with the gradient of its configuration; None where no gradient came."""
        examples = []
        for call_id in self.get_call_ids():
            result = self.ctx.get(call_id, "result", None)
            gradients = self.ctx.get(call_id, "grad_input", ([], {}))[1]
            if result is not None:
                examples.append((result, gradients.get("config")))
        return examples

    @staticmethod
    def anthropic_response_validator(response: LLMResult) -> None:
        """Refuses calls whose tool name holds the arguments too, as some models garble them; a `response_validator`."""
        for message in response.messages or ():
            for call in message.tool_calls if isinstance(message, ToolRequestMessage) else ():
                if set(call.function.name) & set("{}<>()"):
                    raise ValueError(f"the tool name {call.function.name!r} is garbled")


class MemoryOp(Op["list[Memory]"]):
    """Looks up memories. In training mode a call records its `query` and `memory_input`."""

    def __init__(self, memory_model: MemoryModel[Any] | None = None) -> None:
        """Op of a memory; an empty one in this process where none is given."""
        if memory_model is None:
            from ldp_tui.models.memory import VectorMemoryModel

            memory_model = VectorMemoryModel()
        self.memory_model = memory_model

    async def forward(
        self,
        query: str,
        input: str | None = None,  # noqa: A002 (LDP's signature)
        matches: int = 3,
    ) -> list[Memory]:
        """The memories most like the query. `input` is what a memory made of this call shows in place of the query."""
        if get_training_mode():
            call_id = get_call_id()
            self.ctx.update(call_id, "query", query)
            self.ctx.update(call_id, "memory_input", input)
        return await self.memory_model.get_memory(query, matches)

    @classmethod
    def backward(
        cls, ctx: OpCtx, input_args: list[Any], input_kwargs: dict[str, Any], grad_output: Any, call_id: CallID
    ) -> GradInType:
        """Zero everywhere."""
        return assign_constant_grads(input_args, input_kwargs, 0.0)


class EmbeddingOp(Op["NDArray[np.float64]"]):
    """Embeds a text, without the network unless a provider's model is named."""

    def __init__(
        self,
        *,
        dense_embedding: str | None = None,
        dense_embedding_dim: int = 512,
        sparse_embedding_dim: int = 0,
        **embedding_model_kwargs: Any,
    ) -> None:
        """Op of an embedding.

        Args:
            dense_embedding: A provider's model; None for the local embedding of that many numbers.
            dense_embedding_dim: Numbers of the first part; 0 leaves it out.
            sparse_embedding_dim: Numbers of the local embedding behind it; 0 leaves it out.
            **embedding_model_kwargs: Settings of the provider's model, such as `base_url`.
        """
        parts: list[EmbeddingModel] = []
        if dense_embedding_dim > 0:
            parts.append(
                SparseEmbeddingModel(ndim=dense_embedding_dim)
                if dense_embedding is None
                else LiteLLMEmbeddingModel(name=dense_embedding, ndim=dense_embedding_dim, **embedding_model_kwargs)
            )
        if sparse_embedding_dim > 0:
            parts.append(SparseEmbeddingModel(ndim=sparse_embedding_dim))
        self.embedding = HybridEmbeddingModel(models=parts)

    async def forward(self, string_input: str) -> NDArray[np.float64]:
        """Vector of the text, of shape (dense_embedding_dim + sparse_embedding_dim,)."""
        import numpy as np

        return np.array(await self.embedding.embed_document(string_input))

    @classmethod
    def backward(
        cls, ctx: OpCtx, input_args: list[Any], input_kwargs: dict[str, Any], grad_output: Any, call_id: CallID
    ) -> GradInType:
        """Ends here."""
        return [], {"string_input": None}


def _logsumexp(values: Sequence[float]) -> float:
    top = max(values)
    return top + math.log(sum(math.exp(value - top) for value in values))

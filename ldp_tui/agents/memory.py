"""An agent that is shown what was done in situations like this one, and what came of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final

from pydantic import Field, PrivateAttr

from ldp_tui.agents.simple import SimpleAgent, SimpleAgentState
from ldp_tui.core.messages import Message
from ldp_tui.graph import FxnOp, OpResult, PromptOp, compute_graph
from ldp_tui.graph.naming import name_ops
from ldp_tui.models.memory import Memory, MemoryModel
from ldp_tui.models.ops import MemoryOp
from ldp_tui.models.prompts import indent_xml

MEMORIES_PROMPT: Final = (
    "<episode-memories>\n<description>\nMemories of earlier attempts at tasks like this one: what was seen, the action"
    " that was taken, and the discounted sum of the rewards that followed. Negative rewards are failures, positive ones"
    " successes.\n</description>{memories}</episode-memories>\n\nConsidering the memories, choose the next action."
)
MEMORY_PROMPT: Final = "<memory><obs>{input}</obs><action>{output}</action><reward>{value}</reward></memory>"


async def default_query_factory(messages: Iterable[Message]) -> str:
    """The conversation without system messages, as one text."""
    return "\n\n".join(str(message) for message in messages if message.role != "system")


class MemoryAgent(SimpleAgent):
    """SimpleAgent with memories. It makes none itself: an optimiser does, or whoever has the memory model.

    Give a StoredMemoryModel to keep memories in the project's store.
    """

    prompt: str = Field(
        default=MEMORIES_PROMPT, description="What is said of the `{memories}`, behind the conversation."
    )
    query_factory: Callable[[Iterable[Message]], Awaitable[str]] = Field(
        default=default_query_factory, exclude=True, repr=False, description="What memories are looked up by."
    )
    memory_prompt: str = Field(
        default=MEMORY_PROMPT, description="One memory, from its `{input}`, `{output}`, `{value}` and `{query}`."
    )
    num_memories: int = Field(default=MemoryModel.DEFAULT_MEMORY_MATCHES, ge=0, description="How many are shown.")

    _query_factory_op: FxnOp[str] = PrivateAttr()
    _memory_op: MemoryOp = PrivateAttr()
    _format_memory_op: FxnOp[str] = PrivateAttr()
    _prompt_op: PromptOp = PrivateAttr()
    _package_op: FxnOp[list[Message]] = PrivateAttr()

    def __init__(self, memory_model: MemoryModel[Any] | None = None, **settings: Any) -> None:
        """Memories are in `memory_model`; an empty one in this process where none is given."""
        super().__init__(**settings)
        self._memory_op = MemoryOp(memory_model)
        name_ops(self)

    def make_ops(self) -> None:
        """Looking up, and telling of what was found."""
        super().make_ops()
        self._query_factory_op = FxnOp(self.query_factory)
        self._format_memory_op = FxnOp(_format_memories)
        self._prompt_op = PromptOp(self.prompt)
        self._package_op = FxnOp(_with_memories)

    @compute_graph()
    async def get_asv(
        self, agent_state: SimpleAgentState, obs: list[Message]
    ) -> tuple[OpResult[Message], SimpleAgentState, float]:
        """The model's reply to the conversation and the memories, the conversation with it, and 0."""
        next_state = agent_state.get_next_state(obs)
        memories = await self._memory_op(
            query=await self._query_factory_op(next_state.messages), matches=self.num_memories
        )
        packaged = await self._package_op(
            self.prompted(next_state.messages),
            memory_prompt=await self._prompt_op(memories=await self._format_memory_op(self.memory_prompt, memories)),
            use_memories=bool(memories.value),
        )
        result = await self._llm_call_op(await self._config_op(), msgs=packaged, tools=next_state.tools)
        next_state.messages = [*next_state.messages, result.value]
        return result, next_state, 0.0


def _format_memories(prompt: str, memories: Iterable[Memory]) -> str:
    shown = (prompt.format(**memory.model_dump(exclude={"run_id", "template"})) for memory in memories)
    return indent_xml("\n".join(shown))


def _with_memories(msgs: Sequence[Message], memory_prompt: str, use_memories: bool) -> list[Message]:
    return [*msgs, Message(content=memory_prompt)] if use_memories else list(msgs)

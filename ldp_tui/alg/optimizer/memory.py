"""Learning by remembering: what was asked, what was answered, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, Self, runtime_checkable

from pydantic import JsonValue

from ldp_tui.alg.optimizer.opt import Optimizer
from ldp_tui.alg.optimizer.parts import only_op
from ldp_tui.core.agent import Agent
from ldp_tui.core.trajectory import Trajectory
from ldp_tui.graph import CallID, Op, OpResult
from ldp_tui.models import LLMCallOp, Memory, MemoryOp, StoredMemoryModel

Example = tuple[CallID, CallID, float, JsonValue]
"""Call of the MemoryOp, call of the op whose output is remembered, discounted return, metadata of the memory."""


@runtime_checkable
class MemoryFactory(Protocol):
    """Makes memories of examples; a coroutine function, so that it can ask a model."""

    async def __call__(
        self, memory_op: MemoryOp, output_op: Op[Any], memory_template: str, example_buffer: Iterable[Example]
    ) -> list[Memory]:
        """Memories to add.

        Args:
            memory_op: `memory_op.ctx.get(call_id, "query")` is what was asked.
            output_op: `output_op.ctx.get(call_id, "output")` is the result that led to the return.
            memory_template: How a memory is shown.
            example_buffer: One entry for each memory lookup that led to an output.
        """


async def one_memory_each(
    memory_op: MemoryOp, output_op: Op[Any], memory_template: str, example_buffer: Iterable[Example]
) -> list[Memory]:
    """A memory of every example as it is."""
    return [
        Memory.from_ops(memory_op, looked_up, output_op, answered, return_, template=memory_template, metadata=metadata)
        for looked_up, answered, return_, metadata in example_buffer
    ]


class MemoryOpt(Optimizer):
    """Adds a memory for each output that a backward pass reached a memory lookup from.

    What the runs of the examples recorded is kept until the update, whoever else forgets them.

    Args:
        memory_op: Whose memory grows.
        output_op: Whose outputs are remembered.
        reward_discount: For the returns that memories tell.
        memory_factory: Makes the memories.
        memory_template: How a memory is shown: fields of Memory in braces.
    """

    def __init__(
        self,
        *,
        memory_op: MemoryOp,
        output_op: Op[Any],
        reward_discount: float = 1.0,
        memory_factory: MemoryFactory = one_memory_each,
        memory_template: str = "Input: {input}\nOutput: {output}\nReward: {value}",
    ) -> None:
        self.memory_op = memory_op
        self.output_op = output_op
        self.reward_discount = reward_discount
        self.memory_factory = memory_factory
        self.memory_template = memory_template
        self.steps = 0
        self.example_buffer: list[Example] = []
        self._kept: list[OpResult[Any]] = []

    @classmethod
    def from_agent(cls, agent: Agent[Any], **settings: Any) -> Self:
        """For an agent with one MemoryOp and one LLMCallOp; raises TypeError for any other."""
        return cls(memory_op=only_op(agent, MemoryOp), output_op=only_op(agent, LLMCallOp), **settings)

    def _memory_filter(self, call_id: CallID, memory_op: MemoryOp, d_return: float) -> bool:
        """Whether a lookup is remembered; to be overridden."""
        return memory_op.ctx.get(call_id, "grad_output", None) is not None

    def aggregate_trajectory(self, trajectory: Trajectory) -> None:
        """Take in the lookups of all its steps. Steps whose action is no result of a graph have none."""
        if trajectory.failed:
            return
        returns = trajectory.compute_discounted_returns(self.reward_discount)
        for step, return_ in zip(trajectory.steps, returns, strict=True):
            if not isinstance(step.action, OpResult):
                continue
            metadata: JsonValue = {"timestep": step.timestep, "done": step.done, "truncated": step.truncated}
            for output in self._outputs(step.action):
                self.example_buffer += [
                    (looked_up, output.call_id, return_, metadata) for looked_up in self._lookups(output, return_)
                ]

    def _outputs(self, action: OpResult[Any]) -> list[OpResult[Any]]:
        """Outputs of the run that `action` belongs to, in the order in which they were made."""
        recorded = self.output_op.ctx.data.get(action.run_id)
        calls = [] if recorded is None else [CallID(action.run_id, call) for call in recorded]
        outputs = [self.output_op.ctx.get(call, "output", None) for call in calls]
        found = [output for output in outputs if output is not None]
        self._kept += found
        return found

    def _lookups(self, output: OpResult[Any], return_: float) -> list[CallID]:
        found = dict.fromkeys(result.call_id for result in output.get_upstream_results(self.memory_op))
        return [call_id for call_id in found if self._memory_filter(call_id, self.memory_op, return_)]

    async def update(self) -> None:
        """Make the memories and add them."""
        if self.example_buffer:
            made: Sequence[Memory] = await self.memory_factory(
                self.memory_op, self.output_op, self.memory_template, self.example_buffer
            )
            await self.memory_op.memory_model.add_memories(made)
        self.steps += 1
        self.example_buffer.clear()
        self._kept.clear()

    def state_dict(self) -> dict[str, Any]:
        """Count of updates, and the memories that live in this process alone."""
        model = self.memory_op.memory_model
        stored = isinstance(model, StoredMemoryModel)
        memories = [] if stored else [memory.model_dump(mode="json") for memory in model.memories.values()]
        return {"steps": self.steps, "memories": memories}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up the count, and the memories in place of those that are there."""
        self.steps = int(state["steps"])
        model = self.memory_op.memory_model
        if not isinstance(model, StoredMemoryModel):
            memories = dict(enumerate(Memory.model_validate(fields) for fields in state["memories"]))
            settings = {name: getattr(model, name) for name in type(model).model_fields}
            self.memory_op.memory_model = type(model)(**{**settings, "memories": memories})


class PositiveMemoryOpt(MemoryOpt):
    """Remembers only what led to a positive return."""

    def _memory_filter(self, call_id: CallID, memory_op: MemoryOp, d_return: float) -> bool:
        return d_return > 0 and super()._memory_filter(call_id, memory_op, d_return)

"""LDP's agent: one whose actions are results of ops."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ldp_tui.core import agent as core
from ldp_tui.core.agent import AgentState
from ldp_tui.core.environment import Environment
from ldp_tui.core.messages import Message
from ldp_tui.graph.common_ops import IdentityOp
from ldp_tui.graph.naming import name_ops, named_ops
from ldp_tui.graph.ops import Op
from ldp_tui.graph.results import OpResult, ResultOrValue


class Agent(core.Agent[AgentState]):
    """An agent made of ops. They are named by the attributes that lead to them: `self.llm_op`, `self.module.op`.

    Ops get their name when the attribute is set; those that come later, inside of what it holds, when an episode
    starts (`prepare`). An agent that is a pydantic model calls `name_ops(self)` at the end of its `model_post_init`.
    Agents of one class have ops of the same names, so that what one recorded can train another.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        name_ops(value, name)

    def prepare(self, *, env: Environment[Any], seed: int | None) -> None:
        """Called before each episode; names ops that have no name yet."""
        name_ops(self)

    def named_ops(self) -> Iterator[tuple[str, Op[Any]]]:
        """Each op with the path of attributes to it, like `torch.nn.Module.named_parameters`."""
        return named_ops(self)

    @classmethod
    async def wrap_action(cls, action: ResultOrValue[Message]) -> OpResult[Message]:
        """Action from a message that plain Python made: a node without inputs. A result is given back as it is."""
        return action if isinstance(action, OpResult) else await _wrapped(action)


_wrapped: IdentityOp[Message] = IdentityOp()
_wrapped.set_name("wrap_action")

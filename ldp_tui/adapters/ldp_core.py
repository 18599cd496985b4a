"""LDP's own classes under one roof. Importing this module needs the extra `aviary`; it takes three seconds.

Raises MissingExtra where LDP is not installed.
"""

from __future__ import annotations

from ldp_tui.adapters.real_packages import importing

with importing("Playing LDP's agents"):
    from ldp import agent as agents
    from ldp.agent import Agent, HTTPAgentClient, SimpleAgentState
    from ldp.graph import IdentityOp, Op, OpCtx, OpResult, compute_graph, get_training_mode, set_training_mode
    from ldp.graph import ops as registries

__all__ = [
    "Agent",
    "HTTPAgentClient",
    "IdentityOp",
    "Op",
    "OpCtx",
    "OpResult",
    "SimpleAgentState",
    "agents",
    "compute_graph",
    "get_training_mode",
    "registries",
    "set_training_mode",
]

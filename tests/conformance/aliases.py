"""Which of our modules each module name of aviary and LDP stands for. One line each; to be completed as modules come.

    "theirs": "ours"                     that module itself
    "theirs": ("ours", "ours too", …)    a module that has the names of these, the first that has one wins

A module name that is not listed does not exist. `OTHER_NAMES` holds what is called differently here; `REPLACED` what of
`fhlmi`, LDP's model library, which their tests use beside, stands for ours.
"""

from __future__ import annotations

MODULES: dict[str, str | tuple[str, ...]] = {
    "aviary": (),
    "aviary.core": ("ldp_tui",),
    "aviary.dataset_server": "ldp_tui.adapters.serving.dataset_server",
    "aviary.env": ("ldp_tui",),
    "aviary.env_client": ("ldp_tui",),
    "aviary.functional": "ldp_tui.core.functional",
    "aviary.message": "ldp_tui.core.messages",
    "aviary.render": "ldp_tui.core.rendering",
    "aviary.tools": ("ldp_tui",),
    "aviary.tools.base": ("ldp_tui",),
    "aviary.tools.server": "ldp_tui.adapters.serving.tool_server",
    "aviary.utils": ("ldp_tui",),
    "ldp": (),
    "ldp.agent": ("ldp_tui.agents",),
    "ldp.agent.interactive_agent": "ldp_tui.agents.interactive",
    "ldp.agent.simple_agent": "ldp_tui.agents.simple",
    "ldp.alg": ("ldp_tui.alg", "ldp_tui.graph"),
    "ldp.alg.algorithms": "ldp_tui.alg.algorithms",
    "ldp.alg.callbacks": "ldp_tui.alg.callbacks",
    "ldp.alg.datasets": "ldp_tui.alg.datasets",
    "ldp.alg.optimizer": ("ldp_tui.alg.optimizer",),
    "ldp.alg.optimizer.ape": "ldp_tui.alg.optimizer.ape",
    "ldp.alg.optimizer.replay_buffers": "ldp_tui.alg.optimizer.replay_buffers",
    "ldp.data_structures": ("ldp_tui.core.trajectory", "ldp_tui.alg.transition_tree"),
    "ldp.graph": ("ldp_tui.graph", "ldp_tui.models"),
    "ldp.graph.async_torch": "ldp_tui.graph.async_torch",
    "ldp.graph.common_ops": ("ldp_tui.graph", "ldp_tui.models"),
    "ldp.graph.gradient_estimators": ("ldp_tui.graph.gradient_estimators", "ldp_tui.graph.torch_ops"),
    "ldp.graph.memory": "ldp_tui.models.memory",
    "ldp.graph.modules": "ldp_tui.models.modules",
    "ldp.graph.op_utils": ("ldp_tui.graph.runs",),
    "ldp.graph.ops": "ldp_tui.graph.ops",
    "ldp.graph.torch_ops": "ldp_tui.graph.torch_ops",
    "ldp.llms": ("ldp_tui.models",),
    "ldp.llms.prompts": "ldp_tui.models.prompts",
    "ldp.utils": ("ldp_tui.core.trajectory", "ldp_tui.core.transitions", "ldp_tui.alg.failures", "ldp_tui.alg"),
}

OTHER_NAMES: dict[tuple[str, str], str] = {
    ("aviary.utils", "T"): "ldp_tui.core.shuffling:Item",
    ("ldp.graph.op_utils", "_RUN_ID"): "ldp_tui.graph.runs:_RUN",
}

REPLACED: dict[tuple[str, str], str] = {
    ("lmi", "EmbeddingModel"): "ldp_tui.models:EmbeddingModel",
    ("lmi", "LiteLLMModel"): "ldp_tui.models:LiteLLMModel",
    ("lmi", "LLMResult"): "ldp_tui.models:LLMResult",
    ("lmi.config", "LLMConfig"): "ldp_tui.models:LLMConfig",
    ("lmi.exceptions", "AllModelsExhaustedError"): "ldp_tui.models:AllModelsExhaustedError",
    ("lmi.exceptions", "ResponseValidationError"): "ldp_tui.models:ResponseValidationError",
}

NAMED_ONLY = ("ldp.nn", "ldp.nn.handlers", "ldp.nn.handlers.transformer_handler")
"""Modules with nothing in them but names, which their conftest asks for; the tests of these modules are not run."""

"""Subgraphs that are called like single ops: a parsed call, ReAct's turn, a thought, a reflection."""

from __future__ import annotations

from ldp_tui.models.modules.llm_call import ParsedLLMCallModule
from ldp_tui.models.modules.react import ReActModule, ReActModuleSinglePrompt, ToolDescriptionMethods
from ldp_tui.models.modules.react_parsing import parse_message
from ldp_tui.models.modules.reflect import ReflectModule, ReflectModuleConfig
from ldp_tui.models.modules.thought import ThoughtModule

__all__ = [
    "ParsedLLMCallModule",
    "ReActModule",
    "ReActModuleSinglePrompt",
    "ReflectModule",
    "ReflectModuleConfig",
    "ThoughtModule",
    "ToolDescriptionMethods",
    "parse_message",
]

"""Experiments: players × environments × seeds from one file, resumable, summed up beside the references."""

from ldp_tui.experiments.gym_llm import LLMEnv, get_env, get_env_definition, parse_config, run_experiment
from ldp_tui.experiments.gym_llm_agent import Agent

__all__ = ["Agent", "LLMEnv", "get_env", "get_env_definition", "parse_config", "run_experiment"]

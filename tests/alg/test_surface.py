"""What `ldp_tui.alg` offers."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ldp_tui import alg


@pytest.mark.parametrize("name", alg.__all__)
def test_name_is_there(name: str) -> None:
    """Every name that is announced can be used, again and again."""
    assert getattr(alg, name) is getattr(alg, name)


def test_unknown_name_is_an_attribute_error() -> None:
    """As with any module."""
    with pytest.raises(AttributeError, match="nothing"):
        alg.nothing  # noqa: B018


def test_what_is_loaded() -> None:
    """Rollouts, searches, evaluators and trainers need no model library, no torch, no networkx, no tqdm."""
    script = """
import sys
from ldp_tui.alg import BeamSearchRollout, Evaluator, OnlineTrainer, RolloutManager, TransitionTree, TreeSearchRollout
print({"litellm", "torch", "networkx", "tqdm", "wandb", "textual", "gymnasium"} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "set()"

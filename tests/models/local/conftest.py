"""Small models, saved once. Without PyTorch and transformers there is nothing to test here."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.models.local.small_models import save_model

collect_ignore_glob = [] if find_spec("torch") and find_spec("transformers") else ["test_*.py"]


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of the small model of an architecture."""

    @cache
    def folder(architecture: str) -> Path:
        return save_model(tmp_path_factory.mktemp(architecture), architecture)

    return folder

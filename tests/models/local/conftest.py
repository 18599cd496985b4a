"""Small models, saved once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.models.local.small_models import save_model


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of the small model of an architecture."""

    @cache
    def folder(architecture: str) -> Path:
        return save_model(tmp_path_factory.mktemp(architecture), architecture)

    return folder

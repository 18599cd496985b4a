"""Which model a name means, and whether it can be run here at all. Imports nothing heavy."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Self

from ldp_tui.core.errors import MissingExtra, MissingPackage, UsageError
from ldp_tui.models.config import LOCAL, ModelSpec

PREFIX: Final = f"{LOCAL}/"
CONFIG_FILE: Final = "config.json"
ADAPTER_FILE: Final = "adapter_config.json"
_HUB_NAME: Final = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)?")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A model to be loaded: what tells one from another that is loaded already."""

    model: str
    """A folder, or a name at the Hugging Face hub."""
    adapter: str | None = None
    dtype: str | None = None
    device: str | None = None
    quantization: str | None = None

    @classmethod
    def of(cls, spec: ModelSpec) -> Self:
        """What a specification asks for. A folder that holds an adapter alone stands for its base with it.

        Raises:
            UsageError: If there is no such folder.
        """
        model, adapter = spec.name.removeprefix(PREFIX), spec.adapter
        if adapter is None and is_folder(model) and not (Path(model) / CONFIG_FILE).exists():
            model, adapter = _base_of(Path(model)), model
        return cls(
            _resolved(model),
            None if adapter is None else _resolved(adapter),
            spec.dtype,
            spec.device,
            spec.quantization,
        )


def is_folder(name: str) -> bool:
    """Whether a name is a folder's, there or not, rather than one at the hub."""
    return Path(name).expanduser().is_dir() or not _HUB_NAME.fullmatch(name)


def _resolved(name: str) -> str:
    return str(Path(name).expanduser().resolve()) if is_folder(name) else name


def check_local(spec: ModelSpec) -> None:
    """See whether a model can be loaded, as far as that can be told without loading it.

    Raises:
        UsageError: If its folder is missing or no model's, or a package is missing; one line says what to do.
    """
    wanted = Wanted.of(spec)
    for folder, file in ((wanted.model, CONFIG_FILE), (wanted.adapter, ADAPTER_FILE)):
        if folder is not None and is_folder(folder) and not (Path(folder) / file).is_file():
            raise UsageError(f"{folder} holds no {file}: name a folder that transformers or peft saved, or OWNER/NAME.")
    for package in ("torch", "transformers"):
        if find_spec(package) is None:
            raise MissingExtra(f"Running {spec.name} here", "local")
    if wanted.adapter is not None:
        _need("peft", "adapter=…")
    if wanted.quantization is not None:
        _need("bitsandbytes", f"quantization={wanted.quantization}")
    if wanted.device == "auto" or wanted.quantization is not None:
        _need("accelerate", "device=auto" if wanted.device == "auto" else "quantization=…")


def _need(package: str, what: str) -> None:
    if find_spec(package) is None:
        raise MissingPackage(f"{what} needs the package {package}; install it with: pip install {package}")


def _base_of(folder: Path) -> str:
    """The model that an adapter was trained on."""
    path = folder / ADAPTER_FILE
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["base_model_name_or_path"])
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(f"{folder} holds no model: it has neither {CONFIG_FILE} nor {ADAPTER_FILE}.") from error

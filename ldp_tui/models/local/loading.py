"""Finds and loads models, off the event loop, and keeps those that are used."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import threading
import time
import urllib.error
import urllib.request
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging as transformers_logging

from ldp_tui.models.errors import ModelNotFound, ModelUnavailable, OutOfMemory, RequestRejected
from ldp_tui.models.local.errors import is_out_of_memory
from ldp_tui.models.local.model import LocalModel
from ldp_tui.models.local.naming import Wanted, is_folder

logger = logging.getLogger(__name__)

KEEP_SECONDS: Final = 300.0
"""A model that nobody asked for so long is unloaded, unless it is the one that was asked last."""
HUB_SECONDS: Final = 5.0
"""A hub that says nothing for so long is out of reach."""
_SMALL_BYTES: Final = 400 * 2**20
"""Weights below that are run in 32 bits on a CPU."""


@dataclass(slots=True)
class _Loaded:
    model: LocalModel
    users: int = 0
    last: float = field(default_factory=time.monotonic)


class Models:
    """The models of a process."""

    def __init__(self, *, keep_seconds: float = KEEP_SECONDS) -> None:
        self._keep_seconds = keep_seconds
        self._loaded: dict[Wanted, _Loaded] = {}
        self._lock, self._loading = threading.Lock(), threading.Lock()
        self._timer: threading.Timer | None = None

    @asynccontextmanager
    async def using(self, wanted: Wanted) -> AsyncGenerator[LocalModel, None]:
        """The model, loaded in another thread if it is not yet; it stays loaded within the block.

        Raises:
            ModelError: If it cannot be loaded; one line says why.
        """
        held = self._hold(wanted)
        if held is None:
            await asyncio.to_thread(self._load, wanted)
            held = self._hold(wanted)
            assert held is not None
        try:
            yield held.model
        finally:
            with self._lock:
                held.users -= 1
                held.last = time.monotonic()
            self._watch()

    def names(self) -> list[str]:
        """What is loaded now."""
        with self._lock:
            return [wanted.model for wanted in self._loaded]

    def unload_unused(self, *, idle_seconds: float) -> None:
        """Unload what nobody uses and nobody asked for so long, except the model that was asked last."""
        with self._lock:
            newest = max(self._loaded.values(), key=lambda one: one.last, default=None)
            limit = time.monotonic() - idle_seconds
            idle = [w for w, one in self._loaded.items() if not one.users and one is not newest and one.last <= limit]
            for wanted in idle:
                del self._loaded[wanted]
                logger.info("unloaded %s", wanted.model)
        if idle:
            _give_memory_back()

    def _hold(self, wanted: Wanted) -> _Loaded | None:
        with self._lock:
            if (held := self._loaded.get(wanted)) is not None:
                held.users += 1
                held.last = time.monotonic()
            return held

    def _load(self, wanted: Wanted) -> None:
        with self._loading:
            if wanted in self._loaded:
                return
            try:
                model = load(wanted)
            except OutOfMemory:
                logger.info("memory ran out while loading %s; unloading what is not used", wanted.model)
                self.unload_unused(idle_seconds=0.0)
                model = load(wanted)
            with self._lock:
                self._loaded[wanted] = _Loaded(model)

    def _watch(self) -> None:
        """See to it that a model that is no longer used is unloaded."""
        with self._lock:
            if len(self._loaded) < 2 or self._timer is not None:
                return
            self._timer = threading.Timer(self._keep_seconds, self._look)
            self._timer.daemon = True
            self._timer.start()

    def _look(self) -> None:
        self._timer = None
        self.unload_unused(idle_seconds=self._keep_seconds)
        self._watch()


MODELS: Final = Models()
"""Those of this process: a model is loaded once for all lanes and episodes."""


def load(wanted: Wanted) -> LocalModel:
    """Load a model. Blocks, for as long as reading its weights takes.

    Raises:
        ModelNotFound: If it is neither a folder nor at the hub.
        OutOfMemory: If it does not fit.
        ModelUnavailable: If it cannot be loaded for another reason.
    """
    started = time.perf_counter()
    transformers_logging.disable_progress_bar()
    device = wanted.device or ("cuda:0" if torch.cuda.is_available() else "cpu")
    logger.info("loading %s on %s", wanted.model, device)
    try:
        tokenizer = _from_folder_or_hub(AutoTokenizer, _tokenizer_home(wanted))
        model = _from_folder_or_hub(AutoModelForCausalLM, wanted.model, **_options(wanted, device))
        if wanted.adapter is not None:
            model = _with_adapter(model, wanted.adapter)
        if "device_map" not in _options(wanted, device):
            model = model.to(device)
        loaded = LocalModel(model, tokenizer)
    except (OSError, ValueError, RuntimeError, KeyError, ImportError, MemoryError) as error:
        if is_out_of_memory(error):
            _give_memory_back()
            raise OutOfMemory(
                "the model does not fit into memory; dtype=bfloat16 needs less", model=wanted.model
            ) from error
        line = str(error).strip().partition("\n")[0]
        raise ModelUnavailable(f"the model cannot be loaded: {line}", model=wanted.model) from error
    millions = sum(weight.numel() for weight in model.parameters()) / 1e6
    kind = f"{millions:.1f} million parameters, {model.dtype}{'' if loaded.in_rows else ', one reply at a time'}"
    logger.info("loaded %s in %.1f s: %s", wanted.model, time.perf_counter() - started, kind)
    return loaded


def _from_folder_or_hub(kind: Any, name: str, **options: Any) -> Any:
    """What transformers finds, here before it asks the hub.

    Raises:
        ModelNotFound: If there is nothing of that name.
    """
    try:
        return kind.from_pretrained(name, local_files_only=True, **options)
    except OSError as error:
        if is_folder(name):
            raise
        if os.environ.get("HF_HUB_OFFLINE") or os.environ.get("TRANSFORMERS_OFFLINE"):
            raise _unknown(name) from error
    logger.info("%s is not here yet; asking the Hugging Face hub", name)
    if not _hub_answers():  # transformers itself would ask for minutes
        raise _unknown(name)
    try:
        return kind.from_pretrained(name, **options)
    except OSError as error:
        raise _unknown(name) from error


def _hub_answers() -> bool:
    from huggingface_hub import constants

    try:
        with urllib.request.urlopen(constants.ENDPOINT, timeout=HUB_SECONDS):  # noqa: S310 (the hub's own address)
            return True
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError):
        return False


def _unknown(name: str) -> ModelNotFound:
    return ModelNotFound(
        "is no folder here, is not among the downloaded models, and the hub does not give it: name a folder, or run"
        f" `hf download {name}` where there is a network",
        model=name,
    )


def _options(wanted: Wanted, device: str) -> dict[str, Any]:
    options: dict[str, Any] = {"dtype": _dtype(wanted, device)}
    if device == "auto" or wanted.quantization is not None:
        options["device_map"] = device
    if wanted.quantization is not None:
        from transformers import BitsAndBytesConfig

        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=wanted.quantization == "4bit",
            load_in_8bit=wanted.quantization == "8bit",
            bnb_4bit_compute_dtype=torch.bfloat16,
        )
    return options


def _dtype(wanted: Wanted, device: str) -> Any:
    """As asked; else on a GPU that of the checkpoint, on a CPU 32 bits for small models and bfloat16 for others."""
    if wanted.dtype is not None:
        found = getattr(torch, wanted.dtype, None)
        if not isinstance(found, torch.dtype):
            raise RequestRejected(f"dtype={wanted.dtype} is no type of PyTorch; try bfloat16, float16 or float32")
        return found
    if device != "cpu":
        return "auto"
    folder = Path(wanted.model)
    size = sum(file.stat().st_size for file in folder.glob("*.safetensors")) if folder.is_dir() else _SMALL_BYTES
    return torch.float32 if size < _SMALL_BYTES else torch.bfloat16


def _tokenizer_home(wanted: Wanted) -> str:
    """An adapter may bring a tokenizer of its own."""
    if wanted.adapter is not None and (Path(wanted.adapter) / "tokenizer_config.json").exists():
        return wanted.adapter
    return wanted.model


def _with_adapter(model: Any, adapter: str) -> Any:
    from peft import PeftModel

    return PeftModel.from_pretrained(model, adapter).merge_and_unload()


def _give_memory_back() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()

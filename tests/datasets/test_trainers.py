"""TRL's trainers take a step of optimisation on the files, loaded as `datasets` loads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ldp_tui.datasets.completions import write_prompt_completion, write_unpaired
from ldp_tui.datasets.grpo import write_grpo
from ldp_tui.datasets.preference_pairs import write_preferences
from ldp_tui.datasets.sft import write_sft
from ldp_tui.datasets.sharegpt import write_sharegpt
from ldp_tui.store.writer import Writer
from tests.datasets.recorded import counted, written

trl = pytest.importorskip("trl")
datasets = pytest.importorskip("datasets")
pytestmark = pytest.mark.filterwarnings("default")

COMMON: dict[str, Any] = {
    "max_steps": 1, "per_device_train_batch_size": 2, "report_to": [], "use_cpu": True, "disable_tqdm": True,
    "save_strategy": "no", "bf16": False, "gradient_checkpointing": False, "logging_steps": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.datasets.tiny_chat_model import save_tiny_chat_model

    return save_tiny_chat_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
async def recorded(writer: Writer, database: Path) -> Path:
    """Four episodes of two seeds, with calls, reasoning and both verdicts."""
    for seed in (1, 2):
        await counted(writer, 6, uid=f"short {seed}", seed=seed, success=False)
        await counted(writer, 3, 3, uid=f"long {seed}", seed=seed, success=True)
    return database


def loaded(file: Path) -> Any:
    return datasets.load_dataset("json", data_files=str(file), split="train", cache_dir=str(file.parent / "cache"))


def tokenizer(model: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(model)


def trained(trainer: Any) -> float:
    """The loss of the one step."""
    loss = float(trainer.train().training_loss)
    assert loss > 0
    return loss


@pytest.mark.parametrize("write", [write_sft, write_prompt_completion])
def test_sft(recorded: Path, model: Path, tmp_path: Path, write: Any) -> None:
    """Chats with the loss on what the assistant says, and prompts with the loss on the completion."""
    written(write, recorded, tmp_path / "x.jsonl")
    options = {"assistant_only_loss": True} if write is write_sft else {"completion_only_loss": True}
    config = trl.SFTConfig(str(tmp_path / "out"), max_length=4096, **options, **COMMON)
    trainer = trl.SFTTrainer(
        str(model), args=config, train_dataset=loaded(tmp_path / "x.jsonl"), processing_class=tokenizer(model)
    )
    trained(trainer)
    assert "tools" in tokenizer(model).decode(trainer.train_dataset[0]["input_ids"])


def test_sharegpt(recorded: Path, model: Path, tmp_path: Path) -> None:
    """TRL takes its turns for messages."""
    written(write_sharegpt, recorded, tmp_path / "x.jsonl")
    rows = loaded(tmp_path / "x.jsonl")
    assert rows[0]["conversations"][1]["train"] is True
    config = trl.SFTConfig(str(tmp_path / "out"), max_length=4096, **COMMON)
    trainer = trl.SFTTrainer(str(model), args=config, train_dataset=rows, processing_class=tokenizer(model))
    assert "<tool_call>" in tokenizer(model).decode(trainer.train_dataset[0]["input_ids"])
    trained(trainer)


def test_dpo(recorded: Path, model: Path, tmp_path: Path) -> None:
    """Pairs: prompt, chosen and rejected decode to what was written."""
    written(write_preferences, recorded, tmp_path / "x.jsonl")
    config = trl.DPOConfig(str(tmp_path / "out"), max_length=4096, **COMMON)
    trainer = trl.DPOTrainer(
        str(model), args=config, train_dataset=loaded(tmp_path / "x.jsonl"), processing_class=tokenizer(model)
    )
    row = trainer.train_dataset[0]
    assert tokenizer(model).decode(row["chosen_ids"]).startswith('by 3[go {"by": 3}]<e>')
    assert tokenizer(model).decode(row["rejected_ids"]).startswith('by 6[go {"by": 6}]<e>')
    trained(trainer)


def test_kto(recorded: Path, model: Path, tmp_path: Path) -> None:
    """Verdicts, whole episodes."""
    written(write_unpaired, recorded, tmp_path / "x.jsonl", completion="episode")
    config = trl.KTOConfig(str(tmp_path / "out"), max_length=4096, **COMMON)
    trainer = trl.KTOTrainer(
        str(model), args=config, train_dataset=loaded(tmp_path / "x.jsonl"), processing_class=tokenizer(model)
    )
    trained(trainer)


def test_grpo(recorded: Path, model: Path, tmp_path: Path) -> None:
    """The reward function is given the seeds and names that make the environments."""
    written(write_grpo, recorded, tmp_path / "x.jsonl")
    given: list[tuple[str, int]] = []

    def reward(completions: list[Any], environment: list[str], seed: list[int], **_: Any) -> list[float]:
        given.extend(zip(environment, seed, strict=True))
        return [float(place) for place in range(len(completions))]

    config = trl.GRPOConfig(str(tmp_path / "out"), max_completion_length=4, num_generations=2, **COMMON)
    trainer = trl.GRPOTrainer(
        str(model),
        reward_funcs=reward,
        args=config,
        train_dataset=loaded(tmp_path / "x.jsonl"),
        processing_class=tokenizer(model),
    )
    trainer.train()
    assert given
    assert set(given) <= {("Counter", 1), ("Counter", 2)}

"""Models that run here as players: named like every other, and where both can, as NumPy plays."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from ldp_tui.core.errors import MissingPackage, UnknownSetting, UsageError
from ldp_tui.engine.events import ActionProposed, EpisodeEnded, ReflectionDelta, StepTaken
from ldp_tui.engine.rollout import rollout
from ldp_tui.models.errors import ModelNotFound, RequestRejected
from ldp_tui.models.local.loading import Models, load
from ldp_tui.models.local.naming import Wanted
from ldp_tui.models.tiny.model import BUNDLED
from ldp_tui.registry import make_agent, make_environment
from tests.models.local.small_models import save_model

Folders = Callable[[str], Path]
LIKE_TINY = f"local:{BUNDLED},history=0,show=start,dtype=float32,device=cpu"


async def played(environment: str, player: str, **options: Any) -> list[Any]:
    env, _ = make_environment(environment)
    agent, _ = make_agent(player)
    return [event async for event in rollout(env, agent, **options)]


@pytest.mark.parametrize("environment", ["Blackjack-v1", "FrozenLake-v1,is_slippery=false", "Taxi-v4"])
@pytest.mark.parametrize("more", ["", ",choose=score", ",form=tool"])
async def test_the_tiny_model_here_and_there(environment: str, more: str) -> None:
    """The bundled folder plays in PyTorch as it plays in NumPy: the same words and actions, the same probabilities."""
    ours = await played(environment, LIKE_TINY + more, seed=7, max_steps=8)
    numpys = await played(environment, f"tiny{more}", seed=7, max_steps=8)
    steps, expected = ([e for e in events if isinstance(e, StepTaken)] for events in (ours, numpys))
    assert [step.reflection for step in steps] == [step.reflection for step in expected]
    calls = [[call.function for step in one for call in step.action.tool_calls] for one in (steps, expected)]
    assert calls[0] == calls[1] != []
    shares = [[e.probabilities for e in events if isinstance(e, ActionProposed)] for events in (ours, numpys)]
    for here, there in zip(*shares, strict=True):
        assert here is not None
        assert here == pytest.approx(there, abs=1e-4)
    counts = [[step.usage for step in one if step.usage is not None] for one in (steps, expected)]
    assert [(u.tokens_in, u.tokens_out) for u in counts[0]] == [(u.tokens_in, u.tokens_out) for u in counts[1]]


async def test_a_reflection_that_streams() -> None:
    """It comes in pieces, as everybody else's."""
    events = await played("Blackjack-v1", LIKE_TINY, seed=2)
    assert sum(isinstance(event, ReflectionDelta) and event.index == 0 for event in events) > 3
    assert isinstance(events[-1], EpisodeEnded)


@pytest.mark.parametrize("kind", ["local:", "reflect:local/", "simple:local/", "react:local/", "no-tools:local/"])
async def test_one_way_to_name_players(kind: str, model_folder: Folders) -> None:
    """A model that writes nonsense plays in each kind; what cannot be read is a sentence, not a crash."""
    events = await played("Blackjack-v1", f"{kind}{model_folder('llama')},max_tokens=8,max_retries=0", seed=1)
    assert isinstance(events[-1], EpisodeEnded)
    assert "Traceback" not in (events[-1].detail or "")


async def test_scored_play_of_a_model_that_writes_nonsense(tmp_path: Path) -> None:
    """It never plays an illegal move, also where it has no chat template and no words for tools."""
    folder = save_model(tmp_path, "llama", template=None)
    events = await played("Taxi-v4", f"local:{folder},choose=score,history=1", seed=1, max_steps=5)
    proposed = [event.probabilities for event in events if isinstance(event, ActionProposed)]
    assert len(proposed) == 5
    assert all(one is not None and sum(one.values()) == pytest.approx(1.0) for one in proposed)
    assert events[-1].reason == "truncated"


async def test_tokens_of_a_step() -> None:
    """With keep_tokens=true each step has the tokens that were read and sampled, with their log-probabilities."""
    events = await played("Blackjack-v1", f"{LIKE_TINY},keep_tokens=true", seed=2)
    steps = [event for event in events if isinstance(event, StepTaken)]
    for step in steps:
        (kept,) = step.info["agent"]["tokens"]
        assert len(kept["reply"]) == len(kept["logprobs"]) == step.usage.tokens_out  # type: ignore[union-attr]
        assert len(kept["prompt"]) == step.usage.tokens_in  # type: ignore[union-attr]
    without = await played("Blackjack-v1", LIKE_TINY, seed=2)
    assert not any("tokens" in e.info.get("agent", {}) for e in without if isinstance(e, StepTaken))


@pytest.mark.parametrize(
    ("player", "says"),
    [
        ("local", "needs a model: local:./FOLDER"),
        ("local:./nowhere", "nowhere holds no"),
        ("local:/nowhere/else,adapter=./here", "nowhere/else holds no config.json"),
        ("simple:local/./nowhere", "nowhere holds no"),
        ("simple:openai/m,base_url=http://127.0.0.1:1/v1,dtype=float32", "dtype is for models that run here"),
        (f"local:{BUNDLED},quantization=3bit", "4bit"),
    ],
)
def test_names_that_mean_nothing(player: str, says: str) -> None:
    """They are refused before an episode begins, in one line."""
    with pytest.raises(UsageError, match=says) as caught:
        make_agent(player)
    assert "\n" not in str(caught.value)


def test_a_mistyped_option() -> None:
    """The nearest is named."""
    with pytest.raises(UnknownSetting, match="Did you mean dtype"):
        make_agent(f"local:{BUNDLED},dtpe=float32")


@pytest.mark.skipif(find_spec("bitsandbytes") is not None, reason="it is installed")
def test_a_package_that_is_missing() -> None:
    """It is named."""
    with pytest.raises(MissingPackage, match="pip install bitsandbytes"):
        make_agent(f"local:{BUNDLED},quantization=4bit")


def test_a_hub_name_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line says what to do."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelNotFound, match=r"hf download nobody/nothing") as caught:
        load(Wanted("nobody/nothing"))
    assert "\n" not in str(caught.value)


def test_a_type_that_does_not_exist() -> None:
    """Those that do are named."""
    with pytest.raises(RequestRejected, match="try bfloat16"):
        load(Wanted(str(BUNDLED), dtype="float12"))


def test_types() -> None:
    """Small models are run in 32 bits on a CPU, any in the type that is asked for."""
    import torch

    assert load(Wanted(str(BUNDLED), device="cpu")).network.model.dtype == torch.float32
    assert load(Wanted(str(BUNDLED), dtype="bfloat16", device="cpu")).network.model.dtype == torch.bfloat16


async def test_models_that_nobody_uses(tmp_path: Path, model_folder: Folders) -> None:
    """Both stay while they are used; then all but the newest are unloaded."""
    models = Models(keep_seconds=1000.0)
    one, other = (Wanted(str(folder)) for folder in (model_folder("llama"), model_folder("gpt2")))
    async with models.using(one) as first:
        async with models.using(other):
            models.unload_unused(idle_seconds=0.0)
            assert models.names() == [one.model, other.model]
        async with models.using(one) as again:
            assert again is first
    async with models.using(other):
        pass
    models.unload_unused(idle_seconds=1000.0)
    assert len(models.names()) == 2
    models.unload_unused(idle_seconds=0.0)
    assert models.names() == [other.model]


async def test_loading_is_told(caplog: pytest.LogCaptureFixture, model_folder: Folders) -> None:
    """The log says what is loaded, and what it is."""
    with caplog.at_level("INFO", logger="ldp_tui"):
        load(Wanted(str(model_folder("mistral")), device="cpu"))
    assert caplog.messages[0].endswith("mistral0 on cpu")
    assert "million parameters" in caplog.messages[-1]
    assert caplog.messages[-1].endswith("one reply at a time")


@pytest.mark.filterwarnings("ignore:.*gradient_checkpointing:FutureWarning")  # of peft with newer transformers
def test_an_adapter(tmp_path: Path) -> None:
    """A LoRA adapter is applied, by name or as a folder of its own, which loads its base."""
    peft, torch = pytest.importorskip("peft"), pytest.importorskip("torch")
    from transformers import AutoModelForCausalLM

    base = save_model(tmp_path / "base", "llama")
    config = peft.LoraConfig(r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    model = peft.get_peft_model(AutoModelForCausalLM.from_pretrained(base), config)
    model.save_pretrained(tmp_path / "adapter")
    ids = torch.tensor([[5, 6, 7, 8]])
    with torch.no_grad():
        expected = model(ids).logits
        plain = load(Wanted(str(base), device="cpu")).network.model(ids).logits
    assert not torch.allclose(plain, expected, atol=1e-2)
    from ldp_tui.models.config import ModelSpec

    by_folder = Wanted.of(ModelSpec(name=f"local/{tmp_path / 'adapter'}", device="cpu"))
    by_option = Wanted.of(ModelSpec(name=f"local/{base}", adapter=str(tmp_path / "adapter"), device="cpu"))
    assert by_folder == by_option
    with torch.no_grad():
        torch.testing.assert_close(load(by_folder).network.model(ids).logits, expected, atol=1e-4, rtol=1e-4)

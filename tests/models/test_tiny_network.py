"""The network in NumPy against transformers' own Llama, on the same folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ldp_tui.models.tiny.batching import Batcher
from ldp_tui.models.tiny.errors import ModelFolderError
from ldp_tui.models.tiny.model import BUNDLED
from ldp_tui.models.tiny.network import Network, Shape, log_softmax
from ldp_tui.models.tiny.safetensors import read_tensors

CONFIG = {
    "model_type": "llama",
    "vocab_size": 40,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "rms_norm_eps": 1e-6,
}


def random_network(seed: int = 0) -> Network:
    """A small network with weights that make attention matter."""
    rng, shape = np.random.default_rng(seed), Shape.from_config(CONFIG)
    keys = shape.key_heads * shape.head_size

    def weights(*size: int) -> np.ndarray:
        return rng.normal(0.0, 0.4, size).astype(np.float32)

    tensors = {"model.embed_tokens.weight": weights(40, 16), "model.norm.weight": 1 + weights(16)}
    for number in range(shape.layers):
        prefix = f"model.layers.{number}."
        for name, size in {
            "self_attn.q_proj": (16, 16),
            "self_attn.k_proj": (keys, 16),
            "self_attn.v_proj": (keys, 16),
            "self_attn.o_proj": (16, 16),
            "mlp.gate_proj": (24, 16),
            "mlp.up_proj": (24, 16),
            "mlp.down_proj": (16, 24),
        }.items():
            tensors[f"{prefix}{name}.weight"] = weights(*size)
        for name in ("input_layernorm", "post_attention_layernorm"):
            tensors[f"{prefix}{name}.weight"] = 1 + weights(16)
    return Network(shape, tensors)


def logits_at_once(network: Network, ids: np.ndarray) -> np.ndarray:
    """Logits `[T, V]` of one sequence, read in one go."""
    cache = network.cache(capacity=len(ids))
    return network.logits(network.read(ids[None], np.array([len(ids)]), cache)[0])


def test_tokens_one_by_one_or_all_at_once() -> None:
    """A sequence has the same logits however it is cut into pieces."""
    network, ids = random_network(), np.arange(20) * 7 % 40
    whole = logits_at_once(network, ids)
    cache = network.cache(capacity=32)
    parts = [network.logits(network.read(ids[None, at : at + 1], np.array([1]), cache)[0]) for at in range(20)]
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-5)


def test_rows_of_different_lengths() -> None:
    """Rows that are padded and advance together do not see each other, nor the padding."""
    network, rng = random_network(), np.random.default_rng(1)
    sequences = [rng.integers(0, 40, length) for length in (3, 17, 9)]
    cache = network.cache(rows=4, capacity=32)
    ids = np.zeros((3, 17), dtype=np.int64)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = sequence
    hidden = network.read(ids, np.array([3, 17, 9]), cache, first=1)
    following = network.read(np.array([[5], [6], [7]]), np.ones(3, dtype=np.int64), cache, first=1)
    for row, sequence in enumerate(sequences):
        whole = logits_at_once(network, np.array([*sequence, 5 + row]))
        np.testing.assert_allclose(network.logits(hidden[row, : len(sequence)]), whole[:-1], atol=1e-5)
        np.testing.assert_allclose(network.logits(following[row, 0]), whole[-1], atol=1e-5)


def test_scores_of_given_continuations() -> None:
    """The score of a choice is the sum of its tokens' log-probabilities, whatever the choices have in common."""
    network, prompt = random_network(), [3, 1, 4, 1, 5]
    choices = [[9, 2, 6], [9, 2, 7, 7, 8], [9, 2, 6, 1], [9, 3]]
    scores = Batcher(network).score(prompt, choices)
    for score, choice in zip(scores, choices, strict=True):
        logprobs = log_softmax(logits_at_once(network, np.array([*prompt, *choice])))
        expected = sum(logprobs[len(prompt) - 1 + at, token] for at, token in enumerate(choice))
        assert score == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    "change",
    [
        {"model_type": "qwen2"},
        {"attention_bias": True},
        {"hidden_act": "gelu"},
        {"rope_parameters": {"rope_type": "yarn"}},
    ],
)
def test_another_architecture(change: dict[str, object]) -> None:
    """What is computed otherwise is refused, not computed wrongly."""
    with pytest.raises(ModelFolderError, match="plain Llama"):
        Shape.from_config({**CONFIG, **change})


def safetensors_file(path: Path, header: object, body: bytes) -> Path:
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + body)
    return path


def test_tensors_of_both_float_types(tmp_path: Path) -> None:
    """Half and single precision are read alike, in the shape that the header names."""
    half, single = np.arange(6, dtype="<f2"), np.arange(2, dtype="<f4")
    header = {
        "__metadata__": {"format": "pt"},
        "a": {"dtype": "F16", "shape": [2, 3], "data_offsets": [0, 12]},
        "b": {"dtype": "F32", "shape": [2], "data_offsets": [12, 20]},
    }
    tensors = read_tensors(safetensors_file(tmp_path / "m.safetensors", header, half.tobytes() + single.tobytes()))
    assert {name: tensor.tolist() for name, tensor in tensors.items()} == {
        "a": [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]],
        "b": [0.0, 1.0],
    }


@pytest.mark.parametrize(
    ("header", "body"),
    [
        ({"a": {"dtype": "F16", "shape": [9], "data_offsets": [0, 4]}}, b"1234"),
        ({"a": {"dtype": "I64", "shape": [1], "data_offsets": [0, 8]}}, b"12345678"),
        ({"a": {"dtype": "F16"}}, b""),
        (["no", "object"], b""),
    ],
)
def test_broken_files(tmp_path: Path, header: object, body: bytes) -> None:
    """A file that is cut or holds something else is refused in one sentence."""
    with pytest.raises(ModelFolderError, match=r"m\.safetensors"):
        read_tensors(safetensors_file(tmp_path / "m.safetensors", header, body))
    (tmp_path / "m.safetensors").write_bytes(b"\xff" * 20)
    with pytest.raises(ModelFolderError, match=r"m\.safetensors"):
        read_tensors(tmp_path / "m.safetensors")


def test_logits_of_transformers() -> None:
    """The bundled folder gives the same logits in transformers, within 1e-4, cached and uncached."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    model = transformers.AutoModelForCausalLM.from_pretrained(BUNDLED, dtype=torch.float32).eval()
    network = Network.from_folder(BUNDLED)
    ids = np.random.default_rng(3).integers(0, network.shape.vocabulary, (3, 120))
    with torch.no_grad():
        expected = model(torch.from_numpy(ids)).logits.numpy()
    cache = network.cache(rows=3, capacity=120)
    first = network.logits(network.read(ids[:, :70], np.full(3, 70), cache))
    rest = [network.logits(network.read(ids[:, at : at + 1], np.ones(3, int), cache)) for at in range(70, 120)]
    np.testing.assert_allclose(np.concatenate([first, *rest], axis=1), expected, atol=1e-4)

"""A model that runs in this process: scores beside words, sixteen lanes beside one, how soon a left reply stops; peers.

The model has random weights, so no figure depends on what it says: replies are sampled to a fixed length. Peers get the
same prompts as tokens and do the same work: `generate` of transformers one by one and as a padded batch, its continuous
batching (`generate_batch`), and vLLM where it can be imported. The best round counts, since other load only slows.

    python -m benchmarks.local_player                          # a CPU, a model of 30 million parameters
    python -m benchmarks.local_player --device cuda --size 1b  # a GPU, in bfloat16; also 3b and 8b
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.report import write_result

SIZES: dict[str, dict[str, Any]] = {
    "tiny": {"hidden_size": 128, "intermediate_size": 384, "num_hidden_layers": 4, "num_attention_heads": 4},
    "small": {"hidden_size": 384, "intermediate_size": 1536, "num_hidden_layers": 12, "num_attention_heads": 6},
    "1b": {
        "hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16, "num_attention_heads": 32,
        "num_key_value_heads": 8, "vocab_size": 128_256,
    },
    "3b": {
        "hidden_size": 3072, "intermediate_size": 8192, "num_hidden_layers": 28, "num_attention_heads": 24,
        "num_key_value_heads": 8, "vocab_size": 128_256,
    },
    "8b": {
        "hidden_size": 4096, "intermediate_size": 14_336, "num_hidden_layers": 32, "num_attention_heads": 32,
        "num_key_value_heads": 8, "vocab_size": 128_256,
    },
}  # fmt: skip
LANES = 16
REPLY = 48
"""Tokens of a reply: a short reflection and an action."""
SYSTEM = (
    "You walk over a frozen lake of 4 by 4 tiles from the top left to the goal at the bottom right. Holes end it. "
    "Reply with a JSON object: reflection, a sentence or two, and action, one of left, down, right, up. "
) * 3
ACTIONS = ["left", "down", "right", "up"]


class Bench:
    """A saved random model with everything that is measured on it."""

    def __init__(self, folder: Path, *, size: str, device: str) -> None:
        import torch
        from transformers import LlamaConfig, LlamaForCausalLM

        from ldp_tui.models.config import ModelSpec
        from ldp_tui.models.local.backend import LocalBackend
        from ldp_tui.models.local.loading import MODELS
        from ldp_tui.models.local.naming import Wanted

        self.device, self.dtype = device, torch.float32 if device == "cpu" else torch.bfloat16
        sizes = {"vocab_size": 1536, "max_position_embeddings": 2048, "eos_token_id": 1, **SIZES[size]}
        torch.manual_seed(0)
        with torch.device(device):
            model = LlamaForCausalLM(LlamaConfig(**sizes)).to(self.dtype)
        self.parameters = sum(weight.numel() for weight in model.parameters())
        model.save_pretrained(folder)
        del model
        self.folder = folder
        _copy_tokenizer(folder)
        name = str(self.dtype).removeprefix("torch.")
        spec = ModelSpec.model_validate({"name": f"local/{folder}", "dtype": name, "device": device})
        self.spec, self.backend, self.models, self.wanted = spec, LocalBackend(spec), MODELS, Wanted.of(spec)

    def request(self, lane: int, turn: int, *, tokens: int = REPLY) -> Any:
        """What a lane asks at a turn. Nothing ends a reply early: the end mark is never the most probable by far."""
        from ldp_tui.models.backend import Request

        told = f"start: false\nobservation: You are at row {lane % 4}, column {turn % 4}. Step {turn} of lane {lane}."
        messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": told}]
        settings = {"temperature": 1.0, "seed": lane * 1000 + turn, "max_tokens": tokens}
        return Request(self.spec, messages, settings=settings)

    def prompts(self, turn: int) -> list[list[int]]:
        """The same as tokens, for peers."""
        from ldp_tui.models.tiny.chat import ChatTokenizer

        chat = ChatTokenizer.from_folder(self.folder)
        return [chat.encode(chat.render(self.request(lane, turn).messages)) for lane in range(LANES)]

    async def reply(self, lane: int, turn: int) -> int:
        """Tokens written."""
        usage = None
        async with aclosing(self.backend.reply(self.request(lane, turn))) as deltas:
            async for delta in deltas:
                usage = delta.usage or usage
        assert usage is not None
        return int(usage.completion or 0)

    async def score(self, lane: int, turn: int) -> int:
        """One decision by scores."""
        choices = [{"role": "assistant", "content": f'{{"reflection": "", "action": "{a}"}}'} for a in ACTIONS]
        return len(await self.backend.score(self.request(lane, turn), choices)) // len(ACTIONS)

    async def one_after_the_other(self, work: Callable[[int, int], Awaitable[int]], turn: int, count: int) -> Any:
        """Decisions one by one, as a single lane makes them."""
        return sum([await work(lane, turn) for lane in range(count)])

    async def side_by_side(self, work: Callable[[int, int], Awaitable[int]], turn: int) -> Any:
        """A decision of every lane at once."""
        return sum(await asyncio.gather(*(work(lane, turn) for lane in range(LANES))))

    async def cancel(self, prompt_words: int) -> float:
        """Seconds from closing a stream until the model's thread has nothing to do."""
        from ldp_tui.models.backend import Request

        request = Request(
            self.spec,
            [{"role": "user", "content": "on and on " * prompt_words}],
            settings={"temperature": 1.0, "max_tokens": 500, "logprobs": True},
            stream=True,
        )
        async with self.models.using(self.wanted) as model:
            async with aclosing(self.backend.reply(request)) as deltas:
                await anext(deltas)
                if prompt_words < 50:
                    await anext(deltas)
                else:
                    pending = asyncio.ensure_future(anext(deltas))
                    await asyncio.sleep(0.1)
                    pending.cancel()
                    await asyncio.wait([pending])
                left = time.perf_counter()
            await asyncio.to_thread(model.wait_idle, 60.0)
            return time.perf_counter() - left


def _copy_tokenizer(folder: Path) -> None:
    from ldp_tui.models.tiny.model import BUNDLED

    for file in [*BUNDLED.glob("token*"), *BUNDLED.glob("chat_template*")]:
        (folder / file.name).write_bytes(file.read_bytes())


class Peer:
    """transformers itself."""

    def __init__(self, bench: Bench) -> None:
        import torch
        from transformers import AutoModelForCausalLM

        self.device = bench.device
        self.model = AutoModelForCausalLM.from_pretrained(bench.folder, dtype=bench.dtype).to(bench.device).eval()
        self.how = {"max_new_tokens": REPLY, "min_new_tokens": REPLY, "do_sample": True, "top_k": 0, "pad_token_id": 0}
        self.torch = torch

    def one_by_one(self, prompts: Sequence[Sequence[int]]) -> int:
        """`generate` for each prompt; tokens written."""
        written = 0
        for prompt in prompts:
            ids = self.torch.tensor([prompt], device=self.device)
            out = self.model.generate(ids, attention_mask=self.torch.ones_like(ids), **self.how)
            written += out.shape[1] - len(prompt)
        return written

    def padded(self, prompts: Sequence[Sequence[int]]) -> int:
        """`generate` for all prompts, padded at the left."""
        longest = max(map(len, prompts))
        ids = self.torch.tensor([[0] * (longest - len(p)) + list(p) for p in prompts], device=self.device)
        mask = self.torch.tensor([[0] * (longest - len(p)) + [1] * len(p) for p in prompts], device=self.device)
        out = self.model.generate(ids, attention_mask=mask, **self.how)
        return int((out.shape[1] - longest) * len(prompts))

    def continuous(self, prompts: Sequence[Sequence[int]]) -> int:
        """`generate_batch`, transformers' continuous batching."""
        from transformers import GenerationConfig

        config = GenerationConfig(max_new_tokens=REPLY, do_sample=True, top_k=0, eos_token_id=-1, pad_token_id=0)
        outputs = self.model.generate_batch(inputs=[list(p) for p in prompts], generation_config=config)
        return sum(len(output.generated_tokens) for output in outputs.values())


def vllm_engine(bench: Bench) -> Callable[[Sequence[Sequence[int]]], int]:
    """vLLM with the same weights; tokens written."""
    from vllm import LLM, SamplingParams  # type: ignore[import-not-found, unused-ignore]

    engine = LLM(model=str(bench.folder), dtype="bfloat16", max_model_len=2048, gpu_memory_utilization=0.5)
    how = SamplingParams(max_tokens=REPLY, temperature=1.0, ignore_eos=True)

    def generate(prompts: Sequence[Sequence[int]]) -> int:
        outputs = engine.generate([{"prompt_token_ids": list(p)} for p in prompts], how, use_tqdm=False)
        return sum(len(output.outputs[0].token_ids) for output in outputs)

    return generate


def best(work: Callable[[int], int], rounds: int, *, warm: bool = True) -> dict[str, Any]:
    """The quickest of some rounds, after one that does not count: units a second, and what each round reached."""
    if warm:
        work(0)
    rates = []
    for turn in range(1, rounds + 1):
        started = time.perf_counter()
        units = work(turn)
        rates.append(units / (time.perf_counter() - started))
    return {"per_second": max(rates), "rounds": rates}


def ours(bench: Bench, rounds: int) -> dict[str, Any]:
    """Everything of this package's own."""
    with asyncio.Runner() as runner:

        def run(work: Callable[[int], Any]) -> dict[str, Any]:
            return best(lambda turn: runner.run(work(turn)), rounds)

        found: dict[str, Any] = {
            "tokens_one_lane": run(lambda turn: bench.one_after_the_other(bench.reply, turn, 4)),
            "tokens_16_lanes": run(lambda turn: bench.side_by_side(bench.reply, turn)),
            "scored_actions_one_lane": run(lambda turn: bench.one_after_the_other(bench.score, turn, LANES)),
            "scored_actions_16_lanes": run(lambda turn: bench.side_by_side(bench.score, turn)),
        }
        for name, words in (("reply", 5), ("prompt", 150)):
            waited = [runner.run(bench.cancel(words)) * 1e3 for _ in range(10)]
            told = {"p50": statistics.median(waited), "max": max(waited)}
            found[f"cancel_in_{name}_ms"] = told
    return found


def peers(bench: Bench, rounds: int) -> dict[str, Any]:
    """What others reach; where one does not run here, why."""
    peer = Peer(bench)
    works: dict[str, Callable[[], Callable[[Sequence[Sequence[int]]], int]]] = {
        "generate_one_by_one": lambda: peer.one_by_one,
        "generate_padded_16": lambda: peer.padded,
        "generate_batch_16": lambda: peer.continuous,
        "vllm_16": lambda: vllm_engine(bench),
    }
    found: dict[str, Any] = {}
    for name, make in works.items():
        count = 4 if name == "generate_one_by_one" else LANES
        slow = name == "generate_batch_16" and bench.device == "cpu"  # minutes a round
        try:
            work = make()
            run = partial(_generate, work, bench, count)
            found[name] = best(run, 1 if slow else rounds, warm=not slow)
        except Exception as error:
            found[name] = {"failed": f"{type(error).__name__}: {str(error)[:200]}"}
    return found


def _generate(work: Callable[[Sequence[Sequence[int]]], int], bench: Bench, count: int, turn: int) -> int:
    return work(bench.prompts(turn)[:count])


def ratios(found: dict[str, Any]) -> dict[str, float]:
    """What the figures are asked for."""
    rate = {name: value["per_second"] for name, value in found.items() if "per_second" in value}
    told = {
        "lanes_16_to_1": rate["tokens_16_lanes"] / rate["tokens_one_lane"],
        "scored_to_generated_action_one_lane": rate["scored_actions_one_lane"] / (rate["tokens_one_lane"] / REPLY),
        "scored_to_generated_action_16_lanes": rate["scored_actions_16_lanes"] / (rate["tokens_16_lanes"] / REPLY),
        "actions_per_second_generated_16_lanes": rate["tokens_16_lanes"] / REPLY,
    }
    for peer in ("generate_one_by_one", "generate_padded_16", "generate_batch_16", "vllm_16"):
        if peer in rate:
            side = "tokens_one_lane" if peer == "generate_one_by_one" else "tokens_16_lanes"
            told[f"ours_to_{peer}"] = rate[side] / rate[peer]
    return told


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(Path(scratch), size=arguments.size, device=arguments.device)
        found = ours(bench, arguments.rounds)
        found |= peers(bench, arguments.rounds)
        prompt_tokens = len(bench.prompts(0)[0])
    figures = {
        "model": {"size": arguments.size, "parameters": bench.parameters, "device": arguments.device},
        "dtype": str(bench.dtype),
        "reply_tokens": REPLY,
        "prompt_tokens": prompt_tokens,
        **found,
        "ratios": ratios(found),
    }
    if arguments.device != "cpu":
        import torch

        figures["gpu"] = torch.cuda.get_device_name(arguments.device)
    write_result("local_player", figures, arguments.out, packages=("torch", "transformers", "vllm"))


if __name__ == "__main__":
    main()

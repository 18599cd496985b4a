"""Optimizers: what they take in, what they change, what a checkpoint keeps of them."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from ldp_tui.agents import MemoryAgent, ReActAgent, SimpleAgent
from ldp_tui.alg import (
    APEOpt,
    APEScoreFn,
    ChainedOptimizer,
    MemoryFactory,
    MemoryOpt,
    OnlineTrainer,
    OnlineTrainerConfig,
    Optimizer,
    OptimizerConfig,
    PositiveMemoryOpt,
    default_optimizer_factory,
)
from ldp_tui.alg.optimizer.ape import Example, variables_of
from ldp_tui.core.agent import PlainAction
from ldp_tui.core.errors import UnknownName
from ldp_tui.core.messages import Message
from ldp_tui.core.tasks import TaskDataset
from ldp_tui.core.trajectory import Trajectory, Transition
from ldp_tui.graph import CallID, FxnOp, Op, OpResult, PromptOp, compute_graph
from ldp_tui.models import LLMCallOp, LLMConfig, LLMModel, Memory, MemoryOp, StoredMemoryModel
from ldp_tui.testing.model_server import ModelServer
from tests.alg.searching import Digits


class Recalling:
    """Looks up memories and answers; no model is asked."""

    def __init__(self, memory_op: MemoryOp | None = None) -> None:
        self.memory_op = memory_op or MemoryOp()
        self.answer_op: FxnOp[str] = FxnOp(lambda memories, query: f"{len(memories)} memories of {query}")

    async def __call__(self, query: str, *, gradient: bool = True) -> OpResult[str]:
        async with compute_graph():
            result = await self.answer_op(await self.memory_op(query), query)
        if gradient:
            result.compute_grads()
        return result

    def optimizer(self, kind: type[MemoryOpt] = MemoryOpt, **settings: Any) -> MemoryOpt:
        return kind(memory_op=self.memory_op, output_op=self.answer_op, **settings)


def trajectory(*actions: Any, rewards: Iterable[float] = ()) -> Trajectory:
    given = list(rewards) or [1.0] * len(actions)
    return Trajectory(
        steps=[
            Transition(timestep=t, observation=[], action=action, reward=reward)
            for t, (action, reward) in enumerate(zip(actions, given, strict=True))
        ]
    )


async def test_memories() -> None:
    """Each answer becomes one: what was asked, what was said, the discounted return; the next lookup finds them."""
    agent = Recalling()
    optimizer = agent.optimizer(reward_discount=0.5, memory_template="{query} -> {output} ({value})")
    optimizer.aggregate([trajectory(await agent("fruit"), await agent("stone"), rewards=[1.0, 2.0])])
    await optimizer.update()
    found = agent.memory_op.memory_model.memories
    assert [(memory.query, memory.output, memory.value) for memory in found.values()] == [
        ("fruit", "0 memories of fruit", 2.0), ("stone", "0 memories of stone", 2.0),
    ]  # fmt: skip
    assert str(found[0]) == "fruit -> 0 memories of fruit (2.0)"
    assert found[1].metadata == {"timestep": 1, "done": False, "truncated": False}
    assert (optimizer.steps, optimizer.example_buffer) == (1, [])
    assert (await agent("fruit")).value == "2 memories of fruit"


async def test_trajectories_that_are_forgotten() -> None:
    """What their graphs recorded is kept up to the update, and no longer."""
    agent = Recalling()
    optimizer = agent.optimizer()
    optimizer.aggregate([trajectory(await agent("fruit"))])
    gc.collect()
    await optimizer.update()
    assert len(agent.memory_op.memory_model.memories) == 1
    gc.collect()
    assert not list(agent.memory_op.ctx.data)


async def test_what_makes_no_memory() -> None:
    """Failed trajectories, answers that no gradient reached, plain actions, and updates without anything."""
    agent = Recalling()
    optimizer = agent.optimizer()
    failed = trajectory(await agent("fruit"))
    failed.steps[0].metadata["exception"] = "E()"
    without_gradient = await agent("fruit", gradient=False)
    optimizer.aggregate([failed, trajectory(without_gradient, PlainAction(Message(content="x")), None)])
    assert optimizer.example_buffer == []
    await optimizer.update()
    assert (optimizer.steps, agent.memory_op.memory_model.memories) == (1, {})


async def test_positive_memories() -> None:
    """Only what led to a positive return."""
    agent = Recalling()
    optimizer = agent.optimizer(PositiveMemoryOpt)
    for reward in (-1.0, 0.0, 1.0):
        optimizer.aggregate([trajectory(await agent(f"earned {reward}"), rewards=[reward])])
    await optimizer.update()
    assert [memory.query for memory in agent.memory_op.memory_model.memories.values()] == ["earned 1.0"]


async def test_memories_of_ones_own() -> None:
    """A coroutine function makes them of the examples: here, one lesson of all."""

    async def lesson(
        memory_op: MemoryOp,
        output_op: Op[Any],
        memory_template: str,
        example_buffer: Iterable[tuple[CallID, CallID, float, Any]],
    ) -> list[Memory]:
        asked = [memory_op.ctx.get(lookup, "query") for lookup, _, _, _ in example_buffer]
        return [Memory(query=" and ".join(asked), output="lesson", value=0.0)]

    assert isinstance(lesson, MemoryFactory)
    agent = Recalling()
    optimizer = agent.optimizer(memory_factory=lesson)
    optimizer.aggregate([trajectory(await agent("fruit"), await agent("stone"))])
    await optimizer.update()
    assert [memory.query for memory in agent.memory_op.memory_model.memories.values()] == ["fruit and stone"]


async def test_state_of_memories() -> None:
    """It holds the memories of this process, which another optimizer takes up and finds again."""
    agent, other = Recalling(), Recalling()
    optimizer = agent.optimizer()
    optimizer.aggregate([trajectory(await agent("fruit")), trajectory(await agent("stone"))])
    await optimizer.update()
    state = json.loads(json.dumps(optimizer.state_dict()))
    again = other.optimizer()
    again.load_state_dict(state)
    assert again.steps == 1
    assert (await other("fruit")).value == "2 memories of fruit"
    (nearest,) = await other.memory_op.memory_model.get_memory("stone", 1)
    assert nearest.query == "stone"
    assert again.state_dict() == state


async def test_state_of_stored_memories(tmp_path: Path) -> None:
    """They are in the store already."""
    agent = Recalling(MemoryOp(StoredMemoryModel(path=tmp_path / "ldp.db")))
    optimizer = agent.optimizer()
    optimizer.aggregate([trajectory(await agent("fruit"))])
    await optimizer.update()
    state = optimizer.state_dict()
    assert state == {"steps": 1, "memories": []}
    model = agent.memory_op.memory_model
    optimizer.load_state_dict(state)
    assert agent.memory_op.memory_model is model
    assert (await agent("fruit")).value == "1 memories of fruit"


def llm_config(server: ModelServer) -> LLMConfig:
    return LLMConfig.model_validate(
        {"name": "openai/any", "base_url": server.base_url, "retry_seconds": 0, "timeout": 10}
    )


class Guessing:
    """Asks a model to guess, with a prompt that can be rewritten."""

    def __init__(self, server: ModelServer, prompt: str = "Guess a {what}.") -> None:
        self.config = llm_config(server)
        self.prompt_op = PromptOp(prompt)
        self.llm_op = LLMCallOp()
        self.package_op: FxnOp[list[Message]] = FxnOp(
            lambda prompt, word: [Message(role="system", content=prompt), Message(content=word)]
        )

    async def __call__(self, word: str) -> OpResult[Message]:
        async with compute_graph():
            messages = await self.package_op(await self.prompt_op(what="number"), word)
            return await self.llm_op(self.config, messages)

    def optimizer(self, **settings: Any) -> APEOpt:
        return APEOpt(
            prompt_op=self.prompt_op, llm_call_op=self.llm_op, llm=LLMModel(llm_config=self.config),
            **{"good_reward_threshold": 1.0, **settings},
        )  # fmt: skip


BETTER = '{"prompt": "Count the letters: guess a {what}."}'


async def test_prompt() -> None:
    """It is rewritten by what bad and good examples show; the rewriting model sees both, and the present prompt."""
    with ModelServer(["3", "5", BETTER]) as server:
        agent = Guessing(server)
        optimizer = agent.optimizer()
        optimizer.aggregate(
            [trajectory(await agent("Hello"), rewards=[0.0]), trajectory(await agent("World"), rewards=[1.0])]
        )
        assert [(e.input, e.output, e.score) for e in optimizer.examples] == [("Hello", "3", 0.0)]
        assert [(e.input, e.output, e.score) for e in optimizer.good_examples] == [("World", "5", 1.0)]
        await optimizer.update()
        asked = json.dumps(server.requests[-1].body["messages"])
    assert agent.prompt_op.prompt == "Count the letters: guess a {what}."
    assert optimizer.trace == ["Guess a {what}.", agent.prompt_op.prompt]
    assert (optimizer.examples, len(optimizer.good_examples), optimizer.steps) == ([], 1, 1)
    assert all(text in asked for text in ("Hello", "World", "Guess a {what}.", "rewards"))


@pytest.mark.parametrize("proposed", ["Guess.", "Guess a {what} or {which}.", "Guess a {what", "Guess a {}."])
async def test_prompt_that_is_no_better(proposed: str) -> None:
    """One that breaks the template is dropped; the examples wait for the next update."""
    with ModelServer([json.dumps({"prompt": proposed})]) as server:
        agent = Guessing(server)
        optimizer = agent.optimizer(examples=[Example(input="a", output="b", score=0.0)])
        await optimizer.update()
    assert agent.prompt_op.prompt == "Guess a {what}."
    assert (len(optimizer.examples), optimizer.steps, len(optimizer.trace)) == (1, 1, 1)


async def test_nothing_to_improve() -> None:
    """Without a bad example no model is asked, and it is no error."""
    with ModelServer([]) as server:
        optimizer = Guessing(server).optimizer(good_examples=[Example(input="a", output="b", score=1.0)])
        await optimizer.update()
        assert server.requests == []
    assert optimizer.steps == 1


async def test_errors_as_scores() -> None:
    """With gradients, an example is good where the error is zero, and none where no gradient came."""
    with ModelServer(["1", "2", "3"]) as server:
        agent = Guessing(server)
        optimizer = agent.optimizer(score_fn=APEScoreFn.GRADIENT, good_reward_threshold=None)

        def through(ctx: Any, args: Any, kwargs: Any, grad: Any, call_id: Any) -> Any:
            return [grad for _ in args], dict.fromkeys(kwargs, grad)

        for gradient in (0.0, -2.0, None):
            result = await agent("word")
            if gradient is not None:
                result.compute_grads(gradient, backward_fns={LLMCallOp: through, FxnOp: through})
            optimizer.aggregate([trajectory(result)])
    assert [e.score for e in optimizer.good_examples] == [0.0]
    assert [e.score for e in optimizer.examples] == [-2.0]


async def test_most_examples() -> None:
    """The best returns are shown, or the smallest errors."""
    with ModelServer([BETTER, BETTER]) as server:
        for score_fn, shown in ((APEScoreFn.REWARD, "[9.0, 5.0]"), (APEScoreFn.GRADIENT, "[-1.0, 5.0]")):
            bad = [Example(input="i", output="o", score=score) for score in (-1.0, 9.0, 5.0)]
            optimizer = Guessing(server).optimizer(score_fn=score_fn, examples=bad, max_examples=2)
            await optimizer.update()
            query = server.requests[-1].body["messages"][1]["content"]
            scores = [example["score"] for example in json.loads(query[query.index("[{") : query.rindex("}]") + 2])]
            assert str(scores) == shown


def test_threshold() -> None:
    """Rewards need one."""
    with pytest.raises(ValueError, match="good_reward_threshold"):
        APEOpt(prompt_op=PromptOp("p"), llm_call_op=LLMCallOp())


def test_state_of_prompts() -> None:
    """The prompts so far and the examples; the newest prompt is used from there on."""
    with ModelServer([]) as server:
        optimizer = Guessing(server).optimizer(examples=[Example(input="a", output="b", score=0.0)])
        optimizer.trace.append("Newest {what}.")
        state = json.loads(json.dumps(optimizer.state_dict()))
        agent = Guessing(server)
        again = agent.optimizer()
        again.load_state_dict(state)
    assert agent.prompt_op.prompt == "Newest {what}."
    assert again.state_dict() == state


@pytest.mark.parametrize(
    ("template", "variables"),
    [("a {b} {c.d} {e[0]:{width}}", {"b", "c", "e", "width"}), ("{{x}}", set()), ("{", None), ("", set())],
)
def test_variables(template: str, variables: set[str] | None) -> None:
    """Names in braces, however they are used; None for what is no template."""
    assert variables_of(template) == variables


def test_chain() -> None:
    """All take in everything, also from an iterator, and keep their states apart."""

    class Noting(Optimizer):
        def __init__(self, name: str) -> None:
            self.name, self.seen = name, 0

        def aggregate_trajectory(self, trajectory: Trajectory) -> None:
            self.seen += 1

        async def update(self) -> None:
            self.seen = -self.seen

        def state_dict(self) -> dict[str, Any]:
            return {self.name: self.seen}

        def load_state_dict(self, state: Any) -> None:
            self.seen = state[self.name]

    chain = ChainedOptimizer(Noting("a"), Noting("b"))
    chain.aggregate(iter([Trajectory(), Trajectory()]))
    chain.aggregate_trajectory(Trajectory())
    assert chain.state_dict() == {"optimizers": [{"a": 3}, {"b": 3}]}
    other = ChainedOptimizer(Noting("a"), Noting("b"))
    other.load_state_dict(chain.state_dict())
    assert other.state_dict() == chain.state_dict()
    with pytest.raises(ValueError, match="argument 2"):
        ChainedOptimizer(Noting("a")).load_state_dict(chain.state_dict())


@pytest.mark.parametrize(
    ("agent", "kind", "settings"),
    [
        (MemoryAgent, MemoryOpt, {}),
        (MemoryAgent, PositiveMemoryOpt, {}),
        (ReActAgent, APEOpt, {"good_reward_threshold": 1.0}),
    ],
)
def test_optimizers_of_agents(agent: type[Any], kind: type[Any], settings: dict[str, Any]) -> None:
    """By class, by name, by configuration; and by the agent alone."""
    assert type(default_optimizer_factory(agent(), kind, **settings)) is kind
    assert type(default_optimizer_factory(agent(), kind.__name__, **settings)) is kind
    assert type(OptimizerConfig(optimizer_type=kind.__name__, optimizer_kwargs=settings).make(agent())) is kind
    assert isinstance(
        default_optimizer_factory(agent(), **settings), kind.__base__ if kind is PositiveMemoryOpt else kind
    )


def test_agents_without_an_optimizer() -> None:
    """They are told so, as are names that are none."""
    with pytest.raises(TypeError, match="neither a memory nor a prompt"):
        default_optimizer_factory(SimpleAgent())
    with pytest.raises(TypeError, match="none for MemoryOp"):
        default_optimizer_factory(SimpleAgent(), MemoryOpt)
    with pytest.raises(TypeError, match="from_agent"):
        default_optimizer_factory(SimpleAgent(), ChainedOptimizer)
    with pytest.raises(UnknownName, match="MemoryOpt"):
        default_optimizer_factory(MemoryAgent(), "MemoryOpt2")


class OneDigit(TaskDataset[Digits]):
    def __len__(self) -> int:
        return 2

    def get_new_env_by_idx(self, idx: int) -> Digits:
        return Digits(1)


async def test_training_of_a_memory_agent(tmp_path: Path) -> None:
    """What it did and what came of it is in its next prompt; a resumed training has it too."""
    with ModelServer([("choose", {"digit": 5}), ("choose", {"digit": 7}), ("choose", {"digit": 8})]) as server:

        async def train(iterations: int) -> MemoryAgent:
            agent = MemoryAgent(llm_config=llm_config(server))
            config = OnlineTrainerConfig(
                batch_size=1, num_train_iterations=iterations, seed=0, catch_agent_failures=False
            )
            optimizer = default_optimizer_factory(agent)
            await OnlineTrainer(config, agent, optimizer, OneDigit(), checkpoint_dir=tmp_path).train()
            return agent

        await train(2)
        prompts = [json.dumps(request.body["messages"]) for request in server.requests]
        assert "episode-memories" not in prompts[0]
        assert "5.0" in prompts[1]
        await train(3)
        last = json.dumps(server.requests[-1].body["messages"])
    assert "5.0" in last
    assert "7.0" in last

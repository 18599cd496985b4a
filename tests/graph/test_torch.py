"""torch modules as ops, and in batches. Skipped without torch."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ldp_tui.graph import FxnOp, IdentityOp, MSELossOp, PromptOp, TorchOp, compute_graph, eval_mode, parse_graph
from ldp_tui.graph.async_torch import AsyncTorchModule, async_protect_torch_call
from ldp_tui.graph.files import dump_graph
from ldp_tui.graph.gradient_estimators import TorchParamBackwardEstimator, straight_through_estimator

torch = pytest.importorskip("torch")


class Product(torch.nn.Module):  # type: ignore[misc, name-defined]
    def __init__(self) -> None:
        super().__init__()
        self.scale = torch.nn.Parameter(torch.tensor(2.0))
        self.unused = torch.nn.Parameter(torch.tensor(1.0))

    def forward(self, x: Any, y: Any = 1.0, *, index: Any = 0) -> Any:
        return self.scale * x * y


async def test_gradients_of_inputs() -> None:
    """They are autograd's; integers have none."""
    op, leaf = TorchOp(Product()), IdentityOp[float]()
    async with compute_graph():
        x = await leaf(3.0)
        result = await op(x, [5.0, 7.0], index=4)
    assert result.value.tolist() == [30.0, 42.0]
    result.compute_grads(1.0)
    assert x.grad.item() == 24.0
    args, kwargs = op.get_input_grads(result.call_id)
    assert (args, kwargs["y"].tolist(), kwargs["index"]) == ([], [6.0, 6.0], None)


async def test_gradients_of_parameters() -> None:
    """An estimator leaves them in the context, by name; None for those that play no part."""
    op = TorchOp(Product())
    result = await op(torch.tensor([1.0, 2.0]), y=3.0)
    result.compute_grads(torch.ones(2), backward_fns={op.name: TorchParamBackwardEstimator(op.module).backward})
    found = op.ctx.get(result.call_id, "grad_params")
    assert found["scale"].item() == 9.0
    assert found["unused"] is None
    args, kwargs = op.get_input_grads(result.call_id)
    assert (args, kwargs["x"], kwargs["y"].item()) == ([], None, 6.0)


async def test_positional_inputs_of_parameters_estimator() -> None:
    """Inputs taken by `*args` keep their place."""

    class Total(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.bias = torch.nn.Parameter(torch.tensor(1.0))

        def forward(self, *terms: Any, weight: Any) -> Any:
            return weight * sum(terms) + self.bias

    op = TorchOp(Total())
    result = await op(1.0, 2.0, weight=4.0)
    result.compute_grads(1.0, backward_fns={TorchOp: TorchParamBackwardEstimator(op.module).backward})
    args, kwargs = op.get_input_grads(result.call_id)
    assert ([each.item() for each in args], kwargs["weight"].item()) == ([4.0, 4.0], 3.0)
    assert op.ctx.get(result.call_id, "grad_params")["bias"].item() == 1.0


async def test_gradient_shapes() -> None:
    """Shorter ones are spread; ones that do not fit are refused."""
    op = TorchOp(Product())
    result = await op(torch.ones(2, 3, requires_grad=True))
    result.compute_grads(torch.tensor([[1.0], [2.0]]))
    assert op.get_input_grads(result.call_id)[1]["x"].tolist() == [[2.0] * 3, [4.0] * 3]
    with pytest.raises(RuntimeError, match=r"Output shape \(2, 3\) does not match grad_output shape \(4, 1\)"):
        result.compute_grads(torch.ones(4))


async def test_evaluation() -> None:
    """Nothing is differentiable, nothing is kept."""
    op = TorchOp(Product())
    with eval_mode:
        result = await op(1.0)
    assert not result.value.requires_grad
    with pytest.raises(KeyError, match="key='tensor_input' not found"):
        op.ctx.get(result.call_id, "tensor_input")


async def test_a_graph_with_a_module() -> None:
    """Gradients pass from text through the module to a configuration's field."""
    times = TorchOp(Product())
    async with compute_graph():
        scale = await FxnOp(lambda config: config["scale"])({"scale": 2.0})
        product = await times([1.0, 2.0], scale)
        text = await PromptOp("{result}")(result=product)
    text.compute_grads(-1.0, backward_fns={PromptOp: straight_through_estimator, FxnOp: straight_through_estimator})
    assert scale.grad.item() == -6.0
    assert scale.op.get_input_grads(scale.call_id) == ([], {"config": {"scale": torch.tensor(-6.0)}})


@pytest.mark.parametrize("library", ["numpy", "torch"])
async def test_mean_squared_error(library: str) -> None:
    """Its gradient is that of the mean; as an inner node it is multiplied by its own."""
    array = torch.tensor if library == "torch" else pytest.importorskip("numpy").array
    op = MSELossOp()
    async with compute_graph():
        loss = await op(array([1.0, 2.0]), target=array([0.0, 4.0]))
        scaled = await FxnOp(lambda loss: 3 * loss)(loss)
    assert float(loss.value) == 2.5
    loss.compute_grads()
    args, kwargs = op.get_input_grads(loss.call_id)
    assert (args, kwargs["prediction"].tolist(), kwargs["target"]) == ([], [1.0, -2.0], None)
    scaled.compute_grads(3.0, backward_fns={FxnOp: straight_through_estimator})
    assert op.get_input_grads(loss.call_id)[1]["prediction"].tolist() == [3.0, -6.0]


async def test_saved_tensors() -> None:
    """They come back as tensors; types that NumPy has not are described."""
    result = await FxnOp(lambda x, y: 1)(torch.tensor([[1.0, 2.0]]), y=torch.ones(2, dtype=torch.bfloat16))
    inputs = parse_graph(dump_graph(result)).inputs[1]
    assert torch.equal(inputs["x"], torch.tensor([[1.0, 2.0]]))
    assert inputs["y"].text == "tensor([1., 1.], dtype=torch.bfloat16)"


async def test_settings_of_a_call() -> None:
    """They hold for the call alone, and no other coroutine sees them."""

    async def check(no_grad: bool) -> None:
        for _ in range(5):
            assert await async_protect_torch_call(torch.is_grad_enabled, no_grad=no_grad)() is not no_grad
            await asyncio.sleep(0)
            assert torch.is_grad_enabled()

    await asyncio.gather(*(check(no_grad) for no_grad in (True, False) * 4))
    layer = torch.nn.Linear(2, 2)
    cast = async_protect_torch_call(layer, autocast_dtype=torch.bfloat16, autocast_device_type="cpu")
    assert (await cast(torch.ones(2))).dtype == torch.bfloat16


class Summing(AsyncTorchModule):
    """Adds up rows, and counts its batches."""

    def __init__(self, batch_size: int, max_wait_interval: float) -> None:
        layer = torch.nn.Linear(2, 1, bias=False)
        layer.weight.data.fill_(1.0)
        super().__init__(layer, batch_size, max_wait_interval)
        self.sizes: list[int] = []

    async def _batched_call(self, batch_kwargs: dict[str, Any]) -> Any:
        self.sizes.append(len(batch_kwargs["input"]))
        return await super()._batched_call(batch_kwargs)


async def test_batches() -> None:
    """Full ones run at once, the rest after the wait; each call gets its own answer."""
    module = Summing(4, 0.01)
    rows = [torch.tensor([float(index), 1.0]) for index in range(10)]
    answers = await asyncio.gather(*(module(input=row) for row in rows))
    assert [answer.item() for answer in answers] == [index + 1.0 for index in range(10)]
    assert module.sizes == [4, 4, 2]
    assert not module._work_buffer
    assert not answers[0].requires_grad


async def test_a_batch_that_fails() -> None:
    """Each of its calls raises; the next batch runs."""
    module = Summing(2, 10.0)
    failed = await asyncio.gather(module(input=torch.ones(3)), module(input=torch.ones(3)), return_exceptions=True)
    assert [type(each) for each in failed] == [RuntimeError, RuntimeError]
    assert [each.item() for each in await asyncio.gather(*(module(input=torch.ones(2)) for _ in range(2)))] == [
        2.0,
        2.0,
    ]


async def test_cancelled_calls() -> None:
    """One that waits leaves its place; a batch that nobody waits for is cancelled."""
    module = Summing(2, 10.0)
    waiting = asyncio.create_task(module(input=torch.ones(2)))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert not module._work_buffer
    assert module._timer is None

    class Stuck(Summing):
        async def _batched_call(self, batch_kwargs: dict[str, Any]) -> Any:
            await asyncio.Event().wait()

    stuck = Stuck(2, 10.0)
    calls = [asyncio.create_task(stuck(input=torch.ones(2))) for _ in range(2)]
    while not stuck._batches:
        await asyncio.sleep(0)
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, *stuck._batches, return_exceptions=True)
    await asyncio.sleep(0)
    assert not stuck._batches

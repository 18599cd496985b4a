from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from ldp_tui.models import Budget, charging
from ldp_tui.models.errors import CostCeilingReached
from ldp_tui.models.throttle import Throttle
from ldp_tui.testing.model_server import Hangs, ModelServer, Says
from tests.models.asking import model


class Clock:
    """Time that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def waits(throttle: Throttle, tokens: float) -> bool:
    """Whether a request has to wait; it is given up if so."""
    turn = throttle.turn(tokens)
    try:
        async with asyncio.timeout(0.02):
            async with turn:
                return False
    except TimeoutError:
        return True


async def test_requests_per_minute() -> None:
    """A minute's worth passes at once, then each request waits for its share of the next minute."""
    clock = Clock()
    throttle = Throttle(60, None, None, clock=clock)

    assert [await waits(throttle, 1) for _ in range(60)] == [False] * 60
    assert await waits(throttle, 1)
    clock.now += 5
    assert [await waits(throttle, 1) for _ in range(4)] == [False] * 4


async def test_tokens_per_minute() -> None:
    """Tokens of the reply count afterwards: the next request waits for them."""
    clock = Clock()
    throttle = Throttle(None, 1000, None, clock=clock)

    assert not await waits(throttle, 400)
    throttle.spend(700)
    assert await waits(throttle, 1)
    clock.now += 60
    assert not await waits(throttle, 400)


async def test_requests_at_once() -> None:
    """No more are under way than allowed; the others go in the order in which they came."""
    under_way, most, order = 0, 0, []
    throttle = Throttle(None, None, 2)

    async def ask(number: int) -> None:
        nonlocal under_way, most
        async with throttle.turn(1):
            under_way, order[len(order) :] = under_way + 1, [number]
            most = max(most, under_way)
            await asyncio.sleep(0)
            under_way -= 1

    await asyncio.gather(*(ask(number) for number in range(10)))
    assert (most, order) == (2, list(range(10)))


async def test_given_up_while_waiting() -> None:
    """Whoever is cancelled while waiting takes no place, also if it was just about to get one."""
    throttle = Throttle(None, None, 1)
    async with throttle.turn(1):
        waiting = [asyncio.ensure_future(waits_for_turn(throttle)) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
    waiting[1].cancel()  # its turn has come, but it has not run yet
    results = await asyncio.gather(*waiting, return_exceptions=True)

    assert results[2] == "had its turn"
    assert not await waits(throttle, 1)


async def waits_for_turn(throttle: Throttle) -> str:
    async with throttle.turn(1):
        return "had its turn"


def test_over_threads() -> None:
    """Lanes have an event loop each: the limit holds over all of them."""
    throttle = Throttle(None, None, 3)
    lock, under_way, most = threading.Lock(), 0, 0

    async def ask() -> None:
        nonlocal under_way, most
        async with throttle.turn(1):
            with lock:
                under_way += 1
                most = max(most, under_way)
            await asyncio.sleep(0.001)
            with lock:
                under_way -= 1

    async def lane() -> None:
        await asyncio.gather(*(ask() for _ in range(10)))

    threads = [threading.Thread(target=asyncio.run, args=(lane(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert most == 3
    assert under_way == 0


async def test_concurrency_of_a_model() -> None:
    """Two models of equal settings share the limit: the second request is not sent while the first is answered."""
    with ModelServer([Hangs(), "Hi"]) as server:
        first = asyncio.ensure_future(model(server, max_concurrent=1).call_single("a"))
        while not server.requests:
            await asyncio.sleep(0)
        second = asyncio.ensure_future(model(server, max_concurrent=1).call_single("b"))
        done, _ = await asyncio.wait({second}, timeout=0.1)
        assert (done, len(server.requests)) == (set(), 1)
        first.cancel()
        assert (await second).text == "Hi"


async def test_budget() -> None:
    """Requests are sent until it is used up, then none; what was spent is known."""
    prices: dict[str, Any] = {"input_cost_per_token": 0.01, "output_cost_per_token": 0.02}
    with ModelServer([Says("a", prompt_tokens=10, completion_tokens=5)], repeat=True) as server:
        asked = model(server, **prices)
        with charging(Budget(0.3, name="episode budget")) as budget, charging(Budget(100)) as outer:
            results = [await asked.call_single("Hi") for _ in range(2)]
            with pytest.raises(CostCeilingReached, match=r"episode budget of \$0.30 is used up"):
                await asked.call_single("Hi")
        await asked.call_single("Hi")

    assert [result.cost for result in results] == [pytest.approx(0.2)] * 2
    assert (budget.spent_usd, outer.spent_usd) == (pytest.approx(0.4), pytest.approx(0.4))
    assert len(server.requests) == 3

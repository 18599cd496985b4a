"""Beam searches: which trajectory wins, what is kept on the way, what fails."""

from __future__ import annotations

import asyncio
import copy
from pathlib import Path
from typing import Any

import pytest

from ldp_tui import Reader
from ldp_tui.alg import BeamSearchRollout
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import Messages
from ldp_tui.core.trajectory import Trajectory
from ldp_tui.store.verify import verify
from tests.alg.searching import Digits, Trying
from tests.alg.test_callbacks import Listening


def chosen(trajectory: Trajectory) -> list[int]:
    actions = [step.action for step in trajectory.steps if step.action is not None]
    return [action.value.tool_calls[0].function.arguments["digit"] for action in actions]


def beam(width: int = 2, samples: int = 3, digits: tuple[int, ...] = (1, 3, 2), **options: Any) -> BeamSearchRollout:
    return BeamSearchRollout(Trying(*digits), width, samples, **options)


@pytest.mark.parametrize("closures", [False, True])
async def test_winner(closures: bool) -> None:
    """The best sum of digits, also where environments have to be replayed; all of them are closed."""
    env = Digits(4, closures=closures)
    search = beam()
    (best,) = await search.sample_trajectories([env])
    assert chosen(best) == [3, 3, 3, 3]
    assert best.done
    assert [step.value for step in best.steps] == [3.0, 6.0, 9.0, 12.0]
    assert best.steps[0].metadata["agent_value"] == 0.25
    (tried,) = search.search_buffer.values()
    assert len(tried) == 3 + 3 * 6
    assert env.family["closed"] == env.family["made"] - 1 - closures
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_scores_of_the_users_own(asynchronous: bool) -> None:
    """A function, or a coroutine function: here, the lowest sum wins."""

    def score(trajectory: Trajectory) -> float:
        return -float(sum(chosen(trajectory)))

    async def score_later(trajectory: Trajectory) -> float:
        return score(trajectory)

    (best,) = await beam(scoring_fn=score_later if asynchronous else score).sample_trajectories([Digits(3)])
    assert chosen(best) == [1, 1, 1]


class Trap(Digits):
    """A digit 3 leads on and on; anything else ends the task."""

    async def step(self, action: Message) -> tuple[Messages, float, bool, bool]:
        observation, reward, _, truncated = await super().step(action)
        return observation, reward, self.state[-1] != 3, truncated

    def __deepcopy__(self, memo: dict[int, Any]) -> Trap:
        made = Trap(self.end, family=self.family)
        memo[id(self)] = made
        made.state = list(self.state)
        made.tools = copy.deepcopy(self.tools, memo)
        return made


async def test_finished_before_truncated() -> None:
    """A finished trajectory wins over a truncated one of higher score."""
    (best,) = await beam(width=3, samples=2, digits=(3, 1)).sample_trajectories([Trap()], max_steps=2)
    assert best.done
    assert chosen(best) == [3, 1]
    (only_truncated,) = await beam(width=1, samples=1, digits=(3,)).sample_trajectories([Trap()], max_steps=2)
    assert (only_truncated.done, only_truncated.steps[-1].truncated) == (False, True)


async def test_one_sample_each() -> None:
    """As many trajectories as the width are played side by side, and the best is chosen."""
    search = beam(width=3, samples=1)
    (best,) = await search.sample_trajectories([Digits(1)])
    assert chosen(best) == [3]
    (tried,) = search.search_buffer.values()
    assert sorted(map(chosen, tried)) == [[1], [2], [3]]


async def test_choice_that_fails() -> None:
    """Its beam ends, the search goes on."""
    (best,) = await beam(digits=(9, 1, 2)).sample_trajectories([Digits(3)])
    assert (best.done, best.failed, chosen(best)) == (True, False, [2, 2, 2])


async def test_all_choices_fail() -> None:
    """The trajectory is marked as failed."""
    (best,) = await beam(digits=(9,)).sample_trajectories([Digits(3)])
    assert best.failed
    assert "nine" in str(best.steps[-1].metadata["exception"])
    with pytest.raises(RuntimeError, match="nine"):
        await beam(digits=(9,), catch_env_failures=False).sample_trajectories([Digits(3)])


async def test_clones_that_fail() -> None:
    """What cannot be cloned is a failed beam; the first one goes on."""

    def broken(_: Any) -> Any:
        raise RuntimeError("no clone")

    search = beam(env_clone_fn=broken)
    (best,) = await search.sample_trajectories([Digits(3)])
    assert chosen(best) == [1, 1, 1]
    (tried,) = search.search_buffer.values()
    assert sum(trajectory.failed for trajectory in tried) == 6


async def test_clones_that_start_anew() -> None:
    """The beam's actions are carried out in them, and checked."""

    async def fresh(env: Digits) -> Digits:
        made = Digits(env.end)
        await made.reset()
        return made

    search = beam(env_clone_fn=fresh, replay_actions_on_clone=True)
    assert [chosen(best) for best in await search.sample_trajectories([Digits(3)])] == [[3, 3, 3]]
    search = beam(env_clone_fn=copy.deepcopy, replay_actions_on_clone=True)  # these stand further than said
    (best,) = await search.sample_trajectories([Digits(3)])
    (tried,) = search.search_buffer.values()
    assert any("another observation" in str(each.steps[-1].metadata.get("exception")) for each in tried)
    assert best.done


async def test_reset_that_fails() -> None:
    """A failed trajectory."""

    class Broken(Digits):
        async def reset(self, **_: Any) -> Any:
            raise RuntimeError("no")

        async def get_id(self) -> str:
            return "task"

    (trajectory,) = await beam().sample_trajectories([Broken()])
    assert (trajectory.failed, len(trajectory.steps), trajectory.metadata) == (True, 1, {"env_id": "task"})


async def test_several_environments() -> None:
    """Each has its own winner, in their order, and its own seed."""
    envs = [Digits(1), Digits(2)]
    results = await beam().sample_trajectories(envs, seed=7)
    assert [len(best.steps) for best in results] == [1, 2]
    assert [env.seed for env in envs] == [7, 8]
    assert [best.metadata["seed"] for best in results] == [7, 8]


async def test_states_of_their_own() -> None:
    """Agent states that are changed in place are copied for each branch."""

    class InPlace(Trying):
        async def init_state(self, tools: Any) -> Any:
            return []

        async def get_asv(self, agent_state: Any, obs: Any) -> Any:
            action, state, value = await super().get_asv(tuple(agent_state), obs)
            agent_state[:] = state
            return action, agent_state, value

    search = BeamSearchRollout(InPlace(1, 2), 2, 2, agent_clone_fn=list)
    (best,) = await search.sample_trajectories([Digits(2)])
    assert chosen(best) == [2, 2]


async def test_callbacks() -> None:
    """All hooks are called, under one id; the beginning and the end once."""
    hears = Listening()
    search = beam(width=1, samples=2, callbacks=[hears])
    await search.sample_trajectories([Digits(2)])
    (root,) = search.search_buffer
    assert {arguments[0] for arguments in hears.arguments.values()} == {root}
    assert {hook: hears.log.count(hook) for hook in hears.log} == {
        "before_rollout": 1, "after_env_reset": 1, "after_agent_init_state": 1, "before_transition": 4,
        "after_agent_get_asv": 4, "after_env_step": 4, "after_transition": 4, "after_rollout": 1,
    }  # fmt: skip


async def test_record(tmp_path: Path) -> None:
    """All beams are one tree of episodes."""
    path = tmp_path / "ldp.db"
    (best,) = await beam(store=path).sample_trajectories([Digits(3)])
    with Reader(path) as reader:
        uid = str(best.steps[-1].metadata["episode"])
        assert reader.episode(uid).summary.return_ == 9.0
        assert reader.tree(uid).level == 0
    assert verify(path).ok


def test_arguments_that_mean_nothing() -> None:
    """They are refused."""
    with pytest.raises(ValueError, match="at least 1"):
        beam(width=0)

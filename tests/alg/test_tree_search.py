"""Tree searches: every branch, in environments that stand where they should; failures; ends; records."""

from __future__ import annotations

import asyncio
import copy
import itertools
from pathlib import Path
from typing import Any

import pytest

from ldp_tui import Reader
from ldp_tui.alg import Callback, CannotBranch, TransitionTree, TreeSearchRollout
from ldp_tui.engine.replay import replay
from ldp_tui.store.results import EpisodeNode
from ldp_tui.store.verify import verify
from tests.alg.searching import Digits, Trying
from tests.alg.test_callbacks import Listening


def paths(tree: TransitionTree) -> dict[str, list[int]]:
    """What each trajectory chose, by the path of its last step."""
    return {
        str(each.traj_id).removeprefix(f"{tree.root_id}:"): [
            step.action.value.tool_calls[0].function.arguments["digit"]  # type: ignore[union-attr]
            for step in each.steps
        ]
        for each in tree.get_trajectories()
    }


def all_paths(*digits: int, length: int) -> list[list[int]]:
    return sorted(map(list, itertools.product(digits, repeat=length)))


@pytest.mark.parametrize("closures", [False, True])
@pytest.mark.parametrize("limit", [None, 1])
async def test_all_branches(closures: bool, limit: int | None) -> None:
    """Each path once, whether environments can be copied or have to be replayed; all of them are closed."""
    env = Digits(3, closures=closures)
    search = TreeSearchRollout(Trying(1, 2), branching_factor=2, concurrency_limit=limit)
    tree = await search.sample_tree(env)
    assert sorted(paths(tree).values()) == all_paths(1, 2, length=3)
    assert set(paths(tree)) == {":".join(path) for path in itertools.product("01", repeat=3)}
    assert len(tree) == 14
    assert all(trajectory.done for trajectory in tree.get_trajectories())
    made, closed = env.family["made"], env.family["closed"]
    assert closed == made - 1 - closures  # all that played: not the fresh copy to replay in, nor one that was refused
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_clones_of_the_users_own(asynchronous: bool) -> None:
    """A function, or a coroutine function, makes them."""

    async def clone(env: Digits) -> Digits:
        return copy.deepcopy(env)

    search = TreeSearchRollout(Trying(1, 2), 2, env_clone_fn=clone if asynchronous else copy.deepcopy)
    assert sorted(paths(await search.sample_tree(Digits(2))).values()) == all_paths(1, 2, length=2)


async def test_clones_that_play_the_original() -> None:
    """They are refused: the branch is a failed step that says what would help, and the rest is right."""
    tree = await TreeSearchRollout(Trying(1, 2), 2, env_clone_fn=copy.deepcopy).sample_tree(Digits(2, closures=True))
    failed = [trajectory for trajectory in tree.get_trajectories() if trajectory.failed]
    assert [len(trajectory.steps) for trajectory in failed] == [1, 2]
    assert all("env_factory" in str(trajectory.steps[-1].metadata["exception"]) for trajectory in failed)
    assert [trajectory.done for trajectory in tree.get_trajectories() if not trajectory.failed] == [True]
    with pytest.raises(CannotBranch, match="acts on the original"):
        await TreeSearchRollout(
            Trying(1, 2), 2, env_clone_fn=copy.deepcopy, catch_env_failures=False
        ).sample_tree(Digits(2, closures=True))  # fmt: skip


async def test_clones_that_play_the_original_with_a_factory() -> None:
    """Fresh environments take their place."""
    search = TreeSearchRollout(
        Trying(1, 2), 2, env_clone_fn=copy.deepcopy, env_factory=lambda: Digits(2, closures=True)
    )
    assert sorted(paths(await search.sample_tree(Digits(2, closures=True), seed=3)).values()) == all_paths(
        1, 2, length=2
    )


async def test_branches_that_fail() -> None:
    """They are in the tree, marked, and their siblings go on."""
    tree = await TreeSearchRollout(Trying(1, 9), branching_factor=2).sample_tree(Digits(2))
    ends = [(each.failed, each.done) for each in tree.get_trajectories()]
    assert sorted(ends) == [(False, True), (True, False), (True, False)]
    kept = tree.remove_nonterminal_branches()
    assert len(kept.get_trajectories()) == 1


async def test_failures_that_are_not_caught() -> None:
    """They are raised as they are, and everything is closed."""
    env = Digits(2)
    with pytest.raises(RuntimeError, match="nine"):
        await TreeSearchRollout(Trying(1, 9), 2, catch_env_failures=False).sample_tree(env)
    assert env.family["closed"] == env.family["made"] - 1


async def test_depth() -> None:
    """The last steps are truncated."""
    tree = await TreeSearchRollout(Trying(1, 2), 2).sample_tree(Digits(5), max_depth=2)
    assert len(tree) == 6
    assert all(each.steps[-1].truncated and not each.done for each in tree.get_trajectories())


async def test_target() -> None:
    """Once a return reaches it, nothing more is tried."""
    tree = await TreeSearchRollout(Trying(1, 5), 2, concurrency_limit=1, target_reward=5.0).sample_tree(Digits(6))
    returns = [sum(step.reward for step in each.steps) for each in tree.get_trajectories()]
    assert max(returns) >= 5.0
    assert len(tree) < 2 * 6


async def test_callbacks() -> None:
    """Each step is told under its own id, the rollout's beginning and end once."""
    hears, ids = Listening(), []

    class Steps(Callback):
        async def after_transition(self, traj_id: str, *_: Any) -> None:
            ids.append(traj_id)

    tree = await TreeSearchRollout(Trying(1, 2), 2, callbacks=[hears, Steps()]).sample_tree(Digits(2))
    counts = {hook: hears.log.count(hook) for hook in hears.log}
    assert counts == {
        "before_rollout": 1, "after_env_reset": 1, "after_agent_init_state": 1, "before_transition": 6,
        "after_agent_get_asv": 6, "after_env_step": 6, "after_transition": 6, "after_rollout": 1,
    }  # fmt: skip
    assert sorted(ids) == sorted(tree)
    assert hears.log[-1] == "after_rollout"
    assert hears.arguments["after_rollout"][0] == tree.root_id


async def test_reset_that_fails() -> None:
    """An empty tree."""

    class Broken(Digits):
        async def reset(self, **_: Any) -> Any:
            raise RuntimeError("no")

    tree = await TreeSearchRollout(Trying(1), 2).sample_tree(Broken())
    assert (len(tree), tree.get_trajectories()) == (0, [])


async def test_several_trees() -> None:
    """In the order of the environments, with seeds of their own."""
    envs = [Digits(1), Digits(2)]
    trees = await TreeSearchRollout(Trying(1, 2), 2).sample_trees(envs, seed=4)
    assert [len(tree) for tree in trees] == [2, 6]
    assert [env.seed for env in envs] == [4, 5]


async def test_stop() -> None:
    """Nothing runs on, and every environment is closed."""
    env, asked = Digits(9), asyncio.Event()

    class Waiting(Trying):
        async def get_asv(self, agent_state: Any, obs: Any) -> Any:
            if len(agent_state) == 2:
                asked.set()
                await asyncio.Event().wait()
            return await super().get_asv(agent_state, obs)

    task = asyncio.ensure_future(TreeSearchRollout(Waiting(1, 2), 2).sample_tree(env))
    await asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(asyncio.shield(task), 1)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert env.family["closed"] == env.family["made"] - 1


def test_arguments_that_mean_nothing() -> None:
    """They are refused."""
    with pytest.raises(ValueError, match="branching_factor"):
        TreeSearchRollout(Trying(1), 0)
    with pytest.raises(TypeError):
        TreeSearchRollout(Trying(1), 2, nonsense=1)


async def test_record_of_a_search(tmp_path: Path) -> None:
    """Each branch is an episode that forks from the one it leaves: the store holds the tree, with all rows once."""
    path = tmp_path / "ldp.db"
    tree = await TreeSearchRollout(Trying(1, 2), 2, store=path).sample_tree(Digits(3), seed=1)
    episodes = {str(step.metadata["episode"]) for step in map(tree.get_transition, tree)}
    assert len(episodes) == 8
    with Reader(path) as reader:
        root = reader.tree(next(iter(episodes)))
        nodes = list(walk(root))
        assert {node.uid for node in nodes} == episodes
        assert sorted(node.return_ for node in nodes) == sorted(sum(path) for path in all_paths(1, 2, length=3))
        assert {(node.steps, node.status) for node in nodes} == {(3, "done")}
        assert [child.fork_t for child in root.children] == [0, 1, 2]
        for trajectory in tree.get_trajectories():
            uid = str(trajectory.steps[-1].metadata["episode"])
            _, *steps, _ = replay(reader, uid)
            assert [step.action for step in steps] == [step.action.value for step in trajectory.steps]  # type: ignore[union-attr]
    assert verify(path).ok


def walk(node: EpisodeNode) -> list[EpisodeNode]:
    return [node, *(below for child in node.children for below in walk(child))]


async def test_record_of_a_search_that_found_enough(tmp_path: Path) -> None:
    """What was not tried to its end is there as aborted."""
    path = tmp_path / "ldp.db"
    await TreeSearchRollout(Trying(1, 5), 2, store=path, target_reward=5.0).sample_tree(Digits(9))
    with Reader(path) as reader:
        assert {summary.status for summary in reader.episodes().episodes} == {"aborted"}
    assert verify(path).ok

"""Every step tried several times: trees of transitions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ldp_tui.alg.branching import Branches, TEnvCloneFn
from ldp_tui.alg.callbacks.base import Callback
from ldp_tui.alg.concurrency import all_of
from ldp_tui.alg.playing import Play
from ldp_tui.alg.rollout import RolloutManager
from ldp_tui.alg.searching import Search, seed_to_replay
from ldp_tui.alg.transition_tree import TransitionTree
from ldp_tui.core.agent import Agent
from ldp_tui.core.environment import Environment
from ldp_tui.core.trajectory import Transition
from ldp_tui.engine.identity import new_uid

__all__ = ["TEnvCloneFn", "TreeSearchRollout"]


class TreeSearchRollout(RolloutManager):
    """Tries `branching_factor` choices of the agent after each step, down to `max_depth`.

    The first choice goes on in the environment itself, the others in environments that are brought to the same moment:
    by `env_clone_fn`; without one, by deep copies; where copies would act on the original, by replaying seed and
    actions in a fresh environment (from `env_factory`, else a copy of the one given, made before its reset), with each
    outcome compared. All of them are closed. A branch that cannot be made or that fails is a failed transition of the
    tree. With a `store`, each branch is recorded as a fork of the episode it leaves (see `Reader.tree`), and the
    transition's metadata names its episode.

    Callbacks hear the tree's root id in the hooks of the rollout, and the step's id in those of each step.

    Args:
        agent: Chooses. All branches get the same agent states, so states must not be changed in place.
        branching_factor: Choices after each step.
        env_clone_fn: Makes an environment that stands where the given one stands; may be a coroutine function.
        catch_agent_failures: As in RolloutManager; also for those below.
        catch_env_failures: Also branches that cannot be made.
        callbacks: Hear of the search.
        concurrency_limit: Most steps that are under way at once.
        target_reward: Once a branch's return reaches it, nothing more is tried.
        env_factory: Makes fresh environments of the same task, to replay in.
        agent_clone_fn: Copies an agent state for each branch; None: they share it.
        options: `store`, `pictures`, `player` and `environment` of RolloutManager.
    """

    def __init__(
        self,
        agent: Agent[Any],
        branching_factor: int,
        env_clone_fn: TEnvCloneFn[Any] | None = None,
        catch_agent_failures: bool = True,
        catch_env_failures: bool = True,
        callbacks: Sequence[Callback] | None = None,
        concurrency_limit: int | None = None,
        target_reward: float | None = None,
        *,
        env_factory: Callable[[], Environment[Any]] | None = None,
        agent_clone_fn: Callable[[Any], Any] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            agent, catch_agent_failures, catch_env_failures, callbacks, concurrency_limit=concurrency_limit, **options
        )
        if branching_factor < 1:
            raise ValueError("branching_factor must be at least 1.")
        self.branching_factor = branching_factor
        self.env_clone_fn = env_clone_fn
        self.target_reward = target_reward
        self._env_factory = env_factory
        self._agent_clone_fn = agent_clone_fn

    async def sample_trees(
        self, environments: Sequence[Environment[Any]], max_depth: int | None = None, *, seed: int | None = None
    ) -> list[TransitionTree]:
        """One tree for each environment, in their order; the n-th is reset with `seed + n`."""
        return await all_of(
            self.sample_tree(env, max_depth, seed=None if seed is None else seed + number)
            for number, env in enumerate(environments)
        )

    async def sample_tree(
        self, env: Environment[Any], max_depth: int | None = None, *, seed: int | None = None
    ) -> TransitionTree:
        """The tree of what was tried in `env`. Empty if the reset failed.

        Without a `seed` one is drawn, where the environment takes one.
        """
        if max_depth is not None and max_depth < 1:
            raise ValueError("max_depth must be at least 1.")
        tree = TransitionTree(root_id=new_uid())
        branches = Branches(env, clone=self.env_clone_fn, factory=self._env_factory)
        seed = seed_to_replay(env, seed)
        with self.stage() as stage:
            search = Search(stage, branches, max_depth, self._agent_clone_fn)
            async with Play(stage, env, name=tree.root_id, max_steps=max_depth, seed=seed) as play:
                if await play.start() is None:
                    try:
                        await _Growth(tree, search, self.branching_factor, self.target_reward).descend(
                            play, tree.root_id
                        )
                    finally:
                        await search.stop_all()
        return tree


class _Growth:
    """A tree that grows from every moment in all branches at once."""

    def __init__(self, tree: TransitionTree, search: Search, branching_factor: int, target: float | None) -> None:
        self._tree, self._search, self._branching_factor, self._target = tree, search, branching_factor, target
        self._reached = False

    async def descend(self, play: Play, node: str) -> None:
        """Try all choices at the moment at which `play` stands."""
        others = []
        for number in range(1, self._branching_factor):
            branch = None if self._reached else await self._search.branch(play, f"{node}:{number}")
            if isinstance(branch, Transition):
                self._tree.add_transition(f"{node}:{number}", branch)
            elif branch is not None:
                others.append(branch)
        await all_of([self._try(play, f"{node}:0"), *map(self._try_branch, others)])

    async def _try_branch(self, play: Play) -> None:
        await play.start()
        await self._try(play, play.name)
        await self._search.stop(play)

    async def _try(self, play: Play, step_id: str) -> None:
        if self._reached:
            return
        step = await play.advance(step_id)
        if step is None:
            return
        self._tree.add_transition(step_id, step)
        if self._target is not None and play.return_ >= self._target:
            self._reached = True
        elif play.ended is None:
            await self.descend(play, step_id)

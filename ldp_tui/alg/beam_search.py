"""The best few of many continuations, step by step."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from ldp_tui.alg.branching import Branches, TEnvCloneFn
from ldp_tui.alg.callbacks.base import Callback
from ldp_tui.alg.concurrency import all_of
from ldp_tui.alg.playing import Play
from ldp_tui.alg.rollout import RolloutManager, metadata_of
from ldp_tui.alg.searching import Search, seed_to_replay
from ldp_tui.core.agent import Agent
from ldp_tui.core.environment import Environment
from ldp_tui.core.trajectory import Trajectory, Transition

ScoringFn: TypeAlias = Callable[[Trajectory], Awaitable[float]] | Callable[[Trajectory], float]


class BeamSearchRollout:
    """Tries `samples_per_beam` continuations of each beam and keeps the `beam_width` best, until as many have ended.

    The score of a trajectory, from `scoring_fn`, becomes the `value` of its newest step; the agent's own estimate moves
    to `metadata["agent_value"]`. The winner is the best of the finished trajectories; of the truncated ones only where
    none finished; a failed one only where all failed. See TreeSearchRollout for how branches are made and recorded.

    With `samples_per_beam=1`, `beam_width` trajectories are played side by side and the best is chosen.

    Args:
        agent: Chooses.
        beam_width: Beams that are kept.
        samples_per_beam: Choices tried for each.
        env_clone_fn: Makes an environment that stands where the given one stands; None: checked copies, else replay.
        agent_clone_fn: Copies an agent state for each branch; None: they share it.
        scoring_fn: Higher is better; may be a coroutine function.
        replay_actions_on_clone: `env_clone_fn` gives environments that stand at the start: the beam's actions are
            carried out in them, each outcome compared with what was seen.
        callbacks: Hear of all steps of all beams under one id.
        catch_agent_failures: A choice that fails ends its beam, not the search.
        catch_env_failures: The same for environments, and for branches that cannot be made.
        concurrency_limit: Most steps that are under way at once.
        env_factory: Makes fresh environments of the same task, to replay in.
        options: `store`, `pictures`, `player` and `environment` of RolloutManager.
    """

    def __init__(
        self,
        agent: Agent[Any],
        beam_width: int,
        samples_per_beam: int,
        env_clone_fn: TEnvCloneFn[Any] | None = None,
        agent_clone_fn: Callable[[Any], Any] | None = None,
        scoring_fn: ScoringFn | None = None,
        replay_actions_on_clone: bool = False,
        callbacks: Sequence[Callback] | None = None,
        *,
        catch_agent_failures: bool = True,
        catch_env_failures: bool = True,
        concurrency_limit: int | None = None,
        env_factory: Callable[[], Environment[Any]] | None = None,
        **options: Any,
    ) -> None:
        if beam_width < 1 or samples_per_beam < 1:
            raise ValueError("beam_width and samples_per_beam must be at least 1.")
        self.agent = agent
        self.beam_width = beam_width
        self.samples_per_beam = samples_per_beam
        self.env_clone_fn = env_clone_fn
        self.agent_clone_fn = agent_clone_fn
        self.scoring_fn = scoring_fn or return_so_far
        self.replay_actions_on_clone = replay_actions_on_clone
        self.search_buffer: dict[str, list[Trajectory]] = {}
        """Of the newest call: every trajectory that was tried, by the id of its search."""
        self._env_factory = env_factory
        self._manager = RolloutManager(
            agent, catch_agent_failures, catch_env_failures, callbacks, concurrency_limit, **options
        )

    async def sample_trajectories(
        self, environments: Sequence[Environment[Any]], max_steps: int | None = None, *, seed: int | None = None
    ) -> list[Trajectory]:
        """The winner of each environment, in their order; the n-th is reset with `seed + n`."""
        if max_steps is not None and max_steps < 1:
            raise ValueError("max_steps must be at least 1.")
        self.search_buffer = {}
        return await all_of(
            self._search(env, max_steps, None if seed is None else seed + number)
            for number, env in enumerate(environments)
        )

    async def _search(self, env: Environment[Any], max_steps: int | None, seed: int | None) -> Trajectory:
        branches = Branches(env, clone=self.env_clone_fn, factory=self._env_factory, redo=self.replay_actions_on_clone)
        with self._manager.stage() as stage:
            search = Search(stage, branches, max_steps, self.agent_clone_fn)
            async with Play(stage, env, max_steps=max_steps, seed=seed_to_replay(env, seed)) as root:
                tried = self.search_buffer[root.uid] = []
                failure = await root.start()
                first = _Beam(Trajectory(traj_id=root.uid, metadata=await metadata_of(root, seed)), root)
                if failure is not None:
                    tried.append(first.longer(failure).traj)
                    return tried[0]
                try:
                    return await self._best(search, first, tried)
                finally:
                    await search.stop_all()

    async def _best(self, search: Search, first: _Beam, tried: list[Trajectory]) -> Trajectory:
        beams, over = [first], list[_Beam]()
        if self.samples_per_beam == 1:
            beams = await self._spread(search, first, self.beam_width)
        while beams and sum(not beam.traj.failed for beam in over) < self.beam_width:
            spread = [each for beam in beams for each in await self._spread(search, beam, self.samples_per_beam)]
            grown = await all_of(self._grown(beam, first.traj.traj_id) for beam in spread)
            tried += [beam.traj for beam in grown]
            over += [beam for beam in grown if beam.is_over]
            going = sorted((beam for beam in grown if not beam.is_over), key=_rank, reverse=True)
            beams = going[: self.beam_width]
            left = [beam for beam in grown if beam not in beams]
            await search.stop(*(beam.play for beam in left if beam.play is not None))
        await search.stop(*(beam.play for beam in beams if beam.play is not None))
        return max(over, key=_rank).traj

    async def _spread(self, search: Search, beam: _Beam, samples: int) -> list[_Beam]:
        """The beam `samples` times, each with an environment of its own; where there is none, it ends there, failed."""
        if beam.play is None:
            return [beam]
        spread = [beam.named(0)]
        for number in range(1, samples):
            branch = await search.branch(beam.play, beam.play.name)
            if isinstance(branch, Transition):
                spread.append(replace(beam.named(number), play=None).longer(branch))
            else:
                await branch.start()
                spread.append(replace(beam.named(number), play=branch))
        return spread

    async def _grown(self, beam: _Beam, name: str | None) -> _Beam:
        """The beam one step longer and scored; callbacks hear of it under `name`."""
        if beam.play is None or (step := await beam.play.advance(name)) is None:
            return beam
        longer = beam.longer(step)
        if not step.failed:
            step.metadata["agent_value"] = step.value
            score = self.scoring_fn(longer.traj)
            step.value = float(await score if inspect.isawaitable(score) else score)
        return longer


def return_so_far(trajectory: Trajectory) -> float:
    """The score where none is given: the sum of rewards."""
    return sum(step.reward for step in trajectory.steps)


@dataclass(frozen=True, slots=True, eq=False)
class _Beam:
    """A trajectory so far, and the play at its end; None where there is no way on."""

    traj: Trajectory
    play: Play | None

    @property
    def is_over(self) -> bool:
        return self.play is None or self.play.ended is not None

    def longer(self, step: Transition) -> _Beam:
        steps = [*self.traj.steps, step]
        return _Beam(Trajectory(traj_id=self.traj.traj_id, steps=steps, metadata=self.traj.metadata), self.play)

    def named(self, number: int) -> _Beam:
        """The same as branch `number`."""
        name = f"{self.traj.traj_id}:{number}"
        return _Beam(Trajectory(traj_id=name, steps=self.traj.steps, metadata=self.traj.metadata), self.play)


def _rank(beam: _Beam) -> tuple[bool, bool, float, int]:
    """Finished before truncated before failed, then by score."""
    last = beam.traj.steps[-1]
    return last.done, last.truncated, last.value, len(beam.traj.steps)

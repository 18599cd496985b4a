"""The numbers of a headless run, beside what random and optimal play reach."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ldp_tui.core.intervals import Estimate, mean_interval, rate_interval
from ldp_tui.engine.campaign import EpisodeResult
from ldp_tui.experiments.workers import CampaignSpec, play_unrecorded

MEASURED_BASELINE_EPISODES = 100
"""Episodes of heuristic play, and of random play where no exact value is known, if as many were played."""

MEASURED_BASELINE_STEPS = 1000
"""Steps after which those are cut, if nothing else cuts them: random play need not end."""

MEASURED_BASELINE_SECONDS = 5.0
"""No further one is begun after that time."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """A reference player's mean return: exact, or measured over `n` episodes, with what else those tell."""

    name: str
    mean_return: float
    how: str
    n: int | None = None
    ci95: tuple[float, float] | None = None
    success_rate: float | None = None
    mean_steps: float | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """Of one run. Failed episodes are counted in `failures`, NaN and infinite returns in `not_finite`; neither are part
    of the means.
    """

    environment: str
    agent: str
    seed: int
    n: int
    mean: Estimate | None
    success: Estimate | None
    mean_steps: float
    steps: int
    seconds: float
    failures: int
    failure_reasons: dict[str, int]
    not_finite: int
    baselines: tuple[Baseline, ...]
    run_uid: str
    database: str
    faults: dict[str, int] = field(default_factory=dict)
    """How often a request to a model failed, or its reply could not be read, by kind."""
    stopped: str | None = None
    """Why not all episodes were played; None if they were."""

    def as_json(self) -> dict[str, Any]:
        """The object that `--json` prints. Numbers that do not exist (no finished episode) are null."""
        return {
            "env": self.environment,
            "agent": self.agent,
            "seed": self.seed,
            "n": self.n,
            "mean_return": None if self.mean is None else self.mean.mean,
            "ci95": [None, None] if self.mean is None else [_finite(self.mean.low), _finite(self.mean.high)],
            "success_rate": None if self.success is None else self.success.mean,
            "success_ci95": None if self.success is None else [self.success.low, self.success.high],
            "mean_steps": self.mean_steps,
            "steps": self.steps,
            "seconds": self.seconds,
            "failures": self.failures,
            "failure_reasons": self.failure_reasons,
            "faults": self.faults,
            "stopped": self.stopped,
            "not_finite": self.not_finite,
            "baselines": [
                {**asdict(baseline), "ci95": baseline.ci95 and list(baseline.ci95)} for baseline in self.baselines
            ],
            "run": self.run_uid,
            "db": self.database,
        }

    def player_row(self) -> tuple[str, ...]:
        """Cells of the player's line: name, n, mean return, half the width of its interval, success, steps."""
        mean = "–" if self.mean is None else f"{self.mean.mean:.3f}"
        success = "–" if self.success is None else f"{self.success.mean:.1%}"
        return (self.agent, f"{self.n:,}", mean, _margin(self.mean), success, f"{self.mean_steps:,.1f}")

    def baseline_rows(self) -> list[tuple[str, ...]]:
        """The same cells for each reference."""
        return [
            (
                f"{b.name} ({b.how})",
                "" if b.n is None else f"{b.n:,}",
                f"{b.mean_return:.3f}",
                "" if b.ci95 is None else f"{(b.ci95[1] - b.ci95[0]) / 2:.3f}",
                "" if b.success_rate is None else f"{b.success_rate:.1%}",
                "" if b.mean_steps is None else f"{b.mean_steps:,.1f}",
            )
            for b in self.baselines
        ]


def summarise(
    spec: CampaignSpec, results: Sequence[EpisodeResult], *, seed: int, seconds: float, baselines: bool = True
) -> Summary:
    """Numbers of a run, with baselines: exact where the rules are known, random play measured elsewhere."""
    finished = [result for result in results if result.reason != "failed"]
    defined = [result.success for result in finished if result.success is not None]
    reasons = Counter(result.detail or "unknown" for result in results if result.reason == "failed")
    steps = sum(result.steps for result in results)
    return Summary(
        environment=spec.environment,
        agent=spec.agent,
        seed=seed,
        n=len(results),
        mean=mean_interval([r.return_ for r in finished if math.isfinite(r.return_)]),
        not_finite=sum(not math.isfinite(r.return_) for r in finished),
        success=rate_interval(sum(defined), len(defined)),
        mean_steps=sum(r.steps for r in finished) / len(finished) if finished else 0.0,
        steps=steps,
        seconds=seconds,
        failures=len(results) - len(finished),
        failure_reasons=dict(reasons),
        baselines=tuple(_baselines(spec, results, seed)) if baselines else (),
        run_uid=spec.run_uid,
        database=spec.database,
        faults=dict(sum((Counter(result.faults) for result in results), Counter[str]())),
    )


def _baselines(spec: CampaignSpec, results: Sequence[EpisodeResult], seed: int) -> list[Baseline]:
    """Random play, random legal play, heuristic play and the optimum, as far as they are known or can be measured."""
    from ldp_tui.adapters.gymnasium_env import GymnasiumEnvironment
    from ldp_tui.agents.heuristics import heuristic_for
    from ldp_tui.agents.references import reference_values_of
    from ldp_tui.registry import make_environment

    env, _ = make_environment(spec.environment)
    exact: list[Baseline] = []
    has_heuristic = False
    if isinstance(env, GymnasiumEnvironment):
        references = reference_values_of(env.gym_env, max_steps=spec.max_steps)
        exact = [Baseline(r.name, r.value, r.how, r.n, r.ci95) for r in references]
        has_heuristic = heuristic_for(env.gym_env) is not None
        env.gym_env.close()
    optimal = [baseline for baseline in exact if baseline.name == "optimal"]
    others = [baseline for baseline in exact if baseline.name != "optimal"]
    if not any(baseline.name == "random" for baseline in others):
        others[:0] = _measured_baseline("random", spec, results, seed)
    if has_heuristic:
        others += _measured_baseline("heuristic", spec, results, seed)
    return [*others, *optimal]


def _measured_baseline(player: str, spec: CampaignSpec, results: Sequence[EpisodeResult], seed: int) -> list[Baseline]:
    """That player on the same seeds, which these results are if it was the one; empty if all of it failed."""
    how = "this run"
    if spec.agent != player:
        limit = spec.max_steps or MEASURED_BASELINE_STEPS
        results = play_unrecorded(
            replace(spec, agent=player, max_steps=limit, pictures=False),
            range(seed, seed + min(len(results), MEASURED_BASELINE_EPISODES)),
            seconds=MEASURED_BASELINE_SECONDS,
        )
        cut = spec.max_steps is None and any(r.steps == limit for r in results)
        how = f"measured, cut at {limit} steps" if cut else "measured"
    played = [r for r in results if r.reason != "failed" and math.isfinite(r.return_)]
    estimate = mean_interval([r.return_ for r in played])
    if estimate is None:
        return []
    success = [r.success for r in played if r.success is not None]
    return [
        Baseline(
            player,
            estimate.mean,
            how,
            estimate.n,
            (estimate.low, estimate.high) if estimate.n > 1 else None,
            success_rate=sum(success) / len(success) if success else None,
            mean_steps=sum(r.steps for r in played) / len(played),
        )
    ]


def _margin(estimate: Estimate | None) -> str:
    return f"{estimate.margin:.3f}" if estimate is not None and math.isfinite(estimate.margin) else "–"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None

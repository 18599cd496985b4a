"""95% confidence intervals of means and rates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

_Z = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its interval; `low` and `high` are infinite for fewer than two values."""

    n: int
    mean: float
    low: float
    high: float

    @property
    def margin(self) -> float:
        """Half the width of the interval."""
        return (self.high - self.low) / 2


def mean_interval(values: Sequence[float]) -> Estimate | None:
    """Mean with Student's t interval; None for no values. Values must be finite."""
    n = len(values)
    if n == 0:
        return None
    mean = math.fsum(values) / n
    if n == 1:
        return Estimate(1, mean, -math.inf, math.inf)
    variance = math.fsum((value - mean) ** 2 for value in values) / (n - 1)
    margin = _t975(n - 1) * math.sqrt(variance / n)
    return Estimate(n, mean, mean - margin, mean + margin)


def rate_interval(successes: int, n: int) -> Estimate | None:
    """Rate with Wilson's score interval, which is right for rates of 0 and 1 too; None for n = 0."""
    if n == 0:
        return None
    rate = successes / n
    spread = _Z * math.sqrt(rate * (1 - rate) / n + _Z**2 / (4 * n**2))
    centre, scale = rate + _Z**2 / (2 * n), 1 + _Z**2 / n
    return Estimate(n, rate, max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale))


def _t975(degrees: int) -> float:
    """0.975 quantile of Student's t: exact for 1 and 2 degrees, else Abramowitz and Stegun 26.7.5 (error < 0.4%)."""
    if degrees == 1:
        return 12.706204736
    if degrees == 2:
        return 4.302652730
    z, d = _Z, degrees
    g1 = (z**3 + z) / 4
    g2 = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    g3 = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    g4 = (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160
    return z + g1 / d + g2 / d**2 + g3 / d**3 + g4 / d**4

"""Playing recorded episodes again from their seed and actions: does the environment repeat what was recorded?"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from ldp_tui.core.errors import LdpTuiError
from ldp_tui.core.specs import Spec
from ldp_tui.engine.events import EnvironmentRecord, EpisodeStarted, StepTaken
from ldp_tui.engine.replay import load_episode, read_steps
from ldp_tui.engine.reset import ReplayDiverged, replay_steps
from ldp_tui.engine.rollout import close_bounded
from ldp_tui.registry import environment_of
from ldp_tui.store.reader import Reader

SECONDS: Final = 60.0
"""An episode whose environment takes longer is given up."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of playing one episode again.

    `same`: every observation, reward and end was as recorded · `diverged`: not from `step` on (None: the reset), in
    which `what` differs · `impossible`: it could not be played again, for the `reason`.
    """

    uid: str
    environment: str
    verdict: Literal["same", "diverged", "impossible"]
    steps: int
    step: int | None = None
    what: str = ""
    recorded: str = ""
    found: str = ""
    reason: str = ""


def replayed(reader: Reader, key: int | str) -> Verdict:
    """Play an episode again, in an event loop of its own.

    Raises:
        StoreError: If there is no such episode, or it cannot be read.
    """
    loaded = load_episode(reader, key, pictures=False)
    started, steps = loaded.started, read_steps(reader, key, 0, loaded.header.summary.steps)

    same = Verdict(started.uid, started.environment.name, "same", len(steps))
    if started.seed is None:
        return replace(same, verdict="impossible", reason="it was played without a seed")
    try:
        asyncio.run(asyncio.wait_for(_replay(started, steps), SECONDS))
    except ReplayDiverged as error:
        differs = replace(same, verdict="diverged", step=error.step, what=error.what)
        return replace(differs, recorded=error.recorded, found=error.found)
    except TimeoutError:
        return replace(same, verdict="impossible", reason=f"it took longer than {SECONDS:.0f} seconds")
    except LdpTuiError as error:
        return replace(same, verdict="impossible", reason=str(error))
    except Exception as error:  # noqa: BLE001 (an environment may raise anything)
        return replace(same, verdict="impossible", reason=f"{type(error).__name__}: {error}")
    return same


async def _replay(started: EpisodeStarted, steps: Sequence[StepTaken]) -> None:
    env, _ = environment_of(spec_of(started.environment))
    try:
        await replay_steps(env, started, steps)
    finally:
        await close_bounded(env)


def spec_of(record: EnvironmentRecord) -> Spec:
    """How the recorded environment is asked for, with the options it was made with."""
    asked = Spec.parse(record.name)
    options = record.spec.get("options", {}) if record.kind == "gymnasium" else record.spec
    return Spec(asked.name, asked.model, {**asked.options, **options})

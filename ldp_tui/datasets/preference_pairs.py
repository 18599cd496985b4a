"""Pairs of answers to one prompt, of which one was better: what direct preference optimisation learns from.

They come from stored preferences (a person replaced a proposed action, or preferred one episode), and from episodes
that began alike: same environment, task, seed and options.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ldp_tui.core.messages import Message
from ldp_tui.datasets.files import Exported, whole_file
from ldp_tui.datasets.formats import Completion
from ldp_tui.datasets.played import Conversation, LeftOut, answers_something, conversation, json_line
from ldp_tui.datasets.transcript import chat_messages, tool_definitions
from ldp_tui.engine.events import EpisodeStarted, StepTaken
from ldp_tui.engine.replay import load_episode, read_steps
from ldp_tui.store.reader import Reader
from ldp_tui.store.results import EpisodeSummary, StoredPair
from ldp_tui.store.rows import EnvRow

Chat = dict[str, Any]
GroupKey = tuple[EnvRow, str | None, str | None, str | None]


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two answers to `prompt`, given at step `index`."""

    prompt: list[Chat]
    chosen: list[Chat]
    rejected: list[Chat]
    index: int


class _NoPair(Exception):
    """Two episodes of which no pair can be made; the message says why."""


def write_preferences(
    reader: Reader,
    ids: Sequence[int],
    path: Path,
    *,
    margin: float = 0.0,
    completion: Completion = "action",
    reflections: bool = True,
) -> Exported:
    """Write one line per pair: `prompt`, `chosen`, `rejected`, `tools`, and where they come from.

    Stored preferences come first. Then, of every group of at least two ended episodes that began alike, the one of the
    highest return against the one of the lowest, if their returns differ, and by at least `margin`: at the first
    action in which they differ. Episodes that went into no pair are left out and named.

    Raises:
        FileError: If the file cannot be written; an existing one then stays as it was.
    """
    maker = _Pairs(reader, margin, completion, reflections=reflections)
    rows = 0
    with whole_file(path) as file:
        for row in maker.rows(ids):
            file.write(json_line(row))
            rows += 1
    used = maker.used
    left_out = tuple((uid, reason) for uid, reason in maker.left_out if uid not in used)
    return Exported(path, len(used), sum(used.values()), left_out, tuple(used), rows)


class _Pairs:
    """Makes the rows. `used` holds the episodes that went in, with their steps."""

    def __init__(self, reader: Reader, margin: float, completion: Completion, *, reflections: bool) -> None:
        self._reader, self._margin, self._completion = reader, margin, completion
        self._reflections = reflections
        self._made: set[tuple[int, int]] = set()
        self.used: dict[str, int] = {}
        self.left_out: LeftOut = []

    def rows(self, ids: Sequence[int]) -> Iterator[Chat]:
        for pair in self._reader.pairs(ids):
            yield from self._stored(pair)
        for group in self._groups(ids):
            yield from self._best_and_worst(group)

    def _stored(self, pair: StoredPair) -> Iterator[Chat]:
        uid = self._reader.episode(pair.chosen).summary.uid
        try:
            made = self._overruled(pair) if pair.chosen == pair.rejected else self._between(pair.chosen, pair.rejected)
        except _NoPair as reason:
            self.left_out.append((uid, str(reason)))
            return
        self._made.add((pair.chosen, pair.rejected))
        yield self._row(made, pair.chosen, pair.rejected, how=pair.how, margin=pair.margin, author=pair.author)

    def _overruled(self, pair: StoredPair) -> _Pair:
        """The played action of a step against the proposed one, without reasoning, which belongs to one of them."""
        index = pair.from_t - 1
        started, steps = self._episode(pair.chosen, pair.from_t)
        overseen = steps[index].overseen if 0 <= index < len(steps) else None
        if overseen is None or overseen.proposed is None:
            raise _NoPair(f"row {pair.from_t} does not hold what was proposed")
        prompt, _ = conversation(started, steps, reflections=self._reflections).turn(index, "action")
        chosen, rejected = _said(started, steps[index].action), _said(started, overseen.proposed)
        return _Pair(prompt, [chosen], [rejected], index)

    def _best_and_worst(self, group: list[EpisodeSummary]) -> Iterator[Chat]:
        scored = [summary for summary in group if summary.return_tag is None]
        self.left_out += [(one.uid, f"its return is {one.return_tag}") for one in group if one.return_tag is not None]
        best = max(scored, key=lambda one: one.return_, default=None)
        worst = min(scored, key=lambda one: one.return_, default=None)
        if best is None or worst is None or len(scored) < 2:
            self.left_out += [(one.uid, "no other episode began like it") for one in scored]
            return
        difference = best.return_ - worst.return_
        if difference <= 0 or difference < self._margin:
            reason = f"the returns of its group differ by {difference:g}"
            self.left_out += [(one.uid, reason) for one in scored]
            return
        self.left_out += [(one.uid, "neither best nor worst of its group") for one in scored]
        if (best.id, worst.id) in self._made:
            return
        try:
            made = self._between(best.id, worst.id)
        except _NoPair as reason:
            self.left_out[:] = [told for told in self.left_out if told[0] not in (best.uid, worst.uid)]
            self.left_out += [(best.uid, str(reason)), (worst.uid, str(reason))]
            return
        yield self._row(made, best.id, worst.id, how="same start", margin=difference, author=None)

    def _between(self, chosen: int, rejected: int) -> _Pair:
        """The two answers where the episodes first differ."""
        sides = [self._conversation(key) for key in (chosen, rejected)]
        index = _parting(*sides)
        (prompt, better), (_, worse) = (side.turn(index, self._completion) for side in sides)
        if not answers_something(prompt):
            raise _NoPair("nothing is told of what was seen")
        return _Pair(prompt, better, worse, index)

    def _groups(self, ids: Sequence[int]) -> Iterator[list[EpisodeSummary]]:
        groups: dict[GroupKey, list[EpisodeSummary]] = {}
        for key in ids:
            head = self._reader.episode(key)
            one = head.summary
            if one.status in ("running", "failed", "interrupted"):
                self.left_out.append((one.uid, "still running" if one.status == "running" else one.status))
            elif one.steps == 0:
                self.left_out.append((one.uid, "no steps"))
            elif one.seed is None and one.task_id is None:
                self.left_out.append((one.uid, "neither seed nor task says what it began with"))
            else:
                env = replace(head.env, pkg_versions="")
                groups.setdefault((env, one.task_id, one.seed, head.options), []).append(one)
        yield from groups.values()

    def _episode(self, key: int, steps: int | None = None) -> tuple[EpisodeStarted, list[StepTaken]]:
        episode = load_episode(self._reader, key, pictures=False)
        return episode.started, read_steps(self._reader, key, 0, episode.steps if steps is None else steps)

    def _conversation(self, key: int) -> Conversation:
        return conversation(*self._episode(key), reflections=self._reflections)

    def _row(
        self, pair: _Pair, chosen: int, rejected: int, *, how: str, margin: float | None, author: str | None
    ) -> Chat:
        better, worse = self._reader.episode(chosen).summary, self._reader.episode(rejected).summary
        self.used |= {better.uid: better.steps, worse.uid: worse.steps}
        started = load_episode(self._reader, chosen, pictures=False).started
        return {
            "prompt": pair.prompt,
            "chosen": pair.chosen,
            "rejected": pair.rejected,
            "tools": tool_definitions(started),
            "how": how,
            "margin": margin,
            "author": author,
            "step": pair.index,
            "chosen_episode": better.uid,
            "rejected_episode": worse.uid,
            "environment": better.env,
            "seed": better.seed,
        }


def _said(started: EpisodeStarted, action: Message) -> Chat:
    """An action as a message of the chat."""
    step = StepTaken(0, action, (), 0.0, terminated=False, truncated=False)
    return chat_messages(replace(started, observation=()), (step,))[-1]


def _parting(one: Conversation, other: Conversation) -> int:
    """The first step whose actions differ, if everything before it is the same. Raises _NoPair."""
    seen_here = seen_there = 0
    for index, (here, there) in enumerate(zip(one.actions, other.actions, strict=False)):
        if [*map(_meaning, one.messages[seen_here:here])] != [*map(_meaning, other.messages[seen_there:there])]:
            raise _NoPair(f"what was seen differs before step {index}, and no action did")
        if _meaning(one.messages[here]) != _meaning(other.messages[there]):
            return index
        seen_here, seen_there = here, there
    raise _NoPair("no action differs")


def _meaning(message: Chat) -> Chat:
    """The message without the ids of its calls, which are new in each episode, and the reasoning beside them."""
    if calls := message.get("tool_calls"):
        return {"role": message["role"], "calls": [call["function"] for call in calls]}
    return {name: value for name, value in message.items() if name != "tool_call_id"}

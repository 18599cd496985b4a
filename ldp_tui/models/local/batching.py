"""All requests to a model advance together: prompts a piece at a time, replies a token at a time.

Row `i` of the cache belongs to the `i`-th open reply; behind them are the rows whose prompts are still being read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
import torch

from ldp_tui.models.in_process.generation import Finished, Generation, Picked
from ldp_tui.models.in_process.prefixes import Prefixes, common_length
from ldp_tui.models.local.cache import Reading
from ldp_tui.models.local.choices import ChoiceTree, in_trees
from ldp_tui.models.local.errors import translated
from ldp_tui.models.local.network import Network, NewTokens
from ldp_tui.models.local.sampling import Sampling, pick

STEP_SECONDS: Final = 0.08
"""How long one step should take at most, so that a reply that is left stops soon."""
_FEWEST, _MOST = 16, 8192
"""Bounds of how many tokens are read in one step."""
_FURTHER: Final = 256
"""Room for so many tokens of a reply is made at first."""
_ALONE: Final = 256
"""Tokens of a prompt that are read at once where rows are not possible."""
_WORTH_WAITING: Final = 32
"""A prompt that begins with so many tokens of one that is being read waits for it, and then reads on from there."""


@dataclass(slots=True, eq=False)
class Scoring:
    """Choices to be scored after a prompt; `tell` is called from the model's thread."""

    prompt: Sequence[int]
    choices: Sequence[Sequence[int]]
    tell: Callable[[list[float] | Exception], None]
    cancelled: bool = False
    known: int = 0


Item = Generation[Sampling] | Scoring


class _Prompt:
    """A prompt that is being read."""

    def __init__(self, item: Item, most_together: int) -> None:
        self.item = item
        self.ids = np.asarray(item.prompt, dtype=np.int64)
        self.done = item.known
        self.trees: list[ChoiceTree] = []
        self.scores: list[float] = []
        if isinstance(item, Scoring):
            self.trees = in_trees(item.choices, most=most_together)

    def next(self, most: int) -> NewTokens:
        """What is read in the next step."""
        # A tree follows the last token of the prompt, which is read again with each further tree.
        tail = len(self.ids) - self.done
        tree = self.trees[0] if self.trees and tail <= most else None
        return NewTokens(self.ids[self.done : self.done + most].tolist(), tree)


class RowBatch:
    """For models whose sequences can stand beside each other in one cache."""

    def __init__(self, network: Network, prefixes: Prefixes[Reading], *, most_rows: int) -> None:
        self._network, self._prefixes, self._most_rows = network, prefixes, most_rows
        self._cache = network.cache()
        self._open: list[Generation[Sampling]] = []
        self._prompts: list[_Prompt] = []
        self._queue: list[Item] = []
        self._together = 256
        """Tokens that are read in one step, as many as take about `STEP_SECONDS`."""

    @property
    def busy(self) -> bool:
        """Whether anything is under way or waits."""
        return bool(self._open or self._prompts or self._queue)

    def admit(self, waiting: Sequence[Item]) -> None:
        """Queue what came."""
        self._queue.extend(waiting)

    def advance(self) -> None:
        """A piece of the prompts, and one further token of every open reply."""
        self._drop_cancelled()
        self._begin()
        if self._prompts:
            self._read_prompts()
        if self._open:
            self._continue()

    def fail(self, error: Exception, waiting: Sequence[Item]) -> None:
        """Tell everybody that nothing more comes."""
        items = [*self._open, *(prompt.item for prompt in self._prompts), *self._queue, *waiting]
        tell_failure(items, error)

    def _drop_cancelled(self) -> None:
        for row in reversed(range(len(self._open))):
            if self._open[row].cancelled:
                self._close(row)
        for index in reversed(range(len(self._prompts))):
            if self._prompts[index].item.cancelled:
                self._leave(index)
        self._queue = [item for item in self._queue if not item.cancelled]

    def _begin(self) -> None:
        """Give rows to what waits, except where it should wait for a prompt that begins alike."""
        waiting: list[Item] = []
        for item in self._queue:
            row = len(self._open) + len(self._prompts)
            if row >= self._most_rows or not self._begin_at(row, item):
                waiting.append(item)
        self._queue = waiting

    def _begin_at(self, row: int, item: Item) -> bool:
        known, reading = self._prefixes.find(item.prompt)
        ids = np.asarray(item.prompt, dtype=np.int64)
        if any(common_length(prompt.ids, ids) >= known + _WORTH_WAITING for prompt in self._prompts):
            return False
        item.known = known
        prompt = _Prompt(item, max(self._together, _FEWEST))
        further = min(item.most, _FURTHER) if isinstance(item, Generation) else _widest(prompt.trees)
        self._cache.reserve(rows=row + 1, capacity=len(ids) + further)
        self._cache.restore(row, reading, known)
        self._prompts.append(prompt)
        return True

    def _read_prompts(self) -> None:
        first, most = len(self._open), max(1, self._together // len(self._prompts))
        new = [prompt.next(most) for prompt in self._prompts]
        rows = range(first, first + len(new))
        width = max(one.count for one in new)
        self._cache.reserve(rows=rows.stop, capacity=max(self._cache.lengths[row] for row in rows) + width)
        keep = 1 + max(len(one.tree.tokens) if one.tree is not None else 0 for one in new)
        started = time.perf_counter()
        logits = self._network.read(new, self._cache, first=first, keep=min(keep, width))
        self._pace(width * len(new), time.perf_counter() - started)
        for index in reversed(range(len(new))):
            self._prompts[index].done += len(new[index].ids)
        self._finish_prompts(new, logits)

    def _finish_prompts(self, new: Sequence[NewTokens], logits: torch.Tensor) -> None:
        """Rows whose prompts were read to the end give scores, or the first tokens of replies."""
        prompts = list(self._prompts)
        begun: list[tuple[_Prompt, torch.Tensor]] = []
        for prompt, one, found in zip(prompts, new, logits, strict=True):
            if prompt.done < len(prompt.ids):
                continue
            row = len(self._open) + self._prompts.index(prompt)
            self._prefixes.keep(prompt.ids.tolist(), partial(self._cache.reading, row, len(prompt.ids)))
            if one.tree is None:
                begun.append((prompt, found[-1]))
                continue
            prompt.scores += scores_of(one.tree, found[-1 - len(one.tree.tokens) :])
            prompt.trees.pop(0)
            if prompt.trees:
                prompt.done -= 1
                self._cache.lengths[row] -= 1
            else:
                assert isinstance(prompt.item, Scoring)
                prompt.item.tell(prompt.scores)
                self._leave(self._prompts.index(prompt))
        for prompt, _ in begun:
            self._open_reply(prompt)
        if begun:
            self._pick(torch.stack([found for _, found in begun]), first=len(self._open) - len(begun))

    def _open_reply(self, prompt: _Prompt) -> None:
        """A row joins the open replies: it changes places with the first of those still being read."""
        index, first = self._prompts.index(prompt), len(self._open)
        self._cache.swap(first, first + index)
        self._prompts[0], self._prompts[index] = self._prompts[index], self._prompts[0]
        del self._prompts[0]
        assert isinstance(prompt.item, Generation)
        self._open.append(prompt.item)

    def _continue(self) -> None:
        new = [NewTokens(generation.reply[-1:]) for generation in self._open]
        longest = max(self._cache.lengths[: len(new)]) + 1
        self._cache.reserve(rows=len(new), capacity=longest)
        self._pick(self._network.read(new, self._cache)[:, -1], first=0)

    def _pick(self, logits: torch.Tensor, *, first: int) -> None:
        """Pick a token for each of the rows `first` …, tell it, and close the replies that end with it."""
        generations = self._open[first : first + len(logits)]
        picks = pick(logits, [generation.sampler for generation in generations])
        for row in reversed(range(len(picks))):  # from the last, so that a closed row is filled by one that is done
            generation, picked = generations[row], picks[row]
            if generation.cancelled or take(generation, picked):
                self._close(first + row)

    def _close(self, row: int) -> None:
        """An open reply ends; the last open one takes its row, and the last that is being read takes that one's."""
        generation, last = self._open[row], len(self._open) - 1
        length = self._cache.lengths[row]
        self._prefixes.keep([*generation.prompt, *generation.reply][:length], partial(self._cache.reading, row, length))
        if row != last:
            self._cache.move(last, row)
            self._open[row] = self._open[last]
        self._open.pop()
        if self._prompts:
            self._cache.move(last + len(self._prompts), last)
            self._prompts.insert(0, self._prompts.pop())

    def _leave(self, index: int) -> None:
        """A row that was being read ends; the last takes its place."""
        first, last = len(self._open), len(self._prompts) - 1
        if index != last:
            self._cache.move(first + last, first + index)
            self._prompts[index] = self._prompts[last]
        self._prompts.pop()

    def _pace(self, tokens: int, seconds: float) -> None:
        """Read more in a step while that is quick, less when it was slow."""
        if seconds > STEP_SECONDS:
            self._together = max(_FEWEST, tokens * 2 // 3)
        elif seconds < STEP_SECONDS / 2 and tokens > self._together // 2:
            self._together = min(_MOST, self._together * 2)


class SingleBatch:
    """For every other model: each reply has a cache of the model's own kind, and they take turns."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._open: list[Generation[Sampling]] = []
        self._pasts: dict[int, tuple[int, Any]] = {}
        self._scorings: list[tuple[Scoring, list[float]]] = []

    @property
    def busy(self) -> bool:
        """Whether anything is under way."""
        return bool(self._open or self._scorings)

    def admit(self, waiting: Sequence[Item]) -> None:
        """Take what came."""
        for item in waiting:
            if isinstance(item, Scoring):
                self._scorings.append((item, []))
            else:
                self._open.append(item)

    def advance(self) -> None:
        """A piece of a prompt or a token of every reply, and one choice of every scoring."""
        for generation in list(self._open):
            if generation.cancelled or self._advanced(generation):
                self._open.remove(generation)
                self._pasts.pop(id(generation), None)
        for scoring, scores in list(self._scorings):
            if not scoring.cancelled and len(scores) < len(scoring.choices):
                scores.append(self._score(scoring.prompt, scoring.choices[len(scores)]))
            if scoring.cancelled or len(scores) == len(scoring.choices):
                self._scorings = [one for one in self._scorings if one[0] is not scoring]
                scoring.tell(scores)

    def fail(self, error: Exception, waiting: Sequence[Item]) -> None:
        """Tell everybody that nothing more comes."""
        tell_failure([*self._open, *(scoring for scoring, _ in self._scorings), *waiting], error)

    def _advanced(self, generation: Generation[Sampling]) -> bool:
        """Whether the reply has ended."""
        done, past = self._pasts.get(id(generation), (0, None))
        new = list(generation.reply[-1:] or generation.prompt[done : done + _ALONE])
        logits, past = self._network.read_alone(new, past)
        self._pasts[id(generation)] = (done + len(new), past)
        if done + len(new) < len(generation.prompt):
            return False
        (picked,) = pick(logits[-1:], [generation.sampler])
        return take(generation, picked)

    def _score(self, prompt: Sequence[int], choice: Sequence[int]) -> float:
        logits, _ = self._network.read_alone([*prompt, *choice[:-1]], None, keep=len(choice))
        logprobs = logits.log_softmax(-1)
        return float(sum(logprobs[at, token].double() for at, token in enumerate(choice)))


def _widest(trees: Sequence[ChoiceTree]) -> int:
    return 1 + max(len(tree.tokens) for tree in trees)


def scores_of(tree: ChoiceTree, logits: torch.Tensor) -> list[float]:
    """Log-probability of each choice, of the logits of the prompt's last token and of the tree's `[1 + N, V]`."""
    number, node, token = (torch.tensor(column, device=logits.device) for column in zip(*tree.wanted, strict=True))
    logprobs = logits.float().log_softmax(-1)[node, token].double()
    scores = torch.zeros(int(number[-1]) + 1, dtype=torch.float64, device=logits.device)
    found: list[float] = scores.index_add(0, number, logprobs).tolist()
    return found


def take(generation: Generation[Sampling], picked: Picked) -> bool:
    """Tell a token, and the end if it is one; whether it is."""
    generation.reply.append(picked.id)
    generation.tell(picked)
    stopped = picked.id in generation.stop
    if stopped or len(generation.reply) >= generation.most:
        generation.tell(Finished("stop" if stopped else "length"))
        return True
    return False


def tell_failure(items: Sequence[Item], error: Exception) -> None:
    """Each of the items ends with this error, once."""
    error = translated(error)
    for item in {id(one): one for one in items}.values():
        item.tell(error if isinstance(item, Scoring) else Finished(error=error))  # type: ignore[arg-type]

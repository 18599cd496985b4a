"""All open replies of a model advance together, a token at a time, in one thread that lives while there is work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from ldp_tui.models.in_process.generation import Finished, Generation
from ldp_tui.models.in_process.prefixes import Prefixes, shared_beginning
from ldp_tui.models.in_process.thread import ModelThread
from ldp_tui.models.tiny.blas import one_thread
from ldp_tui.models.tiny.network import Cache, Network, Reading, log_softmax
from ldp_tui.models.tiny.sampling import Sampler

_READ_TOGETHER: Final = 2048
"""Most prompt tokens that are read in one go, so that long prompts do not hold up the replies under way."""


class Batcher(ModelThread[Generation[Sampler]]):
    """Runs the requests of all threads and event loops on one network."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._prefixes = Prefixes[Reading]()
        super().__init__("tiny-model", lambda: _Batch(network, self._prefixes), around=one_thread)

    def score(self, prompt: Sequence[int], choices: Sequence[Sequence[int]]) -> list[float]:
        """Natural log-probability of each choice as what follows the prompt. To be called in the model's thread.

        The prompt, and what all choices begin with, is read once.
        """
        network = self._network
        shared = shared_beginning(choices)
        context = np.array([*prompt, *choices[0][:shared]], dtype=np.int64)
        rest = [choice[shared:] for choice in choices]
        width = max(len(choice) for choice in rest)
        cache = network.cache(capacity=len(context))
        known = _restore(self._prefixes, prompt, cache, 0)
        hidden = network.read(context[None, known:], np.array([len(context) - known]), cache)
        self._prefixes.keep(prompt, lambda: cache.reading(0, len(prompt)))
        first = log_softmax(network.logits(hidden[0, len(prompt) - 1 - known :]))  # [1 + shared, V]
        common = float(sum(first[position, token] for position, token in enumerate(choices[0][:shared])))
        scores = [common + float(first[shared, choice[0]]) if choice else common for choice in rest]
        if width <= 1:
            return scores
        ids = np.zeros((len(rest), width - 1), dtype=np.int64)
        for row, choice in enumerate(rest):
            ids[row, : max(0, len(choice) - 1)] = choice[:-1]
        counts = np.full(len(rest), width - 1)
        following = log_softmax(network.logits(network.read(ids, counts, cache.repeated(len(rest), room=width - 1))))
        return [
            score + float(sum(following[row, position, token] for position, token in enumerate(choice[1:])))
            for row, (score, choice) in enumerate(zip(scores, rest, strict=True))
        ]


class _Batch:
    """The replies under way: row `i` of the cache belongs to `open[i]`."""

    def __init__(self, network: Network, prefixes: Prefixes[Reading]) -> None:
        self._network, self._prefixes = network, prefixes
        self._cache = network.cache(rows=0, capacity=0)
        self.open: list[Generation[Sampler]] = []

    @property
    def busy(self) -> bool:
        """Whether a reply is open."""
        return bool(self.open)

    def admit(self, waiting: Sequence[Generation[Sampler]]) -> None:
        """Read the prompts and pick the first token of each reply."""
        group: list[Generation[Sampler]] = []
        for generation in sorted(waiting, key=lambda one: len(one.prompt)):
            if group and (len(group) + 1) * len(generation.prompt) > _READ_TOGETHER:
                self._read_prompts(group)
                group = []
            if not generation.cancelled:
                group.append(generation)
        if group:
            self._read_prompts(group)

    def advance(self) -> None:
        """One further token of every open reply."""
        for row in reversed(range(len(self.open))):
            if self.open[row].cancelled:
                self._drop(row)
        if not self.open:
            return
        newest = np.array([[generation.reply[-1]] for generation in self.open])
        hidden = self._network.read(newest, np.ones(len(self.open), dtype=np.int64), self._cache)
        self._pick(hidden[:, 0], first=0)

    def fail(self, error: Exception, waiting: Sequence[Generation[Sampler]]) -> None:
        """Tell everybody that nothing more comes."""
        for generation in {id(one): one for one in (*self.open, *waiting)}.values():
            generation.tell(Finished(error=error))

    def _read_prompts(self, group: Sequence[Generation[Sampler]]) -> None:
        first, longest = len(self.open), max(len(generation.prompt) for generation in group)
        room = max(len(generation.prompt) + generation.most for generation in group)
        self._cache.reserve(rows=first + len(group), capacity=max(room, 2 * longest))
        for row, generation in enumerate(group):
            generation.known = _restore(self._prefixes, generation.prompt, self._cache, first + row)
        counts = np.array([len(generation.prompt) - generation.known for generation in group])
        ids = np.zeros((len(group), int(counts.max())), dtype=np.int64)
        for row, generation in enumerate(group):
            ids[row, : counts[row]] = generation.prompt[generation.known :]
        hidden = self._network.read(ids, counts, self._cache, first=first)
        self.open.extend(group)
        self._pick(hidden[np.arange(len(group)), counts - 1], first=first)

    def _pick(self, hidden: np.ndarray[tuple[int, ...], np.dtype[np.float32]], *, first: int) -> None:
        """Pick a token for each of the rows `first` …, tell it, and drop the replies that end with it."""
        logits = self._network.logits(hidden)
        for row in reversed(range(len(logits))):  # from the last, so that a dropped row is filled by one that is done
            generation = self.open[first + row]
            picked = generation.sampler.pick(logits[row])
            generation.reply.append(picked.id)
            if generation.cancelled:
                self._drop(first + row)
                continue
            generation.tell(picked)
            stopped = picked.id in generation.stop
            if stopped or len(generation.reply) >= generation.most:
                generation.tell(Finished("stop" if stopped else "length"))
                self._drop(first + row)

    def _drop(self, row: int) -> None:
        generation, last = self.open[row], len(self.open) - 1
        length = int(self._cache.lengths[row])
        read = [*generation.prompt, *generation.reply][:length]
        self._prefixes.keep(read, lambda: self._cache.reading(row, length))
        if row != last:
            self._cache.move(last, row)
            self.open[row] = self.open[last]
        self.open.pop()


def _restore(prefixes: Prefixes[Reading], ids: Sequence[int], cache: Cache, row: int) -> int:
    """Put what is known of the beginning of `ids` into a row; how many tokens that is, fewer than `ids` has."""
    known, reading = prefixes.find(ids)
    cache.restore(row, reading, known)
    return known

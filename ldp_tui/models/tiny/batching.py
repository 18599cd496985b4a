"""All open replies of a model advance together, a token at a time, in one thread that lives while there is work."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from ldp_tui.models.tiny.blas import one_thread
from ldp_tui.models.tiny.network import Network, log_softmax
from ldp_tui.models.tiny.prefixes import Prefixes
from ldp_tui.models.tiny.sampling import Picked, Sampler

_READ_TOGETHER: Final = 2048
"""Most prompt tokens that are read in one go, so that long prompts do not hold up the replies under way."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The end of a reply: `stop` or `length`, or what went wrong."""

    reason: str = ""
    error: Exception | None = None


@dataclass(slots=True)
class Generation:
    """One reply to be written. `tell` is called from the model's thread and must return at once."""

    prompt: Sequence[int]
    most: int
    """Tokens after which it is cut, 1 or more; prompt and reply together must fit the context."""
    stop: int
    sampler: Sampler
    tell: Callable[[Picked | Finished], None]
    cancelled: bool = False
    """Set from any thread; nothing more is computed then, and nothing told."""
    reply: list[int] = field(default_factory=list, init=False)


class Batcher:
    """Runs the requests of all threads and event loops on one network."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._prefixes = Prefixes()
        self._lock = threading.Lock()
        self._waiting: list[Generation] = []
        self._jobs: list[Callable[[], None]] = []
        self._running = False

    def start(self, generation: Generation) -> None:
        """Begin a reply; what comes of it is told as it comes."""
        with self._lock:
            self._waiting.append(generation)
            self._wake()

    def submit(self, job: Callable[[], None]) -> None:
        """Run `job` between two tokens, in the model's thread. It must not raise."""
        with self._lock:
            self._jobs.append(job)
            self._wake()

    def score(self, prompt: Sequence[int], choices: Sequence[Sequence[int]]) -> list[float]:
        """Natural log-probability of each choice as what follows the prompt. To be called in the model's thread.

        The prompt, and what all choices begin with, is read once.
        """
        network = self._network
        shared = _shared_prefix(choices)
        context = np.array([*prompt, *choices[0][:shared]], dtype=np.int64)
        rest = [choice[shared:] for choice in choices]
        width = max(len(choice) for choice in rest)
        cache = network.cache(capacity=len(context))
        known = self._prefixes.restore(context[: len(prompt)], cache, 0)
        hidden = network.read(context[None, known:], np.array([len(context) - known]), cache)
        self._prefixes.keep(prompt, cache, 0)
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

    def _wake(self) -> None:
        if not self._running:
            self._running = True
            threading.Thread(target=self._run, name="tiny-model", daemon=True).start()

    def _run(self) -> None:
        batch = _Batch(self._network, self._prefixes)
        with one_thread():
            while True:
                with self._lock:
                    waiting, self._waiting = self._waiting, []
                    jobs, self._jobs = self._jobs, []
                    if not (waiting or jobs or batch.open):
                        self._running = False
                        return
                for job in jobs:
                    job()
                try:
                    batch.admit(waiting)
                    batch.advance()
                except Exception as error:  # noqa: BLE001 (whoever waits must hear of it, whatever it is)
                    batch.fail(error, waiting)
                    batch = _Batch(self._network, self._prefixes)


class _Batch:
    """The replies under way: row `i` of the cache belongs to `open[i]`."""

    def __init__(self, network: Network, prefixes: Prefixes) -> None:
        self._network, self._prefixes = network, prefixes
        self._cache = network.cache(rows=0, capacity=0)
        self.open: list[Generation] = []

    def admit(self, waiting: Sequence[Generation]) -> None:
        """Read the prompts and pick the first token of each reply."""
        group: list[Generation] = []
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

    def fail(self, error: Exception, waiting: Sequence[Generation]) -> None:
        """Tell everybody that nothing more comes."""
        for generation in {id(one): one for one in (*self.open, *waiting)}.values():
            generation.tell(Finished(error=error))

    def _read_prompts(self, group: Sequence[Generation]) -> None:
        first, longest = len(self.open), max(len(generation.prompt) for generation in group)
        room = max(len(generation.prompt) + generation.most for generation in group)
        self._cache.reserve(rows=first + len(group), capacity=max(room, 2 * longest))
        prompts = [np.array(generation.prompt, dtype=np.int64) for generation in group]
        known = [self._prefixes.restore(ids, self._cache, first + row) for row, ids in enumerate(prompts)]
        counts = np.array([len(ids) - skipped for ids, skipped in zip(prompts, known, strict=True)])
        ids = np.zeros((len(group), int(counts.max())), dtype=np.int64)
        for row, (prompt, skipped) in enumerate(zip(prompts, known, strict=True)):
            ids[row, : counts[row]] = prompt[skipped:]
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
            if picked.id == generation.stop or len(generation.reply) >= generation.most:
                generation.tell(Finished("stop" if picked.id == generation.stop else "length"))
                self._drop(first + row)

    def _drop(self, row: int) -> None:
        generation, last = self.open[row], len(self.open) - 1
        self._prefixes.keep([*generation.prompt, *generation.reply], self._cache, row)
        if row != last:
            self._cache.move(last, row)
            self.open[row] = self.open[last]
        self.open.pop()


def _shared_prefix(choices: Sequence[Sequence[int]]) -> int:
    """How many tokens all choices begin with."""
    shared = 0
    for column in zip(*choices, strict=False):
        if len(set(column)) > 1:
            break
        shared += 1
    return shared

"""Write a story of five words: the environment of aviary's documentation."""

from ldp_tui import DummyEnv


def make(task: str | None = None, end_immediately: bool = True) -> DummyEnv:
    """The story may be asked for about a `task`; with `end_immediately=false` the episode goes on behind it."""
    return DummyEnv(task, end_immediately)

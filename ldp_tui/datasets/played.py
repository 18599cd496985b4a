"""Episodes to learn from, one after the other, and the turns of their conversations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from ldp_tui.datasets.formats import Completion
from ldp_tui.datasets.transcript import chat_messages
from ldp_tui.engine.events import EpisodeEnded, EpisodeStarted, StepTaken
from ldp_tui.engine.replay import RecordedEpisode, load_episode, read_steps
from ldp_tui.store.cleaning import clean_json
from ldp_tui.store.reader import Reader

LeftOut = list[tuple[str, str]]
"""Uids of episodes that do not go into an export, each with the reason."""


def played_episodes(
    reader: Reader, ids: Iterable[int], left_out: LeftOut
) -> Iterator[tuple[RecordedEpisode, EpisodeEnded, list[StepTaken]]]:
    """Each episode with its steps. Failed, interrupted and running ones, and those without a step, go to `left_out`."""
    for key in ids:
        episode = load_episode(reader, key, pictures=False)
        uid, ended = episode.started.uid, episode.ended
        if ended is None:
            left_out.append((uid, "still running"))
        elif ended.reason in ("failed", "interrupted"):
            left_out.append((uid, ended.reason))
        elif episode.steps == 0:
            left_out.append((uid, "no steps"))
        else:
            yield episode, ended, read_steps(reader, key, 0, episode.steps)


@dataclass(frozen=True, slots=True)
class Conversation:
    """An episode as chat. `actions[k]` is the place of step k's action in `messages`."""

    messages: list[dict[str, Any]]
    actions: list[int]

    def turn(self, index: int, completion: Completion) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Prompt and completion where the prompt ends before the action of step `index`."""
        place = self.actions[index]
        stop = place + 1 if completion == "action" else None
        return self.messages[:place], self.messages[place:stop]

    def turns(self, completion: Completion) -> Iterator[tuple[list[dict[str, Any]], list[dict[str, Any]]]]:
        """Every prompt with its completion: one for each action, or the whole episode as the only one."""
        for index in range(len(self.actions) if completion == "action" else 1):
            yield self.turn(index, completion)


def conversation(started: EpisodeStarted, steps: Sequence[StepTaken], *, reflections: bool) -> Conversation:
    """The episode's messages as `chat_messages` gives them, with the places of the actions."""
    messages = chat_messages(started, ())
    actions: list[int] = []
    unseen = replace(started, observation=())
    for step in steps:
        said = chat_messages(unseen, (step,), reflections=reflections)
        first = next((place for place, message in enumerate(said) if message["role"] == "assistant"), 0)
        actions.append(len(messages) + first)
        messages += said
    return Conversation(messages, actions)


def answers_something(prompt: Sequence[dict[str, Any]]) -> bool:
    """Whether anything was said but by the player: recordings of plain loops have no text of the environment."""
    return any(message["role"] != "assistant" for message in prompt)


def json_text(value: Any) -> str:
    """The value as strict JSON; what JSON has no form for as `clean_json` writes it."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return clean_json(value).text


def json_line(row: dict[str, Any]) -> bytes:
    """The row as strict UTF-8 JSON; lone surrogates, which UTF-8 has no form for, become U+FFFD."""
    return json_text(row).encode() + b"\n"

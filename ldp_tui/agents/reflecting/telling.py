"""Between a reflecting player and those around it: what its model is told of a step, and what is heard of its reply."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ldp_tui.agents.native import call_label
from ldp_tui.agents.reflecting.briefing import Briefing
from ldp_tui.agents.reflecting.prompt import ReplyForm, Turn, turn_text
from ldp_tui.agents.reflecting.settings import Shown
from ldp_tui.core.agent import Generation, Host, Listener, Standing, Usage, current_listener, listening, standing
from ldp_tui.core.environment import Environment, Picture
from ldp_tui.core.images import encode_image_to_base64
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolCall, ToolResponseMessage
from ldp_tui.models.receiving import ASKED_AGAIN
from ldp_tui.models.reflection_stream import ReflectionStream


def told(
    observation: Sequence[Message],
    briefing: Briefing,
    env: Environment[Any] | None,
    *,
    turn: int,
    show: Sequence[Shown],
    form: ReplyForm,
    pictures: bool,
) -> list[Message]:
    """The messages that tell the newest observation, with what else is shown of the step.

    In tool form the answers to several calls stay apart, and the last of them says the rest. `turn` counts the
    decisions, for where no rollout knows how the episode stands.
    """
    stands = standing() or Standing(step=turn)
    first = stands.step == 0
    answers = [m for m in observation if isinstance(m, ToolResponseMessage)] if form == "tool" and not first else []
    rest = observation if len(answers) < len(observation) else observation[-1:]
    text = "\n".join(message.text for message in rest)
    told_turn = Turn(
        briefing.without_preamble(text),
        start=first if "start" in show else None,
        step=stands.step if "step" in show else None,
        reward=stands.reward if "reward" in show else None,
        return_=stands.return_ if "return" in show else None,
        legal_actions=_legal(env) if "legal" in show else None,
    )
    images = [block for message in rest for block in _images(message)]
    if pictures and not images:
        images = _picture(env)
    content: Any = turn_text(told_turn)
    if images:
        content = [*images, {"type": "text", "text": content}]
    if answers and rest[-1] is answers[-1] and len(rest) == 1:
        return [*answers[:-1], answers[-1].model_copy(update=_content(content))]
    return [*answers, Message(content=content)]


@contextmanager
def spoken(*, prose: bool = False, silent: bool = False) -> Iterator[None]:
    """Within the block, of a reply its reflection is heard; all of it if it is `prose`, nothing if it is `silent`."""
    listener = current_listener()
    if listener is None:
        yield
        return
    with listening(_Filter(listener, prose=prose, silent=silent)):
        yield


class _Filter:
    """Passes on what an agent reports, and of a reply what should be read."""

    def __init__(self, listener: Listener, *, prose: bool, silent: bool) -> None:
        self._listener = listener
        self._prose, self._silent = prose, silent
        self._stream = ReflectionStream()

    @property
    def live(self) -> bool:
        """Whether what is passed on is heard at once."""
        return self._listener.live and not self._silent

    def reflect(self, text: str) -> None:
        """A piece of a reply."""
        if text == ASKED_AGAIN:  # the next attempt is another reply
            self._stream = ReflectionStream()
        elif not self._prose:
            text = self._stream.feed(text)
        if text and not self._silent:
            self._listener.reflect(text)

    def propose(self, probabilities: Mapping[str, float]) -> None:
        """Passed on."""
        self._listener.propose(probabilities)

    def spend(self, usage: Usage) -> None:
        """Passed on."""
        self._listener.spend(usage)

    def annotate(self, facts: Mapping[str, Any]) -> None:
        """Passed on."""
        if self._host is not None:
            self._host.annotate(facts)

    def generated(self, generation: Generation) -> None:
        """Passed on."""
        if self._host is not None:
            self._host.generated(generation)

    def standing(self) -> Standing:
        """How the episode stands."""
        return Standing() if self._host is None else self._host.standing()

    @property
    def _host(self) -> Host | None:
        listener: object = self._listener
        return listener if isinstance(listener, Host) else None


def _legal(env: Environment[Any] | None) -> tuple[str, ...] | None:
    """Names of the legal actions, where the environment lists them."""
    listed = env.legal_actions() if env is not None else None
    if listed is None:
        return None
    return tuple(call_label(ToolCall.from_name(entry["name"], **entry["arguments"])) for entry in listed)


def _images(message: Message) -> list[dict[str, Any]]:
    if not message.is_multimodal:
        return []
    return [block for block in message.deserialized_content if block["type"] == "image_url"]


def _picture(env: Environment[Any] | None) -> list[dict[str, Any]]:
    """What a person would see now, as a block of a message; nothing where that is no picture."""
    drawn = env.render() if env is not None else None
    if not isinstance(drawn, Picture):
        return []
    from PIL import Image

    image = Image.frombytes("RGB", (drawn.width, drawn.height), drawn.rgb)
    return [{"type": "image_url", "image_url": {"url": encode_image_to_base64(image, "PNG")}}]


def _content(content: Any) -> dict[str, Any]:
    """Content as the fields of a message that is not validated again."""
    if isinstance(content, str):
        return {"content": content, "content_is_json_str": False}
    return {"content": json.dumps(content), "content_is_json_str": True}

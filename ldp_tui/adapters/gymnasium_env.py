"""Any Gymnasium environment as an environment of this package: one tool, text observations, pictures, keys."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Self

import gymnasium
from numpy.typing import NDArray

from ldp_tui.adapters.gymnasium_actions import ACT, GymnasiumActions, MaskMode, mask_source
from ldp_tui.adapters.gymnasium_description import action_words, description_of, goal_words, observation_words
from ldp_tui.adapters.gymnasium_family import Ending, Family
from ldp_tui.adapters.gymnasium_make import make_gymnasium
from ldp_tui.adapters.gymnasium_names import family_of, succeeded
from ldp_tui.adapters.gymnasium_render import Prefer, drawing, draws_observations, rendered
from ldp_tui.adapters.plain import plain
from ldp_tui.adapters.space_text import Describe, describe_for, variables_text
from ldp_tui.adapters.spaces import Codec, InvalidValueError, codec_for
from ldp_tui.core.environment import Environment, Frame, Picture
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import Messages, ToolCall, ToolRequestMessage, ToolResponseMessage
from ldp_tui.core.tools import Tool

_SECOND_CALL: Final = "Only one action is taken at a time; this call was not carried out."
_OVER: Final = "The episode is over; nothing happened."


@dataclass(slots=True)
class GymnasiumState:
    """The running episode. `observation` is native; `observed` and `info` are JSON values."""

    observation: Any
    observed: Any
    info: dict[str, Any]
    mask: NDArray[Any] | None = None
    elapsed_steps: int = 0
    return_: float = 0.0
    last_reward: float = 0.0
    terminated: bool = False
    truncated: bool = False
    refused: dict[str, Any] = field(default_factory=dict)


class GymnasiumEnvironment(Environment[GymnasiumState]):
    """Plays `gym_env` through the tool `act(action)`. Nothing of numpy leaves it.

    `mask` says what becomes of the legal actions that some environments report: "show" lists them in the
    observation, "enforce" also refuses others at no cost, "off" ignores them.
    """

    def __init__(self, gym_env: gymnasium.Env[Any, Any], *, mask: MaskMode = "show") -> None:
        self.gym_env = gym_env
        self._mask_mode = mask
        self._family: Family = family_of(gym_env)
        self._actions = GymnasiumActions(gym_env, self._family)
        self._observations: Codec = codec_for(gym_env.observation_space)
        self._observing = drawing(gym_env) if draws_observations(gym_env) else nullcontext()
        self._own_mask = mask_source(gym_env.unwrapped)
        self._describe: Describe | None = None
        self._started = self._closed = False
        self.tools = [self._actions.tool]

    @classmethod
    def make(
        cls,
        id: str,  # noqa: A002 (Gymnasium's own word)
        *,
        render: bool = True,
        max_episode_steps: int | None = None,
        mask: MaskMode = "show",
        **kwargs: Any,
    ) -> Self:
        """The environment registered under `id`; `kwargs` go to its constructor. Raises as `make_gymnasium` does."""
        gym_env = make_gymnasium(id, render=render, max_episode_steps=max_episode_steps, kwargs=kwargs)
        return cls(gym_env, mask=mask)

    async def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Messages, list[Tool]]:
        """Start an episode; the one message holds the rules and the first observation."""
        with self._observing:
            native, info = self.gym_env.reset(seed=seed, options=options)
        self._started = True
        self.state = GymnasiumState(native, self._observations.encode(native), plain(info), self._mask(info))
        content = f"{self.goal}\n\n{self._observation_text()}"
        return [Message(content=content, info={"observation": self.state.observed})], list(self.tools)

    async def step(self, action: Message) -> tuple[Messages, float, bool, bool]:
        """Take the action of the first call; further calls of the same message are answered but not carried out."""
        calls = action.tool_calls if isinstance(action, ToolRequestMessage) else []
        if not calls:
            return self.default_no_tool_calls_response
        text, reward = self._play(calls[0])
        state = self.state
        answers: Messages = [_answer(calls[0], text, dict(state.refused))]
        answers += [_answer(call, _SECOND_CALL, {}) for call in calls[1:]]
        answers[-1].info = {"observation": state.observed, **(answers[-1].info or {})}
        return answers, reward, state.terminated, state.truncated

    async def close(self) -> None:
        """Close the environment; may be called more than once."""
        if not self._closed:
            self._closed = True
            with drawing(self.gym_env):
                self.gym_env.close()

    @cached_property
    def goal(self) -> str:
        """The rules, what is observed, what can be done and when the episode is cut, as text for a player."""
        parts = [self._family.goal(self.gym_env.unwrapped)]
        space = self.gym_env.observation_space
        if self._family.variables and isinstance(space, gymnasium.spaces.Box):
            parts.append(f"You observe: {variables_text(space, self._family.variables)}.")
        parts.append(f"Each step, call {ACT}(action). {self._actions.sentence}")
        return "\n".join([*parts, *self._limit_sentence])

    def get_goal_description(self) -> str:
        """The rules and when the episode is cut, without how to act (gym-llm's method)."""
        return "\n".join([goal_words(self.gym_env, self._family), *self._limit_sentence])

    def get_observation_schema(self) -> dict[str, Any]:
        """What is observed, part by part (gym-llm's method)."""
        return observation_words(self.gym_env, self._family)

    def get_action_schema(self) -> dict[Any, Any]:
        """What can be done: names by number of a Discrete space, else a JSON Schema (gym-llm's method)."""
        return action_words(self._actions.codec)

    @property
    def _limit_sentence(self) -> list[str]:
        return [] if self.max_steps is None else [f"The episode is cut off after {self.max_steps} steps."]

    @property
    def max_steps(self) -> int | None:
        """The time limit in steps; None without one."""
        return self.gym_env.spec.max_episode_steps if self.gym_env.spec is not None else None

    @property
    def native_observation(self) -> Any:
        """The newest observation as Gymnasium gave it."""
        return self.state.observation

    @property
    def elapsed_steps(self) -> int:
        """Steps that Gymnasium has made in this episode; refused actions do not count."""
        return self.state.elapsed_steps

    def call_for(self, action: Any) -> ToolCall:
        """The call that stands for a native action."""
        return self._actions.call_for(action)

    def native_action(self, call: ToolCall) -> Any:
        """The native action of a call; raises `InvalidValueError` where `step` would refuse it."""
        return self._actions.native(call)

    def keys(self) -> dict[str, ToolCall]:
        """Calls by key, in Textual's spelling. Each use needs an id of its own: copy, or call `keys` again."""
        return self._actions.keys()

    @property
    def noop(self) -> ToolCall | None:
        """What happens now in real time if no key is held (CartPole: pushes left and right in turn).

        None means that the environment waits for its player.
        """
        return self._actions.idle(self.state.elapsed_steps if self._started else 0)

    @property
    def realtime_fps(self) -> float | None:
        """Steps a second in real time, as the environment declares."""
        fps = (self.gym_env.metadata or {}).get("render_fps")
        return None if fps is None else float(fps)

    def legal_actions(self) -> list[dict[str, Any]] | None:
        """One call for each legal action of a Discrete space; None for other spaces and very many actions."""
        allowed = self._actions.allowed(self._shown_mask)
        return None if allowed is None else [{"name": ACT, "arguments": {"action": value}} for value in allowed]

    def render(self, prefer: Prefer | None = None) -> Picture | str | None:
        """The picture where the environment draws one, else its text (ANSI colours), else None."""
        if self._closed or not self._started:
            return None
        return rendered(self.gym_env, prefer)

    def info(self) -> dict[str, Any]:
        """The environment's own diagnostics, and `invalid_action` with the reason when the last one was refused."""
        return {**self.state.info, **self.state.refused}

    def success(self) -> bool | None:
        """Goal reached or hand won, which an episode that was cut short has not; else return at least the threshold."""
        state = self.state
        if self._family.success is None and not (state.terminated or state.truncated):
            return None
        ending = Ending(self.gym_env.unwrapped, state.terminated, state.last_reward, state.return_)
        return succeeded(self.gym_env, self._family, ending)

    def export_frame(self) -> Frame:
        """Observation, steps and return so far."""
        state = self.state
        shown = {"observation": state.observed, "steps": state.elapsed_steps, "return": state.return_}
        return Frame(state=plain(shown), info=self.info())

    async def get_id(self) -> str:
        """The registered id, or the class name of an environment that has none."""
        spec = self.gym_env.spec
        return spec.id if spec is not None else type(self.gym_env.unwrapped).__name__

    def describe(self) -> dict[str, Any]:
        """What is played, completely enough to make it again: the fields of `EnvironmentRecord`, JSON values only."""
        return description_of(self.gym_env, mask=self._mask_mode)

    def _play(self, call: ToolCall) -> tuple[str, float]:
        state = self.state
        state.refused = {}
        if state.terminated or state.truncated:
            return _OVER, 0.0
        try:
            native = self._actions.native(call, state.mask if self._mask_mode == "enforce" else None)
        except InvalidValueError as error:
            state.refused = {"invalid_action": str(error)}
            return f"Invalid action: {error}. Nothing happened.{self._legal_sentence()}", 0.0
        with self._observing:
            observation, reward, terminated, truncated, info = self.gym_env.step(native)
        state.observation, state.observed = observation, self._observations.encode(observation)
        state.info, state.mask = plain(info), self._mask(info)
        state.elapsed_steps += 1
        state.last_reward = float(reward)
        state.return_ += state.last_reward
        state.terminated, state.truncated = bool(terminated), bool(truncated)
        return self._observation_text(), state.last_reward

    def _observation_text(self) -> str:
        state = self.state
        if self._describe is None:
            self._describe = self._describer()
        text = self._describe(state.observation)
        if state.terminated:
            return f"{text}\nThe episode has ended."
        if state.truncated:
            return f"{text}\nThe episode was cut off."
        return text + self._legal_sentence() if state.mask is not None else text

    def _describer(self) -> Describe:
        """Built at the first observation: some environments draw their map in `reset`."""
        if self._family.observe is not None:
            return self._family.observe(self.gym_env.unwrapped)
        return describe_for(self.gym_env.observation_space, self._family.variables or None)

    def _legal_sentence(self) -> str:
        mask = self._shown_mask
        allowed = self._actions.allowed(mask) if mask is not None else None
        return f"\nLegal actions: {', '.join(map(str, allowed)) or 'none'}." if allowed is not None else ""

    @property
    def _shown_mask(self) -> NDArray[Any] | None:
        return None if self._mask_mode == "off" or not self._started else self.state.mask

    def _mask(self, info: dict[str, Any]) -> NDArray[Any] | None:
        if "action_mask" in info:
            return self._actions.mask_in(info["action_mask"])
        return self._actions.mask_in(self._own_mask()) if self._own_mask is not None else None


def _answer(call: ToolCall, text: str, info: dict[str, Any]) -> ToolResponseMessage:
    return ToolResponseMessage(content=text, name=call.function.name, tool_call_id=call.id, info=info)

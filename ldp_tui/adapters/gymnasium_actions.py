"""The one tool of a Gymnasium environment: `act(action)`, with what it accepts, what is legal, and its keys."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Final, Literal

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ldp_tui.adapters.gymnasium_family import Family
from ldp_tui.adapters.gymnasium_keys import digits_for, keys_by_name, keys_of_environment, pairs_for
from ldp_tui.adapters.gymnasium_names import providing
from ldp_tui.adapters.space_text import variables_text
from ldp_tui.adapters.spaces import ArrayCodec, Codec, DiscreteCodec, InvalidValueError, codec_for
from ldp_tui.core.tool_calls import ToolCall, ToolCallFunction
from ldp_tui.core.tools import FunctionInfo, Parameters, Tool

MaskMode = Literal["show", "enforce", "off"]
ACT: Final = "act"

_LISTED_ACTIONS: Final = 256
_PARAMETERS: Final = frozenset({"action"})


class GymnasiumActions:
    """Native actions as tool calls and back. Built once per environment; holds no episode."""

    def __init__(self, env: gymnasium.Env[Any, Any], family: Family) -> None:
        self.space = env.action_space
        self.codec: Codec = codec_for(self.space, role="action", names=family.actions or None)
        self.sentence = f"{self._accepted(family)}."
        schema = {**self.codec.schema, "description": self.sentence}
        parameters = Parameters(properties={"action": schema}, required=["action"])
        description = "Take one action in the environment; the answer is what you observe then."
        self.tool = Tool(info=FunctionInfo(name=ACT, description=description, parameters=parameters))
        self._family = family
        self._own_keys, self._own_idle = _bindings(env)

    def call(self, value: Any) -> ToolCall:
        """Call with a JSON value, as a player would write it."""
        return ToolCall(id=ToolCall.generate_id(), function=ToolCallFunction(name=ACT, arguments={"action": value}))

    def call_for(self, native: Any) -> ToolCall:
        """Call that stands for a native action."""
        return self.call(self.codec.encode(native))

    def native(self, call: ToolCall, mask: NDArray[Any] | None = None) -> Any:
        """The native action of a call; raises `InvalidValueError` with a sentence for its author."""
        if call.function.name != ACT:
            raise InvalidValueError(f"there is no tool {call.function.name!r}, only {ACT}(action)")
        arguments = call.function.arguments
        if arguments.keys() != _PARAMETERS:
            given = ", ".join(arguments) or "nothing"
            raise InvalidValueError(f"{ACT} takes exactly one argument, action; given: {given}")
        native = self.codec.decode(arguments["action"])
        if mask is not None and isinstance(self.codec, DiscreteCodec) and not mask[native - self.codec.start]:
            raise InvalidValueError(f"{self.codec.encode(native)} is not legal now")
        return native

    def allowed(self, mask: NDArray[Any] | None) -> list[Any] | None:
        """The legal actions as JSON values; all where there is no mask, None where they cannot be listed."""
        if not isinstance(self.codec, DiscreteCodec) or self.codec.n > _LISTED_ACTIONS:
            return None
        start = self.codec.start
        return [self.codec.encode(start + i) for i in range(self.codec.n) if mask is None or mask[i]]

    def mask_in(self, value: Any) -> NDArray[Any] | None:
        """A mask for this space, if `value` is one: one entry for each action of a Discrete space."""
        if value is None or not isinstance(self.codec, DiscreteCodec):
            return None
        mask = np.asarray(value)
        return mask if mask.shape == (self.codec.n,) else None

    def keys(self) -> dict[str, ToolCall]:
        """Textual key name to call: the environment's own keys, then its family's, then ones guessed from the space."""
        values: dict[str, Any] = {key: self.codec.encode(native) for key, native in digits_for(self.space).items()}
        values |= {**keys_by_name(self._names), **(self._family.keys or pairs_for(self.space))}
        values |= {key: self.codec.encode(native) for key, native in self._own_keys.items() if native in self.space}
        return {key: self.call(value) for key, value in values.items()}

    def idle(self, elapsed: int) -> ToolCall | None:
        """What happens in real time when no key is held, at that step; None: the environment waits."""
        if self._family.idle:
            return self.call(self._family.idle[elapsed % len(self._family.idle)])
        return None if self._own_idle is None else self.call_for(self._own_idle)

    @property
    def _names(self) -> tuple[str, ...]:
        return (self.codec.names or ()) if isinstance(self.codec, DiscreteCodec) else ()

    def _accepted(self, family: Family) -> str:
        if isinstance(self.codec, DiscreteCodec):
            if self.codec.names is None:
                return self.codec.expected.capitalize()
            numbered = (f"{name} ({i})" for i, name in enumerate(self.codec.names, self.codec.start))
            return f"One of {', '.join(numbered)}"
        if isinstance(self.codec, ArrayCodec) and isinstance(self.space, spaces.Box):
            if len(family.components) == self.space.low.size and not self.codec.single:
                return f"A list of {self.space.low.size} numbers: {variables_text(self.space, family.components)}"
            named = f", the {family.components[0]}" if len(family.components) == 1 else ""
            return f"{self.codec.expected.capitalize()}{named}"
        return f"An element of {self.space}"


def _bindings(env: gymnasium.Env[Any, Any]) -> tuple[dict[str, Any], Any | None]:
    provider = providing(env, ("get_keys_to_action",))
    if provider is None or provider.action_space != env.action_space:
        return {}, None
    return keys_of_environment(provider.get_keys_to_action())


def mask_source(inner: Any) -> Callable[[], Any] | None:
    """Where an environment that reports no mask in its info keeps it: `action_mask` or `action_masks()`."""
    for name in ("action_mask", "action_masks"):
        found = getattr(inner, name, None)
        if callable(found):
            required = [p for p in inspect.signature(found).parameters.values() if p.default is p.empty]
            if not required:
                return lambda name=name: getattr(inner, name)()  # type: ignore[misc]
        elif found is not None or name in dir(inner):
            return lambda name=name: getattr(inner, name)  # type: ignore[misc]
    return None

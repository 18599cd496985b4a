"""Orders drawn from a seed, and generators that survive serialisation."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, Protocol, TypeVar, overload

from pydantic import GetCoreSchemaHandler
from pydantic_core import core_schema

Item = TypeVar("Item")
_State = tuple[int, tuple[int, ...], float | None]


class Chooser(Protocol):
    """NumPy's `Generator`, as far as it is needed."""

    def choice(self, a: int, size: int, replace: bool) -> Any:
        """`size` of the numbers below `a`, as an array."""


@overload
def shuffle(value: Sequence[Item], seed: int | random.Random | Chooser | None = None) -> list[Item]: ...
@overload
def shuffle(value: Any, seed: int | random.Random | Chooser | None = None) -> Any: ...
def shuffle(value: Any, seed: Any = None) -> Any:
    """The elements in another order; `value` stays as it is. An array gives an array, any other sequence a list.

    Args:
        value: What to shuffle.
        seed: A number gives the same order in every process and version; a generator (Python's or NumPy's) goes on
            from its state; None draws from the global generator of `random`.
    """
    if seed is None or isinstance(seed, int | random.Random):
        generator = random if seed is None else seed if isinstance(seed, random.Random) else random.Random(seed)
        order = generator.sample(range(len(value)), k=len(value))
    else:
        order = seed.choice(len(value), size=len(value), replace=False).tolist()
    return value[order] if hasattr(value, "__array__") else [value[index] for index in order]


class RandomAnnotation:
    """Lets pydantic read and write `random.Random`: `Annotated[random.Random, RandomAnnotation()]`.

    Written as its state, from which it is read to go on with the same numbers.
    """

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[random.Random], handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Accept a generator, or the state of one."""
        integer = core_schema.int_schema()
        state = core_schema.tuple_schema(
            [
                integer,
                core_schema.tuple_schema([integer], variadic_item_index=0),
                core_schema.nullable_schema(core_schema.float_schema()),
            ]
        )

        def with_state(state: _State) -> random.Random:
            generator = source()
            generator.setstate(state)
            return generator

        from_state = core_schema.no_info_after_validator_function(with_state, state)
        return core_schema.json_or_python_schema(
            json_schema=from_state,
            python_schema=core_schema.union_schema([core_schema.is_instance_schema(source), from_state]),
            serialization=core_schema.plain_serializer_function_ser_schema(random.Random.getstate, when_used="json"),
        )

"""Options that people type, against the annotations of what they are for."""

from __future__ import annotations

import functools
from collections.abc import Callable
from enum import Enum
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest
from pydantic import BaseModel

from ldp_tui.core.errors import UsageError
from ldp_tui.core.options import fitted, loosely_fitted

if TYPE_CHECKING:
    from decimal import Decimal


class Mode(Enum):
    FAST = "fast"
    SLOW = "slow"


class Size(BaseModel):
    width: int
    height: int = 2


def factory(  # noqa: PLR0917
    size: int = 3,
    limit: int | None = None,
    rate: float = 0.5,
    wet: bool = False,
    name: str = "",
    split: Literal["train", "test"] = "train",
    mode: Mode = Mode.FAST,
    mode_or_none: Mode | None = None,
    area: Size | None = None,
    path: Path | None = None,
    cells: list[int] | None = None,
    pair: tuple[int, int] = (1, 2),
    implicit: int = None,  # type: ignore[assignment]  # noqa: RUF013
    callback: Callable[[], None] | None = None,
    anything=None,  # type: ignore[no-untyped-def]
    **others: Any,
) -> None:
    """Takes everything."""


@pytest.mark.parametrize(
    ("name", "given", "taken"),
    [
        ("size", 5, 5),
        ("size", 5.0, 5),
        ("limit", None, None),
        ("limit", 4, 4),
        ("rate", 1, 1.0),
        ("wet", "yes", True),
        ("wet", 0, False),
        ("name", 5, "5"),
        ("split", "TEST", "test"),
        ("mode", "slow", Mode.SLOW),
        ("mode_or_none", "fast", Mode.FAST),
        ("mode_or_none", None, None),
        ("area", {"width": 4}, Size(width=4)),
        ("path", "a/b", Path("a/b")),
        ("cells", [1, 2], [1, 2]),
        ("pair", [3, 4], (3, 4)),
        ("implicit", None, None),
        ("callback", "left as it is", "left as it is"),
        ("anything", [{}], [{}]),
        ("undeclared", "x", "x"),
    ],
)
def test_option_that_fits(name: str, given: Any, taken: Any) -> None:
    """It arrives as annotated; what says nothing takes anything."""
    got = fitted(factory, {name: given}, of="it")[name]
    assert got == taken
    assert type(got) is type(taken)


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("size", "abc", """Option 'size' of it must be a whole number, not "abc"."""),
        ("size", 2.5, "Option 'size' of it must be a whole number, not 2.5."),
        ("size", True, "Option 'size' of it must be a whole number, not true."),
        ("limit", "x", """Option 'limit' of it must be a whole number, not "x"."""),
        ("rate", "high", """Option 'rate' of it must be a number, not "high"."""),
        ("wet", "flase", """Option 'wet' of it must be true or false, not "flase"."""),
        ("name", [1], "Option 'name' of it must be text, not [1]."),
        ("split", "tran", """must be one of "train", "test", not "tran". Did you mean train?"""),
        ("mode", "slwo", """must be one of "fast", "slow", not "slwo". Did you mean slow?"""),
        ("mode_or_none", "fsat", """must be one of "fast", "slow", not "fsat". Did you mean fast?"""),
        ("area", {"width": "x"}, """Option 'area.width' of it must be a whole number, not "x"."""),
        ("area", {}, "Option 'area.width' of it is required."),
        ("cells", [1, "x"], """Option 'cells[1]' of it must be a whole number, not "x"."""),
        ("implicit", "x", """Option 'implicit' of it must be a whole number, not "x"."""),
    ],
)
def test_option_that_does_not_fit(name: str, given: Any, words: str) -> None:
    """One sentence names the option, what it takes, what was given, and the nearest choice."""
    with pytest.raises(UsageError) as caught:
        fitted(factory, {name: given}, of="it")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("fit", [fitted, loosely_fitted])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("area", Size(width=1)),
        ("mode", Mode.SLOW),
        ("rate", Fraction(1, 2)),
        ("pair", (1, 2)),
        ("cells", [Fraction(1)]),
    ],
)
def test_value_that_only_code_can_give(fit: Callable[..., dict[str, Any]], name: str, value: Any) -> None:
    """It is not for this check: the very object arrives."""
    assert fit(factory, {name: value}, of="it")[name] is value


def test_factories_of_every_kind() -> None:
    """Classes, methods and partial functions are read; what cannot be read takes anything."""

    class Made:
        def __init__(self, size: int = 1) -> None: ...

        @classmethod
        def make(cls, size: int = 1) -> None: ...

    def unreadable(size: Decimal = 1) -> None: ...  # type: ignore[assignment]

    for readable in (Made, Made.make, functools.partial(factory, rate=1.0)):
        with pytest.raises(UsageError, match="whole number"):
            fitted(readable, {"size": "abc"}, of="it")
    for other in (unreadable, dict, print):
        assert fitted(other, {"size": "abc"}, of="it") == {"size": "abc"}


@pytest.mark.parametrize(
    ("name", "given", "taken"),
    [
        ("size", 2.5, 2.5),
        ("size", 5, 5),
        ("pair", [0.5, -1], [0.5, -1]),
        ("name", None, None),
        ("wet", "no", False),
        ("unannotated", "off", False),
        ("mode", "slow", "slow"),
    ],
)
def test_option_of_code_of_others(name: str, given: Any, taken: Any) -> None:
    """Annotations of numbers and of null are not taken at their word, and values stay JSON values."""

    def foreign(
        size: int = 1,
        pair: tuple[int, int] = (1, 2),
        name: str = "",
        wet: bool = False,
        mode: Mode = Mode.FAST,
        unannotated=True,  # type: ignore[no-untyped-def]
    ) -> None: ...

    got = loosely_fitted(foreign, {name: given}, of="it")[name]
    assert got == taken
    assert type(got) is type(taken)
    with pytest.raises(UsageError, match="must be true or false"):
        loosely_fitted(foreign, {"unannotated": "flase"}, of="it")
    with pytest.raises(UsageError, match=r"'pair\[1\]' of it must be a number"):
        loosely_fitted(foreign, {"pair": [1, "x"]}, of="it")

"""Settings that people write: a key that does not exist is an error, and the error names the nearest one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from ldp_tui.core.errors import UnknownSetting, UsageError


class Settings(BaseModel):
    """Base of configuration objects. What was given is never repeated in an error: it may hold a key.

    Raises:
        UnknownSetting: For a key that is no field.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown(cls, given: Any) -> Any:
        if isinstance(given, Mapping):
            refuse_unknown(given, cls.model_fields, of=cls.__name__)
        return given


def refuse_unknown(given: Mapping[str, Any], known: Mapping[str, Any] | frozenset[str], *, of: str) -> None:
    """Raise UnknownSetting for the first key of `given` that is not in `known`."""
    for key in given:
        if key not in known:
            raise UnknownSetting(str(key), known, of=of)


@contextmanager
def values_of(what: str) -> Iterator[None]:
    """Inside the block, values that do not fit are UsageErrors of one line that begins with `what`."""
    try:
        yield
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors(include_input=False))
        raise UsageError(f"{what}: {'; '.join(problems)}.") from error

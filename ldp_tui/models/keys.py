"""Keys in the system's keyring (Keychain, Secret Service, KWallet, Credential Locker), by provider or variable.

The package `keyring` (extra `keyring`) is imported at the first look, and asked in a thread of its own: a keyring may
wait for somebody to unlock it. Where there is none, there is no key, and `problem` says why.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from ldp_tui.core.errors import MissingExtra, UsageError
from ldp_tui.core.secrets import learn_secret

SERVICE: Final = "ldp-tui"
"""Under which the keyring holds our keys."""
KEYRING: Final = "keyring"
ANSWER_SECONDS: Final = 5.0
"""After which a keyring that does not answer is given up: it may wait for a window that nobody sees."""

Answer = TypeVar("Answer")


class KeyringError(UsageError):
    """The system's keyring cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class FoundKey:
    """A key and where it was found: `$VARIABLE`, or `keyring`."""

    value: str = field(repr=False)
    source: str


class Keyring:
    """One look at the system's keyring per name; what was found is remembered for this process."""

    def __init__(self, seconds: float = ANSWER_SECONDS) -> None:
        self._seconds = seconds
        self._keys: dict[str, str | None] = {}
        self.problem: str | None = None
        """Why there is no keyring; None while none was looked for, or it works."""

    def get(self, name: str) -> str | None:
        """The key stored under `name`; None if there is none, or no keyring."""
        if name not in self._keys:
            self._keys[name] = self._look(name)
        return self._keys[name]

    def put(self, name: str, key: str) -> None:
        """Store a key.

        Raises:
            MissingExtra: If the package is not installed.
            KeyringError: If there is no keyring, or it refuses.
        """
        learn_secret(key)
        self._ask(lambda keyring: keyring.set_password(SERVICE, name, key))
        self._keys[name] = key

    def forget(self, name: str) -> bool:
        """Delete a key; False if there was none. Raises as `put` does."""
        if self._ask(lambda keyring: keyring.get_password(SERVICE, name)) is None:
            return False
        self._ask(lambda keyring: keyring.delete_password(SERVICE, name))
        self._keys[name] = None
        return True

    def _look(self, name: str) -> str | None:
        if self.problem is not None:
            return None
        try:
            found = self._ask(lambda keyring: keyring.get_password(SERVICE, name))
        except (KeyringError, MissingExtra) as error:
            self.problem = str(error)
            return None
        if not isinstance(found, str) or not found:
            return None
        learn_secret(found)
        return found

    def _ask(self, question: Callable[[Any], Answer]) -> Answer:
        """The keyring's answer, waited for as long as it is allowed."""
        answers: list[Answer] = []
        errors: list[Exception] = []

        def ask() -> None:
            try:
                import keyring

                answers.append(question(keyring))
            except Exception as error:  # noqa: BLE001 (back ends raise whatever their system raises)
                errors.append(error)

        thread = threading.Thread(target=ask, name="ldp-keyring", daemon=True)
        thread.start()
        thread.join(self._seconds)
        if answers:
            return answers[0]
        if not errors:
            raise KeyringError(f"The system's keyring does not answer within {self._seconds:g} s; is it locked?")
        if isinstance(errors[0], ModuleNotFoundError) and errors[0].name == "keyring":
            raise MissingExtra("The system's keyring", extra="keyring") from errors[0]
        if type(errors[0]).__name__ == "NoKeyringError":
            raise KeyringError("This system has no keyring; put the key into its environment variable") from errors[0]
        raise KeyringError(f"The system's keyring refuses ({type(errors[0]).__name__})") from errors[0]


SYSTEM: Final = Keyring()
"""That of this process."""


def stored_key(name: str) -> str | None:
    """The key that the system's keyring holds for a provider, or under a variable's name."""
    return SYSTEM.get(name)

"""The terminal that a script runs in, as a `Console`. Nothing of the app uses it."""

from __future__ import annotations


class TerminalConsole:
    """Writes lines to standard output and reads them from standard input."""

    def tell(self, text: str) -> None:
        """Show a text, with an empty line before it."""
        print(f"\n{text}")  # noqa: T201 (a console is what prints)

    def ask(self, prompt: str) -> str:
        """A line of the person's."""
        return input(f">>> {prompt}")

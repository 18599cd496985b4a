"""The command palette: what the registry offers where the person is now."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider

from ldp_tui.tui.actions import Command, Scope, commands


class RegisteredCommands(Provider):
    """Commands of the current screen that can run now, then those of the app."""

    async def discover(self) -> Hits:
        """Everything that can run now."""
        for command in self._available():
            yield DiscoveryHit(command.label, partial(self._run, command), help=_explain(command))

    async def search(self, query: str) -> Hits:
        """What matches the query, in label or explanation."""
        matcher = self.matcher(query)
        for command in self._available():
            score = max(matcher.match(command.label), 0.7 * matcher.match(command.help))
            if score > 0:
                yield Hit(score, matcher.highlight(command.label), partial(self._run, command), help=_explain(command))

    def _available(self) -> Iterator[Command]:
        scope: Scope | None = getattr(self.screen, "SCOPE", None)
        if scope is not None:
            yield from (command for command in commands(scope) if self._can_run(command))
        yield from (command for command in commands("app") if command.id != "app.palette")

    def _can_run(self, command: Command) -> bool:
        name, _, arguments = command.action.partition("(")
        return not name.startswith("app.") and self.screen.check_action(name, (arguments,)) is True

    async def _run(self, command: Command) -> None:
        namespace = self.app if command.scope == "app" else self.screen
        await self.app.run_action(command.action, default_namespace=namespace)


def _explain(command: Command) -> str:
    keys = command.shown_key or command.keys.partition(",")[0]
    return f"{command.help}  [{keys}]".replace("[", r"\[") if keys else command.help

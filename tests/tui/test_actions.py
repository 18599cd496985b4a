from collections import Counter

import pytest

from ldp_tui.tui.actions import ACTIONS, Scope, bindings, commands
from ldp_tui.tui.app import LdpTuiApp
from ldp_tui.tui.screens.engine_log import EngineLogScreen
from ldp_tui.tui.screens.help import HelpScreen
from ldp_tui.tui.screens.home import HomeScreen
from ldp_tui.tui.screens.library import LibraryScreen
from ldp_tui.tui.screens.play import PlayScreen
from ldp_tui.tui.screens.replay import ReplayScreen

SCOPES: dict[Scope, type] = {
    "app": LdpTuiApp,
    "home": HomeScreen,
    "play": PlayScreen,
    "library": LibraryScreen,
    "replay": ReplayScreen,
    "log": EngineLogScreen,
    "help": HelpScreen,
}


def test_ids():
    """Every command has an id of its own, which begins with its scope."""
    assert max(Counter(command.id for command in ACTIONS).values()) == 1
    assert all(command.id.startswith(f"{command.scope}.") for command in ACTIONS)


@pytest.mark.parametrize("scope", SCOPES)
def test_every_command_can_be_run(scope: Scope):
    """The class of each scope, or the app, has the method that a command names."""
    for command in commands(scope):
        name = command.action.partition("(")[0]
        owner = LdpTuiApp if name.startswith("app.") else SCOPES[scope]
        assert hasattr(owner, f"action_{name.removeprefix('app.')}"), command.id


@pytest.mark.parametrize("scope", sorted({command.scope for command in ACTIONS}))
def test_keys_within_a_scope(scope: Scope):
    """No key stands for two commands, and the footer holds at most seven beside the app's own."""
    keys = Counter(key for command in commands(scope) for key in command.keys.split(",") if key)
    assert [key for key, times in keys.items() if times > 1] == []
    assert sum(binding.show for binding in bindings(scope)) <= 7

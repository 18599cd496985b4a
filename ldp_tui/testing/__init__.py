"""Conformance tests for the environments and agents of plug-in authors. Three lines in a pytest file are enough:

    from ldp_tui.testing import check_env

    def test_my_environment_keeps_the_rules():
        check_env(MyEnvironment)

A broken rule is an AssertionError that starts with the rule's name and says what to change. Nothing is mocked: the
environment is reset, played, disturbed and closed as any program would do it.
"""

from ldp_tui.agents.scripted import ScriptedAgent
from ldp_tui.testing.agents import check_agent
from ldp_tui.testing.environments import check_env

__all__ = ["ScriptedAgent", "check_agent", "check_env"]

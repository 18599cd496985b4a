"""What was wrong with a command line, as one sentence with the nearest name that exists."""

from __future__ import annotations

import re
from typing import Any

from typer.exceptions import TyperException

from ldp_tui.core.errors import UnknownName


def usage_sentence(error: TyperException) -> str:
    """One sentence for an error of the command-line parser, which tells what it knows in attributes."""
    message = " ".join(str(getattr(error, "message", error)).split())
    context = getattr(error, "ctx", None)
    if context is None:
        return message
    command = context.command
    if option := getattr(error, "option_name", None):
        return str(UnknownName("option", option, _long_options(command)))
    if message.startswith("No such command"):
        return str(UnknownName("command", message.split("'")[1], command.commands))
    if hasattr(error, "param_type"):
        return (
            f"{context.command_path.removeprefix('ldp-tui ')} needs {_name_of(error)}; see: {context.command_path} -h"
        )
    if hasattr(error, "param_hint"):
        return _about_value(_name_of(error), message)
    return f"{message.rstrip('.')}; see: {context.command_path} -h"


def _about_value(name: str, message: str) -> str:
    message = message.removeprefix("Value error, ").rstrip(".")
    if " is not one of " in message:
        given, *choices = re.findall(r"'([^']*)'", message)
        return str(UnknownName(f"{name.removeprefix('--')}", given, choices))
    if message.startswith("Input should be "):
        return f"{name} {message.removeprefix('Input ').partition(', unable')[0]}."
    return f"{name}: {message}."


def _name_of(error: TyperException) -> str:
    """The option or argument as it is typed: its longest name, or its metavar."""
    param: Any = getattr(error, "param", None)
    if param is None:
        return str(getattr(error, "param_hint", None) or "an argument")
    options = [name for name in param.opts if name.startswith("-")]
    if options:
        return str(max(options, key=len))
    return str(param.metavar or param.name.upper())


def _long_options(command: Any) -> list[str]:
    return [name for param in command.params for name in param.opts if name.startswith("--")]

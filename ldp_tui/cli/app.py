"""Puts the commands together and turns every expected error into one sentence and an exit status."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

from ldp_tui.cli import (
    INTERRUPTED,
    OK,
    PROBLEMS,
    REFUSED,
    USAGE,
    agents,
    db,
    envs,
    export,
    import_,
    ls,
    play,
    replay,
    show,
)
from ldp_tui.cli import run as run_command
from ldp_tui.cli.options import Database
from ldp_tui.cli.output import ReaderGone, say

app = typer.Typer(
    name="ldp-tui",
    help="Play, record and replay agents in tool and Gymnasium environments.",
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=False,
)
app.command("play")(play.play)
app.command("run")(run_command.run)
app.command("envs")(envs.envs)
app.command("agents")(agents.agents)
app.command("ls")(ls.ls)
app.command("show")(show.show)
app.command("replay")(replay.replay)
app.command("export")(export.export)
app.command("import")(import_.import_)
app.add_typer(db.app, name="db")


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    database: Database = None,
    version: Annotated[bool, typer.Option("--version", "-V", help="Print the version.")] = False,
) -> None:
    """Open the app; without a terminal, play a short demo as plain text."""
    if version:
        from ldp_tui import __version__

        sys.stdout.write(f"ldp-tui {__version__}\n")
        raise typer.Exit(OK)
    if context.invoked_subcommand is None:
        raise typer.Exit(play.open_app_or_demo(database))


def run(arguments: list[str]) -> int:
    """Run the command line; returns the exit status. Nothing but its own errors is shown as a traceback."""
    from ldp_tui.core.errors import LdpTuiError, UsageError

    try:
        status = app(args=arguments, prog_name="ldp-tui", standalone_mode=False)
    except typer.Exit as stop:
        return stop.exit_code
    except (KeyboardInterrupt, typer.Abort):
        say("Interrupted; what was recorded until now is kept.")
        return INTERRUPTED
    except TyperException as error:
        say(f"ldp-tui: {_usage_sentence(error)}")
        return USAGE
    except UsageError as error:
        say(f"ldp-tui: {error}")
        return USAGE
    except LdpTuiError as error:
        say(f"ldp-tui: {error}")
        return REFUSED
    except ReaderGone:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing more to flush at exit
        return OK
    except Exception as error:  # noqa: BLE001 (the last line of defence: no traceback reaches a person)
        return _unexpected(error)
    return status if isinstance(status, int) else OK


def _usage_sentence(error: TyperException) -> str:
    """What was wrong with the command line, with the nearest name that exists."""
    from ldp_tui.core.errors import UnknownName

    message = " ".join(str(getattr(error, "message", error)).split())
    context = getattr(error, "ctx", None)
    if context is None:
        return message
    if option := getattr(error, "option_name", None):
        return str(UnknownName("option", option, [name for p in context.command.params for name in p.opts]))
    if message.startswith("No such command"):
        return str(UnknownName("command", message.split("'")[1], context.command.commands))
    return message


def _unexpected(error: Exception) -> int:
    import traceback

    from platformdirs import user_log_path

    log = user_log_path("ldp-tui", ensure_exists=True) / "errors.log"
    with Path(log).open("a", encoding="utf-8") as file:
        traceback.print_exception(error, file=file)
    say(f"ldp-tui: something unexpected happened ({type(error).__name__}: {error}). Details: {log}")
    return PROBLEMS

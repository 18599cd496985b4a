"""Puts the commands together and turns every expected error into one sentence and an exit status."""

from __future__ import annotations

import os
import sys
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
from ldp_tui.cli.usage import usage_sentence
from ldp_tui.core.errors import LdpTuiError, UsageError

EPILOG = """
\b
Examples:
  ldp-tui play FrozenLake-v1 --agent human --agent optimal --seed 3
  ldp-tui play maze --agent random --max-steps 20 --plain
  ldp-tui run Blackjack-v1 --agent optimal --episodes 1000 --jobs 2
  ldp-tui run FrozenLake-v1,is_slippery=false --agent qlearning --json
  ldp-tui ls --env Blackjack --success
  ldp-tui export --format sft-jsonl --success -o train.jsonl

\b
Results go to stdout, remarks to stderr. Exit status:
  0    done
  1    done, but something is wrong: failed episodes, a database that does not verify
  2    the request cannot be carried out as written
  3    the database or a file refuses
  130  interrupted
"""

app = typer.Typer(
    name="ldp-tui",
    help="Play, record and replay agents in tool and Gymnasium environments. Without a command: open the app.",
    epilog=EPILOG,
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
    if database is not None:
        command = context.invoked_subcommand
        raise UsageError(f"Give --db after the command: ldp-tui {command} --db {database}")


def run(arguments: list[str]) -> int:
    """Run the command line; returns the exit status. Nothing but its own errors is shown as a traceback."""
    try:
        status = app(args=arguments, prog_name="ldp-tui", standalone_mode=False)
    except typer.Exit as stop:  # Ctrl-C is one too, with its own exit status
        status = stop.exit_code
    except typer.Abort:
        status = INTERRUPTED
    except TyperException as error:
        say(f"ldp-tui: {usage_sentence(error)}")
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
    if status == INTERRUPTED:
        say("Interrupted; what was recorded until now is kept.")
    return status if isinstance(status, int) else OK


def _unexpected(error: Exception) -> int:
    import traceback

    from platformdirs import user_log_path

    log = user_log_path("ldp-tui") / "errors.log"
    told = f"ldp-tui: something unexpected happened ({type(error).__name__}: {error})."
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8", errors="backslashreplace") as file:
            traceback.print_exception(error, file=file)
    except OSError:
        say(told)
    else:
        say(f"{told} Details: {log}")
    return PROBLEMS

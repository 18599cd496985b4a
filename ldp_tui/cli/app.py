"""Puts the commands together and turns every expected error into one sentence and an exit status."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from typer.exceptions import TyperException

from ldp_tui.cli import (
    INTERRUPTED,
    OK,
    agents,
    db,
    envs,
    export,
    import_,
    lint,
    ls,
    models,
    play,
    replay,
    serve,
    show,
    tools,
    verify,
)
from ldp_tui.cli import run as run_command
from ldp_tui.cli.guard import guarded
from ldp_tui.cli.options import Database
from ldp_tui.cli.usage import usage_sentence
from ldp_tui.core.errors import UsageError

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
app.command("models")(models.models)
app.command("lint")(lint.lint)
app.command("ls")(ls.ls)
app.command("show")(show.show)
app.command("replay")(replay.replay)
app.command("verify")(verify.verify)
app.command("export")(export.export)
app.command("import")(import_.import_)
app.command("serve")(serve.serve)
app.command("tools")(tools.tools)
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
    return guarded(lambda: _status_of(arguments))


def _status_of(arguments: list[str]) -> object:
    try:
        return app(args=arguments, prog_name="ldp-tui", standalone_mode=False)
    except typer.Exit as stop:  # Ctrl-C is one too, with its own exit status
        return stop.exit_code
    except typer.Abort:
        return INTERRUPTED
    except TyperException as error:
        raise UsageError(usage_sentence(error)) from error

"""Every command of the app, once: key bindings, command palette, footer and help are generated from here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from textual.binding import Binding

Scope = Literal["app", "home", "play", "library", "replay", "tools", "graph", "exchange", "log", "help"]


@dataclass(frozen=True, slots=True)
class Command:
    """One thing a person can ask for. `action` is the name of an `action_…` method of the scope's screen or the app."""

    id: str
    scope: Scope
    label: str
    keys: str
    """Keys as Textual spells them, separated by commas; empty: only in the command palette."""
    action: str
    help: str
    footer: bool = False
    """Whether the footer shows it; at most seven at a time fit 80 columns."""
    shown_key: str | None = None
    """How footer and help write the keys; None: as Textual does."""


ACTIONS: tuple[Command, ...] = (
    Command("app.palette", "app", "Commands", "ctrl+p", "command_palette", "Find any command by typing part of it."),
    Command("app.help", "app", "Help", "f1,question_mark", "help", "Keys and explanations of this screen.", footer=True,
            shown_key="?"),
    Command("app.log", "app", "Engine log", "f12", "engine_log", "What the engine and its libraries printed."),
    Command("app.home", "app", "Home", "", "home", "Back to the start menu."),
    Command("app.library", "app", "Library", "f3", "library", "All recorded episodes."),
    Command("app.theme", "app", "Change theme", "f10", "change_theme", "Choose colours; the choice is remembered."),
    Command("app.screenshot", "app", "Screenshot", "", "screenshot", "Save this screen as an SVG file."),
    Command("app.quit", "app", "Quit", "ctrl+q,ctrl+c", "quit", "Leave; everything recorded is kept.", shown_key="^q"),
    # Home
    Command("home.play", "home", "Play", "p", "choose('play')", "The game below", footer=True),
    Command("home.versus", "home", "Versus", "v", "choose('versus')", "Side by side"),
    Command("home.library", "home", "Library", "l", "choose('library')", "Recorded episodes", footer=True),
    Command("home.replay", "home", "Replay last", "r", "choose('replay')", "The newest episode"),
    Command("home.demo", "home", "Demo", "d", "choose('demo')", "Blackjack, no key",
            footer=True),
    Command("home.environment", "home", "Environment", "e,slash", "pick_environment", "Choose by typing part of it.",
            footer=True, shown_key="e"),
    Command("home.players", "home", "Players", "a", "pick_players", "Who plays, up to four.", footer=True),
    Command("home.tools", "home", "Tools", "t", "tools", "The environment's tools, their schemas and remarks."),
    Command("home.quit", "home", "Quit", "q", "app.quit", "Leave.", footer=True, shown_key="q"),
    # Play
    Command("play.pause", "play", "Pause", "space,p,f8", "pause", "Hold all players, or let them go on.", footer=True,
            shown_key="space"),
    Command("play.step", "play", "Step", "full_stop", "step", "While paused: one step, then hold again.",
            shown_key="."),
    Command("play.accept", "play", "Accept", "f2", "accept", "Play what the agent proposes; as ⏎ while it waits."),
    Command("play.approve", "play", "Approve", "y", "approve", "The agent in focus waits for you before each action, or"
            " no longer.", footer=True),
    Command("play.take_over", "play", "Take over", "o", "take_over", "Play in the agent's place, or hand it back.",
            footer=True),
    Command("play.interrupt", "play", "Halt", "i", "interrupt", "Stop the model's reply; the lane then waits.",
            footer=True),
    Command("play.again", "play", "Ask again", "g", "again", "Ask the agent for another proposal."),
    Command("play.edit", "play", "Edit", "e", "edit", "Change the proposed call before it is played."),
    Command("play.note", "play", "Note", "N", "note", "A message that the agent sees with its next observation."),
    Command("play.player", "play", "Model", "c", "player", "Another model or temperature for the rest of the episode."),
    Command("play.exchange", "play", "Raw", "x", "exchange", "The newest decision's requests and replies."),
    Command("play.faster", "play", "Faster", "plus,equals_sign", "speed(1)", "Shorter waits between steps.",
            shown_key="+"),
    Command("play.slower", "play", "Slower", "minus", "speed(-1)", "Longer waits between steps.", shown_key="-"),
    Command("play.real_time", "play", "Real time", "m,f9", "real_time", "Your lane at its pace, or waiting for keys.",
            footer=True, shown_key="m"),
    Command("play.turn", "play", "Turn", "v", "turn", "In a small pane: steps, reflection or return."),
    Command("play.next_lane", "play", "Next lane", "tab,f7", "lane(1)", "Give the keys to the next player's pane."),
    Command("play.previous_lane", "play", "Previous lane", "shift+tab", "lane(-1)", "… to the one before."),
    Command("play.zoom", "play", "Zoom", "z,f11", "zoom", "Only the pane in focus, or all of them.",
            shown_key="z"),
    Command("play.restart", "play", "Restart", "r,f5", "restart", "The same players and seed from the start.",
            shown_key="r"),
    Command("play.next_seed", "play", "Next seed", "n,f6", "next_seed", "The same players on the next seed.",
            shown_key="n"),
    Command("play.stop", "play", "Stop", "ctrl+x,f4", "stop",
            "End the running episodes; they stay in the library. In text, ^x cuts: use f4.",
            shown_key="^x f4"),
    Command("play.replay", "play", "Replay", "enter", "replay", "Look at the finished episode of the pane in focus.",
            footer=True, shown_key="⏎"),
    Command("play.tools", "play", "Tools", "t", "tools", "The environment's tools, their schemas and remarks."),
    Command("play.library", "play", "Library", "l,f3", "app.library", "All recorded episodes.", shown_key="l"),
    Command("play.back", "play", "Home", "escape,q", "back", "Stop and go back to the start menu.", footer=True,
            shown_key="esc"),
    # Library
    Command("library.replay", "library", "Replay", "enter", "replay", "Look at the episode under the cursor.",
            footer=True),
    Command("library.filter", "library", "Filter", "slash", "filter", "Type what to list: env:maze return>1 words.",
            footer=True, shown_key="/"),
    Command("library.environment", "library", "Environment", "v", "choose('env')", "Only episodes of one environment."),
    Command("library.agent", "library", "Agent", "a", "choose('agent')", "Only episodes of one agent."),
    Command("library.clear", "library", "All episodes", "x", "clear_filter", "Take the filter away."),
    Command("library.sort", "library", "Sort", "s", "sort", "Choose the column to sort by.", footer=True),
    Command("library.reverse", "library", "Reverse", "S", "reverse", "The same column, the other way round."),
    Command("library.mark", "library", "Mark", "space", "mark", "Choose the episode for export, or no longer.",
            footer=True),
    Command("library.export", "library", "Export", "e", "export", "Write the marked episodes, or all listed, to disk.",
            footer=True),
    Command("library.copy", "library", "Copy id", "y", "copy_id", "The episode's uid, to the clipboard."),
    Command("library.copy_json", "library", "Copy JSON", "Y", "copy_json", "All the list knows, to the clipboard."),
    Command("library.preview", "library", "Preview", "p", "preview", "Show or hide the preview."),
    Command("library.back", "library", "Back", "escape,q", "back", "Leave the filter line, then the library.",
            footer=True, shown_key="esc"),
    # Replay
    Command("replay.play", "replay", "Play", "space", "play", "Play on, or hold.", footer=True),
    Command("replay.back_one", "replay", "Step back", "left", "move(-1)", "One step back; with Shift ten.",
            shown_key="←"),
    Command("replay.on_one", "replay", "Step", "right", "move(1)", "One step on; with Shift ten.", footer=True,
            shown_key="←→"),
    Command("replay.back_ten", "replay", "Ten back", "shift+left", "move(-10)", "Ten steps back."),
    Command("replay.on_ten", "replay", "Ten on", "shift+right", "move(10)", "Ten steps on."),
    Command("replay.start", "replay", "Start", "home", "percent(0)", "To the reset."),
    Command("replay.end", "replay", "End", "end", "percent(100)", "To the end."),
    Command("replay.faster", "replay", "Faster", "plus,equals_sign", "speed(1)", "Up to 16 times.", footer=True,
            shown_key="+"),
    Command("replay.slower", "replay", "Slower", "minus", "speed(-1)", "Down to a quarter.", shown_key="-"),
    Command("replay.next_mark", "replay", "Next mark", "n", "mark(1)", "To the next error, big reward or reflection.",
            footer=True),
    Command("replay.previous_mark", "replay", "Previous mark", "N", "mark(-1)", "… to the one before."),
    Command("replay.jump", "replay", "Jump", "j", "jump", "To a step or share; the digits go to 0–90 %.", footer=True),
    Command("replay.beside", "replay", "Beside", "c", "beside", "Another episode of the same seed, side by side.",
            footer=True),
    Command("replay.branches", "replay", "Branches", "b", "branches", "The forks of this episode, as a tree."),
    Command("replay.graph", "replay", "Graph", "g", "graph", "The compute graph that led to this step's action."),
    Command("replay.copy", "replay", "Copy step", "y", "copy_step", "This step as JSON, to the clipboard."),
    Command("replay.back", "replay", "Back", "escape,q", "back", "Close.", footer=True, shown_key="esc"),
    # Tools of an environment
    Command("tools.schema", "tools", "JSON", "j", "schema", "The schema as a model gets it, or in words.", footer=True),
    Command("tools.copy", "tools", "Copy", "y", "copy", "The schema as JSON, to the clipboard.", footer=True),
    Command("tools.again", "tools", "Read again", "r,f5", "again", "Look at the environment anew, as after an edit.",
            footer=True, shown_key="r"),
    Command("tools.back", "tools", "Back", "escape,q,t", "app.back", "Close.", footer=True, shown_key="esc"),
    # Compute graph of a step
    Command("graph.previous", "graph", "Step back", "comma", "move(-1)", "The graph of the step before.", footer=True,
            shown_key=","),
    Command("graph.next", "graph", "Step", "full_stop", "move(1)", "The graph of the next step.", footer=True,
            shown_key="."),
    Command("graph.save", "graph", "Save SVG", "s", "save", "Write the drawing as an SVG file.", footer=True),
    Command("graph.copy", "graph", "Copy", "y", "copy", "The drawing as text, to the clipboard.", footer=True),
    Command("graph.back", "graph", "Back", "escape,q,g", "app.back", "Close.", footer=True, shown_key="esc"),
    # Requests and replies of a decision
    Command("exchange.copy", "exchange", "Copy", "y", "copy", "All of it, to the clipboard.", footer=True),
    Command("exchange.back", "exchange", "Back", "escape,q,x", "app.back", "Close.", footer=True, shown_key="esc"),
    # Engine log and help
    Command("log.back", "log", "Back", "escape,q,f12", "app.back", "Close.", footer=True, shown_key="esc"),
    Command("help.back", "help", "Back", "escape,q,f1,question_mark", "app.back", "Close.", footer=True,
            shown_key="esc"),
)  # fmt: skip


def commands(scope: Scope) -> tuple[Command, ...]:
    """The commands of one scope, in the order of the footer."""
    return tuple(command for command in ACTIONS if command.scope == scope)


def bindings(scope: Scope) -> list[Binding]:
    """Textual bindings of one scope; their ids are the commands', so that keys can be assigned anew."""
    return [
        Binding(
            command.keys,
            command.action,
            command.label,
            show=command.footer,
            key_display=command.shown_key,
            tooltip=command.help,
            id=command.id,
        )
        for command in commands(scope)
        if command.keys
    ]

"""How the engine's threads send: nobody dies of a front end that is gone, nor of a value that cannot travel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, Final

from ldp_tui.core.messages import Message
from ldp_tui.engine.events import Event
from ldp_tui.play.messages import EventReport, Log, Report
from ldp_tui.play.transport import Channel, MessageTooLarge, MessageUnsendable

_REPLACEMENTS: Final[dict[str, Callable[[str], Any]]] = {
    "observation": lambda note: (Message(content=note),),
    "action": lambda note: Message(role="assistant", content=note),
    "reflection": lambda note: note,
    "text": lambda note: note,
    "detail": lambda note: note,
    "rendering": lambda _: None,
    "legal_actions": lambda _: None,
    "info": lambda _: {},
    "options": lambda _: {},
    "tools": lambda _: (),
}


class Outbox:
    """Sends reports to the front end, from any thread."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def send(self, report: Report) -> None:
        """Send `report`. An event that cannot travel goes without its contents; another report becomes a log line.

        A front end that is gone is no error here: the reader of commands sees it too, and ends the engine in order.
        """
        try:
            self._channel.send(report)
        except OSError:
            return
        except (MessageTooLarge, MessageUnsendable) as error:
            self.send(Log("warning", str(error)))
            if isinstance(report, EventReport):
                self._send_emptied(report, str(error))

    def _send_emptied(self, report: EventReport, why: str) -> None:
        try:
            self._channel.send(replace(report, event=emptied(report.event, f"(Not shown here: {why})")))
        except OSError:
            return


def emptied(event: Event, note: str) -> Event:
    """The event with `note` in place of everything that can be large or foreign."""
    names = {field.name for field in fields(event)} & _REPLACEMENTS.keys()
    changes: dict[str, Any] = {name: _REPLACEMENTS[name](note) for name in names if getattr(event, name)}
    return replace(event, **changes)

"""What a person does about the agent of the lane that has the keys: approve, replace, take over, write, look."""

from __future__ import annotations

from abc import abstractmethod

from textual import on
from textual.screen import Screen

from ldp_tui.play.messages import Answer, Approval, ChangePlayer, Command, Interrupt, ShowExchanges, TakeOver, Tell
from ldp_tui.tui import oversight_words as oversight
from ldp_tui.tui.bridge import Bridge, LaneView
from ldp_tui.tui.screens.asking_dialogs import NoteDialog, PlayerDialog
from ldp_tui.tui.screens.exchange import ExchangeScreen
from ldp_tui.tui.widgets.lane_pane import LanePane


class OverseeingScreen(Screen[None]):
    """The part of Play that oversees agents."""

    def __init__(self) -> None:
        super().__init__()
        self._offered: tuple[object, ...] = ()

    @abstractmethod
    def send(self, command: Command) -> None:
        """Hand a command to the engine."""

    @abstractmethod
    def go_to(self, lane: int) -> None:
        """Give the keys to a lane."""

    @property
    @abstractmethod
    def lane(self) -> int:
        """The lane that has the keys."""

    @property
    @abstractmethod
    def pane(self) -> LanePane:
        """Its pane."""

    @property
    @abstractmethod
    def view(self) -> LaneView:
        """What is known of it."""

    @property
    @abstractmethod
    def player(self) -> str:
        """Who plays in it now, as people type it."""

    def oversee(self, bridge: Bridge) -> None:
        """Hand answers to the windows that asked, and offer other keys where the lane waits or no longer does."""
        match self.app.screen:
            case PlayerDialog() as dialog if (checked := bridge.lanes[dialog.lane].checked) is not dialog.before:
                dialog.before = checked
                if checked is not None:
                    dialog.answer(checked.error)
            case ExchangeScreen() as screen if (found := bridge.lanes[self.lane].exchanges) is not screen.before:
                screen.before = found
                if found is not None:
                    screen.show(found)
        view = bridge.lanes[self.lane]
        offered = self.lane, view.ready, view.oversight, view.over
        if offered != self._offered:
            self._offered = offered
            self.refresh_bindings()

    @on(LanePane.Asked)
    def _asked(self, event: LanePane.Asked) -> None:
        event.stop()
        if event.lane == self.lane:
            self.call_after_refresh(self.pane.take_focus)

    @on(LanePane.Answered)
    async def _answered(self, event: LanePane.Answered) -> None:
        event.stop()
        self.go_to(event.lane)
        await self.run_action(event.name)

    @on(PlayerDialog.Wanted)
    def _wanted(self, event: PlayerDialog.Wanted) -> None:
        event.stop()
        self.send(ChangePlayer(event.dialog.lane, event.player))

    def action_accept(self) -> None:
        """Play what is proposed."""
        self.send(Answer(self.lane, "accept"))

    def action_again(self) -> None:
        """Ask the agent for another proposal."""
        self.send(Answer(self.lane, "again"))

    async def action_edit(self) -> None:
        """Change the proposed call in a form."""
        await self.pane.edit()

    def action_approve(self) -> None:
        """The agent waits before each action, or no longer."""
        on = self.view.oversight is None or not self.view.oversight.approving
        self.send(Approval(self.lane, on=on))
        self.notify("The agent waits for you before each action" if on else "The agent plays on by itself", timeout=2)

    def action_take_over(self) -> None:
        """Play in the agent's place, or hand the lane back."""
        self.send(TakeOver(self.lane, on=self.view.oversight is None or not self.view.oversight.taken_over))

    def action_interrupt(self) -> None:
        """Stop the agent, which is deciding."""
        self.send(Interrupt(self.lane))

    def action_note(self) -> None:
        """Write to the agent."""
        lane = self.lane

        def send(text: str | None) -> None:
            if text:
                self.send(Tell(lane, text))
                self.notify("The agent sees it with its next observation", timeout=2)

        self.app.push_screen(NoteDialog(self.player), send)

    def action_player(self) -> None:
        """Another model or temperature."""
        dialog = PlayerDialog(self.lane, self.player)
        dialog.before = self.view.checked
        self.app.push_screen(dialog)

    def action_exchange(self) -> None:
        """Requests and replies of the newest decision."""
        screen = ExchangeScreen(self.player)
        screen.before = self.view.exchanges
        self.app.push_screen(screen)
        self.send(ShowExchanges(self.lane))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what the lane can be asked now."""
        view = self.view
        match action:
            case "accept":
                return view.asks and view.oversight is not None and view.oversight.waits == "approval"
            case "again":
                return view.asks and view.oversight is not None and not view.oversight.taken_over
            case "edit":
                return view.asks
            case "approve" | "exchange":
                return view.ready is not None and not view.ready.human
            case "take_over":
                return oversight.is_agent(view)
            case "interrupt" if view.asks:
                return False
            case "interrupt" | "player" | "note":
                return oversight.is_agent(view) and oversight.is_model(view)
            case _:
                return super().check_action(action, parameters)

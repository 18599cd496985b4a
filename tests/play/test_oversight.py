"""A person at the screen oversees an agent's lane: through the real engine, with a real model server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ldp_tui.core.tool_calls import ToolRequestMessage
from ldp_tui.engine.events import ActionProposed, Intervened, StepTaken
from ldp_tui.engine.preferences import preferences
from ldp_tui.play.messages import (
    Act,
    Answer,
    Approval,
    ChangePlayer,
    Command,
    Exchanges,
    Interrupt,
    Oversight,
    PlayerChecked,
    ShowExchanges,
    Stop,
    TakeOver,
    Tell,
)
from ldp_tui.store import Reader
from ldp_tui.store.verify import verify
from ldp_tui.testing.model_server import Fails, Hangs, ModelServer, Says
from tests.play.environments import counter
from tests.play.playing import Front, recorded

GO = ({"name": "go", "arguments": {}},)
KEY = "sk-canary-0123456789abcdefghij"


@pytest.fixture
def count(tmp_path: Path) -> str:
    return counter(tmp_path, "count")


def waits(front: Front, lane: int = 0) -> str:
    return front.of(Oversight, lane)[-1].waits if front.of(Oversight, lane) else ""


def kinds(front: Front, lane: int = 0) -> list[str]:
    return [event.intervention.kind for event in front.events(lane) if isinstance(event, Intervened)]


def send(front: Front, *commands: Command) -> None:
    for command in commands:
        front.handle.send(command)


def approved(front: Front, env: str, agent: str, **settings: Any) -> None:
    """Play with approval of each action, from the first on."""
    front.play((env, agent), person="ada", approve=True, **settings)
    front.until(lambda: waits(front) == "approval")


@pytest.fixture
def servers() -> Iterator[list[ModelServer]]:
    made: list[ModelServer] = []
    yield made
    for server in made:
        server.__exit__(None, None, None)


def model(servers: list[ModelServer], *replies: Any, kind: str = "simple") -> str:
    server = ModelServer(replies, repeat=True)
    server.__enter__()
    servers.append(server)
    return f"{kind}:openai/any,base_url={server.base_url}"


def test_nothing_is_played_before_it_is_accepted(front: Front, count: str, db: Path) -> None:
    """The proposal is shown while the lane waits; another lane does not wait."""
    front.play((f"{count},n=3", "random"), (count, "human"), db=str(db), speed=None, person="ada", approve=True)
    front.until(lambda: waits(front) == "approval" and front.phase(1) == "waiting for you")
    assert isinstance(front.events()[-1], ActionProposed)
    assert front.phase() == "waiting for approval"
    for _ in range(5):
        taken = len(front.steps(1))
        send(front, Act(1, GO))
        front.until(lambda taken=taken: len(front.steps(1)) > taken)  # type: ignore[misc]
    assert front.steps() == []
    taken = 0
    send(front, Answer(0, "accept"))
    front.until(lambda: len(front.steps()) == taken + 1 and waits(front) == "approval")
    assert [one.kind for one in front.steps()[-1].interventions] == ["accepted"]
    assert front.steps()[-1].interventions[0].by == "ada"
    send(front, Approval(0, on=False))
    front.until(front.ended)
    assert front.steps()[-1].interventions == ()
    assert verify(db).ok


def test_replaced_by_the_person(front: Front, tmp_path: Path, db: Path) -> None:
    """What the person does is played, with their reason, and is a preference to what was proposed."""
    source = Path(counter(tmp_path, "count"))
    text = source.read_text().replace("def go(self)", "def go(self, by: int = 1)")
    source.write_text(
        text.replace('"""Count one on."""', '"""Count one on.\n\n        Args:\n            by: How far.\n        """')
    )
    approved(front, f"{source},n=2", "random", db=str(db), speed=None)
    send(front, Act(0, ({"name": "go", "arguments": {"by": 7777}},), note="larger"))
    front.until(front.steps)
    send(front, Approval(0, on=False))
    front.until(front.ended)
    step = front.steps()[0]
    assert isinstance(step.action, ToolRequestMessage)
    assert step.action.tool_calls[0].function.arguments == {"by": 7777}
    with Reader(db) as reader:
        (found,) = preferences(reader)
    assert (found.by, found.reason, found.author) == ("ada", "larger", "human")
    assert found.chosen == step.action
    assert verify(db).ok


def test_taking_over_and_handing_back(front: Front, count: str, servers: list[ModelServer]) -> None:
    """The model is not asked while the person plays, and then sees what was played."""
    agent = model(servers, ("go", {}))
    approved(front, f"{count},n=3", agent, speed=None)
    send(front, TakeOver(0, on=True))
    front.until(lambda: waits(front) == "action")
    send(front, Act(0, GO))
    front.until(lambda: len(front.steps()) == 1 and waits(front) == "action")
    send(front, Act(0, GO))
    front.until(lambda: len(front.steps()) == 2 and waits(front) == "action")
    assert len(servers[0].requests) == 1
    send(front, TakeOver(0, on=False), Approval(0, on=False))
    front.until(front.ended)
    assert kinds(front) == [
        "took over",
        "accepted" if "accepted" in kinds(front) else "played",
        "played",
        "handed back",
    ]
    assert len(servers[0].requests) == 2
    roles = [message["role"] for message in servers[0].requests[1].body["messages"]]
    assert roles == ["user", "assistant", "tool", "assistant", "tool"]


def test_interrupting_a_reply(front: Front, count: str, servers: list[ModelServer]) -> None:
    """The request is given up at once, and the lane waits; the model can then be asked again."""
    agent = model(servers, Hangs(), ("go", {}), ("go", {}))
    front.play((f"{count},n=1", agent), speed=None, person="ada")
    front.until(lambda: servers[0].requests)
    begun = time.monotonic()
    send(front, Interrupt(0))
    assert servers[0].wait_abandoned()
    assert time.monotonic() - begun < 1.0
    front.until(lambda: waits(front) == "action")
    assert front.of(Oversight)[-1].problem == "interrupted"
    send(front, Answer(0, "again"))
    front.until(front.ended)
    assert kinds(front) == ["interrupted", "asked again"]


def test_a_note_that_the_model_sees(front: Front, count: str, servers: list[ModelServer], db: Path) -> None:
    """It is in the next request, in the record with its author, and no secret in it is kept."""
    agent = model(servers, ("go", {}))
    approved(front, f"{count},n=2", agent, db=str(db), speed=None)
    send(front, Tell(0, f"Mind the gap. {KEY}"), Answer(0, "accept"))
    front.until(lambda: len(servers[0].requests) == 2)
    assert "Mind the gap." in servers[0].requests[1].body["messages"][-1]["content"]
    send(front, Approval(0, on=False))
    front.until(front.ended)
    (episode,) = recorded(db)
    with Reader(db) as reader:
        notes = [told for told in reader.annotations(episode.id) if told.label == "noted"]
    assert [(note.t, note.author) for note in notes] == [(2, "ada")]
    assert KEY.encode() not in db.read_bytes()


def test_changing_the_model_mid_episode(front: Front, count: str, servers: list[ModelServer]) -> None:
    """The next decision is the new one's, with the conversation so far; what is wrong is told to who asked."""
    first, second = model(servers, ("go", {})), model(servers, ("go", {}))
    approved(front, f"{count},n=2", first, speed=None)
    send(front, ChangePlayer(0, "simple:openai/any,tempreature=1"), ChangePlayer(0, "random"))
    front.until(lambda: len(front.of(PlayerChecked)) == 2)
    errors = {report.player: report.error for report in front.of(PlayerChecked)}
    assert "tempreature" in errors["simple:openai/any,tempreature=1"]
    assert "same kind" in errors["random"]
    warmer = f"{second},temperature=0.75"
    send(front, ChangePlayer(0, warmer))
    front.until(lambda: len(front.of(PlayerChecked)) == 3)
    assert front.of(PlayerChecked)[-1].error == ""
    send(front, Answer(0, "accept"))
    front.until(lambda: len(servers[1].requests) == 1)
    assert len(servers[0].requests) == 1
    assert servers[1].requests[0].body["temperature"] == 0.75
    assert len(servers[1].requests[0].body["messages"]) == 3
    front.until(lambda: front.of(Oversight)[-1].player == warmer)
    front.until(lambda: "changed player" in kinds(front))


def test_a_changed_player_that_fails_can_be_changed_again(front: Front, count: str, servers: list[ModelServer]) -> None:
    """The episode waits with the reason instead of ending."""
    good = model(servers, ("go", {}))
    approved(front, f"{count},n=2", good, speed=None)
    send(front, ChangePlayer(0, model(servers, Fails(404))))
    front.until(lambda: front.of(PlayerChecked))
    send(front, Answer(0, "again"))
    front.until(lambda: waits(front) == "action")
    assert front.of(Oversight)[-1].problem
    send(front, ChangePlayer(0, good))
    front.until(lambda: len(front.of(PlayerChecked)) == 2)
    send(front, Answer(0, "again"))
    front.until(lambda: waits(front) == "approval")


def test_the_raw_request_and_reply(
    front: Front, count: str, servers: list[ModelServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As JSON, without the key that was sent."""
    agent = model(servers, Says("I go.", calls=[("go", {})]))
    approved(front, f"{count},n=2", agent, speed=None)
    send(front, ShowExchanges(0))
    (shown,) = front.until(lambda: front.of(Exchanges))
    (exchange,) = shown.exchanges
    assert shown.index == 0
    assert '"Count to 2, please.' in exchange.request
    assert '"name": "go"' in exchange.reply
    assert "I go." in exchange.reply
    assert "Authorization" not in exchange.request


def test_an_agent_without_requests(front: Front, count: str) -> None:
    """There is nothing to show, which is said."""
    approved(front, count, "random", speed=None)
    send(front, ShowExchanges(0))
    (shown,) = front.until(lambda: front.of(Exchanges))
    assert shown.exchanges == ()


def test_leaving_while_the_lane_waits(front: Front, count: str, db: Path) -> None:
    """Soon, with the episode kept as aborted."""
    approved(front, count, "random", db=str(db), speed=None)
    send(front, Answer(0, "accept"))
    front.until(lambda: len(front.steps()) == 1 and waits(front) == "approval")
    begun = time.monotonic()
    front.handle.close()
    assert time.monotonic() - begun < 2.5
    (episode,) = recorded(db)
    assert (episode.status, episode.steps) == ("aborted", 1)


def test_stopping_while_the_lane_waits(front: Front, count: str) -> None:
    """The episode ends as aborted."""
    approved(front, count, "random", speed=None)
    send(front, Stop(0))
    front.until(front.ended)
    assert front.ended()[0].reason == "aborted"
    assert all(isinstance(step, StepTaken) for step in front.steps())

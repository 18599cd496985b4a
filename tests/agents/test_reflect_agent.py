from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

import pytest

from ldp_tui.adapters.gymnasium_env import GymnasiumEnvironment
from ldp_tui.agents.reflecting.agent import ReflectAgent
from ldp_tui.core.environment import Environment, Picture
from ldp_tui.core.errors import UsageError
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import Messages, ToolRequestMessage
from ldp_tui.core.tools import Tool
from ldp_tui.engine.campaign import Campaign, play_episodes
from ldp_tui.engine.events import (
    ActionProposed,
    AgentRecord,
    EnvironmentRecord,
    EpisodeEnded,
    ReflectionDelta,
    StepTaken,
)
from ldp_tui.engine.rollout import rollout
from ldp_tui.graph import eval_mode
from ldp_tui.models import LLMCallOp
from ldp_tui.registry import make_agent
from ldp_tui.testing import check_agent
from ldp_tui.testing.model_server import Fails, ModelServer, Says, Scripted
from tests.agents.model_agents import RIGHT, Corridor, at

FULL = ("start", "step", "reward", "return")


def reply(action: Any, reflection: str = "Because.") -> str:
    return json.dumps({"reflection": reflection, "action": action})


class Track(Environment[int]):
    """Go right as often as `length` says; the observation is a sentence, and there are pictures."""

    def __init__(self, length: int = 6) -> None:
        self.length, self.state = length, 0
        self.tools = [Tool.from_function(self.go)]

    def go(self, where: Literal["left", "right"]) -> str:
        """Move on the track.

        Args:
            where: left or right.
        """
        self.state += 1 if where == "right" else -1
        return f"At {self.state}."

    def get_goal_description(self) -> str:
        return "Reach the end of the track."

    def get_observation_schema(self) -> Mapping[str, Any]:
        return {"place": {"description": "how far you are", "type": "int"}}

    def get_action_schema(self) -> Mapping[int, str]:
        return {0: "left", 1: "right"}

    async def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Messages, list[Tool]]:
        self.state = 0
        return [Message(content="At 0.")], self.tools

    async def step(self, action: Message) -> tuple[Messages, float, bool, bool]:
        assert isinstance(action, ToolRequestMessage)
        answers = await self.exec_tool_calls(action)
        return [*answers], -1.0, self.state >= self.length, False

    def legal_actions(self) -> list[dict[str, Any]]:
        return [{"name": "go", "arguments": {"where": where}} for where in ("left", "right")]

    def render(self) -> Picture:
        return Picture(1, 1, bytes([self.state] * 3))


async def played(agent: Any, env: Any = None, **options: Any) -> list[Any]:
    return [event async for event in rollout(env or Track(), agent, **options)]


def steps(events: list[Any]) -> list[StepTaken]:
    return [event for event in events if isinstance(event, StepTaken)]


def sent(server: ModelServer) -> list[list[dict[str, Any]]]:
    return [request.body["messages"] for request in server.requests]


async def test_what_a_model_is_told() -> None:
    """Goal, observation schema, actions and form of the reply in the system prompt; each turn says how things stand."""
    with ModelServer([reply("right")] * 2) as server:
        events = await played(ReflectAgent(llm_config=at(server)), Track(2))
    assert isinstance(events[-1], EpisodeEnded)
    assert events[-1].reason == "terminated"
    first, second = sent(server)
    system = first[0]["content"]
    assert system.startswith("Reach the end of the track.\n")
    assert '{"place": {"description": "how far you are", "type": "int"}}' in system
    assert '\n"action" is one of "left", "right".\n' in system
    assert system.endswith('{"reflection": "<your reasoning>", "action": <the action>}')
    assert first[1:] == [{"role": "user", "content": "start: true\nstep: 0\nreturn: 0\nobservation: At 0."}]
    assert second[1:] == [
        {"role": "user", "content": "start: true\nstep: 0\nreturn: 0\nobservation: At 0."},
        {"role": "assistant", "content": reply("right")},
        {"role": "user", "content": "start: false\nstep: 1\nreward: -1\nreturn: -1\nobservation: At 1."},
    ]
    assert "tools" not in server.requests[0].body


async def test_a_gymnasium_environment() -> None:
    """The rules are told once, in the system prompt; the numbers of actions are understood as well as their names."""
    env = GymnasiumEnvironment.make("Blackjack-v1", render=False)
    with ModelServer([reply(1), reply("stick")]) as server:
        events = await played(ReflectAgent(llm_config=at(server), show=("start",)), env, seed=2)
    assert [dict(step.action.tool_calls[0].function.arguments) for step in steps(events)] == [  # type: ignore[attr-defined]
        {"action": "hit"},
        {"action": "stick"},
    ]
    system, turn = sent(server)[0]
    assert system["content"].startswith("Beat the dealer")
    assert '"action" is one of "stick", "hit".' in system["content"]
    assert turn["content"] == "start: true\nobservation: Your hand counts 6, no usable ace. The dealer shows a 10."


@pytest.mark.parametrize(
    ("settings", "roles"),
    [
        ({"history": 2}, "su sauau sauauau"),
        ({"history": 0}, "su su su"),
        ({"history": 4, "history_unit": "messages"}, "su suau suau"),
        ({"history": 3, "history_unit": "messages"}, "su suau suau"),
        ({"token_budget": 1}, "su su su"),
    ],
)
async def test_how_much_of_the_past_is_shown(settings: dict[str, Any], roles: str) -> None:
    """Turns, or messages as gym-llm counts them, or what fits; the first is never a reply."""
    with ModelServer([reply("right")] * 3) as server:
        await played(ReflectAgent(llm_config=at(server), **settings), Track(3))
    found = [[message["role"][0] for message in messages] for messages in sent(server)]
    expected = {"su sauau sauauau": ["su", "suau", "suauau"]}.get(roles, roles.split())
    assert ["".join(roles) for roles in found] == expected


async def test_a_long_conversation_is_shortened_for_a_small_model() -> None:
    """A request that the model finds too long is sent again with half of the past."""
    too_long = Fails(400, "maximum context length is 10 tokens", "context_length_exceeded")
    with ModelServer([*[reply("right")] * 4, too_long, too_long, reply("right")]) as server:
        events = await played(ReflectAgent(llm_config=at(server)), Track(5))
    assert [len(messages) for messages in sent(server)] == [2, 4, 6, 8, 10, 10, 6]
    assert events[-1].reason == "terminated"


async def test_asked_at_every_third_step() -> None:
    """In between the action is repeated, and the record says so."""
    with ModelServer([reply("right")] * 2) as server:
        events = await played(ReflectAgent(llm_config=at(server), action_rate=3))
    assert len(server.requests) == 2
    assert [step.info["agent"]["rung"] for step in steps(events)] == ["json", "repeat", "repeat"] * 2
    assert [step.reflection for step in steps(events)] == ["Because.", "", ""] * 2
    assert "At 1." in json.dumps(sent(server)[1])
    assert len({call.id for step in steps(events) for call in step.action.tool_calls}) == 6  # type: ignore[attr-defined]


async def test_only_the_reflection_is_heard() -> None:
    """While a JSON reply streams, what is shown is its reflection, piece by piece; it is what is recorded."""
    with ModelServer([Says(reply("right", 'The "end" is near. 😀'), pieces=12)] * 2) as server:
        events = await played(ReflectAgent(llm_config=at(server)), Track(2))
    pieces = [event.text for event in events if isinstance(event, ReflectionDelta) and event.index == 0]
    assert len(pieces) > 3
    assert "".join(pieces) == steps(events)[0].reflection == 'The "end" is near. 😀'


async def test_a_reply_that_cannot_be_read() -> None:
    """The model is told what was wrong and asked again; the step keeps the faults and the replies."""
    with ModelServer(["I wonder", '{"action": 5', reply("right")]) as server:
        events = await played(ReflectAgent(llm_config=at(server)), Track(1))
    facts = steps(events)[0].info["agent"]
    assert facts["rung"] == "json"
    assert [fault["kind"] for fault in facts["faults"]] == ["no_action", "malformed_json"]
    assert facts["replies"] == ["I wonder", '{"action": 5', reply("right")]
    asked = sent(server)[2]
    assert [message["role"] for message in asked] == ["system", "user", "assistant", "user", "assistant", "user"]
    assert asked[3]["content"].startswith(
        "Your reply could not be read. The reply names no action. Reply with one JSON"
    )


@pytest.mark.parametrize(
    ("settings", "replies", "ending", "rungs"),
    [
        ({}, ["?"] * 3, "failed", []),
        (
            {"on_failure": "repeat"},
            [reply("right"), *["?"] * 3, reply("right")],
            "terminated",
            ["json", "repeat", "json"],
        ),
        (
            {"on_failure": "repeat", "retries": 0},
            ["?", "?", reply("right")],
            "truncated",
            ["default", "repeat", "json"],
        ),
        ({"on_failure": "default", "default_action": "right"}, ["?"] * 9, "terminated", ["default"] * 3),
        ({"on_failure": "default", "default_action": 1, "retries": 0}, ["?"] * 3, "terminated", ["default"] * 3),
        ({"on_failure": "repeat"}, [reply("right"), Fails(503), reply("right"), reply("right")], "terminated", None),
        ({"on_failure": "repeat"}, [reply("right"), Fails(401)], "failed", ["json"]),
    ],
)
async def test_when_asking_again_does_not_help(
    settings: dict[str, Any], replies: list[Scripted], ending: str, rungs: list[str] | None
) -> None:
    """By policy the episode fails, the last action is played again, or a default; never is it a crash."""
    if "default_action" not in settings and settings.get("retries") == 0:
        settings = {**settings, "default_action": "left"}
    with ModelServer(replies) as server:
        config = at(server, max_retries=0)
        events = await played(ReflectAgent(llm_config=config, **settings), Track(3), max_steps=3)
    end = events[-1]
    assert end.reason == ending
    if rungs is not None:
        assert [step.info["agent"]["rung"] for step in steps(events)] == rungs
    if ending == "failed":
        assert end.phase == "agent"
        assert "\n" not in end.detail


async def test_faults_are_counted_over_episodes() -> None:
    """A run of many episodes knows how often replies could not be read, by kind."""
    with ModelServer(["?", reply("right"), '{"x', reply("right")] * 2) as server:
        campaign = Campaign(
            make_environment=lambda: (Track(2), EnvironmentRecord("track")),
            make_agent=lambda: (ReflectAgent(llm_config=at(server)), AgentRecord("reflect")),
            concurrency=1,
        )
        results = [result async for result in play_episodes(campaign, [1, 2])]
    assert [dict(result.faults) for result in results] == [{"no_action": 1, "malformed_json": 1}] * 2


async def test_a_model_that_calls_tools() -> None:
    """In tool form its text is the reflection, its call the action, and observations answer the call."""
    says = Says("On to the end.", calls=[("go", {"where": "right"})])
    with ModelServer([says] * 2) as server:
        events = await played(ReflectAgent(llm_config=at(server), form="tool", show=("start",)), Track(2))
    assert [step.reflection for step in steps(events)] == ["On to the end."] * 2
    body = server.requests[1].body
    assert body["tools"][0]["function"]["name"] == "go"
    system, seen, call, answer = body["messages"]
    assert system["content"].endswith("Write this reflection as text, then call a tool.")
    assert seen == {"role": "user", "content": "start: true\nobservation: At 0."}
    assert call["content"] == "On to the end."
    assert answer["content"] == "start: false\nobservation: At 1."
    assert answer["role"] == "tool"
    assert answer["tool_call_id"] == call["tool_calls"][0]["id"]


async def test_an_environment_that_does_not_describe_itself() -> None:
    """The first observation is the task, and the prompt lists the tools."""
    calls = [{"name": name, "arguments": dict(arguments)} for name, arguments in [RIGHT] * 3]
    with ModelServer([reply(call) for call in calls]) as server:
        events = await played(ReflectAgent(llm_config=at(server), show=()), Corridor())
    assert events[-1].reason == "terminated"
    system, turn = sent(server)[0]
    assert system["content"].startswith("Each turn you are told")
    assert "observation:\nWalk to field 3.\nfield 0" in turn["content"]


async def test_a_reflection_of_its_own() -> None:
    """Asked apart, the model reflects first, then acts on it; both are one turn."""
    with ModelServer(["The end is right.", '{"action": "right"}'] * 2) as server:
        events = await played(ReflectAgent(llm_config=at(server), reflection="apart"), Track(2))
    assert [step.reflection for step in steps(events)] == ["The end is right."] * 2
    assert sent(server)[0][-1]["content"].startswith("Reflect now")
    assert sent(server)[1][-2]["content"] == "The end is right."
    assert sent(server)[1][-1]["content"].startswith("Now act.")
    assert {"role": "assistant", "content": reply("right", "The end is right.")} in sent(server)[3]


async def test_without_reflection() -> None:
    """The prompt asks for the action alone."""
    with ModelServer(['{"action": "right"}']) as server:
        events = await played(ReflectAgent(llm_config=at(server), reflection="none"), Track(1))
    assert steps(events)[0].reflection == ""
    assert sent(server)[0][0]["content"].endswith('{"action": <the action>}')
    assert "reflect" not in sent(server)[0][0]["content"].casefold()


async def test_notes_for_itself() -> None:
    """Every second turn the model writes a note, which stands in the prompt from then on; it is not shown as speech."""
    right = reply("right")
    with ModelServer([right, right, "Right is good.", right]) as server:
        events = await played(ReflectAgent(llm_config=at(server), summary_every=2, history=1), Track(3))
    assert sent(server)[2][-1]["content"].startswith("Before you go on: note")
    assert sent(server)[3][0]["content"].endswith("Your note from earlier turns: Right is good.")
    assert [step.reflection for step in steps(events)] == ["Because."] * 3


async def test_pictures_for_a_model_that_sees() -> None:
    """The newest pictures go along; of older turns only the words do."""
    with ModelServer([reply("right")] * 3) as server:
        await played(ReflectAgent(llm_config=at(server), pictures=1), Track(3))
    contents = [message["content"] for message in sent(server)[2] if message["role"] == "user"]
    assert [isinstance(content, str) for content in contents] == [True, True, False]
    assert [block["type"] for block in contents[-1]] == ["image_url", "text"]
    assert contents[-1][0]["image_url"]["url"].startswith("data:image/png;base64,")


async def test_legal_actions_are_told_when_asked_for() -> None:
    """`legal` lists what can be done now."""
    with ModelServer([reply("right")]) as server:
        await played(ReflectAgent(llm_config=at(server), show=("legal",)), Track(1))
    assert sent(server)[0][1]["content"] == "legal actions: left, right\nobservation: At 0."


async def test_scoring_without_a_model_that_can() -> None:
    """A server tells no probabilities of given replies: the episode fails and says so."""
    with ModelServer([]) as server:
        events = await played(ReflectAgent(llm_config=at(server), choose="score"))
    assert "only models that run here" in events[-1].detail


async def test_scores_choose_and_are_shown() -> None:
    """The tiny model's most probable action is played, with the whole distribution, and nothing is generated."""
    agent, _ = make_agent("tiny,choose=score")
    events = await played(agent, GymnasiumEnvironment.make("Blackjack-v1", render=False), seed=2)
    assert events[-1].return_ == 1.0
    proposed = [event.probabilities for event in events if isinstance(event, ActionProposed)]
    assert all(set(shares) == {"stick", "hit"} and sum(shares.values()) == pytest.approx(1.0) for shares in proposed)
    assert {step.info["agent"]["rung"] for step in steps(events)} == {"scores"}
    assert all(step.usage is None and not step.reflection for step in steps(events))


async def test_warm_scores_are_drawn() -> None:
    """With a temperature the action is drawn by its share, the same for the same seed."""
    agent, _ = make_agent("tiny,choose=score,temperature=8")

    async def actions(seed: int) -> list[str]:
        env = GymnasiumEnvironment.make("FrozenLake-v1", render=False)
        return [str(step.action) for step in steps(await played(agent, env, seed=seed))]

    assert await actions(3) == await actions(3)
    shares = [await actions(seed) for seed in range(4)]
    assert len(set(map(tuple, shares))) > 1


async def test_credit_reaches_the_model() -> None:
    """The action is a node of the compute graph behind the model's call, whose examples then have a gradient."""
    with ModelServer([reply("right")]) as server:
        agent = ReflectAgent(llm_config=at(server))
        env = Track()
        obs, tools = await env.reset()
        agent.prepare(env=env, seed=None)
        action, _, _ = await agent.get_asv(await agent.init_state(tools), obs)
        action.compute_grads(1.0)
    op = agent._llm_call_op
    assert isinstance(op, LLMCallOp)
    assert [gradient is not None for _, gradient in op.get_examples()] == [True]


def test_the_rules_of_agents() -> None:
    """It keeps its state outside, and does not change what it is given."""
    with ModelServer([reply("right")], repeat=True) as server, eval_mode:
        check_agent(lambda: ReflectAgent(llm_config=at(server)), env_factory=Track)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("reflect", "needs a model"),
        ("reflect:openai/x,base_url=http://127.0.0.1:1/v1,histroy=3", "Did you mean history or history_unit?"),
        ("reflect:openai/x,base_url=http://127.0.0.1:1/v1,choose=guess", "choose"),
        ("reflect:openai/x,base_url=http://127.0.0.1:1/v1,show=start+rewards", "show"),
    ],
)
def test_options_that_cannot_be(text: str, complaint: str) -> None:
    """One line says what is wrong."""
    with pytest.raises(UsageError, match=complaint.replace("?", r"\?")):
        make_agent(text)


def test_options_of_a_player() -> None:
    """Settings of model and player stand side by side; several words of `show` are joined by `+`."""
    agent, record = make_agent(
        "reflect:openai/x,base_url=http://127.0.0.1:1/v1,show=start+reward,history=3,temperature=0"
    )
    assert isinstance(agent, ReflectAgent)
    assert (agent.show, agent.history, agent.temperature) == (("start", "reward"), 3, 0.0)
    assert (record.kind, record.model) == ("llm", "openai/x")

from __future__ import annotations

from pathlib import Path

import pytest

from ldp_tui.testing.model_server import Fails, ModelServer, Says
from tests.cli.conftest import Commands

CALL = Says("Easy.", calls=[("answer", {"number": 4})], prompt_tokens=21, completion_tokens=9)
PRICES = "input_cost_per_token=0.001,output_cost_per_token=0.001"


def test_list(ldp: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bundled model, providers by where their key is, and servers that answer; never a key."""
    monkeypatch.setenv("MISTRAL_API_KEY", "never-shown-0123456789")
    with ModelServer() as server:
        answer = ldp("models", "--base-url", server.base_url, "--json")

    found = {one["name"]: one for one in answer.json["models"]}
    assert answer.status == 0
    assert found["tiny"]["kind"] == "bundled"
    assert found["mistral"]["source"] == "$MISTRAL_API_KEY"
    assert found[server.base_url]["models"] == [f"scripted,base_url={server.base_url}"]
    assert "never-shown" not in answer.out + answer.err
    assert "$MISTRAL_API_KEY" in ldp("models").out


def test_models_in_folders(ldp: Commands) -> None:
    """A folder with a configuration and weights is listed by what to type."""
    folder = Path("checkpoints/best")
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}", encoding="utf-8")
    (folder / "model.safetensors").write_bytes(b"")

    (one,) = [one for one in ldp("models", "--json").json["models"] if one["kind"] == "folder"]
    assert one["models"] == ["./checkpoints/best"]


def test_one_that_answers(ldp: Commands) -> None:
    """Time, tokens, cost, streaming and tools, of one request."""
    with ModelServer([CALL]) as server:
        answer = ldp("models", f"any,base_url={server.base_url},{PRICES}", "--json")

    told = answer.json
    assert answer.status == 0
    assert (told["streams"], told["tools"], told["error"]) == (True, True, None)
    assert (told["tokens_in"], told["tokens_out"], told["cost_usd"]) == (21, 9, pytest.approx(0.03))
    assert told["seconds"] >= told["seconds_to_first_token"] > 0
    assert len(server.requests) == 1


def test_one_without_tools(ldp: Commands) -> None:
    """A server that refuses tools is asked again without, and the table says why."""
    with ModelServer([Fails(400, "tools are not supported"), "4"]) as server:
        answer = ldp("models", "test", f"any,base_url={server.base_url}")

    assert answer.status == 0
    assert "no: any: the server answered 400: tools are not supported" in answer.out


@pytest.mark.parametrize(
    ("status", "kind", "advice"),
    [
        (401, "AuthenticationFailed", "key set"),
        (404, "ModelNotFound", "ldp-tui models"),
        (500, "ModelUnavailable", "runs"),
    ],
)
def test_one_that_fails(ldp: Commands, status: int, kind: str, advice: str) -> None:
    """Type, reason and what to do; exit status 1."""
    with ModelServer([Fails(status, "no")], repeat=True) as server:
        answer = ldp("models", f"any,base_url={server.base_url}")

    assert answer.status == 1
    assert kind in answer.out
    assert advice in answer.out


def test_players_name_models_too(ldp: Commands) -> None:
    """A player's whole text is understood; one without a model is refused."""
    assert ldp("models", "tiny").status == 0
    refused = ldp("models", "random")
    assert (refused.status, "asks no language model" in refused.err) == (2, True)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("opnai/gpt-5",), "Did you mean openai"),
        (("key", "set", "opeai"), "Did you mean openai"),
        (("key", "list"), "set PROVIDER"),
        (("test", "a", "b"), "models takes nothing"),
        (("any,base_url=http://127.0.0.1:1/v1,temprature=1",), "Did you mean temperature"),
    ],
)
def test_wrong(ldp: Commands, words: tuple[str, ...], says: str) -> None:
    """One line, exit status 2."""
    answer = ldp("models", *words)
    assert answer.status == 2
    assert says in answer.err


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_ceiling_over_a_run(ldp: Commands, jobs: int) -> None:
    """The run ends when it is reached, in all processes together; what was played is kept and counted."""
    with ModelServer([Says(calls=[("act", {"action": "stick"})])], repeat=True) as server:
        player = f"simple:openai/any,base_url={server.base_url},input_cost_per_token=0.01"
        answer = ldp(
            "run", "Blackjack-v1", "--agent", player, "--episodes", 200, "--max-cost", 1.0, "--jobs", jobs, "--json"
        )

    assert answer.status == 1
    assert answer.json["stopped"].startswith("$1.00 are spent")
    assert 5 <= answer.json["n"] < 60
    assert 10 <= len(server.requests) <= 10 + 16, "each costs ten cents; those under way are not cut off"
    assert all("budget of the run" in reason for reason in answer.json["failure_reasons"])

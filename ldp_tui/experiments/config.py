"""The file of an experiment: gym-llm's keys as they are, and more: lists of players and environments, jobs, limits.

Defaults of gym-llm's keys are those of its code. `history` of its agent block counts messages, as it does there.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ldp_tui.core.errors import UsageError
from ldp_tui.core.specs import Spec
from ldp_tui.datasets.gym_llm import safe_name
from ldp_tui.experiments.yaml_lines import Document, Location, read_yaml

ALIASES: Final = {
    "BlackjackLLM-v1": "blackjack_llm",
    "TaxiLLM-v3": "taxi_llm",
    "LunarLanderLLM-v2": "lunar_lander_llm",
}
"""gym-llm's environments by the ids it registers."""

_PROVIDERS: Final = {"ollama": "ollama/", "openai": "openai/"}


class _Block(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AgentBlock(_Block):
    """A player: gym-llm's description of a language model, or any player's text."""

    player: str | None = Field(default=None, description="Any player as on the command line; excludes the other keys.")
    backend: Literal["ollama", "openai"] = Field(default="ollama", description="Who serves the model.")
    model: str = Field(default="llama3.1", description="Name of the model at its server.")
    temperature: float = Field(default=0.2, ge=0.0, le=2.0, description="Randomness of its replies.")
    history: int = Field(default=10, ge=1, description="Messages of the episode that the model sees.")
    action_rate: int = Field(
        default=1, ge=1, description="Ask the model at every n-th step; repeat its action between."
    )

    @model_validator(mode="after")
    def _consistent(self) -> AgentBlock:
        if self.player is not None and self.model_fields_set - {"player"}:
            raise ValueError(f"give either player, or {', '.join(sorted(self.model_fields_set - {'player'}))}")
        if self.action_rate > self.history:
            raise ValueError(f"action_rate {self.action_rate} must be at most history {self.history}")
        return self

    def text(self) -> str:
        """The player's text."""
        if self.player is not None:
            return self.player
        options = {
            "temperature": self.temperature,
            "history": self.history,
            "history_unit": "messages",
            "action_rate": self.action_rate,
        }
        return str(Spec("reflect", f"{_PROVIDERS[self.backend]}{self.model}", options))


class EnvironmentBlock(_Block):
    """An environment: an id or name, and what its constructor is given."""

    name: str = Field(min_length=1, description="Gymnasium id, or any environment as on the command line.")
    kwargs: dict[str, Any] | None = Field(default=None, description="Options of the constructor.")

    def text(self) -> str:
        """The environment's text."""
        spec = Spec.parse(ALIASES.get(self.name, self.name))
        return str(Spec(spec.name, spec.model, {**spec.options, **(self.kwargs or {})}))


class Limits(_Block):
    """Where an experiment stops by itself; what was played until then is kept."""

    cost_usd: float | None = Field(default=None, gt=0, description="US dollars that all models may cost together.")
    seconds: float | None = Field(default=None, gt=0, description="Seconds that it may take.")


class ExperimentBlock(_Block):
    """What is played how often, and where the files go."""

    parent: str = Field(min_length=1, description="Folder of the results.")
    name: str = Field(min_length=1, description="Folder in it.")
    use_datetime: bool = Field(default=False, description="A folder named after the time of the start inside that.")
    seed: int = Field(default=0, ge=0, description="Seed of the first run; each further run adds one.")
    num_runs: int = Field(default=1, ge=1, description="Episodes of each player in each environment.")
    seeds: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)] | None = Field(
        default=None, description="The seeds themselves, in place of seed and num_runs."
    )
    save_gif: bool = Field(default=False, description="A film of each episode.")
    gif_fps: float = Field(default=30, gt=0, le=100, description="Pictures a second of the films.")
    verbose: bool = Field(default=False, description="Tell each episode step by step on stderr.")
    jobs: int = Field(default=1, ge=1, description="Processes.")
    max_steps: int | None = Field(default=None, ge=1, description="Steps after which an episode is truncated.")
    baselines: bool = Field(default=True, description="Random and optimal play beside each result.")
    limits: Limits = Limits()

    @model_validator(mode="after")
    def _one_kind_of_seeds(self) -> ExperimentBlock:
        if self.seeds is not None and self.model_fields_set & {"seed", "num_runs"}:
            raise ValueError("give either seeds, or seed and num_runs")
        if self.seeds is not None and len(set(self.seeds)) < len(self.seeds):
            raise ValueError("a seed is listed twice: the same episode would be played again")
        return self

    def all_seeds(self) -> list[int]:
        """The seeds in the order of the runs."""
        return list(self.seeds) if self.seeds is not None else list(range(self.seed, self.seed + self.num_runs))


class Experiment(_Block):
    """A whole file. `agent` and `environment` stand for lists of one."""

    agents: tuple[AgentBlock, ...] = Field(min_length=1)
    environments: tuple[EnvironmentBlock, ...] = Field(min_length=1)
    experiment: ExperimentBlock

    @model_validator(mode="before")
    @classmethod
    def _lists(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        found = dict(given)
        for one, many, key in (("agent", "agents", "player"), ("environment", "environments", "name")):
            if one in found and many in found:
                raise ValueError(f"give either {one} or {many}")
            if one in found:
                found[many] = [found.pop(one)]
            if isinstance(found.get(many), list):
                found[many] = [{key: item} if isinstance(item, str) else item for item in found[many]]
        return found

    def varied(self, *, players: Sequence[str] = (), num_runs: int | None = None, **more: Any) -> Experiment:
        """The same with other players, another number of runs, or `more` of its block's keys (None: as they are).

        Other players, and another number of runs, have a folder of their own.

        Raises:
            UsageError: If the file lists its seeds, and a number of runs is asked for.
        """
        given = self.model_dump(exclude_unset=True)
        block = given["experiment"]
        if players:
            given["agents"] = [{"player": player} for player in players]
            block["name"] = f"{block['name']}-{safe_name('+'.join(players))}"
        if num_runs is not None:
            if self.experiment.seeds is not None:
                raise UsageError("--episodes does not go with a file that lists its seeds.")
            block |= {"num_runs": num_runs, "name": f"{block['name']}-{num_runs}-runs"}
        block |= {key: value for key, value in more.items() if value is not None}
        return Experiment.model_validate(given)

    @property
    def digest(self) -> str:
        """Identifies what is played; equal for files that differ in comments, order, or how many processes play."""
        said = self.model_dump(mode="json")
        for name in ("jobs", "verbose", "baselines", "limits", "save_gif", "gif_fps", "use_datetime"):
            del said["experiment"][name]
        text = json.dumps(said, sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def load_experiment(path: Path) -> Experiment:
    """The experiment in a file.

    Raises:
        ConfigError: With the line, and the nearest name where one is misspelt.
    """
    document = read_yaml(path)
    if not isinstance(document.value, dict):
        raise document.error((), "is not a mapping with agent, environment and experiment")
    try:
        return Experiment.model_validate(document.value)
    except ValidationError as error:
        raise _explained(document, error) from error


def _explained(document: Document, error: ValidationError) -> Exception:
    """The first problem of a file, in words."""
    problems = error.errors()
    inner = [
        item for item in problems if item["type"] != "too_short"
    ] or problems  # a list lacks what was refused in it
    misspelt = {item["loc"][:-1] for item in inner if item["type"] == "extra_forbidden"}
    inner = [item for item in inner if item["type"] != "missing" or item["loc"][:-1] not in misspelt]
    problem = min(inner, key=lambda item: document.line(_in_file(document, item["loc"])) or 0)
    location = _in_file(document, problem["loc"])
    name = str(location[-1]) if location else "the file"
    if problem["type"] == "extra_forbidden":
        known = _known_names(problem["loc"])
        near = difflib.get_close_matches(name, known, n=1)
        return document.error(
            location,
            f"unknown key {name!r}; " + (f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}."),
        )
    if problem["type"] == "missing":
        return document.error(location[:-1], f"{name!r} is missing")
    said = problem["msg"].removeprefix("Value error, ")
    return document.error(location, f"{name}: {said[:1].lower()}{said[1:]}" if location else said)


def _in_file(document: Document, location: Location) -> Location:
    """A location of the model as one of the file, where a list of one may stand as a single value."""
    if location and location[0] in {"agents", "environments"} and str(location[0]) not in document.value:
        single = str(location[0])[:-1]
        return (single, *location[2:])
    return location


def _known_names(location: Location) -> list[str]:
    model: type[BaseModel] = Experiment
    for part in location[:-1]:
        if part in {"agents", "agent"}:
            model = AgentBlock
        elif part in {"environments", "environment"}:
            model = EnvironmentBlock
        elif part == "experiment":
            model = ExperimentBlock
        elif part == "limits":
            model = Limits
    names = list(model.model_fields)
    return [*names, "agent", "environment"] if model is Experiment else names

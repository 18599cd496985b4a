"""Names of environments and players → objects. Listing names imports nothing of what is listed.

Environments, in this order: `remote:URL`, a path to an environment file or `FILE.py:Class`, a file in `$LDP_TUI_ENVS`
or `./envs`, a bundled file, `module:Class`, an entry point of the group `ldp_tui.envs`, any Gymnasium id. Players: the
built-in ones, then the group `ldp_tui.agents`, then `module:Class`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ldp_tui import __version__
from ldp_tui.adapters import aviary_make, aviary_names, dataset_tasks, ldp_make
from ldp_tui.adapters.catalogue import CATALOGUE
from ldp_tui.adapters.real_packages import importing_any_of
from ldp_tui.core.agent import Agent
from ldp_tui.core.environment import Environment
from ldp_tui.core.errors import UnknownName, UsageError
from ldp_tui.core.options import fitted
from ldp_tui.core.specs import Spec
from ldp_tui.core.tasks import TaskDataset
from ldp_tui.engine.events import AgentRecord, EnvironmentRecord
from ldp_tui.environment_files import EnvironmentFile, environment_files, find_environment_file, load_factory
from ldp_tui.web.addresses import check_address

if TYPE_CHECKING:
    from ldp_tui.adapters.aviary_env import AviaryEnvironment
    from ldp_tui.adapters.gymnasium_env import GymnasiumEnvironment
    from ldp_tui.adapters.ldp_agent import LdpAgent

ENVIRONMENT_GROUP = "ldp_tui.envs"
AGENT_GROUP = "ldp_tui.agents"
REMOTE = "remote"
"""`remote:http://host:port`: an environment that a task dataset server holds."""


@dataclass(frozen=True, slots=True)
class EnvironmentName:
    """One environment that can be asked for. `needs` names a missing extra, or is empty."""

    name: str
    group: str
    summary: str
    needs: str = ""
    error: str = ""
    """Why a file cannot be used, with its line; empty when it can."""


@dataclass(frozen=True, slots=True)
class AgentName:
    """One kind of player."""

    name: str
    summary: str
    options: tuple[str, ...] = ()


_AGENTS: dict[str, tuple[str, str]] = {
    "human": ("ldp_tui.agents.human:HumanAgent", "You, by keys and forms"),
    "random": ("ldp_tui.agents.random_players:RandomAgent", "Uniform over all actions, or over arguments that fit"),
    "mask-random": ("ldp_tui.agents.random_players:MaskRandomAgent", "Uniform over the legal actions only"),
    "optimal": ("ldp_tui.agents.optimal:OptimalAgent", "Exact optimum by dynamic programming (toy-text environments)"),
    "heuristic": (
        "ldp_tui.agents.heuristic:HeuristicAgent",
        "Documented rule of thumb (classic control, Lunar Lander)",
    ),
    "qlearning": (
        "ldp_tui.agents.qlearning_player:QLearningAgent",
        "Tabular Q-learning, trained in seconds at first use",
    ),
    "tiny": (
        "ldp_tui.agents.players:tiny_player",
        "The bundled language model: Blackjack, FrozenLake, CliffWalking, Taxi",
    ),
    "local": (
        "ldp_tui.agents.players:local_player",
        "A language model that runs here: local:FOLDER or local:OWNER/NAME",
    ),
    "reflect": ("ldp_tui.agents.players:reflect_player", "A language model that reflects and acts: reflect:MODEL"),
    "simple": ("ldp_tui.agents.players:simple_player", "A language model: simple:MODEL[,base_url=…]"),
    "react": ("ldp_tui.agents.players:react_player", "A language model that thinks aloud, then acts"),
    "no-tools": ("ldp_tui.agents.players:no_tools_player", "A language model that calls tools in plain text"),
    "memory": ("ldp_tui.agents.players:memory_player", "A language model that is shown memories of the project"),
    "tree-of-thoughts": (
        "ldp_tui.agents.players:tree_of_thoughts_player",
        "A language model that searches before it acts",
    ),
    "remote": ("ldp_tui.agents.remote:remote_player", "An agent behind HTTP: remote:URL"),
}


def environment_names() -> list[EnvironmentName]:
    """Every environment that can be listed: files first, then plug-ins, then Gymnasium's ids."""
    names = [EnvironmentName(file.name, file.group, file.summary, error=file.error) for file in environment_files()]
    names += [EnvironmentName(e.name, "plug-in", e.value) for e in entry_points(group=ENVIRONMENT_GROUP)]
    names += [EnvironmentName(entry.id, entry.group, entry.description, entry.extra) for entry in CATALOGUE]
    names += [
        EnvironmentName(f"{aviary_names.PREFIX}:{entry.name}", "aviary", entry.summary, entry.needs)
        for entry in aviary_names.AVIARY_NAMES
    ]
    return names


def tried(names: Iterable[EnvironmentName]) -> list[EnvironmentName]:
    """The same names; own files among them are imported, in another process, and those that fail say why. Blocks."""
    names = list(names)
    own = {name.name for name in names if name.group == "own" and not name.error}
    if not own:
        return names
    from ldp_tui.import_trial import import_errors  # needless where everything is bundled, and `envs` answers at once

    files = [file for file in environment_files() if file.name in own]
    errors = import_errors(files)
    found = {file.name: errors.get(file.path, "") for file in files}
    return [replace(name, error=name.error or found.get(name.name, "")) for name in names]


def _suggested() -> list[str]:
    """Names that a mistyped one may mean: not those of aviary's, which all have a prefix and names like ours."""
    return [name.name for name in environment_names() if name.group != aviary_names.PREFIX]


def agent_names() -> list[AgentName]:
    """Every player that can be listed."""
    names = [AgentName(name, summary) for name, (_, summary) in _AGENTS.items()]
    names += [AgentName(f"{ldp_make.PREFIX}:{name}", summary) for name, summary in ldp_make.listed().items()]
    return names + [AgentName(entry.name, entry.value) for entry in entry_points(group=AGENT_GROUP)]


def make_environment(text: str) -> tuple[Environment[Any], EnvironmentRecord]:
    """Environment that `text` asks for (`NAME[,key=value…]`), with its record.

    Raises:
        UsageError: Unknown name or argument, missing extra, or a file that cannot be imported; one line says which.
    """
    return environment_of(Spec.parse(text))


def environment_of(spec: Spec) -> tuple[Environment[Any], EnvironmentRecord]:
    """As `make_environment`, for options of any Python type."""
    if spec.name == REMOTE:
        from ldp_tui.adapters.serving.remote import remote_environment

        return _from_factory(partial(remote_environment, spec.model), spec, name=f"{REMOTE}:{spec.model}")
    within = spec.model if spec.name.endswith(".py") else ""  # FILE.py:Class
    name = f"{spec.name}:{spec.model}" if spec.model else spec.name
    file = find_environment_file(spec.name if within else name)
    if file is not None:
        with importing_any_of(str(file.path)):
            make = load_factory(file, within or "make")
        return _from_factory(make, spec, name=name, source=file)
    if spec.name == aviary_names.PREFIX and spec.model:
        call = partial(_call, what=f"environment {name!r}")
        return _with_aviary_record(aviary_make.make_named(spec.model, spec.options, call), name, spec, {})
    if spec.model:
        return _from_module(spec)
    for entry in entry_points(group=ENVIRONMENT_GROUP, name=spec.name):
        return _from_factory(_loaded(entry), spec, name=spec.name)
    return _from_gymnasium(spec)


def make_agent(text: str) -> tuple[Agent[Any], AgentRecord]:
    """Player that `text` asks for (`KIND[:MODEL][,key=value…]`), with its record.

    Raises:
        UsageError: Unknown kind or option; one line says which and what exists.
    """
    spec = Spec.parse(text)
    if spec.name == ldp_make.PREFIX and spec.model:
        return _ldp_agent(ldp_make.make_named(spec.model, spec.options, partial(_call, what=f"player {text!r}")), spec)
    factory = _named_agent(spec.name)
    model = spec.model or None
    what = f"player {spec.name!r}"
    if factory is None:
        names = [name.name for name in agent_names()]
        if model is None:
            raise UnknownName("agent", spec.name, names)
        module = _module(spec.name)  # `module:Class`: what follows the colon is no model
        if module is None:
            raise UnknownName("agent or module", spec.name, names)
        factory, model = _attribute(module, spec.model), None
    elif model is not None and not _takes(factory, "model"):
        raise UsageError(f"{what} takes no model, so nothing can follow its colon; {spec.model!r} was given.")
    options = {**({"model": model} if model else {}), **spec.options}
    call = partial(_call, what=what)
    agent = ldp_make.make_class(factory, options, call) if ldp_make.is_ldp_class(factory) else call(factory, options)
    if ldp_make.is_ldp_agent(agent):
        return _ldp_agent(ldp_make.adopted(agent), spec)
    if not isinstance(agent, Agent):
        raise UsageError(f"{text!r} makes a {type(agent).__name__}, not an Agent.")
    return agent, AgentRecord(str(spec), agent.kind, model, dict(spec.options))


def check_environment_name(text: str) -> None:
    """Raise UsageError if `text` cannot name an environment; imports nothing, so that a front end can ask first."""
    spec = Spec.parse(text)
    if spec.name == REMOTE:
        check_address(spec.model)
    if spec.model or "/" in spec.name or find_environment_file(spec.name) is not None:
        return
    names = _suggested()
    if spec.name not in names and "-v" not in spec.name:
        raise UnknownName("environment", spec.name, names)


def check_agent_name(text: str) -> None:
    """Raise UsageError if `text` cannot name a player; imports nothing."""
    spec = Spec.parse(text)
    names = {name.name for name in agent_names()}
    if spec.name not in names and not spec.model:
        raise UnknownName("agent", spec.name, names)


def _named_agent(name: str) -> Callable[..., Any] | None:
    """Factory of a built-in player or a plug-in; None if there is none of that name."""
    if name in _AGENTS:
        module, _, attribute = _AGENTS[name][0].partition(":")
        factory: Callable[..., Any] = getattr(import_module(module), attribute)
        return factory
    for entry in entry_points(group=AGENT_GROUP, name=name):
        return _loaded(entry)
    return None


def _loaded(entry: EntryPoint) -> Callable[..., Any]:
    try:
        with importing_any_of(f"The plug-in {entry.name}"):
            loaded: Callable[..., Any] = entry.load()
    except UsageError:
        raise
    except Exception as error:
        raise UsageError(
            f"The plug-in {entry.name} ({entry.value}) cannot be imported: {type(error).__name__}: {error}"
        ) from error
    return loaded


def _module(name: str) -> ModuleType | None:
    """The module of that name; None if there is none."""
    try:
        with importing_any_of(name):
            return import_module(name)
    except UsageError:
        raise
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            return None
        raise UsageError(f"{name} cannot be imported: {error}") from error
    except Exception as error:
        raise UsageError(f"{name} cannot be imported: {type(error).__name__}: {error}") from error


def _attribute(module: ModuleType, name: str) -> Callable[..., Any]:
    """What a module calls `name`; raises UnknownName with what it offers instead."""
    found: Callable[..., Any] | None = getattr(module, name, None)
    if found is None:
        package = module.__name__.partition(".")[0]
        offered = [
            key
            for key, value in vars(module).items()
            if callable(value)
            and not key.startswith("_")
            and str(getattr(value, "__module__", "")).partition(".")[0] == package
        ]
        raise UnknownName("class or function", name, offered, of=f"module {module.__name__!r}")
    return found


def _from_module(spec: Spec) -> tuple[Environment[Any], EnvironmentRecord]:
    """`module:Class`, or a Gymnasium id behind the module that registers it."""
    module = _module(spec.name)
    if module is None:
        names = _suggested()
        if spec.name in names:
            raise UsageError(f"environment {spec.name!r} takes nothing after a colon; options follow a comma.")
        raise UnknownName("environment or module", spec.name, names)
    if hasattr(module, spec.model):
        return _from_factory(_attribute(module, spec.model), spec, name=f"{spec.name}:{spec.model}")
    try:
        return _from_gymnasium(spec)
    except UnknownName as error:
        if error.kind == "environment" and spec.model.isidentifier():
            _attribute(module, spec.model)
        raise


def _from_factory(
    factory: Callable[..., Any], spec: Spec, *, name: str, source: EnvironmentFile | None = None
) -> tuple[Environment[Any], EnvironmentRecord]:
    call = partial(_call, what=f"environment {name!r}")
    if dataset_tasks.is_dataset_class(factory):
        made: Any = dataset_tasks.made_by(factory, spec.options, call)
    else:
        made = aviary_make.made_by(factory, spec.options, call)
        if isinstance(made, TaskDataset):
            made = dataset_tasks.played(made)
    packages = {"ldp-tui": __version__}
    if source is not None:
        packages["source"] = source.digest
    if aviary_make.is_adopted(made):
        return _with_aviary_record(made, name, spec, packages)
    if isinstance(made, Environment):
        return made, EnvironmentRecord(name, "tools", dict(spec.options), packages)
    import gymnasium

    from ldp_tui.adapters.gymnasium_env import GymnasiumEnvironment

    if not isinstance(made, gymnasium.Env):
        raise UsageError(f"environment {name!r} makes a {type(made).__name__}, not an Environment.")
    adapted = GymnasiumEnvironment(made)
    return adapted, _gymnasium_record(adapted, name, spec.options, packages)


def _with_aviary_record(
    made: AviaryEnvironment, name: str, spec: Spec, packages: Mapping[str, str]
) -> tuple[Environment[Any], EnvironmentRecord]:
    played = {"ldp-tui": __version__, **packages, **aviary_make.packages_of(made)}
    return made, EnvironmentRecord(name, "aviary", dict(spec.options), played)


def _ldp_agent(agent: LdpAgent, spec: Spec) -> tuple[Agent[Any], AgentRecord]:
    played = agent.ldp_agent
    config = {**spec.options, "packages": ldp_make.packages_of(played)}
    return agent, AgentRecord(str(spec), agent.kind, ldp_make.model_of(played), config, ldp_make.prompt_of(played))


def _from_gymnasium(spec: Spec) -> tuple[Environment[Any], EnvironmentRecord]:
    from ldp_tui.adapters.gymnasium_env import GymnasiumEnvironment
    from ldp_tui.adapters.gymnasium_make import options_as_taken

    id_ = f"{spec.name}:{spec.model}" if spec.model else spec.name
    if "id" in spec.options:
        raise UnknownName("option", "id", [], of=id_)
    try:
        options = options_as_taken(id_, spec.options)
        env = GymnasiumEnvironment.make(id_, **fitted(GymnasiumEnvironment.make, options, of=id_))
    except UnknownName as error:
        if error.kind != "environment":
            raise
        raise UnknownName("environment", id_, [*error.available, *_suggested()]) from error
    return env, _gymnasium_record(env, id_, spec.options, {})


def _gymnasium_record(
    env: GymnasiumEnvironment, name: str, options: Mapping[str, Any], packages: Mapping[str, str]
) -> EnvironmentRecord:
    record = EnvironmentRecord(**env.describe())
    return replace(
        record, name=name, spec={**record.spec, "options": dict(options)}, packages={**record.packages, **packages}
    )


def _takes(factory: Callable[..., Any], option: str) -> bool:
    parameters, takes_any = _parameters(factory)
    return takes_any or option in parameters


def _parameters(factory: Callable[..., Any]) -> tuple[Mapping[str, inspect.Parameter], bool]:
    """What a factory declares, and whether it takes any other option too."""
    try:
        parameters = inspect.signature(factory).parameters
    except (TypeError, ValueError):  # some built-in callables have no signature
        return {}, True
    return parameters, any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())


def _call(factory: Callable[..., Any], options: Mapping[str, Any], *, what: str) -> Any:
    """Call a factory with a person's options; what it cannot take becomes a sentence."""
    parameters, takes_any = _parameters(factory)
    for name in options:
        if name not in parameters and not takes_any:
            raise UnknownName("option", name, parameters, of=what)
    missing = [
        p.name
        for p in parameters.values()
        if p.default is p.empty and p.name not in options and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
    ]
    if missing:
        raise UsageError(f"{what} needs {', '.join(f'{name}=…' for name in missing)}.")
    try:
        return factory(**fitted(factory, options, of=what))
    except UsageError:
        raise
    except Exception as error:
        raise UsageError(f"{what} cannot be made: {type(error).__name__}: {error}") from error

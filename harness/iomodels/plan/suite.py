"""Suites: read a TOML file of servers and loads into checked, frozen data."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeGuard

from iomodels.base.errors import USAGE, Failure, hint
from iomodels.base.files import PACKAGE
from iomodels.base.words import toml, visible
from iomodels.plan.load import Load, load_from, shape_errors
from iomodels.plan.server import ONLY_OURS, Server, is_number, server_errors, server_from

SUITES = PACKAGE / "suites"

MAX_CONNECTIONS = 100_000
MAX_SIZE = 1_048_576  # the largest payload of a frame
AUTOMATIC = 0  # loadgen_threads, until Suite.on_loadgen_cpus() chooses
MOST_AUTOMATIC = 16  # threads of the load generator (docs/decisions/0110-threads-of-the-load.md)

# Allowed numbers; the command line's options have the same bounds.
BOUNDS: dict[str, tuple[int, int]] = {
    "connections": (1, MAX_CONNECTIONS),
    "sizes": (1, MAX_SIZE),
    "depth": (1, 1024),
    "rounds": (1, 1000),
    "minutes": (1, 1440),
    "warmup_ms": (0, 3_600_000),
    "duration_ms": (1, 3_600_000),
    "seed": (0, 2**32 - 1),
    "loadgen_threads": (1, 256),
    "rate_percents": (1, 95),
    "rate_connections": (1, MAX_CONNECTIONS),
    "rate_sizes": (1, MAX_SIZE),
    "active": (1, MAX_CONNECTIONS),
}
LOOKS = (8, 12, 18, 27, 40)
"""The rounds after which a suite with `minutes` may stop a load; judge/rule.py corrects for them.
"""
_TEXTS = ("title", "question")
ARRIVALS = ("constant", "poisson")
_LEVELS = (
    "connections",
    "sizes",
    "rate_percents",
    "rate_connections",
    "rate_sizes",
    "active",
)
_NUMBERS = tuple(name for name in BOUNDS if name not in _LEVELS)
_OPTIONAL = (
    *_LEVELS[2:],
    "rounds",
    "minutes",
    "seed",
    "loadgen_threads",
    "rate_arrivals",
    "native",
    "native_servers",
)
_QUICK = (*_LEVELS, *_NUMBERS)


@dataclass(frozen=True)
class Suite:
    """The subject of a run: every server at every number of connections and every size.

    rounds: passes over the loads; with `minutes` the most that a load gets. minutes: length of a
    sequential plan (measure/rounds.py); 0: a fixed plan. rate_percents: offered rates, in percent
    of the slowest server's peak at that load (judge/rates.py). rate_connections, rate_sizes: where
    these rates are offered; empty: everywhere. rate_arrivals: constant or poisson. active: per
    number of connections, how many send; the others only stay open. Empty: all. native: the models
    are those of Linux, which run without Wine. seed: decides the
    order. A run draws one unless the command line names one. loadgen_threads: AUTOMATIC until
    on_loadgen_cpus() chooses a number.
    """

    name: str
    title: str
    question: str
    servers: tuple[Server, ...]
    connections: tuple[int, ...]
    sizes: tuple[int, ...]
    depth: int
    rounds: int
    warmup_ms: int
    duration_ms: int
    seed: int
    loadgen_threads: int
    minutes: int = 0
    rate_percents: tuple[int, ...] = ()
    rate_connections: tuple[int, ...] = ()
    rate_sizes: tuple[int, ...] = ()
    rate_arrivals: str = "constant"
    active: tuple[int, ...] = ()
    native: bool = False
    load: Load = field(default_factory=Load)
    load_file: str = field(default="", compare=False)
    """The file of its load, for errors; a resumed run knows only the suite's name."""
    load_options: tuple[str, ...] = field(default=(), compare=False)
    """Words of the load that the command line gave, for errors."""

    def idle(self, connections: int) -> int:
        """Return how many of a load's connections only stay open."""
        active = dict(zip(self.connections, self.active)).get(connections)
        return 0 if active is None else connections - active

    def to_json(self) -> dict[str, Any]:
        data = {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in asdict(self).items()
            if key not in ("load_file", "load_options")
        }
        data["servers"] = [server.to_json() for server in self.servers]
        data["load"] = self.load.to_json()
        if not self.native:
            del data["native"]
        return data

    def on_cores(self, cores: int) -> Suite:
        """Return the suite with numbers in place of multiples of the server's cores."""
        servers = tuple(
            replace(
                server,
                options=(
                    *server.options,
                    *((name, factor * cores) for name, factor in server.per_core),
                ),
                per_core=(),
            )
            for server in self.servers
        )
        return replace(self, servers=servers)

    def on_loadgen_cpus(self, cpus: int) -> Suite:
        """Return the suite with a number of load generator threads: the given one, else one per CPU
        of the load generator up to MOST_AUTOMATIC. `cpus` is 0 if it is not pinned."""
        automatic = min(max(cpus, 1), MOST_AUTOMATIC)
        return replace(self, loadgen_threads=self.loadgen_threads or automatic)

    def with_servers(self, servers: Iterable[Server]) -> Suite:
        """Return the suite with these servers, too. Raises Failure for a name it has already."""
        added = tuple(servers)
        taken = [server.model for server in (*self.servers, *added)]
        for server in added:
            if taken.count(server.model) > 1:
                raise Failure(
                    f"server {server.model}: must differ from the names of the other servers",
                    exit_code=USAGE,
                )
        return replace(self, servers=(*self.servers, *added))

    def with_models(self, models: Iterable[str], strangers: Iterable[Server] = ()) -> Suite:
        """Return the suite with these models: its own servers of them, the others with default
        options. `strangers` join it later, so their names are no models."""
        own = {server.model for server in (*self.servers, *strangers)}
        wanted = list(models)
        kept = [server for server in self.servers if server.model in wanted]
        added = [Server(model) for model in wanted if model not in own]
        return replace(self, servers=(*kept, *added))


def suite_files() -> dict[str, Path]:
    return {path.stem: path for path in sorted(SUITES.glob("*.toml"))}


def find_suite(name: str) -> Path:
    """Return the file of a suite: a name means one of ours, a path any file."""
    files = suite_files()
    if name in files:
        return files[name]
    if name.endswith(".toml"):
        if Path(name).is_file():
            return Path(name)
        why = "is a folder" if Path(name).is_dir() else "no such file"
        why = "is no plain file" if Path(name).exists() and not Path(name).is_dir() else why
        raise Failure(f"suite {name}: {why}", exit_code=USAGE)
    raise Failure(f"suite {name}: not known; {hint(name, files)}", exit_code=USAGE)


def load_suite(path: Path, *, quick: bool = False, native: bool = False) -> Suite:
    """Read and check a suite. Raises Failure with every error of the file, one line each.

    native: with models of Linux. They take the place of the others if the suite names them.
    """
    data = _read_toml(path)
    errors = _errors(data, str(path))
    of_linux = data.pop("native_servers", None)
    if native:
        data |= {"native": True, **({} if of_linux is None else {"servers": of_linux})}
    overrides = data.pop("quick", {})
    errors += _quick_errors(overrides, str(path))
    if isinstance(overrides, dict) and {"active", "connections"} & set(overrides):
        errors += _active_errors({**data, **overrides}, f"{path}: quick.")
    if errors:
        raise Failure(*errors, exit_code=USAGE)
    if quick and "rounds" in overrides:
        data.pop("minutes", None)
    return replace(
        suite_from(path.stem, {**data, **overrides} if quick else data), load_file=str(path)
    )


def load_file(path: Path) -> Load:
    """Return the [load] of a TOML file, of a suite or alone. Raises Failure."""
    data = _read_toml(path)
    errors = (
        shape_errors(data["load"], f"{path}: load")
        if "load" in data
        else [f"{path}: load: missing"]
    )
    if errors:
        raise Failure(*errors, exit_code=USAGE)
    return load_from(data["load"])


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))  # Notepad writes a mark first
    except OSError as error:
        raise Failure(f"{path}: cannot be read: {error.strerror}", exit_code=USAGE) from None
    except RecursionError:
        raise Failure(f"{path}: not TOML: too deeply nested", exit_code=USAGE) from None
    except ValueError as error:  # TOMLDecodeError, or a number of thousands of digits
        raise Failure(f"{path}: not TOML: {error}", exit_code=USAGE) from None


def suite_from(name: str, data: Mapping[str, Any]) -> Suite:
    """Return a suite from checked data: a TOML file's or, for a resumed run, its manifest's."""
    servers = tuple(server_from(entry) for entry in data["servers"])
    fields: dict[str, Any] = {key: data[key] for key in (*_TEXTS, *_NUMBERS) if key in data}
    fields.setdefault("rounds", LOOKS[-1])
    fields.setdefault("seed", 1)
    fields.setdefault("loadgen_threads", AUTOMATIC)
    fields |= {key: tuple(data.get(key, ())) for key in _LEVELS}
    fields["native"] = data.get("native", False)
    fields["rate_arrivals"] = data.get("rate_arrivals", ARRIVALS[0])
    return Suite(name=name, servers=servers, load=load_from(data.get("load", {})), **fields)


def model_errors(suite: Suite, models: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the suite's conflicts with the built servers (model name -> describe event)."""
    errors = []
    for server in suite.servers:
        where = f"suite {suite.name}: model {server.model}"
        if server.model not in models:
            errors.append(f"{where}: no such server was built; {hint(server.model, models)}")
            continue
        options = {option["name"]: option for option in models[server.model]["options"]}
        for name, value in server.options:
            what = f"{where}: option {name} = {value}"
            if name not in options:
                errors.append(f"{what}: no such option; {hint(name, options)}")
            elif not options[name]["min"] <= value <= options[name]["max"]:
                errors.append(f"{what}: must be {options[name]['min']} … {options[name]['max']}")
    return errors + _beyond_an_echo(suite)


def _beyond_an_echo(suite: Suite) -> list[str]:
    """Return what the load asks of an external server that only ours can do."""
    words = dict(suite.load.options) | {
        word: value for _, each in suite.load.classes for word, value in each
    }
    asked = [word for word in ONLY_OURS if words.get(word, 0) != 0]
    return [
        f"suite {suite.name}: {server.model}: an external server only echoes, "
        f"so the load must omit {asked[0]}"
        for server in suite.servers
        if server.external and asked
    ]


def _errors(data: Mapping[str, Any], where: str) -> list[str]:
    known = (*_TEXTS, "servers", *_QUICK, "rate_arrivals", "native", "native_servers")
    errors = [
        f"{where}: {key}: no such key; {hint(key, [*known, 'load', 'quick'])}"
        for key in data
        if key not in (*known, "load", "quick")
    ]
    errors += [
        f"{where}: {key}: missing" for key in known if key not in data and key not in _OPTIONAL
    ]
    for key in _TEXTS:
        if key in data and not (isinstance(data[key], str) and data[key].strip()):
            errors.append(f"{where}: {key} = {toml(data[key])}: must be a text")
        elif key in data and data[key] != visible(data[key]):
            errors.append(f"{where}: {key} = {toml(data[key])}: must have no control characters")
    for key in ("servers", "native_servers"):
        errors += server_errors(data[key], where, key) if key in data else []
    if "load" in data:
        errors += shape_errors(data["load"], f"{where}: load")
        if data.get("rate_percents") and isinstance(data["load"], dict) and "rate" in data["load"]:
            errors.append(
                f"{where}: load.rate: must be omitted with rate_percents, which set the rates"
            )
    return errors + _number_errors(data, where) + _plan_errors(data, where)


def _plan_errors(data: Mapping[str, Any], where: str) -> list[str]:
    """Return the errors of keys that are right one by one."""
    errors = []
    if data.get("rate_arrivals", ARRIVALS[0]) not in ARRIVALS:
        errors.append(
            f"{where}: rate_arrivals = {toml(data['rate_arrivals'])}: "
            f"must be one of: {', '.join(ARRIVALS)}"
        )
    if not isinstance(data.get("native", False), bool):
        errors.append(f"{where}: native = {toml(data['native'])}: must be true or false")
    if ("rounds" in data) is ("minutes" in data):
        errors.append(f"{where}: needs rounds (a fixed plan) or minutes (a plan that stops)")
    return errors + _active_errors(data, f"{where}: ")


def _active_errors(data: Mapping[str, Any], where: str) -> list[str]:
    """`active` has one number per number of connections, at most that one."""
    active, connections = data.get("active"), data.get("connections")
    if not (_are_numbers(active) and _are_numbers(connections)):
        return []  # missing, or another error names it
    if len(active) != len(connections):
        return [f"{where}active: must have as many numbers as connections"]
    if any(one > all_ for one, all_ in zip(active, connections)):
        return [f"{where}active: must be at most the connections at the same position"]
    return []


def _quick_errors(overrides: object, where: str) -> list[str]:
    if not isinstance(overrides, dict):
        return [f"{where}: quick = {toml(overrides)}: must be a table"]
    errors = [
        f"{where}: quick.{key}: no such key; {hint(key, _QUICK)}"
        for key in overrides
        if key not in _QUICK
    ]
    return errors + _number_errors(overrides, where, "quick.")


def _number_errors(data: Mapping[str, Any], where: str, prefix: str = "") -> list[str]:
    errors = []
    for key in _QUICK:
        if key not in data:
            continue
        value, (low, high) = data[key], BOUNDS[key]
        what = f"{where}: {prefix}{key} = {toml(value)}"
        if key in _NUMBERS:
            if not is_number(value, low, high):
                errors.append(f"{what}: must be a whole number {low} … {high}")
        elif not (
            isinstance(value, list)
            and (value or key in _OPTIONAL)
            and all(is_number(entry, low, high) for entry in value)
        ):
            errors.append(f"{what}: must be a list of whole numbers {low} … {high}")
        elif key != "active" and len(set(value)) < len(value):
            errors.append(f"{what}: must not repeat a value")
    return errors


def _are_numbers(value: object) -> TypeGuard[list[int]]:
    return isinstance(value, list) and all(is_number(each, 0, 2**32 - 1) for each in value)

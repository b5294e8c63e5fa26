"""The servers of a suite: a model with its options, or a program that is not ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from iomodels.base.errors import hint
from iomodels.base.words import toml
from iomodels.plan.external import MARK, External, external_errors, external_from

MAX_ALIAS = 24  # characters: tables must hold it
MAX_PER_CORE = 256  # of an option in multiples of the server's cores
ONLY_OURS = ("reply-size", "cpu-us", "block-us")
"""Words of a load that ask a server for more than an echo."""


@dataclass(frozen=True)
class Server:
    """A model with its options, or an external server, whose name is then the model.

    per_core: options in multiples of the server's cores, until Suite.on_cores() makes them numbers.
    alias: names the series in place of model and options.
    """

    model: str
    options: tuple[tuple[str, int], ...] = ()
    alias: str = ""
    per_core: tuple[tuple[str, int], ...] = ()
    external: External | None = None

    @property
    def label(self) -> str:
        """Name of the series: its alias, else "iocp", or "iocp threads=4" with options."""
        options = [f"{name}={value}" for name, value in self.options]
        options += [f"{name}={value}×cores" for name, value in self.per_core]
        return self.alias or " ".join([self.model, *options])

    def to_json(self) -> dict[str, Any]:
        data: dict[str, Any] = {"model": self.model, "options": dict(self.options)}
        data |= {"per_core": dict(self.per_core)} if self.per_core else {}
        data |= {"alias": self.alias} if self.alias else {}
        return {**data, "external": self.external.to_json()} if self.external else data


def external_server(name: str, external: External) -> Server:
    """Return the server of that name; its label carries the mark of all external ones."""
    return Server(name, alias=name + MARK, external=external)


def server_from(entry: Mapping[str, Any]) -> Server:
    """Return the server of a checked entry, of a TOML file or of a manifest."""
    if "name" in entry:
        return external_server(entry["name"], external_from(entry))
    if "external" in entry:
        return external_server(entry["model"], external_from(entry["external"]))
    return Server(
        entry["model"],
        tuple(entry.get("options", {}).items()),
        entry.get("alias", ""),
        tuple(entry.get("per_core", {}).items()),
    )


def server_errors(servers: object, where: str, key: str = "servers") -> list[str]:
    """Return one line per error of `[[servers]]`, or of the other `key`."""
    if not (isinstance(servers, list) and servers):
        return [f"{where}: {key} = {toml(servers)}: must be one or more [[{key}]] tables"]
    errors: list[str] = []
    seen: list[object] = []
    for place, entry in enumerate(servers):
        what = f"{where}: {key}[{place}]"
        if not isinstance(entry, dict):
            errors.append(f"{what} = {toml(entry)}: must be a table with model, options, alias")
            continue
        errors += external_errors(entry, what) if "name" in entry else _model_errors(entry, what)
        errors += _name_errors(entry, servers, what)
        if entry in seen:
            errors.append(
                f"{what}: another server has the same model and options; give it an alias"
            )
        seen.append(entry)
    return errors


def _model_errors(entry: Mapping[str, Any], what: str) -> list[str]:
    known = ("model", "options", "per_core", "alias")
    errors = [
        f"{what}.{key}: no such key; {hint(key, [*known, 'name'])}"
        for key in entry
        if key not in known
    ]
    model = entry.get("model")
    if not (isinstance(model, str) and model):
        errors.append(f"{what}.model = {toml(model)}: must be the name of a model")
    for key, least, most in (("options", 0, 2**32 - 1), ("per_core", 1, MAX_PER_CORE)):
        errors += _option_errors(entry.get(key, {}), f"{what}.{key}", least, most)
    both = {*_names(entry.get("options"))} & {*_names(entry.get("per_core"))}
    errors += [f"{what}.per_core.{name}: must not be in options, too" for name in sorted(both)]
    return errors


def _option_errors(options: object, what: str, least: int, most: int) -> list[str]:
    if not isinstance(options, dict):
        return [f"{what} = {toml(options)}: must be a table of whole numbers"]
    rule = "must be a whole number" + (f" {least} … {most}" if least else "")
    return [
        f"{what}.{name} = {toml(value)}: {rule}"
        for name, value in options.items()
        if not is_number(value, least, most)
    ]


def _names(options: object) -> Iterable[str]:
    return options if isinstance(options, dict) else ()


def _name_errors(entry: Mapping[str, Any], servers: Iterable[object], where: str) -> list[str]:
    """Check that alias or name belong to one series, and are no other server's label."""
    key = next((key for key in ("alias", "name") if key in entry), None)
    if key is None:
        return []
    alias = entry[key]
    what = f"{where}.{key} = {toml(alias)}"
    if key == "alias" and not (
        isinstance(alias, str)
        and alias.strip() == alias
        and alias.isprintable()
        and 1 <= len(alias) <= MAX_ALIAS
    ):
        return [f"{what}: must be a text of at most {MAX_ALIAS} characters"]
    others = [other for other in servers if isinstance(other, dict) and other is not entry]
    if any(
        alias in (other.get("alias"), other.get("model"), other.get("name")) for other in others
    ):
        return [f"{what}: must differ from the names of the other servers"]
    return []


def is_number(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high

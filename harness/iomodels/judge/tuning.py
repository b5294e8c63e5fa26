"""A tuning as data: its loads, its plan, the options it chooses, and the score of each setting."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from iomodels.base.errors import Failure
from iomodels.data.records import Record
from iomodels.judge import surface
from iomodels.plan import load as plan_load
from iomodels.plan.suite import Server, Suite

KNOBS = ("threads", "concurrency", "min-threads")
"""Server options that a tuning chooses if the model has them; each is at most `threads`."""
BLOCK_MAX_US = 250_000


@dataclass(frozen=True)
class Load:
    """One load of a tuning: connections, and the handler's computing and blocking time in µs."""

    connections: int
    cpu_us: int
    block_us: int

    def __str__(self) -> str:
        return f"{self.connections}c {self.cpu_us}+{self.block_us}us"

    @property
    def words(self) -> str:
        plural = "" if self.connections == 1 else "s"
        return (
            f"{self.connections:,} connection{plural}, "
            f"handler {self.cpu_us} µs of CPU and {self.block_us} µs blocked"
        )


@dataclass(frozen=True)
class Plan:
    """What is searched, and how. `slo_us`: the highest p99 allowed, 0 for no limit."""

    model: str
    loads: tuple[Load, ...]
    objective: str
    slo_us: int
    threads_max: int
    size: int
    rounds: int  # repeats of a setting that is tied with the best
    warmup_ms: int
    duration_ms: int
    seed: int
    loadgen_threads: int
    depth: int = 1
    words: tuple[tuple[str, plan_load.Value], ...] = ()
    """Words of the load generator that all loads share: idle, reply-size, rate, arrivals, churn."""

    @property
    def suite(self) -> Suite:
        """The suite of every measurement."""
        return Suite(
            name=f"tune-{self.model}",
            title=f"Tuning {self.model}",
            question="How many threads?",
            servers=(Server(self.model),),
            connections=tuple(sorted({load.connections for load in self.loads})),
            sizes=(self.size,),
            depth=self.depth,
            rounds=self.rounds,
            warmup_ms=self.warmup_ms,
            duration_ms=self.duration_ms,
            seed=self.seed,
            loadgen_threads=self.loadgen_threads,
            load=plan_load.Load(self.words),
            load_options=tuple(word for word, _ in self.words),
        )

    def suite_of(self, load: Load) -> Suite:
        """Return the suite of a measurement under this load."""
        work = (("cpu-us", load.cpu_us), ("block-us", load.block_us))
        return replace(
            self.suite, connections=(load.connections,), load=plan_load.Load((*self.words, *work))
        )

    @property
    def effort(self) -> surface.Effort:
        return surface.Effort(first=min(2, self.rounds), most=self.rounds)


def plan_from(manifest: Mapping[str, Any]) -> Plan:
    """The plan of a tune.json. Raises Failure."""
    data = dict(manifest.get("plan", {}))
    try:
        data["loads"] = tuple(Load(**load) for load in data["loads"])
        data["words"] = tuple((word, value) for word, value in data.get("words", ()))
        return Plan(**data)
    except (KeyError, TypeError, ValueError) as error:
        raise Failure(f"tune.json: plan: not one of a tuning: {error!r}") from None


def loads_of(
    connections: Iterable[int],
    cpu_us: Sequence[int],
    block_percent: Sequence[int],
    block_us: Sequence[int] = (),
) -> tuple[Load, ...]:
    """Return every combination; `block_us`, if given, replaces the percentages.

    Raises ValueError for an impossible share of blocking.
    """
    pairs = [(cpu, block) for cpu in cpu_us for block in block_us] or [
        (cpu, _block_us(cpu, percent)) for cpu in cpu_us for percent in block_percent
    ]
    return tuple(dict.fromkeys(Load(count, *pair) for count in connections for pair in pairs))


def _block_us(cpu_us: int, percent: int) -> int:
    """Return the blocking time of a handler that blocks for `percent` of its time."""
    if percent and not cpu_us:
        raise ValueError(f"--block-percent {percent}: must be 0 with --cpu-us 0; use --block-us")
    block_us = round(cpu_us * percent / (100 - percent))
    if block_us > BLOCK_MAX_US:
        raise ValueError(
            f"--block-percent {percent}: must not exceed {BLOCK_MAX_US} µs of blocking; "
            f"with --cpu-us {cpu_us} it is {block_us} µs"
        )
    return block_us


@dataclass(frozen=True)
class Knobs:
    """Return the tuned options and the cores of the model's server.

    There are no options if a model's threads follow its connections.
    """

    names: tuple[str, ...]
    threads_max: int
    cores: int

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Knobs:
        return cls(tuple(data["names"]), data["threads_max"], data["cores"])

    def options(self, setting: surface.Setting) -> tuple[tuple[str, int], ...]:
        return tuple(zip(self.names, setting))

    def setting(self, options: Iterable[tuple[str, int]]) -> surface.Setting:
        values = dict(options)
        return tuple(values[name] for name in self.names)

    def with_threads(self, threads: int) -> surface.Setting:
        """A number of workers, with a concurrency value of one per core, from a rule of thumb."""
        named = {
            "threads": threads,
            "concurrency": min(threads, self.cores),
            "min-threads": min(threads, 1),
        }
        return tuple(named[name] for name in self.names)

    def rules(self, load: Load) -> dict[str, surface.Setting]:
        if "threads" not in self.names:
            return {}
        share = self.cores * (1 + load.block_us / load.cpu_us) if load.cpu_us else float(self.cores)
        counts = {
            "cores": self.cores,
            "2 × cores": 2 * self.cores,
            "3 × cores": 3 * self.cores,
            "cores × (1 + block / cpu)": max(1, round(share)),
        }
        return {
            name: self.with_threads(min(count, self.threads_max)) for name, count in counts.items()
        }

    def space(self, load: Load) -> surface.Space:
        axes = tuple((name, 1, self.threads_max) for name in self.names)
        return surface.Space(
            axes,
            lambda setting: tuple(min(value, setting[0]) for value in setting),
            tuple(self.rules(load).values()),
        )


def value_of(record: Record, objective: str) -> float | None:
    """Return the objective of one repeat in its own unit; None if it failed or is unavailable."""
    if not record.ok or not record.loadgen or not record.server:
        return None
    result = record.loadgen["result"]
    if objective == "throughput":
        return float(result["requests_per_second"])
    if objective == "p99":
        return result["response"]["p99"] / 1e3 if result["response"]["p99"] else None
    begin, end = record.server["begin"], record.server["end"]
    parts = [
        (begin["process"].get(name), end["process"].get(name))
        for name in ("cpu_user_ns", "cpu_kernel_ns")
    ]
    if any(first is None or last is None for first, last in parts):
        return None
    used_ns = sum(last - first for first, last in parts)
    served = end["counters"]["requests"] - begin["counters"]["requests"]
    return served / used_ns * 1e9 if used_ns > 0 else None


def score_of(record: Record, plan: Plan) -> float | None:
    """Higher is better; None if the repeat exceeded the latency limit."""
    value = value_of(record, plan.objective)
    if value is None:
        return None
    if plan.slo_us:
        p99 = value_of(record, "p99")
        if p99 is None or p99 > plan.slo_us:
            return None
    return 1 / value if plan.objective == "p99" else value


def scores_of(
    records: Sequence[Record], plan: Plan, knobs: Knobs, load: Load
) -> dict[surface.Setting, list[float | None]]:
    scores: dict[surface.Setting, list[float | None]] = {}
    for record in records:
        if record.condition.alias == str(load):
            scores.setdefault(knobs.setting(record.condition.options), []).append(
                score_of(record, plan)
            )
    return scores

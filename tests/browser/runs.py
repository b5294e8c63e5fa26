"""The runs whose pages are looked at: a kept one, and made ones of every kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from iomodels.base.files import ROOT
from iomodels.data.records import Record
from iomodels.data.store import load_run
from iomodels.judge.summary import summarise
from iomodels.plan.order import Measurement
from iomodels.plan.server import Server
from iomodels.report.context import context
from iomodels.report.run_page import run_page
from made_run import AB, ab_suite, make_run, noisy_rate, offered_rate, suite_of, with_counters
from made_run import with_everything as everything

FULL = ROOT / "tests" / "fixtures" / "runs" / "20261121-182742-models"
"""Real, under Wine: seven series at ten loads, ten rounds, two of which share a program."""
MODELS = ("select", "threads", "events", "apc", "iocp", "tpio")
WINDOWS = "windows-11-26100"
BASES = {model: 9000.0 - 700.0 * place for place, model in enumerate(MODELS)}


def full(folder: Path) -> Path:
    return FULL


def one_cell(folder: Path) -> Path:
    return make_run(folder, suite_of((Server("iocp"),), (64,), (64,), 8), enrich=everything)


def many(folder: Path) -> Path:
    """700 cells."""
    servers = (*map(Server, MODELS), Server("select", alias="select again"))
    suite = suite_of(servers, [2**power for power in range(10)], [64 * n for n in range(1, 11)], 8)
    return make_run(folder, suite, rate=noisy_rate(BASES | {"select again": BASES["select"]}))


def failed(folder: Path) -> Path:
    """The baseline fails everywhere, threads from 64 connections on, iocp in one round."""

    def rate(item: Measurement) -> float | None:
        model, many_ = item.condition.model, item.condition.connections >= 64
        if model == "select" or (model == "threads" and many_):
            return None
        return None if (model, item.repeat) == ("iocp", 1) else noisy_rate(BASES)(item)

    suite = suite_of(map(Server, MODELS), (1, 64), (64,), 8)
    return make_run(folder, suite, rate=rate, enrich=everything)


def none_valid(folder: Path) -> Path:
    return make_run(folder, suite_of(map(Server, MODELS), (1, 64), (64,)), rate=lambda item: None)


def empty(folder: Path) -> Path:
    return make_run(folder, measured=0, status="interrupted")


def interrupted(folder: Path) -> Path:
    return make_run(folder, measured=17, status="interrupted", enrich=everything)


def windows(folder: Path) -> Path:
    """Without a wineserver."""

    def counted(record: Record) -> Record:
        per_request = {"server.cpu_ns": 21e3, "server.context_switches": 2.5}
        return with_counters(record, per_request, threads=4)

    suite = suite_of(map(Server, MODELS), (1, 64, 1024), (64,), 8)
    return make_run(folder, suite, rate=noisy_rate(BASES), platform=WINDOWS, enrich=counted)


def offered(folder: Path) -> Path:
    """A closed loop, then three offered rates."""
    suite = replace(suite_of(connections=(16,), sizes=(64,), rounds=8), rate_percents=(25, 50, 75))
    return make_run(folder, suite, rate=offered_rate, enrich=everything)


def builds(folder: Path) -> Path:
    series = ("iocp@old", "iocp@new", "select@old", "select@new")
    rates = dict(zip(series, (8000.0, 9000.0, 5000.0, 5000.0)))
    suite = ab_suite(series, (1, 64), rounds=8)
    return make_run(folder, suite, rate=noisy_rate(rates), manifest=AB, enrich=everything)


RUNS: dict[str, Callable[[Path], Path]] = {
    make.__name__: make
    for make in (
        *(full, one_cell, many, failed, none_valid, empty, interrupted),
        *(windows, offered, builds),
    )
}


def write_page(make: Callable[[Path], Path], folder: Path) -> Path:
    """Write the page of a run without its static figures; return its path."""
    summary = summarise(load_run(make(folder)))
    shown = context(summary, [], []) | {"alone": True, "records": "x", "figures": []}
    path = folder / "report.html"
    path.write_text(run_page(summary, shown), encoding="utf-8")
    return path

"""The runs whose pages are looked at: a kept one, and made ones of every kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import made_slo
import made_tuning
from iomodels.base.files import ROOT
from iomodels.cli.main import main
from iomodels.data.records import Record
from iomodels.data.store import load_run
from iomodels.data.verdicts import load as load_verdicts
from iomodels.figures import palette
from iomodels.judge.summary import summarise
from iomodels.plan.order import Measurement
from iomodels.plan.server import Server
from iomodels.report.claims import write_pages
from iomodels.report.context import context
from iomodels.report.index_page import write_index
from iomodels.report.page_data import page_data
from iomodels.report.run_page import run_page
from iomodels.report.slo_page import write_slo_report
from iomodels.report.tuning import write_tune_report
from made_join import LINUX, write_run
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


def sixteen(folder: Path) -> Path:
    """Every model of this repository."""
    names = [name for name in palette.MODELS if name != "epoll"]
    bases = {name: 9000.0 - 400.0 * place for place, name in enumerate(names)}
    suite = suite_of(map(Server, names), (1, 64, 1000), (64,), 8)
    return make_run(folder, suite, rate=noisy_rate(bases), enrich=everything)


def own(folder: Path) -> Path:
    """Servers of a user next to models, with names that no model has."""
    bases = {"iocp": 9000.0, "libuv": 8000.0, "my.asio-server": 7000.0, "тест": 6000.0}
    bases |= {"two ports, batch 64": 5000.0}
    servers = [Server(name, alias=name if "," in name else "") for name in bases]
    suite = suite_of(servers, (1, 64), (64,), 8)
    return make_run(folder, suite, rate=noisy_rate(bases), enrich=everything)


def crowd(folder: Path) -> Path:
    """Few active connections among many; one server cannot hold the largest crowd."""

    def rate(item: Measurement) -> float | None:
        large = item.condition.connections > 64
        return None if large and item.condition.model == "select" else noisy_rate(BASES)(item)

    suite = replace(suite_of(map(Server, MODELS), (64, 1024), (64,), 8), active=(64, 100))
    return make_run(folder, suite, rate=rate, enrich=everything)


RUNS: dict[str, Callable[[Path], Path]] = {
    make.__name__: make
    for make in (
        *(full, one_cell, many, failed, none_valid, empty, interrupted),
        *(windows, offered, builds, sixteen, own, crowd),
    )
}


def tuning(folder: Path) -> Path:
    return write_tune_report(made_tuning.folder_of(folder)).page


def slo(folder: Path) -> Path:
    capacities = {"select": 4000, "iocp": 12_400, "threads": 8000}
    return write_slo_report(made_slo.folder_of(made_slo.made(capacities, late=20_000), folder))


def index(folder: Path) -> Path:
    """The page of all runs: two of Wine, one of Windows."""
    for number, platform in enumerate(("wine-8.0", "wine-8.0", WINDOWS)):
        made = make_run(folder, suite_of(connections=(1,), sizes=(64,)), platform=platform)
        name = f"2025010{number + 1}-000000-run"
        for file in made.glob("*.json*"):
            file.write_text(file.read_text("utf-8").replace(made.name, name), "utf-8")
        made.rename(made.with_name(name))
    write_index(folder)
    return folder / "index.html"


def join(folder: Path) -> Path:
    """The page of two platforms, of two runs each."""
    runs = [write_run(folder, each, number) for each in (WINDOWS, LINUX) for number in range(2)]
    assert main(["join", *map(str, runs), "--out", str(folder / "page")]) == 0
    return folder / "page" / "join.html"


def claims(folder: Path) -> Path:
    kept = load_verdicts(ROOT / "results" / "claims" / "wine-8.0" / "claims.json")
    return write_pages(kept, folder)


OTHERS: dict[str, Callable[[Path], Path]] = {
    make.__name__: make for make in (tuning, slo, index, join, claims)
}
"""Pages that are not of a run, as functions that write them."""


def write_page(make: Callable[[Path], Path], folder: Path) -> Path:
    """Write the page of a run without its static figures; return its path."""
    summary = summarise(load_run(make(folder)))
    shown = context(summary, [], []) | {"alone": True, "records": "x", "figures": []}
    path = folder / "report.html"
    path.write_text(run_page(summary, shown, page_data(summary, shown["answer"])), encoding="utf-8")
    return path

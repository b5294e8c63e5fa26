"""The [load] of a suite: one set of words with the load generator's options, checked by the load generator itself."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from test_suite import GOOD, write

from iomodels.base.errors import Failure
from iomodels.measure.load_check import _in_words, load_errors
from iomodels.measure.measurement import load_options
from iomodels.plan.load import Load, load_from, shape_errors
from iomodels.plan.order import make_plan
from iomodels.plan.suite import Suite, load_suite
from stage import FakeLauncher, Stage

TEXT = """
[load]
rate = 2000
arrivals = "poisson"
block-us = "exp:500"
[load.class.heavy]
connections = 1
size = 65536
[load.class.light]
rate = 100
"""


def test_the_words_are_the_options() -> None:
    load = load_from(tomllib.loads(TEXT)["load"])
    assert load.arguments(101) == {
        "rate": 2000,
        "arrivals": "poisson",
        "block-us": "exp:500",
        "class": ("heavy:connections=1,size=65536", "light:connections=100,rate=100"),
    }
    assert load.rate == 2100, "the heavy class takes the rate that the load names"
    assert (
        str(load)
        == "rate 2000, arrivals poisson, block-us exp:500; heavy: connections 1, size 65536; light: rate 100"
    )
    assert load_from(load.to_json()) == load


def test_a_suite_without_a_load_adds_nothing(suite: Suite) -> None:
    assert not suite.load and suite.load.arguments(5) == {}


def test_a_suite_passes_its_load_on(launcher: FakeLauncher, stage: Stage, suite: Suite) -> None:
    loaded = replace(suite, load=Load((("rate", 7), ("arrivals", "poisson"))))
    assert stage.start(loaded) == 0
    argv = [
        program.argv
        for program in launcher.programs
        if "--warmup-ms" in program.argv and "--describe" not in program.argv
    ]
    assert argv and all(" ".join(each).count("--rate 7 --arrivals poisson") == 1 for each in argv)
    assert "load: rate 7, arrivals poisson" in stage.text


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "rate = 2000",
            "connections = 4",
            "load.connections = 4: not here; use connections = [...]",
        ),
        ("rate = 2000", "port = 4", "load.port = 4: the harness sets it itself"),
        (
            "rate = 2000",
            "rate = 2.5",
            "load.rate = 2.5: must be a whole number, true, false, or a text",
        ),
        ("rate = 2000", 'cpu-us = "1 2"', "load.cpu-us = '1 2': must be a whole number"),
        ("size = 65536", "size = []", "load.class.heavy.size = []: must be a whole number"),
        (
            "connections = 1",
            'connections = "x"',
            "load.class.heavy.connections = 'x': must be a whole number",
        ),
        (
            TEXT[TEXT.index("[load.class") :],
            "class = 5",
            "load.class = 5: must be tables [mine.toml: load.class.NAME]",
        ),
        (TEXT, "load = 5", "load = 5: must be a table"),
    ],
)
def test_names_what_is_wrong(old: str, new: str, expected: str) -> None:
    assert old in TEXT
    errors = "\n".join(
        shape_errors(tomllib.loads(TEXT.replace(old, new, 1))["load"], "mine.toml: load")
    )
    assert expected in errors and errors.startswith("mine.toml: load")


def test_a_suite_names_its_file(tmp_path: Path) -> None:
    text = GOOD.replace("[quick]", "[load]\nthreads = 3\n[quick]")
    with pytest.raises(
        Failure, match=r"mine.toml: load.threads = 3: not here; use loadgen_threads = \.\.\."
    ):
        load_suite(write(tmp_path, text))
    suite = load_suite(write(tmp_path, text.replace("threads = 3", "rate = 3")))
    assert suite.load == Load((("rate", 3),))


@pytest.mark.parametrize(
    ("sizes", "connections", "expected"),
    [
        ((1, None), 2, []),
        ((1, None), 1, ["its classes have 1 connections; they must have fewer than the suite's 1"]),
        ((1, 100), 101, []),
        ((1, 100), 64, ["its classes have 101 connections; they must have exactly the suite's 64"]),
        (
            (None, None),
            8,
            ["only one class may omit its connections; it gets those that the others leave"],
        ),
    ],
)
def test_classes_share_out_the_connections(
    sizes: tuple[int | None, ...], connections: int, expected: list[str]
) -> None:
    words = [() if size is None else (("connections", size),) for size in sizes]
    assert (
        Load((), tuple((f"c{place}", each) for place, each in enumerate(words))).connection_errors(
            connections
        )
        == expected
    )


def test_the_load_generator_is_asked(launcher: FakeLauncher, suite: Suite, stage: Stage) -> None:
    loaded = replace(suite, load=Load((("rate", 9),)))
    condition = make_plan(loaded)[0].condition
    assert load_errors(launcher, load_options(loaded, condition), "suite small") == []
    launcher.asked = "refuses its load"
    assert load_errors(launcher, load_options(loaded, condition), "suite small") == [
        "suite small: load.rate = 9: must be less"
    ]
    with pytest.raises(Failure, match=r"suite small: load.rate = 9: must be less"):
        stage.start(loaded)
    assert not stage.out.exists(), "nothing was measured"


def test_a_suite_from_a_file_is_named_by_it(
    tmp_path: Path, launcher: FakeLauncher, stage: Stage, suite: Suite
) -> None:
    """As its other errors are: whoever gave a path wants to know which."""
    path = write(tmp_path, GOOD.replace("[quick]", "[load]\nrate = 9\n[quick]"))
    loaded = replace(suite, load=Load((("rate", 9),)), load_file=load_suite(path).load_file)
    launcher.asked = "refuses its load"
    with pytest.raises(Failure) as refused:
        stage.start(loaded)
    assert refused.value.lines == (f"{path}: load.rate = 9: must be less",)
    assert "load_file" not in loaded.to_json(), "a run's manifest holds no path of this machine"


def test_an_unknown_key_names_the_known_ones(stage: Stage, suite: Suite) -> None:
    with pytest.raises(Failure) as refused:
        stage.start(replace(suite, load=Load((("fast", 1),))))
    assert refused.value.lines == ("suite small: load.fast: no such key; available: rate, churn",)


@pytest.mark.parametrize(
    ("text", "churns"),
    [
        ("", False),
        ("churn = 5", True),
        ("churn = 0\n[load.class.a]", False),
        ("[load.class.a]\n[load.class.b]\nchurn = 3", True),
        ("churn = 3\n[load.class.a]\nchurn = 0", False),
    ],
)
def test_whether_connections_come_and_go(text: str, churns: bool) -> None:
    assert load_from(tomllib.loads(f"[load]\n{text}")["load"]).churns is churns


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("loadgen: --rate 1e9: must be less", "rate = 1e9: must be less"),
        (
            "loadgen.exe: --arrivals poisson: needs a --rate above 0",
            "arrivals = poisson: needs a --rate above 0",
        ),
        (
            "loadgen: --class light-2: --depth 9: must be: less",
            "class.light-2.depth = 9: must be: less",
        ),
        (
            "loadgen: --class light: --Sizee=4: no such option; see --help",
            "class.light.Sizee = 4: no such option; see --help",
        ),
        (
            "loadgen: --class A:size=1: must be NAME:OPTION=VALUE,...",
            "class = A:size=1: must be NAME:OPTION=VALUE,...",
        ),
        ("out of memory", "out of memory"),
    ],
)
def test_the_load_generators_words_become_the_suites(said: str, words: str) -> None:
    assert _in_words(said) == words


def test_classes_that_do_not_fit_are_refused(suite: Suite, stage: Stage) -> None:
    loaded = replace(suite, load=Load((), (("a", (("connections", 1),)), ("b", ()))))
    with pytest.raises(
        Failure,
        match="suite small: load: at 1 connections: its classes have 1 connections; they must have fewer",
    ):
        stage.start(loaded)


def test_a_reply_size_is_part_of_the_condition(suite: Suite) -> None:
    fixed, drawn = (replace(suite, load=Load((("reply-size", value),))) for value in (5, "1..5"))
    assert {item.condition.reply_size for item in make_plan(fixed)} == {5}
    assert {item.condition.reply_size for item in make_plan(drawn)} == {64}

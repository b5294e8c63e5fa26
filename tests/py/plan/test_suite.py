from __future__ import annotations

from pathlib import Path

import pytest

from iomodels.base.errors import Failure
from iomodels.plan.server import Server
from iomodels.plan.suite import (
    AUTOMATIC,
    LOOKS,
    Suite,
    find_suite,
    load_suite,
    model_errors,
    suite_files,
    suite_from,
)
from stage import described

GOOD = """
title = "A"
question = "Which?"
connections = [1, 8]
sizes = [64]
depth = 1
rounds = 3
warmup_ms = 100
duration_ms = 200
seed = 1
loadgen_threads = 1
[[servers]]
model = "one"
[[servers]]
model = "one"
options = { threads = 4 }
[quick]
connections = [1]
rounds = 2
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def errors_of(path: Path) -> str:
    with pytest.raises(Failure) as caught:
        load_suite(path)
    return "\n".join(caught.value.lines)


def test_reads_every_word(tmp_path: Path) -> None:
    suite = load_suite(write(tmp_path, GOOD))
    servers = (Server("one"), Server("one", (("threads", 4),)))
    assert suite == Suite("mine", "A", "Which?", servers, (1, 8), (64,), 1, 3, 100, 200, 1, 1)


def test_quick_changes_only_what_it_names(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    whole, quick = load_suite(path), load_suite(path, quick=True)
    assert (quick.connections, quick.rounds) == ((1,), 2)
    assert (quick.servers, quick.sizes, quick.duration_ms) == (
        whole.servers,
        whole.sizes,
        whole.duration_ms,
    )


@pytest.mark.parametrize(
    "text", [GOOD, GOOD.replace("options = { threads = 4 }", 'alias = "one again"')]
)
def test_survives_its_manifest(tmp_path: Path, text: str) -> None:
    suite = load_suite(write(tmp_path, text))
    assert suite_from(suite.name, suite.to_json()) == suite


def test_an_alias_lists_one_server_twice(tmp_path: Path) -> None:
    suite = load_suite(
        write(tmp_path, GOOD.replace("options = { threads = 4 }", 'alias = "one again"'))
    )
    assert suite.servers == (Server("one"), Server("one", alias="one again"))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("rounds = 3", "rounds = 0", "mine.toml: rounds = 0: must be a whole number 1 … 1000"),
        ("rounds = 3", "rounds = true", "rounds = true: must be a whole number"),
        ("rounds = 3", "rounds = 2.5", "rounds = 2.5: must be a whole number"),
        ("rounds = 3", "rounds = 3\nminutes = 5", "needs rounds (a fixed plan) or minutes (a plan"),
        ("rounds = 3", "", "needs rounds (a fixed plan) or minutes (a plan that stops)"),
        ("rounds = 3", "minutes = 0", "minutes = 0: must be a whole number 1 … 1440"),
        ("depth = 1", "depth = 1\nactive = [1]", "active: must have as many numbers as connect"),
        ("depth = 1", "depth = 1\nactive = [1, 9]", "active: must be at most the connections at"),
        ("depth = 1", "depth = 1\nactive = [1, 0]", "active = [1, 0]: must be a list of whole"),
        (
            "depth = 1",
            "depth = 1\nactive = [1, 8]",
            "mine.toml: quick.active: must have as many numbers as connections",
        ),
        ("depth = 1", "depth = 1\nrate_percents = [96]", "must be a list of whole numbers 1 … 95"),
        (
            "depth = 1",
            'depth = 1\nrate_arrivals = "bursts"',
            "rate_arrivals = 'bursts': must be one of: constant, poisson",
        ),
        ("depth = 1", "", "mine.toml: depth: missing"),
        ("depth = 1", "depth = 1\ndeepness = 1", "deepness: no such key"),
        ("seed = 1", "seeds = 1", "seeds: no such key; did you mean seed?"),
        ("[1, 8]", "[]", "connections = []: must be a list of whole numbers 1 … 100000"),
        ("[1, 8]", "8", "connections = 8: must be a list"),
        ("[1, 8]", "[8, 8]", "connections = [8, 8]: must not repeat a value"),
        (
            "sizes = [64]",
            "sizes = [2000000]",
            "sizes = [2000000]: must be a list of whole numbers 1 … 1048576",
        ),
        ('title = "A"', 'title = ""', "title = '': must be a text"),
        ('model = "one"\n[[', "model = 1\n[[", "servers[0].model = 1: must be the name of a model"),
        (
            "threads = 4",
            'threads = "4"',
            "servers[1].options.threads = '4': must be a whole number",
        ),
        (
            "options = { threads = 4 }",
            "option = 4",
            "servers[1].option: no such key; did you mean options?",
        ),
        (
            "options = { threads = 4 }",
            "",
            "servers[1]: another server has the same model and options; give it an alias",
        ),
        (
            "options = { threads = 4 }",
            'alias = ""',
            "servers[1].alias = '': must be a text of at most 24 characters",
        ),
        ("options = { threads = 4 }", "alias = 4", "servers[1].alias = 4: must be a text"),
        (
            "options = { threads = 4 }",
            'alias = "one"',
            "servers[1].alias = 'one': must differ from the names of the other servers",
        ),
        (
            'model = "one"\n[[',
            'model = "one"\nalias = "x"\n[[servers]]\nmodel = "two"\nalias = "x"\n[[',
            "servers[0].alias = 'x': must differ from",
        ),
        ("[quick]", "[quick]\nmodels = 1", "quick.models: no such key"),
        ("[quick]", "[quick]\nseed = -1", "quick.seed = -1: must be a whole number 0"),
    ],
)
def test_names_what_is_wrong(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in GOOD
    errors = errors_of(write(tmp_path, GOOD.replace(old, new, 1)))
    assert expected in errors
    assert errors.startswith(str(tmp_path))


def test_names_every_error_at_once(tmp_path: Path) -> None:
    errors = errors_of(
        write(tmp_path, GOOD.replace("depth = 1", "depth = 0").replace("seed = 1", "seed = -1"))
    )
    assert len(errors.splitlines()) == 2


def test_no_servers(tmp_path: Path) -> None:
    text = GOOD[: GOOD.index("[[servers]]")]
    assert "servers: missing" in errors_of(write(tmp_path, text))
    assert "servers = []: must be one or more" in errors_of(write(tmp_path, text + "servers = []"))


def test_a_server_that_is_no_table_does_not_hide_the_errors_of_the_next(tmp_path: Path) -> None:
    text = GOOD[: GOOD.index("[[servers]]")]
    errors = errors_of(write(tmp_path, text + 'servers = [5, { model = "" }]'))
    assert "servers[0] = 5: must be a table" in errors
    assert "servers[1].model" in errors


def test_not_toml(tmp_path: Path) -> None:
    assert "not TOML" in errors_of(write(tmp_path, "title = "))


def test_unknown_suite_suggests_a_near_one() -> None:
    with pytest.raises(Failure, match="did you mean select-vs-iocp"):
        find_suite("select-vs-icop")
    with pytest.raises(Failure, match="no such file"):
        find_suite("nowhere.toml")


@pytest.mark.parametrize("name", suite_files())
def test_our_suites_are_right(name: str) -> None:
    """Whole it stops by itself or has rounds enough for a claim; quick it is a fixed plan."""
    whole, quick = load_suite(find_suite(name)), load_suite(find_suite(name), quick=True)
    assert whole.rounds >= LOOKS[0] and (whole.minutes == 0 or whole.rounds == LOOKS[-1])
    assert (quick.minutes, quick.rounds) == (0, 3)


def test_select_vs_iocp_asks_what_it_promises() -> None:
    suite = load_suite(find_suite("select-vs-iocp"))
    assert [server.model for server in suite.servers] == ["select", "iocp"]
    assert suite.connections == (1, 64, 256, 1024)
    assert suite.sizes == (64, 4096)
    assert suite.minutes == 5
    assert (suite.rate_percents, suite.rate_connections, suite.rate_sizes) == ((50,), (64,), (64,))
    assert suite.rate_arrivals == "poisson"
    assert load_suite(find_suite("select-vs-iocp"), quick=True).rate_percents == ()


def test_models_asks_every_model_and_one_of_them_twice() -> None:
    suite = load_suite(find_suite("models"))
    assert [server.model for server in suite.servers] == [
        "select",
        "threads",
        "events",
        "apc",
        "iocp",
        "tpio",
        "select",
    ]
    assert [server.alias for server in suite.servers] == [""] * 6 + ["select again"]
    assert suite.connections == (1, 8, 64, 256, 1000) and suite.sizes == (64, 4096)
    assert suite.minutes == 25 and suite.rate_connections == (64,)


def test_the_crowd_is_idle_but_for_a_few() -> None:
    suite = load_suite(find_suite("idle-crowd"))
    assert [suite.idle(connections) for connections in suite.connections] == [0, 960, 9900]
    assert suite.idle(7) == 0, "a number that the suite does not have has no idle ones"
    quick = load_suite(find_suite("idle-crowd"), quick=True)
    assert [quick.idle(connections) for connections in quick.connections] == [0, 960]


def test_a_plan_that_stops_has_minutes_and_the_rounds_of_the_last_look(tmp_path: Path) -> None:
    text = GOOD.replace("rounds = 3", "minutes = 5")
    suite = load_suite(write(tmp_path, text))
    assert (suite.minutes, suite.rounds) == (5, LOOKS[-1])
    quick = load_suite(write(tmp_path, text), quick=True)
    assert (quick.minutes, quick.rounds) == (0, 2), "--quick has a fixed plan"


@pytest.mark.parametrize(
    ("cpus", "threads"), [(0, 1), (1, 1), (2, 2), (4, 4), (16, 16), (17, 16), (64, 16)]
)
def test_the_load_generator_has_a_thread_per_cpu(cpus: int, threads: int) -> None:
    suite = load_suite(find_suite("models"))
    assert suite.loadgen_threads == AUTOMATIC
    assert suite.on_loadgen_cpus(cpus).loadgen_threads == threads


def test_a_given_number_of_threads_is_kept(tmp_path: Path) -> None:
    given = load_suite(write(tmp_path, GOOD.replace("loadgen_threads = 1", "loadgen_threads = 3")))
    assert given.on_loadgen_cpus(8).loadgen_threads == 3
    with pytest.raises(Failure, match="loadgen_threads = 0: must be a whole number 1 … 256"):
        load_suite(write(tmp_path, GOOD.replace("loadgen_threads = 1", "loadgen_threads = 0")))


def test_servers_are_asked_what_they_are(suite: Suite) -> None:
    models = {"one": described("one"), "two": described("two")}
    assert model_errors(suite, models) == []
    (error,) = model_errors(suite, {"ones": described("ones"), "two": models["two"]})
    assert (
        error
        == "suite small: model one: no such server was built; did you mean ones? (available: ones, two)"
    )
    models["two"]["options"][0]["max"] = 3
    assert model_errors(suite, models) == [
        "suite small: model two: option threads = 4: must be 1 … 3"
    ]
    models["two"]["options"][0]["name"] = "thread"
    assert (
        "option threads = 4: no such option; did you mean thread?" in model_errors(suite, models)[0]
    )


def test_a_rate_of_its_own_and_shares_of_a_peak_exclude_each_other(tmp_path: Path) -> None:
    text = GOOD.replace("depth = 1", "depth = 1\nrate_percents = [50]").replace(
        "[[servers]]", "[load]\nrate = 100\n[[servers]]", 1
    )
    assert "load.rate: must be omitted with rate_percents" in errors_of(write(tmp_path, text))


PER_CORE = """
title = "Workers"
question = "How many?"
connections = [8]
sizes = [64]
depth = 1
rounds = 1
warmup_ms = 0
duration_ms = 1
loadgen_threads = 1
[[servers]]
model = "one"
options = { max-conns = 9 }
per_core = { threads = 2 }
[[servers]]
model = "one"
alias = "many"
per_core = { threads = 8 }
"""


def test_options_in_multiples_of_cores_become_numbers(tmp_path: Path) -> None:
    suite = load_suite(write(tmp_path, PER_CORE))
    assert [server.label for server in suite.servers] == [
        "one max-conns=9 threads=2×cores",
        "many",
    ]
    placed = suite.on_cores(4)
    assert [server.options for server in placed.servers] == [
        (("max-conns", 9), ("threads", 8)),
        (("threads", 32),),
    ]
    assert [server.label for server in placed.servers] == ["one max-conns=9 threads=8", "many"]
    assert placed == suite_from(suite.name, placed.to_json()), "a resumed run has the numbers"
    assert suite == suite_from(suite.name, suite.to_json())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("threads = 0", "servers[0].per_core.threads = 0: must be a whole number 1 … 256"),
        ("threads = '2x'", "servers[0].per_core.threads = '2x': must be a whole number 1 … 256"),
        ("threads = 257", "servers[0].per_core.threads = 257: must be a whole number 1 … 256"),
        ("max-conns = 1", "servers[0].per_core.max-conns: must not be in options, too"),
    ],
)
def test_wrong_multiples_are_named(wrong: str, message: str, tmp_path: Path) -> None:
    text = PER_CORE.replace("per_core = { threads = 2 }", f"per_core = {{ {wrong} }}")
    assert message in errors_of(write(tmp_path, text))


OF_LINUX = """
[[native_servers]]
model = "three"
"""


def test_models_of_linux_take_the_place_of_the_others(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD.replace("[quick]", OF_LINUX + "[quick]"))
    assert [each.model for each in load_suite(path).servers] == ["one", "one"]
    native = load_suite(path, native=True)
    assert native.native and native.servers == (Server("three"),)
    assert suite_from(native.name, native.to_json()) == native


def test_a_suite_without_models_of_linux_keeps_its_own(tmp_path: Path) -> None:
    native = load_suite(write(tmp_path, GOOD), native=True)
    assert native.native and [each.model for each in native.servers] == ["one", "one"]


def test_wrong_models_of_linux_are_named(tmp_path: Path) -> None:
    text = GOOD.replace("[quick]", OF_LINUX.replace('"three"', "3") + "[quick]")
    assert "native_servers[0].model = 3: must be the name of a model" in errors_of(
        write(tmp_path, text)
    )
    text = GOOD.replace("rounds = 3", 'rounds = 3\nnative = "yes"')
    assert "native = 'yes': must be true or false" in errors_of(write(tmp_path, text))

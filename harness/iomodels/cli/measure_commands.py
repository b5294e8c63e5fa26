"""The commands that measure: declared here, carried out in `measuring.py`."""

from __future__ import annotations

from typing import Any

from iomodels.cli import values
from iomodels.cli.cluster_commands import ON_RUN
from iomodels.cli.command import Command, Option
from iomodels.cli.experiment_commands import CLAIMS, LAWS
from iomodels.cli.options import (
    FAIL_FAST,
    JSON,
    LOUDNESS,
    WAIT,
    YES,
    load_words,
    loadgen_threads,
    number,
    out,
    plan_options,
    resume,
)
from iomodels.plan.order import SESSIONS

OBJECTIVES = ("throughput", "p99", "cpu", "threads")

AB_DEFAULTS: dict[str, Any] = {
    "connections": (1, 64, 256),
    "idle": 0,
    "size": (64,),
    "reply-size": "as the request",
    "depth": 1,
    "cpu-us": 0,
    "block-us": 0,
    "rate": 0,
    "arrivals": "constant",
    "churn": 0,
    "minutes": 5,
    "warmup_ms": 300,
    "duration_ms": 1000,
}
SLO_DEFAULTS: dict[str, Any] = {
    "connections": 64,
    "size": 64,
    "depth": 1,
    "idle": 0,
    "reply-size": "as the request",
    "cpu-us": 0,
    "block-us": 0,
    "arrivals": "constant",
    "churn": 0,
    "duration_ms": 3000,
    "warmup_ms": 500,
    "seed": 1,
    "trials": 60,
}
TUNE_DEFAULTS: dict[str, Any] = {
    "connections": 64,
    "idle": 0,
    "size": 64,
    "reply-size": "as the request",
    "depth": 1,
    "cpu-us": 0,
    "block-us": 0,
    "rate": 0,
    "arrivals": "constant",
    "churn": 0,
    "minutes": 5,
    "warmup_ms": 300,
    "duration_ms": 700,
}

AFFINITY_HELP = (
    "CPUs of each role, such as server=0,wineserver=0{loadgen}; "
    "none: no pinning (default: automatic)"
)


def affinity(loadgen: str) -> Option:
    text = AFFINITY_HELP.format(loadgen=loadgen)
    return Option("--affinity", text, "ROLE=CPUS", values.affinity)


RUN = Command(
    "run",
    "run SUITE [OPTIONS]",
    "measure a suite and write its report",
    "measure",
    "measuring:run",
    ("report", "results/README.md"),
    (
        Option(
            "SUITE",
            "name of a suite (see: iomodels suites), or a TOML file",
            type=values.name,
            optional=True,
            values="suite",
        ),
        Option("--quick", "short suite; rough results", flag=True),
        Option(
            "--models",
            "models to measure, in the suite or not (default: the suite's)",
            "A,B",
            values.names,
            values="model",
        ),
        Option(
            "--server",
            "an echo server of your own, such as mine='mine.exe --port {port}'; "
            "may be given several times",
            "NAME=COMMAND",
            values.server,
            repeat=True,
        ),
        Option(
            "--attach",
            "an echo server that already runs, such as mine=127.0.0.1:7000",
            "NAME=HOST:PORT",
            values.attached,
            repeat=True,
        ),
        Option("--native", "models of Linux, which run without Wine", flag=True),
        *load_words({}, lists=True),
        *plan_options("as in the suite"),
        Option(
            "--sessions",
            "number of sessions that share --rounds, hours or a reboot between them, "
            f"{SESSIONS[0]} to {SESSIONS[1]} (default: 1)",
            "N",
            values.whole(*SESSIONS),
        ),
        number("duration_ms", "measuring window", "as in the suite", "ms"),
        number("warmup_ms", "load before the measuring window", "as in the suite", "ms"),
        loadgen_threads("as in the suite, or one per CPU of its own"),
        number("seed", "seed of the order", "a new one, which is printed"),
        affinity(",loadgen=1-3"),
        *ON_RUN,
        out("folder for the run's folder"),
        Option("--dry-run", "only print the plan", flag=True),
        resume("interrupted run"),
        WAIT,
        FAIL_FAST,
        Option("--retry-failed", "with --resume: repeat failed or invalid measurements", flag=True),
        Option("--no-report", "write only the records; print only the table", flag=True),
        JSON,
        *LOUDNESS,
        YES,
    ),
    (
        ("iomodels run select-vs-iocp --quick", ""),
        ("iomodels run select-vs-iocp --connections 1,64,1024 --size 64 --rounds 5", ""),
        ("iomodels run my-suite.toml --dry-run", "print the plan in order"),
        ("iomodels run select-vs-iocp --server mine='mine.exe --port {port}'", "yours among ours"),
        ("iomodels run --resume latest --retry-failed", "measure what is missing or failed"),
    ),
    "Ctrl-C keeps all measurements and prints the command that resumes the run.",
    short="measure a suite and report",
)

AB = Command(
    "ab",
    "ab OLD NEW",
    "compare two builds in one run",
    "measure",
    "measuring:ab",
    None,
    (
        Option("OLD", "program, folder of programs, or commit", type=values.name),
        Option("NEW", "the build to compare with it", type=values.name),
        Option("--models", "models to compare (default: all of both)", "A,B", values.names),
        *load_words(AB_DEFAULTS, lists=True),
        *plan_options("5 minutes"),
        number("duration_ms", "measuring window", AB_DEFAULTS["duration_ms"], "ms"),
        number("warmup_ms", "load before the measuring window", AB_DEFAULTS["warmup_ms"], "ms"),
        number("seed", "seed of the order", "a new one, which is printed"),
        out("folder for the run's folder"),
        Option("--no-report", "write only the records; print only the table", flag=True),
        WAIT,
        FAIL_FAST,
        JSON,
        *LOUDNESS,
        YES,
    ),
    (
        ("iomodels ab HEAD~1 HEAD --models iocp", "what the last commit changed"),
        ("iomodels ab old/iocp.exe build/mingw/bin/iocp.exe --rounds 20", ""),
    ),
    "Ctrl-C keeps all measurements; iomodels run --resume continues. More: results/README.md.",
    joins=True,
    short="compare two builds",
)


def several_models(more: str) -> Option:
    """The models of a search: with blanks or commas between them."""
    return Option(
        "MODEL",
        f"models to compare, with blanks or commas between them {more}",
        type=values.names,
        many=True,
        values="model",
    )


SLO = Command(
    "slo",
    "slo MODEL… --slo pQ=TIME",
    "search the highest rate for an SLO",
    "measure",
    "measuring:slo",
    ("SLO", "docs/slo.md"),
    (
        several_models("(see: iomodels models)"),
        Option(
            "--slo",
            "limit of a percentile of the response time, such as p99=5ms",
            "pQ=TIME",
            values.slo,
        ),
        *load_words(SLO_DEFAULTS, lists=False, leave_out=("rate",)),
        Option(
            "--load",
            "TOML file whose [load] section holds further words of the load",
            "FILE",
            values.path,
            values="file",
        ),
        Option("--options", "options of every server", "NAME=N,…", values.server_options),
        Option(
            "--rate-from",
            "lowest rate in requests/s (default: enough replies for the percentile)",
            "N",
            values.whole(1, values.MAX_RATE, "requests/s"),
        ),
        Option(
            "--rate-to",
            "highest rate in requests/s (default: 80 % of the load generator's ceiling)",
            "N",
            values.whole(1, values.MAX_RATE, "requests/s"),
        ),
        Option(
            "--trials",
            f"trials per model at most, 10 to 1000 (default: {SLO_DEFAULTS['trials']}); "
            "with --resume: continue a complete search, too",
            "N",
            values.whole(10, 1000, "trials"),
        ),
        number("duration_ms", "measuring window of a trial", SLO_DEFAULTS["duration_ms"], "ms"),
        number("warmup_ms", "load before the measuring window", SLO_DEFAULTS["warmup_ms"], "ms"),
        loadgen_threads("one per CPU of its own"),
        number("seed", "seed of payloads and arrivals", SLO_DEFAULTS["seed"]),
        out("folder for the search's folder"),
        resume("interrupted search"),
        WAIT,
        JSON,
        *LOUDNESS,
        YES,
    ),
    (
        ("iomodels slo iocp --slo p99=5ms", ""),
        ("iomodels slo iocp threads select --slo p99=5ms", "the trials of the models take turns"),
        ("iomodels slo iocp --slo p99.9=20ms --connections 256 --options threads=4", ""),
        ("iomodels slo iocp --slo p99=5ms --cpu-us exp:50 --arrivals poisson", ""),
        ("iomodels slo --resume latest", "continue an interrupted search"),
    ),
    "A word of the load on the command line replaces the same word of --load FILE.",
)

TUNE = Command(
    "tune",
    "tune [MODEL…] [OPTIONS]",
    "find the model and the number of threads for a load",
    "measure",
    "measuring:tune",
    ("number of threads", "docs/tuning.md"),
    (
        several_models("(default: all that this platform runs)"),
        *load_words(TUNE_DEFAULTS, lists=False),
        Option(
            "--load",
            "TOML file whose [load] section holds further words of the load",
            "FILE",
            values.path,
            values="file",
        ),
        Option(
            "--objective",
            f"what to optimise: {', '.join(OBJECTIVES)}; p99 and threads need --rate "
            "(default: throughput, with --rate p99)",
            "WHAT",
            values.one_of(*OBJECTIVES),
            values=OBJECTIVES,
        ),
        number("minutes", "minutes of the race, without closing rounds", 5),
        Option(
            "--threads-max",
            "highest number of workers, 1 to 4096 (default: 64, or more for handlers that block)",
            "N",
            values.whole(1, 4096, "threads"),
        ),
        Option(
            "--options",
            "server options to try, such as threads=8:16,concurrency=0:4 (default: automatic)",
            "NAME=N:N,…",
            values.option_values,
        ),
        number("duration_ms", "measuring window", TUNE_DEFAULTS["duration_ms"], "ms"),
        number("warmup_ms", "load before the measuring window", TUNE_DEFAULTS["warmup_ms"], "ms"),
        loadgen_threads("one per CPU of its own"),
        number("seed", "seed of the order", "a new one, which is recorded"),
        out("folder for the tuning's folder"),
        resume("interrupted tuning (with --minutes: any tuning)"),
        WAIT,
        JSON,
        *LOUDNESS,
        YES,
    ),
    (
        ("iomodels tune --connections 500 --cpu-us 50 --block-us '0*7+2000*3'", ""),
        ("iomodels tune iocp tpio --connections 256 --minutes 10", "two models, ten minutes"),
        ("iomodels tune iocp --rate 5000 --objective p99", "lowest p99 at 5,000 requests/s"),
        ("iomodels tune --resume latest", "continue an interrupted tuning"),
        ("iomodels tune --resume latest --minutes 5", "race on for five minutes"),
    ),
    "A word of the load on the command line replaces the same word of --load FILE.\n"
    "Ctrl-C keeps all trials and prints the command that resumes the tuning.",
)

MICRO = Command(
    "micro",
    "micro [OPTIONS]",
    "measure what each primitive costs",
    "measure",
    "measuring:micro",
    ("primitive", "docs/microbench.md"),
    (
        Option(
            "--filter",
            "regular expression of benchmark names, such as completion_port",
            "REGEX",
            values.name,
        ),
        Option("--quick", "3 short repetitions; rough results", flag=True),
        Option(
            "--repetitions",
            "repetitions of each benchmark, 1 to 1000 (default: 10; a comparison needs 9)",
            "N",
            values.whole(1, 1000),
        ),
        Option(
            "--native",
            "portable benchmarks as a native program instead of a Windows program",
            flag=True,
        ),
        out("folder for the run's folder"),
        WAIT,
        JSON,
        *LOUDNESS,
        YES,
    ),
    (
        ("iomodels micro --quick", "rough results in about a minute"),
        ("iomodels micro --filter 'completion_port|event'", "some families with all repetitions"),
        ("iomodels compare BEFORE AFTER", "two micro runs, benchmark by benchmark"),
    ),
)

COMMANDS = (RUN, AB, SLO, TUNE, MICRO, LAWS, CLAIMS)

"""The commands that read results, describe this machine or help.

`reading.py` and `looking.py` carry them out.
"""

from __future__ import annotations

from iomodels.cli import values
from iomodels.cli.command import Command, Option
from iomodels.cli.options import MARGIN, RUN, RUN_HELP, as_json, out
from iomodels.plan.suite import MAX_CONNECTIONS, MAX_SIZE

SHELLS = ("bash", "zsh", "fish", "powershell")
TABLES = ("md", "csv")
"""The formats of `report --table`."""

REPORT = Command(
    "report",
    "report RUN",
    "write the report of a run again",
    "read",
    "reading:report",
    ("report", "results/README.md"),
    (
        RUN,
        Option("--open", "open the page in the browser", flag=True),
        Option(
            "--only",
            "servers to show (default: all); the statistics cover all servers of the run",
            "SERVER,…",
            values.names,
        ),
        Option(
            "--table",
            f"only the table of results, on stdout: {' or '.join(TABLES)}",
            "FORMAT",
            values.one_of(*TABLES),
            values=TABLES,
        ),
        Option(
            "--docs",
            "folder for a documentation site instead: Markdown, charts and CSV",
            "DIR",
            values.folder,
            values="folder",
        ),
        Option(
            "--charts",
            "with --docs: charts to write (default: all)",
            "CHART,…",
            values.names,
            values="chart",
        ),
        Option(
            "--json",
            "one JSON object instead of files (results/schema/report.schema.json)",
            flag=True,
        ),
        Option(
            "--baseline",
            "series that the others are compared with (default: the suite's first)",
            "SERIES",
            values.name,
        ),
        MARGIN,
    ),
    (
        ("iomodels report latest --open", "write the report and open it"),
        ("iomodels report latest --only select,iocp --table md", "a table to quote"),
        ("iomodels report latest --docs site --charts winner_map", "one chart for a site"),
    ),
    notes="RUN may be a tuning, an SLO search or a micro run, too.",
)

RUN_ACTIONS = ("list", "open", "prune")

RUNS = Command(
    "runs",
    "runs [open|prune] [RUN]",
    "list the runs, open one, or remove empty ones",
    "read",
    "listing:runs",
    ("runs", "results/README.md#all-runs"),
    (
        Option(
            "ACTION",
            "list, open or prune (default: list)",
            type=values.one_of(*RUN_ACTIONS),
            optional=True,
            values=RUN_ACTIONS,
        ),
        Option(
            "RUN",
            f"with open: {RUN_HELP} (default: the page of all runs)",
            type=values.name,
            optional=True,
            values="run",
        ),
        Option("--interrupted", "with prune: remove interrupted runs, too", flag=True),
        Option("--yes", "with prune: remove without asking", flag=True),
        as_json("a table"),
    ),
    (
        ("iomodels runs", "list every run, and write results/index.html"),
        ("iomodels runs open latest", "open the newest report in the browser"),
        ("iomodels runs prune --interrupted", "remove what has no result, after asking"),
    ),
    "prune never removes packed, contributed or damaged runs.",
    short="list, open or remove runs",
)

COMPARE = Command(
    "compare",
    "compare A B [C...]",
    "compare runs of one platform",
    "read",
    "reading:compare",
    ("runs", "results/README.md#compare-two-runs"),
    (
        Option("A", f"baseline: {RUN_HELP}", type=values.name, values="run"),
        Option("B", f"run to compare with it: {RUN_HELP}", type=values.name, values="run"),
        Option("MORE", "further runs to compare with A", "C", values.name, values="run", many=True),
        Option(
            "--html",
            "file for a page instead of the tables",
            "FILE",
            values.path,
            values="file",
        ),
        Option(
            "--despite",
            "differences to accept: platform, machine, placement, build, load, or all",
            "WHAT,…",
            values.names,
        ),
        as_json("tables"),
    ),
    (
        ("iomodels compare RUN_A RUN_B", "tables of B over A"),
        ("iomodels compare RUN_A RUN_B RUN_C --html compare.html", "a page of both over A"),
    ),
    notes="Runs of different platforms, machines, placements, builds or loads are rejected\n"
    "(exit code 2).\n"
    "--despite names what may differ.\n"
    "A ratio with ~ shows no difference. One with ? has fewer than nine repeats on a side.\n"
    "The exit code does not depend on the ratios.",
    joins=True,
    short="compare them",
)

PLOT = Command(
    "plot",
    "plot CHART RUN",
    "draw one chart of a run",
    "read",
    "reading:plot",
    ("chart", "results/README.md#charts"),
    (
        Option(
            "CHART", "name of the chart, as the report shows it", type=values.name, values="chart"
        ),
        RUN,
        Option(
            "--connections",
            "numbers of connections to draw (default: all)",
            "N,N",
            values.wholes(1, MAX_CONNECTIONS),
        ),
        Option(
            "--size",
            "payload sizes to draw, in bytes (default: all)",
            "N,N",
            values.wholes(1, MAX_SIZE, "bytes"),
        ),
        out("folder for the files", "figures/ in the run's folder"),
    ),
    short="draw one chart",
)

JOIN = Command(
    "join",
    "join A B [C...]",
    "join runs of one suite on Windows and on Linux",
    "read",
    "reading:join",
    ("one suite", "results/README.md#two-operating-systems"),
    (
        Option("A", f"a run on Windows or Linux: {RUN_HELP}", type=values.name, values="run"),
        Option("B", f"a run on the other one: {RUN_HELP}", type=values.name, values="run"),
        Option("MORE", "further runs of both", "C", values.name, values="run", many=True),
        Option(
            "--out",
            "folder for join.html, join.md and charts (default: tables only)",
            "DIR",
            values.folder,
            values="folder",
        ),
        Option(
            "--baseline",
            "Windows server that the Linux servers are compared with (default: the suite's first)",
            "SERVER",
            values.name,
        ),
        MARGIN,
        as_json("tables"),
    ),
    (
        ("iomodels join WINDOWS LINUX", "tables without a claim"),
        ("iomodels join W1 W2 W3 W4 L1 L2 L3 L4 --out joined", "a page with claims"),
    ),
    notes="Claims need two or more runs of each platform, and four are useful.\n"
    "Wine is rejected, and so are runs with another CPU, load generator or network\n"
    "(exit code 2). What else differs is listed, and what could not be checked.",
    joins=True,
    short="join two kernels",
)

EXPORT = Command(
    "export",
    "export RUN",
    "write the histograms of a run as HdrHistogram files",
    "read",
    "reading:export",
    ("HdrHistogram files", "docs/loadgen.md#files-for-hdrhistogram-plotters"),
    (RUN, out("folder for the files", "hdr/ in the run's folder")),
    short="write HdrHistogram files",
)

VALIDATE = Command(
    "validate",
    "validate RUN",
    "check a run for submission",
    "submit",
    "reading:validate",
    ("submission", "docs/windows.md#submit-a-run"),
    (RUN,),
    notes="A valid run is complete and reproducible, and follows its schemas.",
)

PACK = Command(
    "pack",
    "pack RUN",
    "compress a run for submission",
    "submit",
    "reading:pack",
    None,
    (RUN, out("new folder", "results/contributed/PLATFORM/RUN")),
    notes="A packed run has compressed records and a report of one page.",
    joins=True,
    short="pack it",
)

CHECK = Command(
    "check",
    "check",
    "list what may skew results, and the fixes",
    "look",
    "looking:check",
    options=(as_json("lines"),),
    notes="The check takes about two seconds and changes nothing.\n"
    "Exit codes: 0 nothing found, 1 something found, 2 usage.\n"
    "What could not be checked is listed and does not change the exit code.",
)

DOCTOR = Command(
    "doctor",
    "doctor",
    "end and remove what a killed run left behind",
    "look",
    "doctoring:doctor",
    options=(Option("--dry-run", "only list what was found", flag=True),),
    notes="It ends processes, removes Wine prefixes, and names the runs that can be resumed.\n"
    "A measurement that runs now is left alone.",
    joins=True,
    short="end what a killed run left",
)

MODELS = Command(
    "models",
    "models",
    "list the models",
    "look",
    "looking:models",
    options=(
        Option(
            "--table",
            "what each costs, its limit and the first Windows that has it, on stdout: md",
            "FORMAT",
            values.one_of("md"),
            values=("md",),
        ),
        as_json("a table"),
    ),
)

SUITES = Command(
    "suites",
    "suites",
    "list the suites",
    "look",
    "looking:suites",
    options=(as_json("lines"),),
    joins=True,
)

SETUP = Command(
    "setup",
    "setup",
    "install packages and build the programs",
    "build",
    notes="Part of the launcher script.",
    short="build",
)

TEST = Command(
    "test",
    "test [PART...] [-- OPTIONS]",
    "run the tests, or some parts",
    "build",
    link=("tests", "CONTRIBUTING.md#build-and-test"),
    notes="Part of the launcher script.",
    joins=True,
    short="run the tests",
)

NEW_MODEL = Command(
    "new-model",
    "new-model NAME",
    "start a model from another one",
    "build",
    "new_model:new_model",
    options=(
        Option("NAME", "name of the new model: 2 to 31 of a-z, 0-9 and _"),
        Option("--from", "model to copy", "MODEL", default="select", values="model"),
    ),
    examples=(("iomodels new-model wsapoll2 --from wsapoll", "source, page, build and tables"),),
    joins=True,
    short="start a model",
)

COMPLETION = Command(
    "completion",
    "completion SHELL",
    "print a script for tab completion",
    "build",
    "looking:completion",
    options=(
        Option("SHELL", f"one of: {', '.join(SHELLS)}", type=values.one_of(*SHELLS), values=SHELLS),
    ),
    examples=(
        ("iomodels completion bash > ~/.local/share/bash-completion/completions/iomodels", ""),
        ("iomodels completion zsh > DIR/_iomodels", "DIR is a folder of $fpath"),
        ("iomodels completion fish > ~/.config/fish/completions/iomodels.fish", ""),
        ("iomodels completion powershell >> $PROFILE", ""),
    ),
    short="print tab completion",
)

HELP = Command(
    "help",
    "help [COMMAND]",
    "print the commands, or the options of one",
    "build",
    "looking:help",
    options=(
        Option(
            "TOPIC", "name of a command", "COMMAND", values.name, optional=True, values="command"
        ),
    ),
    joins=True,
    short="print help",
)

COMMANDS = (
    REPORT,
    RUNS,
    COMPARE,
    PLOT,
    JOIN,
    EXPORT,
    VALIDATE,
    PACK,
    CHECK,
    DOCTOR,
    MODELS,
    SUITES,
    SETUP,
    TEST,
    COMPLETION,
    HELP,
    NEW_MODEL,
)

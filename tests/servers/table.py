"""Write docs/conformance.md: which checks of the conformance suite each model passes.

    python3 tests/servers/table.py --every-model   run the suite, write the page.
    python3 tests/servers/table.py --check [PAGE...]    compare pages and sources.
    python3 tests/servers/table.py --words              write the tests' new words.

Names, docstrings and markers of the tests give all of the page but the outcomes. Only the first
command runs the suite.
"""

from __future__ import annotations

import contextlib
import copy
import io
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "harness"))

from iomodels.base.files import write_whole
from iomodels.launch.launcher import Launcher

ROOT = Path(__file__).resolve().parents[2]

PAGE = ROOT / "docs" / "conformance.md"
REQUESTS = ROOT / "docs" / "requests.md"
MODULES = (
    *("test_echo", "test_frames", "test_calls", "test_hostile", "test_ends", "test_many"),
    *("test_resources", "test_life", "test_reports", "test_every_setting"),
)
"""In this order. Besides, test_loadgen checks the load generator, and test_broken the suite."""
PASSED, FAILED, LEFT_OUT, UNKNOWN = "✓", "✗", "–", "?"
HEAD = """# Conformance

One suite checks every model in the same way, with the Windows binaries. Each row is a check: a test
function of that name in `tests/servers/`, often with several cases. {passed} means passed,
{failed} failed, and {left_out} not asked, for the numbered reason.

**What Wine cannot show.** This page comes from a run under Wine. Such a run shows that a program is
right, not how Windows performs, and Wine is more forgiving in places. A check with a letter passed
here, but Wine leaves out part of the question. The list is at the end.

Platform of this run: {platform}.

`rio` and `socket_notify` ran with [stand-ins](decisions/0112-strict-stand-ins.md) for what Wine
lacks. `iocp_reuse` is not in the table, because Wine cannot run it.

`python3 tests/servers/table.py --every-model` runs the suite and writes this page. The tests
compare it with the sources.
"""


@dataclass
class Check:
    """One test function, and its outcome for each model."""

    name: str
    module: str
    sentence: str
    because: str | None  # why not all models are asked
    hides: tuple[str, ...]  # what Wine does not show
    outcomes: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)


class Table:
    """A plug-in of pytest: gathers checks during collection, and outcomes during the run."""

    def __init__(self) -> None:
        self.titles: dict[str, str] = {}
        self.checks: dict[str, Check] = {}
        self.models: set[str] = set()
        self.faults: dict[str, str] = {}
        self.platform = UNKNOWN
        self._of: dict[str, tuple[str, str]] = {}  # node id -> check, model

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            assert isinstance(item, pytest.Function)
            module = item.module.__name__
            parameters = item.callspec.params if hasattr(item, "callspec") else {}
            if module == "test_broken":
                self.faults[item.nodeid] = UNKNOWN
            if module not in MODULES or "model" not in parameters:
                continue
            self.titles[module] = _first_sentence(item.module.__doc__)
            self.models.add(parameters["model"])
            self._of[item.nodeid] = (item.originalname, parameters["model"])
            if item.originalname not in self.checks:
                asked = item.get_closest_marker("models")
                self.checks[item.originalname] = Check(
                    item.originalname,
                    module,
                    _first_sentence(item.function.__doc__),
                    asked.kwargs["because"] if asked else None,
                    tuple(marker.args[0] for marker in item.iter_markers("wine_hides")),
                )
            self.checks[item.originalname].outcomes.setdefault(parameters["model"], UNKNOWN)

    @pytest.fixture(scope="session", autouse=True)
    def _note_platform(self, launcher: Launcher) -> None:
        self.platform = launcher.platform

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        outcome = {"passed": PASSED, "failed": FAILED, "skipped": LEFT_OUT}[report.outcome]
        if report.when != "call" and outcome == PASSED:
            return
        if report.nodeid in self.faults:
            self.faults[report.nodeid] = _worse(self.faults[report.nodeid], outcome)
        if report.nodeid in self._of:
            name, model = self._of[report.nodeid]
            check = self.checks[name]
            check.outcomes[model] = _worse(check.outcomes[model], outcome)
            if outcome == LEFT_OUT and isinstance(report.longrepr, tuple):
                check.reasons[model] = report.longrepr[2].removeprefix("Skipped: ")

    def render(self) -> str:
        """The page. The same for every run with the same outcomes."""
        models = sorted(self.models)
        notes, hidden = Notes("0123456789"), Notes("abcdefghijklmnopqrstuvwxyz")
        lines = [
            HEAD.format(passed=PASSED, failed=FAILED, left_out=LEFT_OUT, platform=self.platform)
        ]
        for module in MODULES:
            checks = [check for check in self.checks.values() if check.module == module]
            if checks:
                title, _, more = self.titles[module].partition(": ")
                lines += [
                    f"## {title.rstrip('.')}",
                    "",
                    *([f"{more[0].upper()}{more[1:]}", ""] if more else []),
                ]
                lines += [
                    f"| check | what is asked | {' | '.join(models)} |",
                    "|---|---|" + ":-:|" * len(models),
                ]
                lines += [_row(check, models, notes, hidden) for check in checks] + [""]
        lines += self._requests(models)
        lines += ["## Why some checks are left out", "", *notes.lines(), ""]
        lines += ["## What Wine does not show", "", *hidden.lines(), ""]
        lines += [
            "## The suite can fail",
            "",
            "These checks pass a server without faults (`tests/fixtures/broken/`).",
            "They catch each of these faults:",
            "",
        ]
        lines += [f"- {outcome} {_fault(node)}" for node, outcome in self.faults.items()]
        return "\n".join(lines) + "\n"

    def _requests(self, models: list[str]) -> list[str]:
        """The rows of docs/requests.md for this platform, laid out like the others."""
        rows: dict[str, list[str]] = {}
        for line in REQUESTS.read_text(encoding="utf-8").splitlines() if REQUESTS.exists() else ():
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if len(cells) == 5 and cells[1] == self.platform:
                rows[cells[0]] = cells[2:4]
        if not rows:
            return []
        lines = [
            "## No wasted calls",
            "",
            f"Requests to the wineserver per echo of 64 bytes ([how]({REQUESTS.name})).",
            "",
        ]
        lines += [f"| | {' | '.join(models)} |", "|---|" + "--:|" * len(models)]
        for place, what in enumerate(("requests per echo", "at most")):
            cells = (rows[model][place] if model in rows else LEFT_OUT for model in models)
            lines.append(f"| {what} | {' | '.join(cells)} |")
        return [*lines, ""]

    def write(self) -> int:
        """Write the page; return an exit code: 1 if a check has no outcome."""
        unknown = [
            check.name for check in self.checks.values() if UNKNOWN in check.outcomes.values()
        ]
        if unknown or not self.checks:
            missing = ", ".join(unknown) or "every check"
            print(f"{PAGE.name}: not written: no outcome of {missing}", file=sys.stderr)
            return 1
        write_whole(PAGE, self.render())
        print(f"{PAGE.relative_to(ROOT)}: {len(self.checks)} checks, {len(self.models)} models")
        return 0

    def take_outcomes(self, page: str) -> None:
        """Take the outcomes that a page shows, to compare it with what the sources would make."""
        platform = re.search(r"^Platform of this run: (.*)\.$", page, re.MULTILINE)
        self.platform = platform[1] if platform else UNKNOWN
        numbered = dict(re.findall(r"^- <sup>(\d+)</sup> (.*)$", page, re.MULTILINE))
        models: list[str] = []
        for line in page.splitlines():
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if line.startswith("| check |"):
                models = cells[2:]
            name = re.match(r"\| `(\w+)`", line)
            check = self.checks.get(f"test_{name[1]}") if name else None
            for model, cell in zip(models, cells[2:], strict=False) if check else ():
                assert check
                if model in check.outcomes:
                    check.outcomes[model] = cell[:1]
                    check.reasons[model] = numbered.get(re.sub(r"\D", "", cell), "")
        for node in self.faults:
            shown = re.search(rf"^- (.) {re.escape(_fault(node))}$", page, re.MULTILINE)
            self.faults[node] = shown[1] if shown else UNKNOWN


class Notes:
    """Footnotes: the same text has the same sign, in the order of first use."""

    def __init__(self, signs: str) -> None:
        self._signs = signs
        self._known: dict[str, str] = {}

    def sign(self, text: str) -> str:
        number = len(self._known) + 1
        sign = str(number) if self._signs[0] == "0" else self._signs[number - 1]
        return f"<sup>{self._known.setdefault(text, sign)}</sup>"

    def lines(self) -> list[str]:
        return [f"- <sup>{sign}</sup> {text}" for text, sign in self._known.items()] or ["Nothing."]


def _row(check: Check, models: list[str], notes: Notes, hidden: Notes) -> str:
    cells = []
    for model in models:
        outcome = check.outcomes.get(model, LEFT_OUT)
        if outcome == LEFT_OUT:
            reason = check.reasons.get(model) if model in check.outcomes else check.because
            outcome += notes.sign(reason or "no reason given")
        cells.append(outcome)
    marks = "".join(hidden.sign(text) for text in check.hides)
    return (
        f"| `{check.name.removeprefix('test_')}`{marks} | {check.sentence} | {' | '.join(cells)} |"
    )


def _fault(node: str) -> str:
    """What is wrong with the server in that case of test_broken."""
    return node[node.index("[") + 1 : -1]


def _worse(one: str, other: str) -> str:
    """Of several cases of a check a failure decides, and a pass outweighs a case left out."""
    return min(one, other, key=[FAILED, PASSED, LEFT_OUT, UNKNOWN].index)


def _first_sentence(text: str | None) -> str:
    assert text, "a check has no docstring: the page shows its first sentence"
    paragraph = " ".join(text.strip().split("\n\n")[0].split())
    return re.split(r"(?<=[.!?]) (?=[A-Z])", paragraph)[0]


def collect() -> Table:
    """Reads the tests without running any, and without a build."""
    table = Table()
    with contextlib.redirect_stdout(io.StringIO()) as said:
        code = pytest.main(["--collect-only", "-q", str(Path(__file__).parent)], plugins=[table])
    if code != pytest.ExitCode.OK:
        raise SystemExit(f"the tests cannot be collected:\n{said.getvalue()}")
    return table


def differences(page: str, table: Table) -> list[str]:
    """Return where the page differs from what the sources and its own outcomes make."""
    table.take_outcomes(page)
    problems = [
        f"{check.name}: {FAILED if outcome == FAILED else 'no outcome'} for {model}"
        for check in table.checks.values()
        for model, outcome in check.outcomes.items()
        if outcome not in (PASSED, LEFT_OUT)
    ]
    problems += [
        f"{node}: {outcome}" for node, outcome in table.faults.items() if outcome != PASSED
    ]
    ours, theirs = page.splitlines(), table.render().splitlines()
    problems += [f"only on the page: {line}" for line in ours if line not in theirs]
    problems += [f"missing on the page: {line}" for line in theirs if line not in ours]
    return problems if problems or ours == theirs else ["its lines are in another order"]


def check(pages: Iterable[Path]) -> int:
    """Print the problems of each page, after its name; return an exit code: 1 if there are any."""
    collected = collect()
    code = 0
    for page in pages:
        for problem in differences(page.read_text(encoding="utf-8"), copy.deepcopy(collected)):
            print(f"{page.name}: {problem}")
            code = 1
    return code


def main(arguments: Iterable[str]) -> int:
    arguments = list(arguments)
    if arguments[:1] == ["--check"]:
        return check([Path(name) for name in arguments[1:]] or [PAGE])
    if arguments == ["--words"]:
        table = collect()
        table.take_outcomes(PAGE.read_text(encoding="utf-8"))
        return table.write()
    table = Table()
    code = pytest.main([str(Path(__file__).parent), *arguments], plugins=[table])
    return table.write() or int(code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

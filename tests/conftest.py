"""For every test: packages are importable, Ctrl-C arrives, and the skips of Windows apply."""

from __future__ import annotations

import atexit
import ctypes
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT / "harness") not in sys.path:
    sys.path.insert(0, str(ROOT / "harness"))

# A script's shell starts `./iomodels test &` with SIGINT ignored, and each child inherits that.
# Then programs that a test interrupts would never stop.
# Tests run concurrently, and each may measure with fake programs: each process has its own lock.
os.environ["IOMODELS_LOCKS"] = tempfile.mkdtemp(prefix="iomodels-locks-")
atexit.register(shutil.rmtree, os.environ["IOMODELS_LOCKS"], ignore_errors=True)

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

WINE = "it looks into Wine"
SCRIPTS = "its stand-ins for programs are scripts, which Windows does not start"
SIGNALS = "Windows has no signals between processes; one sent here would silently end the harness"
PROC = "it reads /proc"
LAYOUT = "its programs lie as they do on Linux"
CONSOLE = "not on Windows without a console, which has no event of Ctrl-C"
LINUX_TOOLS = "it asks compilers and checkers that are installed on Linux"

FILES_NOT_ON_WINDOWS = {
    "py/launch/test_wine.py": WINE,
    "py/launch/test_marks.py": PROC,
    "py/machine/test_wakeful.py": "only Linux has the file that keeps processors awake",
    "py/tree/test_windows_setup.py": SCRIPTS,
    "py/tree/test_portable.py": LINUX_TOOLS,
    "py/tree/test_benches.py": PROC,
    "py/tree/test_on_windows.py": "it makes Linux answer as Windows does",
    "servers/test_requests.py": WINE,
    "servers/test_counted.py": WINE,
    "servers/test_capacity.py": "Windows has no limit of open files",
}
"""Each file, below tests/, with the reason."""

TESTS_NOT_ON_WINDOWS = {
    "py/launch/test_counters.py": {
        "test_the_window_is_the_difference_of_its_ends": PROC,
        "test_threads_that_end_are_noticed_and_noted": PROC,
        "test_a_process_that_is_gone_is_a_reason": PROC,
        "test_what_cannot_be_read_is_a_reason": PROC,
        "test_the_server_itself_is_believed_first_and_proc_fills_the_rest": PROC,
    },
    "py/launch/test_launch.py": {
        "test_end_by_a_signal_is_named": SIGNALS,
        "test_hanging_program_runs_into_the_deadline": SIGNALS,
        "test_program_that_will_not_stop": SIGNALS,
        "test_own_handler_of_interrupt_decides_the_exit_code": SIGNALS,
        "test_grandchild_with_the_pipes_does_not_delay_the_end": SIGNALS,
        "test_programs_end_with_the_harness": SIGNALS,
        "test_pinned_program_has_its_own_pid_and_cpu": "it needs taskset (see test_windows.py)",
        "test_what_cannot_be_started": "Windows reports a missing file in other words",
        "test_models_are_found_by_asking": SCRIPTS,
        "test_broken_server_is_not_overlooked": SCRIPTS,
        "test_platforms_must_agree": SCRIPTS,
        "test_close_stops_what_still_runs": SCRIPTS,
    },
    "py/machine/test_machine.py": {
        "test_linux_facts": "Python asks no clock of Windows for its resolution",
    },
    "py/measure/test_mood.py": {
        "test_steal_is_that_of_the_cpus_asked_for": PROC,
        "test_steal_that_is_not_counted": PROC,
    },
    "py/measure/test_measure.py": {
        "test_load_generators_that_fail": SIGNALS,
    },
    "py/measure/test_run.py": {
        "test_a_run_goes_on_where_it_was_begun": "it reads the usable CPUs as on Linux",
    },
    "py/tree/test_packaging.py": {
        "test_an_archive_holds_every_program_that_the_harness_starts": "it packs a build of Linux",
    },
    "py/launch/test_windows.py": {
        "test_every_program_is_in_the_job_and_on_its_cpus_before_it_runs": SCRIPTS,
        "test_a_program_that_will_not_end_goes_with_the_job": SCRIPTS,
        "test_programs_are_where_affinity_says": SCRIPTS,
        "test_programs_are_started_as_windows_wants_it": "it makes Linux answer as Windows does",
        "test_the_priority_is_part_of_the_record": SCRIPTS,
        "test_a_program_is_interrupted_by_the_event_that_its_own_group_gets": SCRIPTS,
        "test_a_program_that_cannot_be_placed_is_not_left_behind": SCRIPTS,
        "test_without_a_console_stopping_goes_on_with_its_next_step": SCRIPTS,
        "test_waits_are_short_where_they_cannot_be_interrupted": SCRIPTS,
        "test_structures_and_constants_are_those_of_the_windows_headers": LINUX_TOOLS,
    },
}
"""By file: each test, with all its parameters, and the reason. Besides, a test may skip itself."""

NOT_ON_WINDOWS = FILES_NOT_ON_WINDOWS | {
    f"{name}::{test}": reason
    for name, tests in TESTS_NOT_ON_WINDOWS.items()
    for test, reason in tests.items()
}

ON_WINDOWS = os.name == "nt" or bool(os.environ.get("IOMODELS_TESTS_OF_WINDOWS"))
"""The variable shows the selection on other systems."""


NO_CONSOLE = os.name == "nt" and not getattr(ctypes, "windll").kernel32.GetConsoleCP()  # noqa: B009


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--every-model",
        action="store_true",
        help="run every check of tests/servers on every model, not only on the first six (15 min)",
    )
    parser.addoption(
        "--thorough",
        action="store_true",
        help="run the tests of tests/py, too, that judge or draw whole kept runs for ten seconds",
    )


class NotHere(pytest.Module):
    """A file that pytest does not import, because Windows lacks what it imports."""

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        name = _below_tests(self.path)
        pytest.skip(f"{name} not on Windows: {NOT_ON_WINDOWS[name]}", allow_module_level=True)


def _below_tests(path: Path) -> str:
    return (
        path.relative_to(ROOT / "tests").as_posix() if path.is_relative_to(ROOT / "tests") else ""
    )


def pytest_pycollect_makemodule(
    module_path: Path, parent: pytest.Collector
) -> pytest.Module | None:
    if ON_WINDOWS and _below_tests(module_path) in NOT_ON_WINDOWS:
        made: pytest.Module = NotHere.from_parent(parent, path=module_path)
        return made
    return None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.option.thorough:
        long = pytest.mark.skip(reason="it takes ten seconds: ./iomodels test py -- --thorough")
        for item in items:
            if item.get_closest_marker("thorough"):
                item.add_marker(long)
    if not ON_WINDOWS:
        return
    for item in items:
        names = [
            node.name.partition("[")[0]
            for node in item.listchain()
            if isinstance(node, (pytest.Class, pytest.Function))
        ]
        for count in range(1, len(names) + 1):
            reason = NOT_ON_WINDOWS.get("::".join([_below_tests(item.path), *names[:count]]))
            if reason:
                item.add_marker(pytest.mark.skip(reason=f"not on Windows: {reason}"))
        if NO_CONSOLE and item.get_closest_marker("console"):
            item.add_marker(pytest.mark.skip(reason=CONSOLE))

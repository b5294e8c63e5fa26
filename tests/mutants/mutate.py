"""Change one place at a time in a copy of the sources, and count the changes that a test notices.

    ./iomodels test mutants [-- --seed 1 --count 20 --only judge --only loadgen/run.c --write]

A seed draws the changes of each room. The tests run in rings: first those of the changed file, then
those of its room, then those of other rooms that name it. A change that passes all of them
survives. build/mutants/result.json has every change; it is written whole after each.

A survivor that changes nothing a test could see is an equivalent: tests/mutants/equivalent.json
names it with the reason, and the score leaves it out. So does one that the compiler refuses.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import in_c
import in_python
from in_python import Mutant

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "harness"))

from iomodels.base.files import write_whole  # noqa: E402

BUILD = Path(os.environ.get("IOMODELS_BUILD", ROOT / "build")).resolve()
WORK = BUILD / "mutants"
TREE = WORK / "tree"
RESULT = WORK / "result.json"
KEPT = ROOT / "tests" / "mutants" / "score.json"
EQUIVALENT = ROOT / "tests" / "mutants" / "equivalent.json"
PAGE = ROOT / "docs" / "testing.md"
FORMAT = 1
MOST_S = 400.0
"""Seconds of a ring of tests. Then a changed program hangs, and counts as noticed."""
ON_WINDOWS = ("net_iocp", "target_iocp", "os_windows", "system", "process_counters")
"""Sources of the Windows build alone. Their tests need Wine, minutes per change."""


@dataclass(frozen=True)
class Room:
    """Sources that one folder of tests mirrors. `goal` is the share of changes to notice."""

    name: str
    sources: str
    goal: int
    find: Callable[[str, str], Iterator[Mutant]]

    def files(self) -> list[str]:
        found = sorted(TREE.glob(self.sources))
        return [str(path.relative_to(TREE)) for path in found if path.stem not in ON_WINDOWS]


ROOMS = [
    Room("judge", "harness/iomodels/judge/*.py", 90, in_python.mutants),
    Room("data", "harness/iomodels/data/*.py", 90, in_python.mutants),
    Room("plan", "harness/iomodels/plan/*.py", 85, in_python.mutants),
    Room("launch", "harness/iomodels/launch/*.py", 85, in_python.mutants),
    Room("load generator", "loadgen/*.c", 90, in_c.mutants),
    Room("verdicts of laws", "laws/verdict/*.c", 90, in_c.mutants),
    Room("kit", "servers/kit/*.c", 85, in_c.mutants),
    Room("common", "common/*.c", 85, in_c.mutants),
]


def copy_sources() -> None:
    """Copy all sources, also new ones. Nothing else is ever changed."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    wanted = {name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()}
    for name in sorted(wanted):
        source, target = ROOT / name, TREE / name
        changed = target.exists()
        if changed and target.read_bytes() == source.read_bytes():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)
        if changed:
            touch(target)
    (TREE / "build").mkdir(exist_ok=True)


def touch(path: Path) -> None:
    """Give a file a new time in whole seconds: Ninja wants a later one, and Python another one."""
    touch.last = max(touch.last + 1, int(time.time()))  # type: ignore[attr-defined]
    os.utime(path, (touch.last, touch.last))  # type: ignore[attr-defined]


touch.last = int(time.time())  # type: ignore[attr-defined]


def run(argv: Sequence[str], most_s: float) -> str:
    """Return "passed", "failed" or "hung". What the command started ends with it."""
    environment = os.environ | {
        "PYTHONPATH": f"{TREE / 'harness'}{os.pathsep}{TREE / 'tests/py/judge'}",
        "IOMODELS_BUILD": str(TREE / "build"),
        "HYPOTHESIS_STORAGE_DIRECTORY": str(WORK / "hypothesis"),
    }
    with (WORK / "output.txt").open("wb") as output:
        process = subprocess.Popen(
            argv,
            cwd=TREE,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            return "passed" if process.wait(most_s) == 0 else "failed"
        except subprocess.TimeoutExpired:
            return "hung"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def pytest(*arguments: str) -> list[str]:
    return [
        *(sys.executable, "-m", "pytest", "-x", "-q", "--hypothesis-seed=0"),
        *("-p", "no:cacheprovider", *arguments),
    ]


def naming(module: str, folder: str) -> list[str]:
    """Return the test files in a folder that import the module."""
    package, name = module.rsplit(".", 1)
    wanted = re.compile(rf"{re.escape(module)}\b|from {re.escape(package)} import [^\n]*\b{name}\b")
    return [
        str(path.relative_to(TREE))
        for path in sorted((TREE / folder).glob("*/test_*.py"))
        if wanted.search(path.read_text(encoding="utf-8"))
    ]


def rings_in_python(path: str) -> Iterator[list[str]]:
    """Yield the commands that test a module, the nearest first."""
    package, name = Path(path).parts[2], Path(path).stem
    everywhere = naming(f"iomodels.{package}.{name}", "tests/py")
    own = f"tests/py/{package}"
    nearest = [each for each in everywhere if each.startswith(own) and "proof" not in each]
    mirror = f"{own}/test_{name}.py"
    if (TREE / mirror).exists():
        nearest = [mirror, *(each for each in nearest if each != mirror)]
    if nearest:
        yield pytest(*nearest)
    yield pytest(own, "--numprocesses=2", *(f"--ignore={each}" for each in nearest))
    others = [each for each in everywhere if not each.startswith(own)]
    kept = ["tests/py/report/test_golden.py", "tests/py/measure/test_run.py"]
    yield pytest(*dict.fromkeys([*others, *kept]), "--numprocesses=2")


def rings_in_c(path: str) -> Iterator[list[str]]:
    """Yield the commands that test the native build, under sanitizers at first. Then the servers of
    Linux and the load generator follow, of the room that changed."""
    units = ["-R", "^verdict_"] if path.startswith("laws/") else []
    yield ["ctest", "--preset", "sanitize", "--stop-on-failure", "-j", "2", *units]
    if path.startswith(("loadgen/", "common/")):
        yield pytest("tests/loadgen", "-k", "native", "--numprocesses=2")
    if path.startswith(("servers/", "common/")):
        ignored = ("system", "broken", "capacity", "endurance", "exhibition")
        skipped = [f"--ignore=tests/servers/test_{name}.py" for name in ignored]
        yield [
            "env",
            "IOMODELS_NATIVE=host",
            *pytest("tests/servers", "--numprocesses=3", *skipped),
        ]


def build(preset: str) -> str:
    return run(["cmake", "--build", "--preset", preset], 600)


def rings(path: str) -> list[list[str]]:
    return list(rings_in_python(path) if path.endswith(".py") else rings_in_c(path))


def fate(mutant: Mutant, text: str) -> tuple[str, list[str]]:
    """Return what became of a change, and the command that noticed it."""
    path = TREE / mutant.path
    replace(path, mutant.apply(text))
    try:
        native = mutant.path.endswith(".c")
        if native and build("sanitize") != "passed":
            return "refused", []
        for number, ring in enumerate(rings(mutant.path)):
            if native and number == 1:
                build("host")
            if run(ring, MOST_S) != "passed":
                return "killed", ring
        return "survived", []
    finally:
        replace(path, text)


def replace(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    touch(path)


def confirm(commands: Sequence[list[str]]) -> None:
    """Run the commands that noticed something on the unchanged sources, which must pass."""
    if any(command[0] != sys.executable for command in commands):
        build("host")
        build("sanitize")
    for command in commands:
        if run(command, 4 * MOST_S) != "passed":
            words = " ".join(command)
            raise SystemExit(f"mutants: unchanged sources fail: {words}; see {WORK / 'output.txt'}")


def equivalents() -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(EQUIVALENT.read_text(encoding="utf-8"))["changes"]
    return found


def is_equivalent(file: str, before: str, after: str) -> bool:
    return any(
        (each["file"], each["before"], each["after"]) == (file, before, after)
        for each in equivalents()
    )


def draw(room: Room, seed: int, count: int, only: Sequence[str]) -> list[tuple[Mutant, str]]:
    """Return the drawn changes of a room, each with the unchanged text of its file."""
    every = []
    for file in room.files():
        if only and not any(word == room.name or ("." in word and word in file) for word in only):
            continue
        text = (TREE / file).read_text(encoding="utf-8")
        every += [(mutant, text) for mutant in room.find(file, text)]
    return random.Random(f"{seed} {room.name}").sample(every, min(count, len(every)))


def score(changes: Sequence[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """Return for each room how many changes count and how many of them were noticed."""
    rooms: dict[str, dict[str, int]] = {}
    for change in changes:
        fates = rooms.setdefault(change["room"], {"killed": 0, "survived": 0, "equivalent": 0})
        if change["fate"] in fates:
            fates[change["fate"]] += 1
    return rooms


def table(stored: dict[str, Any]) -> str:
    rows = ["| room | noticed | of | share | goal | equivalent |", "|---|--:|--:|--:|--:|--:|"]
    for room in ROOMS:
        if room.name in stored["rooms"]:
            found = stored["rooms"][room.name]
            count = found["killed"] + found["survived"]
            share = 100 * found["killed"] / count if count else 0
            rows.append(
                f"| {room.name} | {found['killed']} | {count} | {share:.0f} % | {room.goal} % "
                f"| {found['equivalent']} |"
            )
    rooms = stored["rooms"] if len(stored["rooms"]) < len(ROOMS) else ()
    only = "".join(f' --only "{name}"' for name in rooms)
    drawn = f"--seed {stored['seed']} --count {stored['count']}"
    command = f"./iomodels test mutants -- {drawn}{only} --write"
    survivors = [
        line for each in stored["survivors"] for line in (each["file"], f"    {each['after']}"[:96])
    ]
    fence = ["```text", *survivors, "```"]
    named = ["", "Survivors, each as the changed line:", "", *fence] if survivors else []
    return "\n".join([f"`{command}`:", "", *rows, *named])


def write(options: argparse.Namespace, changes: Sequence[dict[str, Any]]) -> None:
    """Keep the score in the sources and in the page. Rooms that were not asked stay."""
    sys.path.insert(0, str(ROOT / "tests" / "fuzz"))
    from keep_fuzzing import with_part

    before = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
    asked = {change["room"] for change in changes}
    kept = [each for each in before.get("survivors", []) if each["room"] not in asked]
    new = [
        {name: change[name] for name in ("room", "file", "before", "after")}
        for change in changes
        if change["fate"] == "survived"
    ]
    stored = {
        "format": FORMAT,
        "seed": options.seed,
        "count": options.count,
        "rooms": before.get("rooms", {}) | score(changes),
        "survivors": sorted([*kept, *new], key=lambda each: (each["room"], each["file"])),
    }
    write_whole(KEPT, json.dumps(stored, indent=1, ensure_ascii=False) + "\n")
    page = PAGE.read_text(encoding="utf-8")
    write_whole(PAGE, with_part(page, "mutants", table(stored)))


def prepare(rooms: Sequence[Room]) -> None:
    """Configure the native build of the copy, with the sources of the library at hand."""
    if not any("*.c" in room.sources for room in rooms):
        return
    library = ROOT / "build" / "deps" / "hdr-histogram"
    found = [f"-DFETCHCONTENT_SOURCE_DIR_HDRHISTOGRAM={library}"] if library.is_dir() else []
    for preset in ("host", "sanitize"):
        made = run(["cmake", "--preset", preset, *found], 600)
        if made != "passed" or build(preset) != "passed":
            raise SystemExit(f"mutants: the copy does not build; see {WORK / 'output.txt'}")
    programs = TREE / "build" / "mingw"  # the servers that the load generator is tested with
    if not programs.exists() and (BUILD / "mingw").is_dir():
        programs.symlink_to(BUILD / "mingw", target_is_directory=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=1, help="draws the changes (default: 1)")
    parser.add_argument("--count", type=int, default=20, help="changes per room (default: 20)")
    names = ", ".join(room.name for room in ROOMS)
    parser.add_argument("--only", action="append", default=[], help=f"a file, or a room: {names}")
    parser.add_argument("--write", action="store_true", help=f"keep the score in {PAGE.name}")
    options = parser.parse_args()
    if options.count < 1:
        parser.error(f"--count {options.count}: must be at least 1")
    return options


def main() -> int:
    options = arguments()
    WORK.mkdir(parents=True, exist_ok=True)
    copy_sources()
    drawn = [(room, draw(room, options.seed, options.count, options.only)) for room in ROOMS]
    drawn = [(room, changes) for room, changes in drawn if changes]
    if not drawn:
        raise SystemExit(f"mutants: --only {options.only[0]}: no such room or file")
    prepare([room for room, _ in drawn])
    done: list[dict[str, Any]] = []
    noticed: list[list[str]] = []
    for room, changes in drawn:
        for mutant, text in changes:
            before, after = mutant.words(text)
            outcome = "equivalent"
            if not is_equivalent(mutant.path, before, after):
                outcome, ring = fate(mutant, text)
                noticed += [ring] if ring and ring not in noticed else []
            done.append(
                {
                    **{"room": room.name, "file": mutant.path, "line": mutant.line},
                    **{"before": before, "after": after, "fate": outcome},
                }
            )
            data = {"format": FORMAT, "seed": options.seed, "count": options.count, "changes": done}
            write_whole(RESULT, json.dumps(data, indent=1, ensure_ascii=False) + "\n")
            if outcome == "survived":
                print(f"{mutant.path}:{mutant.line}: {before}\n  survived as: {after}", flush=True)
    confirm(noticed)
    if options.write:
        write(options, done)
    return summarise(done)


def summarise(done: Sequence[dict[str, Any]]) -> int:
    """Print the score of each room. Returns 1 if one missed its goal."""
    missed = []
    for room in ROOMS:
        found = score(done).get(room.name)
        if found is None:
            continue
        count = found["killed"] + found["survived"]
        print(f"{room.name}: {found['killed']} of {count} noticed (goal {room.goal} %)")
        if count and found["killed"] * 100 < room.goal * count:
            missed.append(room.name)
    print(f"{len(ROOMS) - len(missed)} passed, {len(missed)} failed" if done else "nothing drawn")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())

"""Change one place at a time in a copy of the sources, and count the changes that a test notices.

    ./iomodels test mutants [-- --seed 1 --count 20 --only judge --write --again]

A seed draws the changes of each room. The tests run in rings: first those of the changed file, then
those of its room, then those of other rooms that name it. A change that passes all of them
survives. build/mutants/result.json has every change; it is written whole after each. With --again
only those are made that it does not have as noticed, such as survivors for which a test is new.

A survivor that changes nothing a test could see is an equivalent: tests/mutants/equivalent.json
names it with the reason, and the score leaves it out. So does one that the compiler refuses.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from in_python import Mutant
from rooms import BUILD, ROOMS, TREE, WORK, Room, rings

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "harness"))

from iomodels.base.files import write_whole  # noqa: E402

RESULT = WORK / "result.json"
KEPT = ROOT / "tests" / "mutants" / "score.json"
EQUIVALENT = ROOT / "tests" / "mutants" / "equivalent.json"
PAGE = ROOT / "docs" / "testing.md"
FORMAT = 1
SETTLED = ("killed", "refused")
MOST_S = 400.0
"""Seconds of a ring of tests. Then a changed program hangs, and counts as noticed."""


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


def build(preset: str) -> str:
    return run(["cmake", "--build", "--preset", preset], 600)


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


def described(room: Room, mutant: Mutant, text: str) -> dict[str, Any]:
    """Return a change as the result has it, still without its fate."""
    before, after = mutant.words(text)
    place = {"room": room.name, "file": mutant.path, "line": mutant.line}
    return {**place, "before": before, "after": after}


def is_same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(one[name] == other[name] for name in ("file", "before", "after"))


def is_equivalent(change: dict[str, Any]) -> bool:
    return any(is_same(each, change) for each in equivalents())


def read_result() -> list[dict[str, Any]]:
    """Return the changes of the last result, with their fates."""
    if not RESULT.exists():
        return []
    found: list[dict[str, Any]] = json.loads(RESULT.read_text(encoding="utf-8"))["changes"]
    return found


def draw(room: Room, seed: int, count: int, only: Sequence[str]) -> list[tuple[Mutant, str]]:
    """Return the drawn changes of a room, each with the unchanged text of its file.

    The seed gives each change a number of its own, and the lowest are drawn. So a draw stays nearly
    the same if the sources change elsewhere.
    """
    every: dict[bytes, tuple[Mutant, str]] = {}
    for file in room.files():
        if only and not any(word == room.name or ("." in word and word in file) for word in only):
            continue
        text = (TREE / file).read_text(encoding="utf-8")
        twins: Counter[tuple[str, str]] = Counter()
        for mutant in room.find(file, text):
            words = mutant.words(text)
            twins[words] += 1
            key = f"{seed} {file} {words} {twins[words]}".encode()
            every[hashlib.sha256(key).digest()] = (mutant, text)
    return [every[number] for number in sorted(every)[:count]]


def score(changes: Sequence[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """Return for each room how many changes count and how many of them were noticed."""
    rooms: dict[str, dict[str, int]] = {}
    for change in changes:
        fates = rooms.setdefault(change["room"], {"killed": 0, "survived": 0, "equivalent": 0})
        if change["fate"] in fates:
            fates[change["fate"]] += 1
    return rooms


def table(stored: dict[str, Any]) -> str:
    rows = [
        "| room | seed | drawn | noticed | of | share | goal | equivalent |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for room in ROOMS:
        if room.name in stored["rooms"]:
            found = stored["rooms"][room.name]
            count = found["killed"] + found["survived"]
            share = 100 * found["killed"] / count if count else 0
            rows.append(
                f"| {room.name} | {found['seed']} | {found['drawn']} | {found['killed']} | {count} "
                f"| {share:.0f} % | {room.goal} % | {found['equivalent']} |"
            )
    command = "./iomodels test mutants -- --seed SEED --count DRAWN --only ROOM --write"
    survivors = [
        line for each in stored["survivors"] for line in (each["file"], f"    {each['after']}"[:96])
    ]
    fence = ["```text", *survivors, "```"]
    named = ["", "Survivors, each as the changed line:", "", *fence] if survivors else []
    return "\n".join([f"`{command}` writes one row:", "", *rows, *named])


def write(options: argparse.Namespace, changes: Sequence[dict[str, Any]]) -> None:
    """Keep the score in the sources and in the page. Rooms that were not asked stay."""
    sys.path.insert(0, str(ROOT / "tests" / "fuzz"))
    from keep_fuzzing import with_part

    before = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
    stored = merged(before, options.seed, changes)
    write_whole(KEPT, json.dumps(stored, indent=1, ensure_ascii=False) + "\n")
    page = PAGE.read_text(encoding="utf-8")
    write_whole(PAGE, with_part(page, "mutants", table(stored)))


def merged(before: dict[str, Any], seed: int, changes: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the stored scores with those of the asked rooms replaced."""
    asked = {
        name: {"seed": seed, "drawn": sum(each["room"] == name for each in changes), **fates}
        for name, fates in score(changes).items()
    }
    kept = [each for each in before.get("survivors", []) if each["room"] not in asked]
    new = [
        {name: change[name] for name in ("room", "file", "before", "after")}
        for change in changes
        if change["fate"] == "survived"
    ]
    return {
        "format": FORMAT,
        "rooms": before.get("rooms", {}) | asked,
        "survivors": sorted([*kept, *new], key=lambda each: (each["room"], each["file"])),
    }


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
    parser.add_argument("--again", action="store_true", help="only what was not noticed before")
    parser.add_argument("--write", action="store_true", help=f"keep the score in {PAGE.name}")
    options = parser.parse_args()
    if options.count < 1:
        parser.error(f"--count {options.count}: must be at least 1")
    files = [each for each in options.only if each not in {room.name for room in ROOMS}]
    if options.write and files:
        parser.error(f"--write: a score is of a whole room, not of {files[0]}")
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
    asked = {room.name for room, _ in drawn}
    before = read_result()
    others = [change for change in before if change["room"] not in asked]
    settled = [each for each in before if each["fate"] in SETTLED] if options.again else []
    done: list[dict[str, Any]] = []
    noticed: list[list[str]] = []
    for room, changes in drawn:
        for mutant, text in changes:
            change = described(room, mutant, text)
            known = next((each for each in settled if is_same(each, change)), None)
            if is_equivalent(change):
                change["fate"] = "equivalent"
            elif known:
                change["fate"] = known["fate"]
            else:
                change["fate"], ring = fate(mutant, text)
                noticed += [ring] if ring and ring not in noticed else []
            done.append(change)
            data = {"format": FORMAT, "changes": [*others, *done]}
            write_whole(RESULT, json.dumps(data, indent=1, ensure_ascii=False) + "\n")
            if change["fate"] == "survived":
                print(
                    "{file}:{line}: {before}\n  survived as: {after}".format(**change), flush=True
                )
    confirm(noticed)
    if options.write:
        write(options, done)
    return summarise(done)


def summarise(done: Sequence[dict[str, Any]]) -> int:
    """Print the score of each room. Returns 1 if one missed its goal."""
    missed, rooms = [], score(done)
    for room in ROOMS:
        if room.name not in rooms:
            continue
        found = rooms[room.name]
        count = found["killed"] + found["survived"]
        print(f"{room.name}: {found['killed']} of {count} noticed (goal {room.goal} %)")
        if count and found["killed"] * 100 < room.goal * count:
            missed.append(room.name)
    print(f"{len(rooms) - len(missed)} passed, {len(missed)} failed")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())

"""A server or load generator without a network (docs/interface.md); argument 1 picks a fault.

fake_program.py server|loadgen BEHAVIOUR [--option value ...]
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import Any

FAR_S = 60.0  # "for ever": longer than every deadline of a test


def say(event: str, **fields: Any) -> None:
    print(json.dumps({"event": event, "format": 1, **fields}), flush=True)


def die(text: str, code: int) -> None:
    print(text, file=sys.stderr, flush=True)
    os._exit(code)


def server(behaviour: str) -> None:
    if behaviour == "dies before ready":
        die("cannot listen: address in use", 3)
    if behaviour == "never ready":
        time.sleep(FAR_S)
    if behaviour == "garbage":
        print("Hello, I am a server", flush=True)
        time.sleep(FAR_S)
    port: object = "none" if behaviour == "no port" else 4711
    platform = (
        "fake-2.0" if behaviour == "other platform" else os.environ.get("FAKE_PLATFORM", "fake-1.0")
    )
    say(
        "ready",
        model="good",
        platform=platform,
        pid=os.getpid(),
        host="127.0.0.1",
        port=port,
        settings={},
        socket={},
        **({} if behaviour == "no spin" else {"commands": ["sample", "spin"]}),
    )
    asked = spins = 0
    for line in sys.stdin:
        if line.strip() == "spin":
            say("spin", ns=5_000_000 + spins, fastest_ns=900_000, parts=5)
            spins += 1
            continue
        assert line.strip() == "sample"
        asked += 1
        say("sample", **numbers(asked))
        if behaviour == "dies in mid-window":
            die("assertion failed", 3)
        if behaviour == "deaf to signals":
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            time.sleep(FAR_S)
    if behaviour == "no summary":
        die("still draining", 1)
    say("summary", **numbers(asked + 1))
    if behaviour == "dies in Wine":
        os.kill(os.getpid(), signal.SIGSEGV)
    if behaviour == "bad exit":
        die("leaked 3 sessions", 1)


def numbers(count: int) -> dict[str, Any]:
    calls = dict.fromkeys(("receives", "sends", "waits", "events"), 1000 * count)
    counters = {"accepted": 1, "requests": 1000 * count, **calls}
    return {
        "time_ns": count * 10**9,
        "connections": 1,
        "counters": counters,
        "process": {"cpu_user_ns": None},
    }


def loadgen(behaviour: str, options: dict[str, str]) -> None:
    if behaviour == "dies before ready":
        die("cannot connect: refused", 1)
    connections = int(options["connections"])
    say(
        "ready",
        platform="fake",
        backend="fake",
        connections=connections,
        connect_ns=1,
        settings=options,
    )
    if not sys.stdin.readline():
        return
    say("measuring", time_ns=1)
    if behaviour in ("SIGINT", "SIGTERM"):  # someone stops the harness in the middle of the window
        os.kill(os.getppid(), getattr(signal, behaviour))
        time.sleep(FAR_S)
    if behaviour == "hangs":
        time.sleep(FAR_S)
    if behaviour == "dies in mid-window":
        os.kill(os.getpid(), signal.SIGKILL)
    if behaviour == "its server dies":
        time.sleep(0.2)
        die("all connections closed", 1)
    say("measured", time_ns=2)
    result = result_of(connections)
    if "rate" in options:
        offer(result, int(options["rate"]), behaviour)
    code = change(result, behaviour)
    say("result", **result)
    sys.stdout.flush()
    os._exit(code)


def change(result: dict[str, Any], behaviour: str) -> int:
    """What is wrong with the result; returns the exit code."""
    if behaviour == "errors":
        result["errors"] = {"reset": 2, "mismatch": 1, "closed": 0}
        return 1
    if behaviour == "errors and exit 0":
        result["errors"] = {"reset": 2}
    elif behaviour == "unanswered":
        result["unanswered"] = 5
    elif behaviour == "unchecked":
        result["replies_checked"] = result["audit"]["replies_checked"] = 0
    elif behaviour == "few connections":
        result["connections"]["established"] -= 1
    elif behaviour == "no replies":
        result.update(requests=0, requests_per_second=0.0)
        for name in ("response", "service"):
            result[name].update(
                count=0,
                min=None,
                max=None,
                mean=None,
                p50=None,
                p90=None,
                p99=None,
                histogram={**result[name]["histogram"], "counts": []},
            )
    elif behaviour == "no latency":
        del result["response"]
    elif behaviour == "wrong histogram":
        result["response"]["histogram"] = {
            **result["response"]["histogram"],
            "counts": [[100, 6], [200, 3]],
        }
    return 5 if behaviour == "exit 5" else 0


def result_of(connections: int) -> dict[str, Any]:
    latency = {
        "unit": "ns",
        "count": 10,
        "min": 100,
        "max": 200,
        "mean": connections * 1e9 / 10_000,
        "stddev": 1.0,
        "saturated": 0,
        "p50": 100,
        "p90": 200,
        "p99": 200,
        "p99.9": 200,
        "p99.99": 200,
        "histogram": {
            "lowest": 1,
            "highest": 10**9,
            "significant_figures": 3,
            "counts": [[100, 6], [200, 4]],
        },
    }
    stood = {"requested": connections, "established": connections, "alive": connections}
    audit = {
        "timely_share": None,
        "held_share": None,
        "target_rate": None,
        "achieved_rate": 10_000.0,
        "due": None,
        "sent": None,
        "behind_since_ns": None,
        "cpu_threads": [0.5],
        "cpu_share_max": 0.5,
        "connections_requested": connections,
        "connections_established": connections,
        "littles_gap": 0.0,
        "replies_checked": 12,
        "bytes_checked": 1,
        "errors": {"reset": 0},
        "clock_resolution_ns": 1,
        "clock_read_ns": 20.0,
    }
    return {
        "platform": "fake",
        "backend": "fake",
        "loop": "closed",
        "settings": {},
        "window_ns": 10**6,
        "requests": 10,
        "requests_per_second": 10_000.0,
        "replies_checked": 12,
        "bytes_checked": 1,
        "connections": stood,
        "unanswered": 0,
        "unsent": 0,
        "errors": {"reset": 0},
        "cpu_ns": 10,
        "audit": audit,
        "response": {**latency, "intended": "actual"},
        "service": latency,
    }


def offer(result: dict[str, Any], rate: int, behaviour: str) -> None:
    """Open loop: 1 ms up to the capacity, 50 ms above it; "holds 700, then starves" sends late."""
    words = behaviour.replace(",", "").split()
    enough = words[0] != "holds" or rate <= int(words[1])
    value = 1_000_000 if enough else 50_000_000
    counts = {**result["response"]["histogram"], "counts": [[value, 10_000]]}
    for name in ("response", "service"):
        result[name] = {**result[name], "count": 10_000, "p99": value, "histogram": counts}
    timely = 0.5 if not enough and "starves" in words else 1.0
    result["audit"].update(
        timely_share=timely,
        held_share=0.0,
        target_rate=rate,
        achieved_rate=rate,
        due=1000,
        sent=1000,
    )


def calibration(options: dict[str, str]) -> None:
    points = [
        {
            "connections": int(count),
            "size": int(options["size"]),
            "depth": int(options["depth"]),
            "rate": 1000.0 * int(count),
        }
        for count in options["points"].split(",")
    ]
    say(
        "calibration",
        platform="fake",
        backend="fake",
        threads=int(options["threads"]),
        points=points,
        record_ns=20.0,
        clock={},
    )


if __name__ == "__main__":
    role, how, *words = sys.argv[1:]
    if role == "server":
        server(how)
    elif "--describe" in words:
        if how == "refuses its load":
            die(f"loadgen: {words[-3]} {words[-2]}: must be less", 2)
        if "--fast" in words:
            die("loadgen: --fast: no such option; see --help", 2)
        say("describe", options=[{"name": name} for name in ("size", "rate", "churn", "help")])
    elif "--calibrate" in words:
        if how == "cannot calibrate":
            die("loadgen: out of memory", 1)
        words.remove("--calibrate")
        calibration(
            {name.removeprefix("--"): value for name, value in zip(words[::2], words[1::2])}
        )
        if how == "calibrates and fails":
            die("loadgen: the null target was lost", 1)
    else:
        loadgen(
            how, {name.removeprefix("--"): value for name, value in zip(words[::2], words[1::2])}
        )

#!/usr/bin/env python3
"""A server with known answers: it waits as each request asks, whatever the others do.

    waits [--host A] [--port N] [--per-second N] [--slow N --slow-us N] | --describe

It follows docs/interface.md. A request waits for its `block_us` on a timer, so the true latency of
a load is that of its amounts. Requests of the machine whose address ends in --slow wait --slow-us
longer. With --per-second the replies of all connections leave at that rate at most, so no closed
loop is faster than that.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import struct
import sys
import time

HEADER = struct.Struct("<6I")
counts = dict.fromkeys(("accepted", "closed", "requests", "bytes_received", "bytes_sent"), 0)
OPTIONS = {"per-second": 0, "slow": 0, "slow-us": 0, "max-conns": 10_000}
COUNTERS = (
    *("refused", "aborted", "receives", "sends", "partial_sends", "waits", "events"),
    *("inline_completions", "protocol_errors", "truncated", "resets", "failures"),
)


def say(event: str, **fields: object) -> None:
    print(json.dumps({"event": event, "format": 1, **fields}), flush=True)


def platform() -> str:
    return f"linux-{os.uname().release.partition('-')[0]}"


def describe() -> None:
    options = [
        {"name": name, "default": default, "min": 0, "max": 10**6, "unit": "", "help": ""}
        for name, default in OPTIONS.items()
    ]
    say(
        "describe", model="waits", summary="a timer per request", family="test", limit=None,
        cost="", since="", max_conns=None, supported=True, platform=platform(), options=options,
    )  # fmt: skip


class Gate:
    """Lets replies leave one by one, at most so many per second; 0: any number."""

    def __init__(self, per_second: int) -> None:
        self._step = 1 / per_second if per_second else 0.0
        self._next = 0.0

    def delay(self, now: float) -> float:
        self._next = max(now, self._next + self._step)
        return self._next - now


async def serve(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    gate: Gate,
    options: argparse.Namespace,
) -> None:
    counts["accepted"] += 1
    peer = writer.get_extra_info("peername")[0]
    more_us = options.slow_us if peer.rpartition(".")[2] == str(options.slow) else 0
    loop = asyncio.get_running_loop()
    try:
        while True:
            header = await reader.readexactly(HEADER.size)
            length, reply, _, block_us, _, _ = HEADER.unpack(header)
            payload = await reader.readexactly(length)
            counts["bytes_received"] += HEADER.size + length
            rest = bytes(index % 256 for index in range(length, reply))
            answer = struct.pack("<I", reply) + header[4:] + payload[:reply] + rest
            await asyncio.sleep((block_us + more_us) / 1e6)
            if (delay := gate.delay(loop.time())) > 0:
                await asyncio.sleep(delay)
            writer.write(answer)
            counts["requests"] += 1
            counts["bytes_sent"] += len(answer)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        counts["closed"] += 1
        writer.close()


def sample(event: str) -> None:
    found = {**dict.fromkeys(COUNTERS, 0), **counts}
    process = {"cpu_user_ns": None}
    open_ = counts["accepted"] - counts["closed"]
    say(event, time_ns=time.monotonic_ns(), connections=open_, counters=found, process=process)


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    for name, default in OPTIONS.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    gate = Gate(options.per_second)
    server = await asyncio.start_server(
        lambda reader, writer: serve(reader, writer, gate, options),
        options.host,
        options.port,
        backlog=1024,
    )
    host, port = server.sockets[0].getsockname()[:2]
    say(
        "ready", model="waits", platform=platform(), pid=os.getpid(), host=host, port=port,
        settings={"max-conns": options.max_conns}, commands=["sample"],
        socket={"send_buffer": 1, "receive_buffer": 1, "nodelay": True},
    )  # fmt: skip
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    while line := await lines.readline():
        assert line == b"sample\n"
        sample("sample")
    sample("summary")
    os._exit(0)  # the clients that are still there need no farewell


if __name__ == "__main__":
    if sys.argv[1:] == ["--describe"]:
        describe()
    else:
        asyncio.run(main())

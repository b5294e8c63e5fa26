"""A long cable: passes frames between two TAP devices, each after the same delay.

    python3 delay.py NEAR FAR MILLISECONDS

It makes both devices and prints "ready". A device may then move into another namespace. The kernel
has an emulator of its own, `tc netem`, but not every kernel has it built. Linux only.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import struct
import sys
import time
from collections import deque

TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000
LONGEST_FRAME = 65_536
Waiting = deque[tuple[float, bytes]]


def tap(name: str) -> int:
    """Make a TAP device, which lives as long as this descriptor."""
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TAP | IFF_NO_PI))
    return device


def receive(device: int, due: float, waiting: Waiting) -> None:
    with contextlib.suppress(BlockingIOError):
        while True:
            waiting.append((due, os.read(device, LONGEST_FRAME)))


def main() -> None:
    near, far = tap(sys.argv[1]), tap(sys.argv[2])
    delay_s = float(sys.argv[3]) / 1000
    queues: dict[int, Waiting] = {near: deque(), far: deque()}  # by the device they arrived at
    other = {near: far, far: near}
    print("ready", flush=True)
    while True:
        first = min((queue[0][0] for queue in queues.values() if queue), default=None)
        wait_s = None if first is None else max(0.0, first - time.monotonic())
        for device in select.select(list(queues), [], [], wait_s)[0]:
            receive(device, time.monotonic() + delay_s, queues[device])
        for device, queue in queues.items():
            while queue and queue[0][0] <= time.monotonic():
                with contextlib.suppress(OSError):  # the other end is down: the frame is lost
                    os.write(other[device], queue.popleft()[1])


if __name__ == "__main__":
    main()

"""The processors of Windows: which this process may use, and the core and class of each."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import psutil

CPU_SET = 0  # CpuSetInformation, the only type


class Information(ctypes.Structure):
    """SYSTEM_CPU_SET_INFORMATION, in types of a fixed size on every platform."""

    _fields_ = [
        ("size", ctypes.c_uint32),
        ("type", ctypes.c_int32),
        ("id", ctypes.c_uint32),
        ("group", ctypes.c_uint16),
        ("logical_processor_index", ctypes.c_uint8),
        ("core_index", ctypes.c_uint8),
        ("last_level_cache_index", ctypes.c_uint8),
        ("numa_node_index", ctypes.c_uint8),
        ("efficiency_class", ctypes.c_uint8),
        ("all_flags", ctypes.c_uint8),
        ("reserved", ctypes.c_uint32),
        ("allocation_tag", ctypes.c_uint64),
    ]


@dataclass(frozen=True)
class Cpu:
    """Where a processor is. A higher `efficiency` is a faster and less efficient core."""

    core: int
    efficiency: int


def parse(data: bytes) -> Iterator[tuple[int, Cpu]]:
    """Yield the processors of the first group by number. Windows may append to the structure."""
    at = 0
    while at + ctypes.sizeof(Information) <= len(data):
        one = Information.from_buffer_copy(data, at)
        if one.type == CPU_SET and one.group == 0:
            yield one.logical_processor_index, Cpu(one.core_index, one.efficiency_class)
        at += max(one.size, ctypes.sizeof(Information))


def usable() -> list[int]:
    """Return this process's CPUs, or none if the machine has several processor groups.

    A mask names CPUs of one group only. Since Windows 11, a process in several groups has the mask
    of its first group, which does not show them. ctypes has WinDLL on Windows only.
    """
    kernel32 = getattr(ctypes, "WinDLL")("kernel32", use_last_error=True)  # noqa: B009
    kernel32.GetActiveProcessorGroupCount.restype = ctypes.c_uint16
    if kernel32.GetActiveProcessorGroupCount() > 1:
        return []
    return list(psutil.Process().cpu_affinity() or [])


def read() -> dict[int, Cpu]:
    """Return this machine's processors (GetSystemCpuSetInformation); empty before Windows 10."""
    kernel32 = getattr(ctypes, "WinDLL")("kernel32", use_last_error=True)  # noqa: B009
    ask = getattr(kernel32, "GetSystemCpuSetInformation", None)
    if ask is None:
        return {}
    ask.argtypes = [
        *(ctypes.c_void_p, ctypes.c_uint32, ctypes.POINTER(ctypes.c_uint32)),
        *(ctypes.c_void_p, ctypes.c_uint32),
    ]
    length = ctypes.c_uint32(0)
    ask(None, 0, ctypes.byref(length), None, 0)
    data = ctypes.create_string_buffer(length.value or 1)
    if not ask(data, length.value, ctypes.byref(length), None, 0):
        return {}
    return dict(parse(data.raw[: length.value]))


def fast_cores(usable: Sequence[int], cpus: Mapping[int, Cpu]) -> list[tuple[int, ...]]:
    """Return the usable CPUs by core, ascending, of the fastest class that has two cores or more.

    Where no class has two cores, they are those of all classes. A CPU that Windows does not report
    is a core of its own.
    """
    cores: dict[object, list[int]] = {}
    for cpu in usable:
        cores.setdefault(cpus.get(cpu, cpu), []).append(cpu)
    by_class: dict[int, list[tuple[int, ...]]] = {}
    for core, members in cores.items():
        efficiency = core.efficiency if isinstance(core, Cpu) else 0
        by_class.setdefault(efficiency, []).append(tuple(members))
    for efficiency in sorted(by_class, reverse=True):
        if len(by_class[efficiency]) > 1:
            return by_class[efficiency]
    return [tuple(members) for members in cores.values()]

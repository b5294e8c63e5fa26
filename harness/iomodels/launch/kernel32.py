"""The calls of Windows for starting a program, by ctypes."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Protocol

import psutil

JOB_EXTENDED_LIMITS = 9
KILL_ON_JOB_CLOSE = 0x2000
DIE_ON_UNHANDLED_EXCEPTION = 0x0400
"""Without this mode a crash waits for an answer to the window of Windows Error Reporting."""
CTRL_BREAK = 1
PROCESS_ASSIGN = 0x0101  # PROCESS_SET_QUOTA | PROCESS_TERMINATE


class BasicLimits(ctypes.Structure):
    """JOBOBJECT_BASIC_LIMIT_INFORMATION, in types of a fixed size on every platform."""

    _fields_ = [
        ("per_process_user_time", ctypes.c_int64),
        ("per_job_user_time", ctypes.c_int64),
        ("flags", ctypes.c_uint32),
        ("minimum_working_set", ctypes.c_size_t),
        ("maximum_working_set", ctypes.c_size_t),
        ("active_processes", ctypes.c_uint32),
        ("affinity", ctypes.c_size_t),
        ("priority_class", ctypes.c_uint32),
        ("scheduling_class", ctypes.c_uint32),
    ]


class ExtendedLimits(ctypes.Structure):
    """JOBOBJECT_EXTENDED_LIMIT_INFORMATION."""

    _fields_ = [
        ("basic", BasicLimits),
        ("io_counters", ctypes.c_uint64 * 6),
        ("process_memory", ctypes.c_size_t),
        ("job_memory", ctypes.c_size_t),
        ("peak_process_memory", ctypes.c_size_t),
        ("peak_job_memory", ctypes.c_size_t),
    ]


def job_limits() -> ExtendedLimits:
    limits = ExtendedLimits()
    limits.basic.flags = KILL_ON_JOB_CLOSE | DIE_ON_UNHANDLED_EXCEPTION
    return limits


class System(Protocol):
    """The calls of Windows for starting a program. Each raises OSError."""

    def create_job(self, limits: ExtendedLimits) -> int: ...

    def assign(self, job: int, pid: int) -> None: ...

    def close(self, handle: int) -> None: ...

    def set_affinity(self, pid: int, cpus: Sequence[int]) -> None: ...

    def resume(self, pid: int) -> None: ...


class RealSystem:
    """kernel32, for what subprocess and psutil lack. ctypes has WinDLL on Windows only."""

    def __init__(self) -> None:
        windll = getattr(ctypes, "WinDLL")  # noqa: B009 (Linux has none)
        self._kernel32: Any = windll("kernel32", use_last_error=True)
        handle, number = ctypes.c_void_p, ctypes.c_uint32
        for name, arguments, result in (
            ("CreateJobObjectW", [handle, ctypes.c_wchar_p], handle),
            ("SetInformationJobObject", [handle, ctypes.c_int, handle, number], ctypes.c_int),
            ("OpenProcess", [number, ctypes.c_int, number], handle),
            ("AssignProcessToJobObject", [handle, handle], ctypes.c_int),
            ("CloseHandle", [handle], ctypes.c_int),
        ):
            function = getattr(self._kernel32, name)
            function.argtypes, function.restype = arguments, result

    def _check(self, result: Any) -> Any:
        if not result:
            raise getattr(ctypes, "WinError")(getattr(ctypes, "get_last_error")())  # noqa: B009
        return result

    def create_job(self, limits: ExtendedLimits) -> int:
        job: int = self._check(self._kernel32.CreateJobObjectW(None, None))
        self._check(
            self._kernel32.SetInformationJobObject(
                job, JOB_EXTENDED_LIMITS, ctypes.byref(limits), ctypes.sizeof(limits)
            )
        )
        return job

    def assign(self, job: int, pid: int) -> None:
        process = self._check(self._kernel32.OpenProcess(PROCESS_ASSIGN, 0, pid))
        try:
            self._check(self._kernel32.AssignProcessToJobObject(job, process))
        finally:
            self.close(process)

    def close(self, handle: int) -> None:
        self._kernel32.CloseHandle(handle)

    def set_affinity(self, pid: int, cpus: Sequence[int]) -> None:
        with _as_os_error():
            psutil.Process(pid).cpu_affinity(list(cpus))

    def resume(self, pid: int) -> None:
        with _as_os_error():
            psutil.Process(pid).resume()


def send_break(group: int) -> None:
    """Send Ctrl-Break to a process group of this console. Raises OSError without a console.

    CPython's os.kill then ends the process instead, and its error surfaces in a later call.
    """
    kernel32 = getattr(ctypes, "WinDLL")("kernel32", use_last_error=True)  # noqa: B009
    if not kernel32.GenerateConsoleCtrlEvent(ctypes.c_uint32(CTRL_BREAK), ctypes.c_uint32(group)):
        raise getattr(ctypes, "WinError")(getattr(ctypes, "get_last_error")())  # noqa: B009


class _as_os_error:
    def __enter__(self) -> None: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, psutil.Error):
            raise OSError(str(error)) from error

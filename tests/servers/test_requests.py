"""No wasted calls: the number of requests that each model sends to the wineserver per echo."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

import requests_per_echo as subject
from iomodels.launch.launcher import Launcher
from iomodels.launch.wine import WineLauncher

TICKS = 0.1
"""Requests at the ends of the stream, as a share per echo. A wasted call adds a whole one."""

Counted = Callable[[str], Counter[str]]


@pytest.fixture(scope="module")
def wine(launcher: Launcher) -> WineLauncher:
    if not isinstance(launcher, WineLauncher):
        pytest.skip("only Wine has a wineserver")
    return launcher


@pytest.fixture(scope="module")
def counted(wine: WineLauncher) -> Counted:
    """The requests of a model, counted once."""
    known: dict[str, Counter[str]] = {}

    def count(model: str) -> Counter[str]:
        if model not in known:
            known[model] = subject.count_requests(wine, model)
        return known[model]

    return count


def test_no_wasted_calls(wine: WineLauncher, counted: Counted, model: str) -> None:
    limit = subject.LIMITS.get(wine.wine.version, {}).get(model)
    if limit is None:
        pytest.skip(f"what {model} needs at least on {wine.wine.version} is not known")
    found = counted(model)
    assert subject.per_echo(found) <= limit + TICKS, subject.row(wine.wine.version, model, found)


def test_the_page_is_true(wine: WineLauncher, counted: Counted, model: str) -> None:
    rows = subject.page_rows()
    version = wine.wine.version
    if model not in subject.countable(wine):
        pytest.skip(f"{model} is not counted: it does not run here, or sends more than replies")
    if not any(known == version for _, known in rows):
        pytest.skip(f"{subject.PAGE.name} says nothing of {version}")
    assert rows.get((model, version)) in subject.rows_of(version, model, counted(model)), (
        "see requests_per_echo.py --write"
    )


def test_the_page_has_no_other_models(wine: WineLauncher) -> None:
    assert {model for model, _ in subject.page_rows()} <= set(wine.models())


ECHO = ("get_handle_fd", "recv_socket", "get_handle_fd", "send_socket")


def lines(thread: str, *names: str) -> list[str]:
    return [
        line
        for name in names
        for line in (f"{thread}: {name}( handle=0040 )\n", f"{thread}: {name}() = 0 {{ }}\n")
    ]


def trace(*wasted: str) -> list[str]:
    """Return a wineserver's lines for two threads, one of which serves, and a second process."""
    made = [
        "0024: init_first_thread( unix_pid=7, unix_tid=7, debug_level=0 )\n",
        "0024: init_first_thread() = 0 { pid=0020 }\n",
        "0030: init_first_thread( unix_pid=77, unix_tid=77, debug_level=0 )\n",
        "0024: new_thread( process=ffffffff, request_fd=9 )\n",
        "*boot*\n",
        "0024: new_thread() = 0 { tid=0028, handle=0018 }\n",
    ]
    tick = [
        "0024: select( flags=2, timeout=+0.1 )\n",
        "0024: select() = PENDING { }\n",
        "0024: *wakeup* signaled=258\n",
    ]
    for number in range(subject.ALL):
        made += lines("0028", *ECHO, *wasted)
        made += tick * (number % 7 == 0) + lines("0030", *ECHO)
    return made


def test_counts_the_process_and_no_ticks() -> None:
    found = subject._between_sends(trace(), 7)
    assert found == {name: ECHO.count(name) * subject.ECHOES for name in ECHO}


def test_a_wasted_call_shows() -> None:
    found = subject._between_sends(trace("event_op"), 7)
    assert subject.per_echo(found) == len(ECHO) + 1


def test_a_thread_that_never_waited_agrees_with_the_page() -> None:
    early = Counter(remove_completion=2000, select=1000, send_socket=500)
    late = Counter(remove_completion=1500, select=500, send_socket=500)
    page = subject.row("wine-8.0", "tpio", early)
    for counted in (early, late, late + Counter(remove_completion=400, select=400)):
        assert page in subject.rows_of("wine-8.0", "tpio", counted)
    for wasted in (early + Counter(select=500), late + Counter(event_op=500)):
        assert page not in subject.rows_of("wine-8.0", "tpio", wasted)
    assert len(subject.rows_of("wine-8.0", "iocp", late)) == 1


def test_a_wait_that_is_answered_counts() -> None:
    answered = [line.replace("signaled=258", "signaled=0") for line in trace()]
    assert subject._between_sends(answered, 7)["select"] > 0


def test_a_send_too_many_is_refused() -> None:
    with pytest.raises(AssertionError, match="sends of process 7 for"):
        subject._between_sends([*trace(), *lines("0028", "send_socket")], 7)


def test_a_trace_of_another_process_is_refused() -> None:
    with pytest.raises(AssertionError, match="0 sends of process 8"):
        subject._between_sends(trace(), 8)

"""Who gets into a cluster: only holders of its bundle. Each refusal is said and logged."""

from __future__ import annotations

import shutil
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from iomodels.cluster.credentials import Bundle, new_bundle
from processes import SOON_S, Cluster, cluster, wait_until

pytest.importorskip("distributed", reason="distributed is not installed")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("security"), 1) as found:
        yield found


def stranger(made: Cluster, folder: Path, days: int = 1) -> Bundle:
    return new_bundle(folder, made.bundle.host, made.bundle.port, days)


def listening(made: Cluster) -> dict[int, str]:
    """Every port on which a process of the cluster listens, and its address."""
    pids = {made.scheduler.popen.pid, made.server.popen.pid, made.loads[0].popen.pid}
    return {
        each.laddr.port: each.laddr.ip
        for each in psutil.net_connections("inet")
        if each.pid in pids and each.status == psutil.CONN_LISTEN
    }


def test_each_process_listens_once_where_it_was_told(made: Cluster) -> None:
    found = listening(made)
    assert set(found.values()) == {"127.0.0.1"}
    first = made.bundle.port
    assert sorted(found) == [first, first + 1, first + 2]


def test_no_port_answers_without_a_certificate(made: Cluster) -> None:
    anybody = ssl.create_default_context()
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
    for port in listening(made):
        with socket.create_connection(("127.0.0.1", port), SOON_S) as plain:
            plain.sendall(b"GET /json/identity.json HTTP/1.1\r\nHost: x\r\n\r\n")
            plain.settimeout(SOON_S)
            with pytest.raises((ConnectionError, EOFError)):
                while data := plain.recv(4096):
                    assert b"HTTP" not in data and b"worker" not in data
                raise EOFError
        with (
            socket.create_connection(("127.0.0.1", port), SOON_S) as plain,
            pytest.raises((ssl.SSLError, ConnectionError)),
            anybody.wrap_socket(plain) as secure,
        ):
            assert secure.recv(1) == b"" or pytest.fail("it answered a stranger")
            raise ConnectionError
    made.scheduler.says("refused: ")


def test_a_worker_and_a_run_with_another_bundle_say_why(made: Cluster, tmp_path: Path) -> None:
    other = stranger(made, tmp_path)
    for words in (
        ("worker", other.path, "--role", "load"),
        ("run", made.suite, "--native", "--cluster", other.path),
    ):
        refused = made.start("other", *words)
        assert refused.ends() == 1
        assert "the scheduler has another bundle, and both refuse each other" in refused.text
    assert "other" not in made.scheduler.text


def test_an_expired_bundle_is_refused_by_every_command(made: Cluster, tmp_path: Path) -> None:
    old = stranger(made, tmp_path, days=0)
    for words in (
        ("cluster", "start", old.path),
        ("worker", old.path, "--role", "load"),
        ("run", made.suite, "--native", "--cluster", old.path),
    ):
        refused = made.start("old", *words)
        assert refused.ends() == 2 and "the bundle expired on" in refused.text


def test_a_changed_day_does_not_lengthen_a_certificate(made: Cluster, tmp_path: Path) -> None:
    old = stranger(made, tmp_path, days=0)
    text = old.path.read_text(encoding="ascii")
    old.path.write_text(
        text.replace(f"expires: {old.expires.year}", "expires: 9999"), encoding="ascii"
    )
    refused = made.start("longer", "worker", old.path, "--role", "load")
    assert refused.ends() == 1 and "another bundle" in refused.text


@contextmanager
def recorder(port: int) -> Iterator[tuple[int, list[bytes]]]:
    """A relay to that port, and what clients sent through it."""
    sent: list[bytes] = []

    def forward(source: socket.socket, target: socket.socket, keep: bool) -> None:
        try:
            while data := source.recv(65536):
                if keep:
                    sent.append(data)
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def serve() -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            there = socket.create_connection(("127.0.0.1", port))
            for pair in ((client, there, True), (there, client, False)):
                threading.Thread(target=forward, args=pair, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1], sent
        server.shutdown(socket.SHUT_RDWR)


def test_a_recorded_conversation_is_worth_nothing(made: Cluster, tmp_path: Path) -> None:
    """A run through a relay, and what it sent once more: the scheduler refuses it."""
    with recorder(made.bundle.port) as (port, sent):
        copy = tmp_path / "relayed.pem"
        shutil.copy(made.bundle.path, copy)
        text = copy.read_text(encoding="ascii")
        here = f"scheduler: 127.0.0.1:{made.bundle.port}"
        copy.write_text(text.replace(here, f"scheduler: 127.0.0.1:{port}"), encoding="ascii")
        copy.chmod(0o600)
        run = made.start("relayed", "run", made.suite, "--native", "--dry-run", "--cluster", copy)
        assert run.ends() == 0, run.text
    assert sent and b"iomodels" not in b"".join(sent)
    before = made.scheduler.text.count("refused: ")
    with socket.create_connection(("127.0.0.1", made.bundle.port), SOON_S) as replayed:
        replayed.settimeout(SOON_S)
        try:
            for data in sent:
                replayed.sendall(data)
            while replayed.recv(65536):
                pass
        except OSError:
            pass
    wait_until(lambda: made.scheduler.text.count("refused: ") > before)
    after = made.run()
    assert after.ends() == 0, after.text

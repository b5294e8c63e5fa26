"""The bundle: who may read it, what it says, and the sentence of each refusal."""

from __future__ import annotations

import os
import socket
import ssl
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from iomodels.base.errors import Failure
from iomodels.cluster import credentials
from iomodels.cluster.credentials import Bundle, NoScheduler, greet, new_bundle, open_bundle

pytest.importorskip("cryptography", reason="the package cryptography is missing")


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return new_bundle(tmp_path / "lab", "127.0.0.1", 9000, 30)


def test_a_bundle_is_its_owners_and_is_read_as_it_was_made(bundle: Bundle) -> None:
    if os.name == "posix":
        assert stat.S_IMODE(bundle.path.stat().st_mode) == 0o600
    assert open_bundle(bundle.path) == open_bundle(bundle.path.parent) == bundle
    left = bundle.expires - datetime.now(UTC)
    assert timedelta(days=29, hours=23) < left <= timedelta(days=30)
    text = bundle.path.read_text(encoding="ascii")
    kinds = [line for line in text.splitlines() if line.startswith("-----BEGIN")]
    assert [kind.split()[1].rstrip("-") for kind in kinds] == [
        "CERTIFICATE",
        "PRIVATE",
        "CERTIFICATE",
    ]


def test_an_older_bundle_is_not_overwritten(bundle: Bundle) -> None:
    before = bundle.path.read_bytes()
    with pytest.raises(Failure, match="there is a bundle already"):
        new_bundle(bundle.path.parent, "127.0.0.1", 9000, 30)
    assert bundle.path.read_bytes() == before


@pytest.mark.skipif(os.name != "posix", reason="Windows has other rights of files")
def test_a_bundle_that_others_can_read_is_refused(bundle: Bundle) -> None:
    bundle.path.chmod(0o640)
    with pytest.raises(Failure, match=r"others can read the bundle; .*: chmod 600 "):
        open_bundle(bundle.path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot read the bundle"),
        (b"-----BEGIN", "is no bundle of this"),
        (b"\xff", "not a bundle"),
    ],
)
def test_what_is_no_bundle(tmp_path: Path, content: bytes | None, reason: str) -> None:
    if content is not None:
        (tmp_path / "x.pem").write_bytes(content)
        (tmp_path / "x.pem").chmod(0o600)
    with pytest.raises(Failure, match=reason):
        open_bundle(tmp_path / "x.pem")


@pytest.mark.parametrize(
    ("old", "new"), [(":9000", ":65504"), ("expires: 2", "expires: x2"), ("+00:00", "")]
)
def test_a_changed_head_is_no_bundle(bundle: Bundle, old: str, new: str) -> None:
    text = bundle.path.read_text(encoding="ascii")
    bundle.path.write_text(text.replace(old, new, 1), encoding="ascii")
    with pytest.raises(Failure, match="is no bundle of this version"):
        open_bundle(bundle.path)


def test_on_windows_a_copy_is_taken_from_other_accounts(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command in the place of icacls: what it is asked, and what its failure says."""
    argv: list[str] = []
    code = [0]

    def icacls(asked: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        argv[:] = asked
        return subprocess.CompletedProcess(asked, code[0], "", "Access is\r\ndenied.\r\n")

    monkeypatch.setattr(subprocess, "run", icacls)
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("USERNAME", "lab")
    open_bundle(bundle.path)
    assert argv == ["icacls", str(bundle.path), "/inheritance:r", "/grant:r", "lab:F"]
    code[0] = 5
    with pytest.raises(Failure, match="from other accounts: icacls: Access is denied"):
        open_bundle(bundle.path)


def test_an_expired_bundle_says_so(tmp_path: Path) -> None:
    bundle = new_bundle(tmp_path, "127.0.0.1", 9000, 0)
    with pytest.raises(Failure, match=r"the bundle expired on 2.* UTC; make a new one"):
        open_bundle(bundle.path)


@contextmanager
def listener(bundle: Bundle, *, refuses: bool = False) -> Iterator[Bundle]:
    """Something with the certificate of `bundle` that greets one client as Dask does."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(bundle.path))
    context.load_cert_chain(bundle.path)
    context.verify_mode = ssl.CERT_REQUIRED
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            try:
                with context.wrap_socket(connection, server_side=True) as secure:
                    secure.sendall(b"hello")
            except OSError:
                connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        yield replace(bundle, port=server.getsockname()[1])
        thread.join(20.0)


def test_the_same_bundle_is_greeted(bundle: Bundle) -> None:
    with listener(bundle) as there:
        assert greet(there) == "127.0.0.1"


def test_another_bundle_is_refused_and_told_why(bundle: Bundle, tmp_path: Path) -> None:
    other = new_bundle(tmp_path / "other", "127.0.0.1", 9000, 30)
    with (
        listener(bundle) as there,
        pytest.raises(Failure, match="the scheduler has another bundle, and both refuse") as caught,
    ):
        greet(replace(other, port=there.port))
    assert not isinstance(caught.value, NoScheduler)


def test_an_expired_certificate_is_refused_by_the_other_side_too(tmp_path: Path) -> None:
    old = new_bundle(tmp_path, "127.0.0.1", 9000, 0)  # it lasted from yesterday to now
    with (
        listener(old) as there,
        pytest.raises(Failure, match="the certificate is not valid at this time; the clock"),
    ):
        greet(there)


def test_nobody_listens(bundle: Bundle) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        there = replace(bundle, port=unused.getsockname()[1])
        with pytest.raises(
            NoScheduler, match=r"no scheduler answers there: .*iomodels cluster start"
        ):
            greet(there)


def test_what_listens_is_something_else(bundle: Bundle) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(100)
                connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(Failure, match="the program there is no scheduler of a cluster"):
            greet(replace(bundle, port=server.getsockname()[1]))
        thread.join(20.0)


def test_a_damaged_bundle(bundle: Bundle) -> None:
    text = bundle.path.read_text(encoding="ascii")
    bundle.path.write_text(text.replace("PRIVATE KEY", "PUBLIC KEY"), encoding="ascii")
    with pytest.raises(Failure, match="the bundle is damaged"):
        greet(bundle)


def test_the_ports_of_workers_and_servers_follow_that_of_the_scheduler() -> None:
    bundle = Bundle(Path("x"), "192.0.2.1", 9000, datetime.now(UTC))
    assert (bundle.worker_ports, bundle.server_ports) == (range(9001, 9017), range(9017, 9033))
    assert credentials.PORTS == 16

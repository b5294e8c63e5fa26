"""The bundle: the one file that lets a machine into a cluster.

It holds the scheduler's address, the day it expires, a certificate, its key, and the certificate
of its authority (CA). Every machine of the cluster has the same bundle. The key of the CA is thrown
away, so nobody can make another certificate. Who holds a bundle can run any program on the machines
of its cluster.

Dask retries for ever if a certificate is refused. So each command first makes a plain TLS handshake
with the scheduler, which says why.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from iomodels.base.errors import USAGE, Failure

NAME = "bundle.pem"
DEFAULT_PORT = 9000
PORTS = 16
"""Ports after the scheduler's: 16 for the workers of a machine, then 16 for its servers."""
HEAD = "iomodels cluster bundle, format 1"
HANDSHAKE_S = 5.0
NO_USES = (
    *("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("encipher_only", "decipher_only"),
)
SLOW_CLOCKS = timedelta(days=1)
INSTALL = (
    "install it: pip install 'iomodels[cluster]' "
    "(Debian, Ubuntu: apt install python3-distributed python3-cryptography)"
)


@dataclass(frozen=True)
class Bundle:
    path: Path
    host: str
    port: int
    expires: datetime

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def worker_ports(self) -> range:
        return range(self.port + 1, self.port + 1 + PORTS)

    @property
    def server_ports(self) -> range:
        return range(self.port + 1 + PORTS, self.port + 1 + 2 * PORTS)


class NoScheduler(Failure):
    """Nobody answers at the scheduler's address: it may start later."""


def new_bundle(folder: Path, host: str, port: int, days: int) -> Bundle:
    """Write a new bundle into `folder`, readable by its owner only. Raises Failure."""
    path = folder / NAME
    expires = (datetime.now(UTC) + timedelta(days=days)).replace(microsecond=0)
    text = "\n".join(
        [
            HEAD,
            f"scheduler: {host}:{port}",
            f"expires: {expires.isoformat()}",
            "Who holds this file can run any program on the machines of the cluster.",
            _certificates(expires),
        ]
    )
    folder.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Failure(
            f"{path}: there is a bundle already; remove it, or name another folder", exit_code=USAGE
        ) from None
    with os.fdopen(handle, "w", encoding="ascii", newline="\n") as file:
        _own(path)
        file.write(text)
    return Bundle(path, host, port, expires)


def _own(path: Path) -> None:
    """Windows: take the file from all other accounts. Elsewhere its mode did. Raises Failure."""
    if sys.platform == "win32":
        grant = f"{os.environ.get('USERNAME')}:F"
        argv = ["icacls", str(path), "/inheritance:r", "/grant:r", grant]
        done = subprocess.run(argv, capture_output=True, text=True, errors="replace", check=False)
        if done.returncode:
            said = " ".join((done.stdout + done.stderr).split())
            raise Failure(f"{path}: cannot take the bundle from other accounts: icacls: {said}")


def _certificates(expires: datetime) -> str:
    """Return certificate, key and CA in the one order that serves as all three for OpenSSL."""
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
    except ImportError:
        raise Failure(f"the package cryptography is missing; {INSTALL}", exit_code=USAGE) from None

    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    own, authority = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    issuer_id = x509.SubjectKeyIdentifier.from_public_key(authority.public_key())
    found = []
    for subject, key, is_authority in (("member", own, False), ("CA", authority, True)):
        usage = dict.fromkeys(NO_USES, False)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name(f"iomodels cluster {subject}"))
            .issuer_name(name("iomodels cluster CA"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime.now(UTC) - SLOW_CLOCKS)
            .not_valid_after(expires)
            .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
            .add_extension(
                x509.KeyUsage(
                    digital_signature=not is_authority,
                    key_cert_sign=is_authority,
                    crl_sign=is_authority,
                    **usage,
                ),
                critical=True,
            )
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_id),
                critical=False,
            )
        )
        if not is_authority:
            roles = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
            builder = builder.add_extension(x509.ExtendedKeyUsage(roles), critical=False)
        found.append(builder.sign(authority, hashes.SHA256()))
    pem = serialization.Encoding.PEM
    private = own.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return b"".join([found[0].public_bytes(pem), private, found[1].public_bytes(pem)]).decode()


def open_bundle(given: Path) -> Bundle:
    """Read a bundle, or that of a folder. Raises Failure: no bundle, expired, open to others."""
    path = given / NAME if given.is_dir() else given
    try:
        text = path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not a bundle"
        raise Failure(
            f"{path}: cannot read the bundle: {why}; make one with: iomodels cluster new DIR",
            exit_code=USAGE,
        ) from None
    try:
        bundle = _parsed(path, text)
    except ValueError:
        raise Failure(
            f"{path}: is no bundle of this version; make one with: iomodels cluster new DIR",
            exit_code=USAGE,
        ) from None
    _own(path)  # a copy has the rights of its folder
    if os.name == "posix" and path.stat().st_mode & 0o077:
        raise Failure(
            f"{path}: others can read the bundle; take it from them: chmod 600 {path}",
            exit_code=USAGE,
        )
    if datetime.now(UTC) >= bundle.expires:
        raise Failure(
            f"{path}: the bundle expired on {bundle.expires:%Y-%m-%d %H:%M} UTC; "
            "make a new one with: iomodels cluster new DIR",
            exit_code=USAGE,
        )
    return bundle


def _parsed(path: Path, text: str) -> Bundle:
    """Raises ValueError."""
    head = rf"{re.escape(HEAD)}\nscheduler: (\S+):([0-9]+)\nexpires: (\S+\+00:00)\n"
    found = re.match(head, text.replace("\r", ""))
    if not found:
        raise ValueError
    bundle = Bundle(path.resolve(), found[1], int(found[2]), datetime.fromisoformat(found[3]))
    if bundle.server_ports.stop > 65536:
        raise ValueError
    return bundle


def greet(bundle: Bundle) -> str:
    """Make a TLS handshake with the scheduler. Returns this machine's address on that connection.

    Raises NoScheduler if nobody answers, and Failure if either side refuses the other.
    """
    try:
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=str(bundle.path))
        context.check_hostname = False  # the bundle names the machines' authority, not machines
        context.load_cert_chain(bundle.path)
    except (ssl.SSLError, OSError) as error:
        raise Failure(f"{bundle.path}: the bundle is damaged: {error}", exit_code=USAGE) from None
    try:
        with (
            socket.create_connection((bundle.host, bundle.port), HANDSHAKE_S) as plain,
            context.wrap_socket(plain) as secure,
        ):
            if not secure.recv(1):  # with TLS 1.3 a refusal arrives only now
                raise ConnectionResetError("it closed the connection")
            return str(secure.getsockname()[0])
    except ssl.SSLError as error:
        raise Failure(f"{bundle}: {_refusal(error)}") from None
    except OSError as error:
        raise NoScheduler(
            f"{bundle}: no scheduler answers there: {error.strerror or error}; "
            "start it on that machine: iomodels cluster start BUNDLE"
        ) from None


def _refusal(error: ssl.SSLError) -> str:
    words = str(error).upper()
    if any(sign in words for sign in ("EXPIRED", "NOT YET VALID", "BAD_CERTIFICATE")):
        return (
            "the certificate is not valid at this time; "
            f"the clock of this machine says {datetime.now(UTC):%Y-%m-%d %H:%M} UTC; "
            "set the clock of the machine that is wrong, or make a new bundle"
        )
    if isinstance(error, ssl.SSLCertVerificationError) or "ALERT" in (error.reason or ""):
        return (
            "the scheduler has another bundle, and both refuse each other; "
            "copy the same bundle to every machine of the cluster"
        )
    return f"the program there is no scheduler of a cluster: {error.reason or error}"

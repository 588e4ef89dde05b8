"""An authority of the tests' own that makes real RFC 3161 timestamps: ``openssl ts`` below a root made here."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CONFIG = """
[tsa]
default_tsa = here
[here]
serial = {folder}/serial
signer_cert = {folder}/signer.pem
signer_key = {folder}/signer.key
signer_digest = sha256
ess_cert_id_alg = sha256
default_policy = 1.3.6.1.4.1.99999.1
digests = sha256, sha512, sha3-256
accuracy = secs:1
"""
ANSWERED = "application/timestamp-reply"


@dataclass(frozen=True, slots=True)
class Authority:
    """An authority in a folder. ``root`` is the PEM certificate that a verifier must have."""

    folder: Path
    root: bytes

    def answer(self, query: bytes) -> bytes:
        """The answer to a TimeStampReq, made now."""
        (self.folder / "query").write_bytes(query)
        command = ["openssl", "ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query", "-out", "answer"]
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True, timeout=60)
        return (self.folder / "answer").read_bytes()


def founded(folder: Path, *, valid_until: timedelta = timedelta(days=1)) -> Authority:
    """A new authority; ``valid_until``: how long from now its certificate is valid, which began a month ago."""
    folder.mkdir()
    root_key, key = generate_private_key(SECP256R1()), generate_private_key(SECP256R1())
    now = datetime.now(UTC)
    root = _certificate("root", root_key, root_key, now + timedelta(days=1), None)
    own = _certificate("authority", key, root_key, now + valid_until, ExtendedKeyUsageOID.TIME_STAMPING)
    (folder / "signer.pem").write_bytes(own.public_bytes(Encoding.PEM))
    for name, each in (("signer.key", key), ("root.key", root_key)):
        (folder / name).write_bytes(each.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (folder / "serial").write_text("01\n")
    (folder / "tsa.cnf").write_text(CONFIG.format(folder=folder))
    return Authority(folder, root.public_bytes(Encoding.PEM))


def with_another_purpose(authority: Authority, response: bytes) -> bytes:
    """The same answer with a certificate of the same authority, key and number in it that may serve web pages only."""
    own = x509.load_pem_x509_certificate((authority.folder / "signer.pem").read_bytes())
    by_key = load_pem_private_key((authority.folder / "root.key").read_bytes(), None)
    assert isinstance(by_key, EllipticCurvePrivateKey)
    made = (
        x509.CertificateBuilder(own.issuer, own.subject, own.public_key(), own.serial_number)
        .not_valid_before(own.not_valid_before_utc).not_valid_after(own.not_valid_after_utc)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=True)
    )  # fmt: skip
    old, new = own.public_bytes(Encoding.DER), b""
    while len(new) != len(old):  # a signature is a byte or two longer at times, and the lengths around it are written
        new = made.sign(by_key, SHA256()).public_bytes(Encoding.DER)
    assert response.count(old) == 1
    return response.replace(old, new)


@contextmanager
def served(authority: Authority) -> Iterator[tuple[str, list[int]]]:
    """The authority behind an HTTP address of this machine, and the list of status codes it gives next (else 200)."""
    codes: list[int] = []

    class Counter(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.headers["Content-Type"] == "application/timestamp-query"
            code = codes.pop(0) if codes else 200
            answer = authority.answer(query) if code == 200 else b""
            self.send_response(code)
            self.send_header("Content-Type", ANSWERED)
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            self.wfile.write(answer)

        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Counter) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/", codes
        server.shutdown()
        thread.join()


def _certificate(
    name: str, key: EllipticCurvePrivateKey, by_key: EllipticCurvePrivateKey, until: datetime,
    purpose: x509.ObjectIdentifier | None,
) -> x509.Certificate:  # fmt: skip
    """A certificate that began a month ago; for a root without a purpose."""
    made = (
        x509.CertificateBuilder()
        .subject_name(_name(name)).issuer_name(_name("root")).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=30)).not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=purpose is None, path_length=None), critical=True)
    )  # fmt: skip
    if purpose is not None:
        made = made.add_extension(x509.ExtendedKeyUsage([purpose]), critical=True)
    return made.sign(by_key, SHA256())


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"guitu tests {name}")])

"""Where notices may be sent: to no machine of this network that the operator has not listed, whatever it is called."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from engine.errors import CommandMalformed, WebhookAddressRefused
from engine.service.webhook_addresses import LONGEST, Address, Networks, hold_url
from engine.service.webhook_posting import Post, resolved
from engine.service.webhook_secrets import Kept, Signed, new_secret, signed

NONE = Networks()
OWN = Networks.read(["10.20.0.0/16", "fd00:7::/32", "hooks.unit.example."])
HERE = Networks.read(["127.0.0.0/8"])
INSIDE = (
    "127.0.0.1", "127.9.9.9", "10.0.0.1", "10.20.3.4", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "0.0.0.0", "0.1.2.3", "192.0.0.8", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1",
    "fe80::1", "fec0::1", "fc00::1", "fd00:7::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::", "2002:a00:1::1", "2001:db8::1",
)  # fmt: skip
OUTSIDE = ("1.1.1.1", "8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8")


@pytest.mark.parametrize("address", INSIDE)
def test_no_machine_of_this_network_is_sent_to_unless_it_is_listed(address: str) -> None:
    assert not NONE.permits(ip_address(address), "hooks.example", is_trial=False)
    written = f"[{address}]" if ":" in address else address
    with pytest.raises(WebhookAddressRefused):
        hold_url(f"https://{written}/hook", NONE, is_trial=False)


@pytest.mark.parametrize("address", OUTSIDE)
def test_machines_elsewhere_are(address: str) -> None:
    assert NONE.permits(ip_address(address), "hooks.example", is_trial=False)
    written = f"[{address}]" if ":" in address else address
    assert hold_url(f"https://{written}/hook", NONE, is_trial=False)


@pytest.mark.parametrize(
    ("address", "host", "expected"),
    [
        ("10.20.3.4", "any.example", True), ("10.21.3.4", "any.example", False), ("fd00:7::1", "any.example", True),
        ("10.99.0.1", "hooks.unit.example", True), ("10.99.0.1", "HOOKS.unit.example.", True),
        ("10.99.0.1", "other.unit.example", False), ("127.0.0.1", "hooks.unit.example", False),
        ("169.254.169.254", "hooks.unit.example", False), ("::ffff:10.20.0.1", "any.example", True),
        ("2002:a14:1::", "any.example", True), ("2002:a15:1::", "any.example", False),
    ],
)  # fmt: skip
def test_what_the_operator_lists_is_sent_to_and_no_more(address: str, host: str, expected: bool) -> None:
    assert OWN.permits(ip_address(address), host, is_trial=False) is expected


@pytest.mark.parametrize("words", ["10.0.0.0/99", "10.0.0.1/8", "http://a", "甲.example", "127.1", "a b", "-a"])
def test_a_setting_that_is_neither_network_nor_name_is_refused(words: str) -> None:
    with pytest.raises(CommandMalformed):
        Networks.read([words])


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/a", "ftp://hooks.example/a", "hooks.example/a", "https://", "https:///a", "//hooks.a",
        "https://officer:secret@hooks.example/", "https://officer@hooks.example/", "https://hooks.example/a#b",
        "https://hooks.example/a#", "https://hooks.example:0/", "https://hooks.example:99999/", "https://2130706433/",
        "https://0x7f000001/", "https://0x7f.1/", "https://127.1/", "https://0177.0.0.1/", "https://1.2.3.4.5/",
        "https://127.0.0.1./", "https://localhost/", "http://localhost/", "http://127.0.0.1/",
        "https://hooks.example\\@10.0.0.1/", "https://甲.example/", "https://hooks example/", "https://hooks.example/\n",
        "https://ho_oks.example/", "https://[::1", "https://[fe80::1%25eth0]/", "javascript:alert(1)",
        "https://hooks.example/" + "a" * LONGEST,
    ],
)  # fmt: skip
def test_an_address_that_is_no_plain_https_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(WebhookAddressRefused) as refused:
        hold_url(url, NONE, is_trial=False)
    assert url not in refused.value.en


@pytest.mark.parametrize("url", ["https://hooks.example/a?b=c", "https://hooks.example:8443/", "https://a.b.example./"])
def test_a_plain_one_is_taken_as_it_is(url: str) -> None:
    assert hold_url(url, NONE, is_trial=False) == url


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000/", "http://localhost/", "http://[::1]:80/", "https://127.0.0.1/"]
)
def test_in_a_world_for_trial_this_very_machine_may_be_told_and_no_other(url: str) -> None:
    assert hold_url(url, NONE, is_trial=True) == url
    for other in ("http://10.0.0.1/", "https://10.0.0.1/", "http://hooks.example/", "http://169.254.169.254/"):
        with pytest.raises(WebhookAddressRefused):
            hold_url(other, NONE, is_trial=True)


# ── when something is sent ──


def _message() -> Signed:
    return signed(b"{}", "N-1", Kept("", new_secret()), datetime.now(UTC))


@pytest.mark.parametrize("address", [*INSIDE[2:8], "::ffff:127.0.0.1"])
def test_a_name_that_leads_inside_is_not_connected_to(address: str) -> None:
    public = ip_address("8.8.8.8")
    for found in ([ip_address(address)], [public, ip_address(address)]):
        post = Post(NONE, is_trial=False, resolve=lambda _host, _port, found=found: found)  # type: ignore[misc]
        assert post("https://hooks.example/", _message()) == "address"


def test_a_name_that_means_nothing_or_nobody_answers_is_told_from_one_that_is_refused() -> None:
    assert Post(NONE, is_trial=False, resolve=lambda *_: [])("https://hooks.example/", _message()) == "connection"
    closed = Post(HERE, is_trial=False, resolve=lambda *_: [ip_address("127.0.0.1")])
    assert closed("https://hooks.example:1/", _message()) == "connection"


def test_a_name_is_looked_up_once_and_that_is_connected_to(tmp_path: Path) -> None:
    """A name that means another machine a moment later gains nothing, and its certificate must be its own."""
    asked: list[str] = []

    def resolve(host: str, _port: int) -> list[Address]:
        asked.append(host)
        return [ip_address("127.0.0.1" if len(asked) == 1 else "10.0.0.1")]

    with _served(tmp_path, "hooks.unit.example") as (port, trust):
        post = Post(HERE, is_trial=False, resolve=resolve, trust=lambda: trust)
        assert post(f"https://hooks.unit.example:{port}/", _message()) == "204"
        assert asked == ["hooks.unit.example"]
        stranger = Post(HERE, is_trial=False, resolve=lambda *_: [ip_address("127.0.0.1")], trust=lambda: trust)
        assert stranger(f"https://other.unit.example:{port}/", _message()) == "connection"
        untrusted = Post(HERE, is_trial=False, resolve=lambda *_: [ip_address("127.0.0.1")])
        assert untrusted(f"https://hooks.unit.example:{port}/", _message()) == "connection"


def test_an_address_means_itself() -> None:
    assert resolved("127.0.0.1", 80) == [ip_address("127.0.0.1")]


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Quiet(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Say nothing of callers who do not trust it."""


@contextmanager
def _served(folder: Path, name: str) -> Iterator[tuple[int, ssl.SSLContext]]:
    """A server of this name on this machine, and what trusts its certificate."""
    certificate, key = _certificate(name)
    both = folder / "both.pem"
    both.write_bytes(key + certificate)
    here = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    here.load_cert_chain(both)
    server = _Quiet(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.socket = here.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    trust = ssl.create_default_context(cadata=certificate.decode())
    try:
        yield int(server.server_address[1]), trust
    finally:
        server.shutdown()
        server.server_close()


def _certificate(name: str) -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(who).issuer_name(who).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made.public_bytes(serialization.Encoding.PEM), private

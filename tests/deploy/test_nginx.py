"""Debian's nginx with the shipped site in front of the real server, on loopback: TLS, headers, limits, uploads."""

from __future__ import annotations

import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from engine import bootstrap
from engine.core.commands import Actor, OpenCase
from engine.service import installation, trial
from engine.service.handle import handle
from engine.service.sessions import begin_trial
from tests.api.conftest import passphrase_file
from tests.http.served import served_here, world_at

SITE = Path(__file__).parents[2] / "deploy" / "nginx"
NAME = "guitu.example"
OFFICER = Actor("officer-1", "gulou-police")
LONGEST = 30.0
WHOLE = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 128; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u;
    scgi_temp_path {folder}/s;
    include {folder}/guitu.conf;
}}
"""


@dataclass(frozen=True)
class Front:
    """nginx that runs, and a case behind it: ``token`` is a sign-in of its holder."""

    folder: Path
    tls: int
    plain: int
    token: str
    case: str

    def client(self, **more: object) -> httpx.Client:
        """A client that trusts the certificate of the test and calls the site by its name."""
        context = ssl.create_default_context(cafile=self.folder / "cert.pem")
        return httpx.Client(
            base_url=f"https://127.0.0.1:{self.tls}", verify=context, timeout=LONGEST, trust_env=False,
            headers={"Host": NAME, "Authorization": f"Bearer {self.token}"}, **more,  # type: ignore[arg-type]
        )  # fmt: skip

    def get(self, client: httpx.Client, path: str, **more: object) -> httpx.Response:
        """A GET by the name in the certificate."""
        return client.get(path, extensions={"sni_hostname": NAME}, **more)  # type: ignore[arg-type]

    def post(self, client: httpx.Client, path: str, **more: object) -> httpx.Response:
        """A POST by the name in the certificate."""
        return client.post(path, extensions={"sni_hostname": NAME}, **more)  # type: ignore[arg-type]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as made:
        return int(made.getsockname()[1])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the home of a world for trial with the demo directory and released procedures."""
    return world_at(tmp_path_factory.mktemp("behind") / "world")


def prepared(home: Path) -> tuple[str, str]:
    """A sign-in and a case of that world."""
    desk = bootstrap.desk(bootstrap.settings(home=home, passphrase_file=passphrase_file(home)))
    try:
        installation.load_demo_directory(desk)
        trial.release_all(desk, (rules.definition for rules in desk.books.rules.values()), offices=trial.DEMO_OFFICES)
        opened = handle(desk, OpenCase(case="", area="350102", facts={}), OFFICER)
        return begin_trial(desk, OFFICER.person, OFFICER.unit).token, opened.case
    finally:
        bootstrap.close(desk)


def shipped(folder: Path, port: int) -> tuple[int, int]:
    """Lay out the shipped site with the ports and paths of this test, and nothing else changed."""
    tls, plain = free_port(), free_port()
    text = (SITE / "guitu.conf").read_text(encoding="utf-8")
    for before, after in (
        ("listen 443 ssl http2;", f"listen 127.0.0.1:{tls} ssl http2;"),
        ("listen 80;", f"listen 127.0.0.1:{plain};"),
        ("/etc/guitu/tls/fullchain.pem", f"{folder}/cert.pem"),
        ("/etc/guitu/tls/key.pem", f"{folder}/key.pem"),
        ("127.0.0.1:8321", f"127.0.0.1:{port}"),
        ("/etc/nginx/guitu-proxy.conf", f"{folder}/guitu-proxy.conf"),
        ("/var/log/nginx/", f"{folder}/"),
    ):
        assert before in text, before
        text = text.replace(before, after)
    (folder / "guitu.conf").write_text(text, encoding="utf-8")
    shutil.copy(SITE / "guitu-proxy.conf", folder)
    (folder / "nginx.conf").write_text(WHOLE.format(folder=folder), encoding="utf-8")
    return tls, plain


@pytest.fixture(scope="module")
def front(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """Give nginx in front of ``guitu serve``."""
    folder = tmp_path_factory.mktemp("nginx")
    token, case = prepared(home)
    words = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    where = ["-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem"]
    subject = ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"]
    subprocess.run(["openssl", *words, *where, *subject], check=True, capture_output=True, timeout=LONGEST)
    settings = {"GUITU_TRUSTED_PROXIES": "127.0.0.1", "GUITU_HOSTS": NAME, "GUITU_ORIGINS": f"https://{NAME}"}
    with served_here(home, "--behind-proxy", **settings) as served:
        tls, plain = shipped(folder, served.port)
        program = shutil.which("nginx") or "/usr/sbin/nginx"
        running = subprocess.Popen([program, "-p", folder, "-c", folder / "nginx.conf"])
        try:
            _wait_for(tls, folder)
            yield Front(folder, tls, plain, token, case)
        finally:
            running.terminate()
            running.wait(LONGEST)


def _wait_for(port: int, folder: Path) -> None:
    until = time.monotonic() + LONGEST
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail((folder / "error.log").read_text())


def test_plain_http_is_sent_on_and_tls_is_modern(front: Front) -> None:
    with httpx.Client(trust_env=False, timeout=LONGEST) as client:
        moved = client.get(f"http://127.0.0.1:{front.plain}/api/v1/cases", headers={"Host": NAME})
    assert (moved.status_code, moved.headers["location"]) == (308, f"https://{NAME}/api/v1/cases")
    old = ssl.create_default_context(cafile=front.folder / "cert.pem")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        pytest.raises((ssl.SSLError, OSError)),
        socket.create_connection(("127.0.0.1", front.tls), timeout=LONGEST) as raw,
        old.wrap_socket(raw, server_hostname=NAME),
    ):
        pass


def test_headers_are_those_of_the_api_once_each_and_tell_no_version(front: Front) -> None:
    with front.client() as client:
        answer = front.get(client, f"/api/v1/cases/{front.case}")
    assert answer.status_code == 200
    names = [name.lower() for name, _ in answer.headers.multi_items()]
    assert not [name for name in set(names) if names.count(name) > 1]
    assert answer.headers["server"] == "nginx"
    assert answer.headers["strict-transport-security"].startswith("max-age=")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_what_a_client_says_of_itself_is_not_believed(front: Front) -> None:
    lies = {
        "X-Forwarded-For": "10.1.2.3",
        "X-Forwarded-Proto": "http",
        "Forwarded": "for=10.1.2.3",
        "X-Forwarded-Host": "x",
    }
    with front.client() as client:
        assert front.get(client, "/api/v1/cases", headers=lies).status_code == 200
        assert front.get(client, "/api/v1/cases", headers={"Host": "elsewhere.example"}).status_code in (400, 421)


def test_an_upload_passes_whole_and_comes_back_whole(front: Front) -> None:
    pdf = b"%PDF-1.7\n" + b"0123456789abcdef" * 200_000 + b"\n%%EOF\n"
    with front.client() as client:
        sent = front.post(
            client, f"/api/v1/cases/{front.case}/files", content=pdf,
            headers={"Content-Type": "application/pdf", "Content-Disposition": 'attachment; filename="scan.pdf"'},
        )  # fmt: skip
        assert sent.status_code == 201, sent.text
        back = front.get(client, sent.headers["location"])
    assert back.content == pdf
    assert not [file for part in ("body", "proxy") for file in (front.folder / part).rglob("*") if file.is_file()]


def test_what_is_too_large_or_too_often_is_refused_at_the_door(front: Front) -> None:
    with front.client() as client:
        assert front.post(client, "/api/v1/cases", content=b"{" + b" " * 2**20 + b"}").status_code == 413
        wrong = {"person": "officer-1", "password": "not the right one"}
        answers = [front.post(client, "/api/v1/sign-in", json=wrong).status_code for _ in range(40)]
    assert 429 in answers


def test_figures_are_for_this_machine_and_the_log_names_no_case(front: Front) -> None:
    with front.client() as client:
        assert front.get(client, "/metrics").status_code == 200
        front.get(client, f"/api/v1/cases/{front.case}", params={"word": "planted"})
    logged = (front.folder / "guitu.access.log").read_text() + (front.folder / "guitu.error.log").read_text()
    assert re.search(r"^\S+ GET 200 ", logged, re.MULTILINE)
    assert front.case not in logged
    assert "planted" not in logged

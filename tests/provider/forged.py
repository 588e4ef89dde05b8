"""An identity provider that says whatever a test wants it to: on this machine, in a thread of the test."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs

from joserfc import jws
from joserfc.jwk import ECKey, KeySet

CLIENT, NONCE = "guitu", "the nonce of this attempt"
NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
AT = int(NOW.timestamp())


def key(kid: str = "one") -> ECKey:
    """A new key of the provider."""
    return ECKey.generate_key("P-256", {"kid": kid, "use": "sig", "alg": "ES256"})


@dataclass
class Forged:
    """What it says: ``metadata`` beside what is due, ``claims`` beside what is due, signed by ``signs``.

    ``token`` makes the ID token another way; ``answers`` are whole answers by path (status, headers, body).
    """

    signs: ECKey = field(default_factory=key)
    publishes: list[Any] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    token: Callable[[dict[str, Any]], object] | None = None
    access_token: str = "an access token"
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)
    issuer: str = ""

    def document(self, path: str) -> object:
        """What is answered at a path."""
        if path == "/.well-known/openid-configuration":
            due = {
                "issuer": self.issuer, "authorization_endpoint": f"{self.issuer}/auth",
                "token_endpoint": f"{self.issuer}/token", "jwks_uri": f"{self.issuer}/keys",
            }  # fmt: skip
            return due | self.metadata
        if path == "/keys":
            return KeySet(list(self.publishes) or [self.signs]).as_dict(private=False)
        claims = {
            "iss": self.issuer, "sub": "somebody", "aud": CLIENT, "exp": AT + 300, "iat": AT, "nonce": NONCE,
            "auth_time": AT, **self.claims,
        }  # fmt: skip
        stated = {name: value for name, value in claims.items() if value is not None}
        made = self.signed(stated) if self.token is None else self.token(stated)
        return {"access_token": self.access_token, "token_type": "Bearer", "id_token": made}

    def signed(self, claims: dict[str, Any], **header: object) -> str:
        """An ID token of these claims."""
        stated = {"alg": "ES256", "kid": self.signs.kid, **header}
        named = {name: value for name, value in stated.items() if value is not None}
        return jws.serialize_compact(named, json.dumps(claims).encode(), self.signs)


@contextmanager
def running() -> Iterator[Forged]:
    """Let one answer until the test is over."""
    forged = Forged()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._tell()

        def do_POST(self) -> None:
            words = self.rfile.read(int(self.headers["Content-Length"])).decode()
            forged.forms.append({name: values[0] for name, values in parse_qs(words).items()})
            forged.authorizations.append(self.headers["Authorization"])
            self._tell()

        def _tell(self) -> None:
            forged.asked.append(self.path)
            status, headers, body = forged.answers.get(self.path) or (
                200, {"Content-Type": "application/json"}, json.dumps(forged.document(self.path)).encode(),
            )  # fmt: skip
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    forged.issuer = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield forged
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

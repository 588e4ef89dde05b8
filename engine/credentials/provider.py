"""An identity provider asked who somebody is: OpenID Connect, authorization code with PKCE, and its ID token verified.

What it says is believed only when it is signed by a key it publishes, for us, for this very attempt, and in time. The
provider proves who somebody is, never what she may do. After OpenID Connect Core 1.0, Discovery 1.0, RFC 7636 and
RFC 9207. Nothing here knows a database; whoever calls keeps state, nonce and verifier.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from threading import Lock
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpx
from authlib.oidc.core import CodeIDToken
from joserfc import jws
from joserfc.errors import ExpiredTokenError, InvalidClaimError, JoseError, MissingClaimError
from joserfc.jwk import Key, import_key

ALGORITHMS = ("ES256", "RS256", "PS256", "EdDSA")
"""What an ID token may be signed with: public keys only, and never nothing."""
SKEW_SECONDS = 60
"""So far the two clocks may be apart."""
ANSWER_SECONDS = 10.0
"""So long the provider may take over one answer, however it dribbles."""
MOST_BYTES = 256 * 1024
LEAST_RSA_BITS = 2048
METADATA_SECONDS = 3600.0
"""How long what the provider publishes is believed without asking again."""
FAILED_SECONDS = 5.0
"""So long a provider that did not answer is not asked again for what it publishes: nobody queues up behind it."""
KEYS_SECONDS = 60.0
"""An unknown key asks for the keys again, and no more often than this."""
MOST_SUBJECT = 255
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_BASIC, _POST = "client_secret_basic", "client_secret_post"


class NotProvedError(Exception):
    """The provider did not prove who somebody is. ``why`` is a code for ledger and log, never for the caller."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Proved:
    """Who the provider says it is, and how and when it made sure: ``amr`` and ``acr`` in its own words."""

    subject: str
    signed_in_at: datetime | None
    amr: tuple[str, ...]
    acr: str | None


@dataclass(frozen=True, slots=True)
class _Metadata:
    authorization: str
    token: str
    keys: str
    ways: tuple[str, ...]
    names_itself: bool


class _OursOnly(jws.JWSRegistry):
    """Knows only our algorithms, whichever of them the library would rather not see any more."""

    def get_alg(self, name: str) -> Any:
        """The algorithm of this name. Raises :class:`NotProvedError` for any that is not ours."""
        if name not in ALGORITHMS:
            raise NotProvedError("algorithm")
        return self.algorithms[name]


_REGISTRY = _OursOnly(strict_check_header=False)


class Provider:
    """One identity provider, as this installation is registered with it. Threads may share it.

    ``secret`` is read whenever it is needed, so that it can be changed under a running process; without one we prove
    ourselves by PKCE alone. Raises :class:`ValueError` for an address that is neither HTTPS nor on this machine.
    """

    def __init__(
        self, issuer: str, client_id: str, redirect: str, secret: Callable[[], str] | None = None, *,
        ticking: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        if not (is_safe(issuer) and is_safe(redirect)):
            raise ValueError("an identity provider is asked by HTTPS only")
        self.issuer, self.client_id, self.redirect = issuer, client_id, redirect
        self._secret, self._ticking = secret, ticking
        self._lock = Lock()
        self._metadata: tuple[float, _Metadata] | None = None
        self._keys: tuple[float, list[Key]] | None = None
        self._failed_at: float | None = None
        self._client: httpx.Client | None = None

    # ── the way there ──

    def address(self, *, state: str, nonce: str, verifier: str, max_age: int, again: bool) -> str:
        """Where to send the browser. ``max_age`` in seconds: how old a sign-in there may be; ``again``: sign in anew.

        Raises :class:`NotProvedError` when the provider does not answer or not as itself.
        """
        asked = {
            "response_type": "code", "client_id": self.client_id, "redirect_uri": self.redirect, "scope": "openid",
            "state": state, "nonce": nonce, "code_challenge": _challenge(verifier),
            "code_challenge_method": "S256", "max_age": str(max_age), **({"prompt": "login"} if again else {}),
        }  # fmt: skip
        there = self._published().authorization
        return f"{there}{'&' if urlsplit(there).query else '?'}{urlencode(asked)}"

    # ── and back ──

    def proved(self, code: str, *, issuer: str | None, verifier: str, nonce: str, now: datetime) -> Proved:
        """Who came back with this code. ``issuer`` is whom the way back names, if it names one.

        Raises :class:`NotProvedError`.
        """
        published = self._published()
        if issuer != self.issuer and (issuer is not None or published.names_itself):
            raise NotProvedError("issuer")
        told = self._exchanged(published, code, verifier)
        token, access = told.get("id_token"), told.get("access_token")
        if not isinstance(token, str):
            raise NotProvedError("no_id_token")
        header, claims = self._verified(token)
        self._hold(header, claims, nonce=nonce, access=access, now=now)
        return _proved(claims)

    def _exchanged(self, published: _Metadata, code: str, verifier: str) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": self.redirect, "code_verifier": verifier,
        }  # fmt: skip
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if self._secret is None:
            form["client_id"] = self.client_id
        elif _BASIC in published.ways or _POST not in published.ways:
            words = f"{quote(self.client_id, safe='')}:{quote(self._secret(), safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(words.encode()).decode()}"
        else:
            form |= {"client_id": self.client_id, "client_secret": self._secret()}
        return self._asked("POST", published.token, "exchange", headers, urlencode(form).encode())

    def _verified(self, token: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Header and claims of an ID token whose signature is the provider's."""
        try:
            header = jws.extract_compact(token.encode(), registry=_REGISTRY).headers()
            _REGISTRY.get_alg(header["alg"])
            signed = jws.deserialize_compact(token, self._key(header), registry=_REGISTRY)
        except (JoseError, ValueError, TypeError, KeyError):
            raise NotProvedError("signature") from None
        return dict(header), _as_object(signed.payload, "id_token")

    def _key(self, header: Mapping[str, Any]) -> Key:
        found = self._found(header)
        if found is None and self._forget_keys():
            found = self._found(header)
        if found is None:
            raise NotProvedError("key")
        return found

    def _found(self, header: Mapping[str, Any]) -> Key | None:
        """The key a header names; where it names none, the only one there is for its algorithm."""
        kid, algorithm = header.get("kid"), _REGISTRY.get_alg(header["alg"])
        fit = [key for key in self._published_keys() if kid in (None, key.kid) and _fits(key, algorithm)]
        return fit[0] if fit and (kid is not None or len(fit) == 1) else None

    def _hold(
        self, header: dict[str, Any], claims: dict[str, Any], *, nonce: str, access: object, now: datetime
    ) -> None:  # fmt: skip
        """Hold the claims against what we asked for, and when. Raises :class:`NotProvedError`."""
        wanted = {
            "iss": {"essential": True, "value": self.issuer}, "aud": {"essential": True, "value": self.client_id},
            "sub": {"essential": True}, "exp": {"essential": True}, "iat": {"essential": True},
            "nonce": {"essential": True, "value": nonce},
        }  # fmt: skip
        given = {"client_id": self.client_id, "nonce": nonce, "access_token": access}
        try:
            CodeIDToken(claims, header, wanted, given).validate(now=int(now.timestamp()), leeway=SKEW_SECONDS)
        except ExpiredTokenError:
            raise NotProvedError("expired") from None
        except (InvalidClaimError, MissingClaimError) as error:
            named = str(getattr(error, "claim", None) or "claims")
            raise NotProvedError(named if named in _CLAIMS else "claims") from None
        except (JoseError, ValueError, TypeError, OverflowError):
            raise NotProvedError("claims") from None
        if not hmac.compare_digest(str(claims["nonce"]).encode(), nonce.encode()):
            raise NotProvedError("nonce")

    # ── what the provider publishes ──

    def _published(self) -> _Metadata:
        with self._lock:
            known = self._metadata
            if known is None or self._ticking() - known[0] > METADATA_SECONDS:
                told = self._told(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration", "metadata")
                known = self._metadata = (self._ticking(), self._read(told))
                self._keys = None
            return known[1]

    def _told(self, there: str, what: str) -> dict[str, Any]:
        """What the provider publishes there; of those who wait while it fails, each hears it at once."""
        if self._failed_at is not None and self._ticking() - self._failed_at < FAILED_SECONDS:
            raise NotProvedError("unreachable")
        try:
            told = self._asked("GET", there, what)
        except NotProvedError:
            self._failed_at = self._ticking()
            raise
        self._failed_at = None
        return told

    def _read(self, told: Mapping[str, Any]) -> _Metadata:
        if told.get("issuer") != self.issuer:
            raise NotProvedError("issuer")
        there = [told.get(f"{name}") for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
        if not all(isinstance(one, str) and is_safe(one) for one in there):
            raise NotProvedError("metadata")
        ways = told.get("token_endpoint_auth_methods_supported", [_BASIC])
        names_itself = told.get("authorization_response_iss_parameter_supported") is True
        authorization, token, keys = map(str, there)
        return _Metadata(authorization, token, keys, tuple(ways) if isinstance(ways, list) else (_BASIC,), names_itself)

    def _published_keys(self) -> list[Key]:
        there = self._published().keys
        with self._lock:
            if self._keys is None:
                told = self._told(there, "keys")
                listed = told.get("keys")
                if not isinstance(listed, list):
                    raise NotProvedError("keys")
                self._keys = (self._ticking(), [key for one in listed if (key := _imported(one)) is not None])
            return self._keys[1]

    def _forget_keys(self) -> bool:
        """Ask for the keys again with the next look; whether that is due: not for everybody who makes up a key."""
        with self._lock:
            is_due = self._keys is None or self._ticking() - self._keys[0] > KEYS_SECONDS
            if is_due:
                self._keys = None
            return is_due

    # ── the line ──

    def _asked(
        self, method: str, there: str, what: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> dict[str, Any]:
        """The object the provider answers with; ``what`` is asked for is what a failure is called."""
        if self._client is None:
            self._client = _line()
        asked = {"Accept": "application/json", "Accept-Encoding": "identity", **(headers or {})}
        try:
            with self._client.stream(method, there, headers=asked, content=body) as answer:
                read = _read(answer, what)
        except (httpx.HTTPError, httpx.InvalidURL):
            raise NotProvedError("unreachable") from None
        return _as_object(read, what)


_CLAIMS = frozenset({"iss", "sub", "aud", "exp", "nbf", "iat", "auth_time", "nonce", "acr", "amr", "azp", "at_hash"})


def _fits(key: Key, algorithm: Any) -> bool:
    """Whether a key is made for an algorithm."""
    try:
        algorithm.check_key(key)
    except JoseError:
        return False
    return True


def _imported(one: object) -> Key | None:
    """A public key that the provider publishes; none for one that we cannot read, or that is too weak."""
    if not isinstance(one, dict) or one.get("kty") not in ("RSA", "EC", "OKP"):
        return None
    try:
        if one["kty"] == "RSA" and len(base64.urlsafe_b64decode(f"{one['n']}===").lstrip(b"\0")) * 8 < LEAST_RSA_BITS:
            return None
        key: Key = import_key(one)
        key.ensure_kid()
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return key


def is_safe(address: str) -> bool:
    """Whether nobody on the way can read or change what goes there: HTTPS, or a place on this machine."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return bool(parts.hostname) and not parts.fragment and (
        parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    )  # fmt: skip


def _challenge(verifier: str) -> str:
    """The S256 challenge of a verifier, by RFC 7636, section 4.2."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


@cache
def _trusted() -> ssl.SSLContext:
    """Whom this machine trusts, read once: its own store, where an organisation keeps its own authority."""
    return ssl.create_default_context()


def _line() -> httpx.Client:
    """Follows nobody elsewhere, asks no proxy of the environment, and keeps no connection that nobody would close."""
    return httpx.Client(
        timeout=httpx.Timeout(5.0), follow_redirects=False, trust_env=False, verify=_trusted(),
        limits=httpx.Limits(max_keepalive_connections=0),
    )  # fmt: skip


def _read(answer: httpx.Response, what: str) -> bytes:
    """The whole of an answer that went well, is short, and comes in time."""
    until = time.monotonic() + ANSWER_SECONDS
    if answer.status_code != httpx.codes.OK or "content-encoding" in answer.headers:
        raise NotProvedError(what)
    read = bytearray()
    for piece in answer.iter_raw():
        read += piece
        if len(read) > MOST_BYTES or time.monotonic() > until:
            raise NotProvedError(what)
    return bytes(read)


def _as_object(words: bytes, what: str) -> dict[str, Any]:
    try:
        found = json.loads(words, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise NotProvedError(what) from None
    if not isinstance(found, dict):
        raise NotProvedError(what)
    return found


def _no_constant(word: str) -> object:
    raise ValueError(word)  # NaN is no instant, and compares with none


def _proved(claims: Mapping[str, Any]) -> Proved:
    subject, at, amr, acr = (claims.get(name) for name in ("sub", "auth_time", "amr", "acr"))
    if not isinstance(subject, str) or not 0 < len(subject) <= MOST_SUBJECT:
        raise NotProvedError("sub")
    try:
        signed_in_at = None if at is None else datetime.fromtimestamp(int(at), UTC)
    except (ValueError, TypeError, OverflowError, OSError):
        raise NotProvedError("auth_time") from None
    ways = tuple(one for one in amr if isinstance(one, str)) if isinstance(amr, list) else ()
    return Proved(subject, signed_in_at, ways, acr if isinstance(acr, str) else None)

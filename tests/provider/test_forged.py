"""What a provider says is believed only when all of it holds: each lie alone is refused, and named in the ledger."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey

from engine.credentials.provider import (
    FAILED_SECONDS,
    KEYS_SECONDS,
    METADATA_SECONDS,
    MOST_BYTES,
    NotProvedError,
    Proved,
    Provider,
    is_safe,
)
from engine.definitions.loader import shipped_root
from engine.errors import DefinitionBroken, ProviderRefused
from engine.service import provider, provider_links
from engine.service.registered_rules import ProviderRules, provider_rules, shipped_provider_rules
from tests.conftest import Database
from tests.provider.conftest import OFFICER, REDIRECT, ROOT, desk_at, query, why
from tests.provider.forged import AT, CLIENT, NONCE, NOW, Forged, key, running


class Ticks:
    """A clock of our own that goes on when told."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def forged() -> Iterator[Forged]:
    """Give a provider that says what the test wants."""
    with running() as found:
        yield found


@pytest.fixture
def ticks() -> Ticks:
    """Give the clock that the cache goes by."""
    return Ticks()


@pytest.fixture
def ours(forged: Forged, ticks: Ticks) -> Provider:
    """Give what asks it."""
    return Provider(forged.issuer, CLIENT, REDIRECT, lambda: "a secret", ticking=ticks)


def proved(ours: Provider, **more: Any) -> Proved:
    """Who came back, of the attempt the provider is told of."""
    given = {"issuer": None, "verifier": "v" * 43, "nonce": NONCE, "now": NOW, **more}
    return ours.proved("a code", **given)


def refused(ours: Provider, reason: str, **more: Any) -> None:
    """It is not believed, for this reason."""
    with pytest.raises(NotProvedError) as error:
        proved(ours, **more)
    assert error.value.why == reason


def test_what_is_true_is_believed(ours: Provider, forged: Forged) -> None:
    forged.claims = {"amr": ["pwd", "otp"], "acr": "high"}
    assert proved(ours) == Proved("somebody", NOW, ("pwd", "otp"), "high")
    (form,) = forged.forms
    assert form == {
        "grant_type": "authorization_code", "code": "a code", "redirect_uri": REDIRECT, "code_verifier": "v" * 43,
    }  # fmt: skip
    assert forged.authorizations == ["Basic " + base64.b64encode(b"guitu:a%20secret").decode()]


def test_a_client_proves_itself_as_the_provider_asks_for(ours: Provider, forged: Forged) -> None:
    forged.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    proved(ours)
    assert (forged.forms[0]["client_id"], forged.forms[0]["client_secret"]) == (CLIENT, "a secret")
    assert forged.authorizations == [None]
    public = Provider(forged.issuer, CLIENT, REDIRECT)
    proved(public)
    assert forged.forms[1]["client_id"] == CLIENT
    assert "client_secret" not in forged.forms[1]


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"nonce": "of another attempt"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"iss": "https://id.example.org"}, "iss"),
        ({"iss": None}, "iss"),
        ({"aud": "another client"}, "aud"),
        ({"aud": None}, "aud"),
        ({"aud": [CLIENT, "another"]}, "azp"),
        ({"azp": "another"}, "azp"),
        ({"exp": AT - 61}, "expired"),
        ({"exp": None}, "exp"),
        ({"exp": "tomorrow"}, "exp"),
        ({"exp": True}, "exp"),
        ({"iat": AT + 61}, "iat"),
        ({"iat": None}, "iat"),
        ({"sub": None}, "sub"),
        ({"sub": ""}, "sub"),
        ({"sub": 7}, "sub"),
        ({"sub": "x" * 256}, "sub"),
        ({"at_hash": "bm90IG9mIHRoaXMgdG9rZW4"}, "at_hash"),
        ({"auth_time": "yesterday"}, "auth_time"),
        ({"auth_time": 10**30}, "auth_time"),
    ],
)
def test_a_claim_that_does_not_hold_is_refused(
    ours: Provider, forged: Forged, claims: dict[str, object], reason: str
) -> None:
    forged.claims = claims
    refused(ours, reason)


def test_clocks_may_be_a_minute_apart_and_no_more(ours: Provider, forged: Forged) -> None:
    forged.claims = {"exp": AT - 59, "iat": AT + 60}
    proved(ours)
    refused(ours, "expired", now=NOW + timedelta(seconds=2))


def test_the_hash_of_the_access_token_holds_where_there_is_one(ours: Provider, forged: Forged) -> None:
    half = hashlib.sha256(forged.access_token.encode()).digest()[:16]
    forged.claims = {"at_hash": base64.urlsafe_b64encode(half).rstrip(b"=").decode()}
    proved(ours)
    forged.access_token = "another"
    refused(ours, "at_hash")


def plain(header: dict[str, object], claims: dict[str, Any]) -> str:
    """A token that nobody signed."""
    parts = (json.dumps(one).encode() for one in (header, claims))
    return ".".join(base64.urlsafe_b64encode(one).rstrip(b"=").decode() for one in parts) + "."


def test_a_token_that_nobody_signed_is_refused(ours: Provider, forged: Forged) -> None:
    forged.token = lambda claims: plain({"alg": "none"}, claims)
    refused(ours, "algorithm")
    forged.token = lambda claims: plain({"alg": "ES256", "kid": forged.signs.kid}, claims)
    refused(ours, "signature")


def test_a_public_key_used_as_a_secret_signs_nothing(ours: Provider, forged: Forged) -> None:
    public = forged.signs.as_pem(private=False)

    def made(claims: dict[str, Any]) -> str:
        words = plain({"alg": "HS256", "kid": forged.signs.kid}, claims)
        proof = hmac.digest(public, words.rstrip(".").encode(), "sha256")
        return words + base64.urlsafe_b64encode(proof).rstrip(b"=").decode()

    forged.token = made
    refused(ours, "algorithm")


@pytest.mark.parametrize("algorithm", ["RS512", "ES384", "HS256", "ES256K"])
def test_an_algorithm_that_is_not_ours_is_refused_before_any_key_is_looked_at(
    ours: Provider, forged: Forged, algorithm: str
) -> None:
    forged.token = lambda claims: plain({"alg": algorithm, "kid": "one"}, claims)
    refused(ours, "algorithm")
    assert "/keys" not in forged.asked


def test_a_token_signed_by_somebody_else_is_refused(ours: Provider, forged: Forged) -> None:
    honest = forged.signs
    forged.publishes = [honest]
    forged.signs = key("one")
    refused(ours, "signature")
    forged.signs = ECKey.import_key(honest.as_dict(private=True))
    proved(ours)
    forged.token = lambda claims: forged.signed(claims)[:-4] + "AAAA"
    refused(ours, "signature")


@pytest.mark.parametrize("made", [None, 7, "", "a.b", "a.b.c", "é.é.é", "x" * 100_000])
def test_what_is_no_token_is_refused(ours: Provider, forged: Forged, made: object) -> None:
    forged.token = lambda claims: made
    with pytest.raises(NotProvedError):
        proved(ours)


def test_a_header_that_must_be_understood_and_is_not_is_refused(ours: Provider, forged: Forged) -> None:
    forged.token = lambda claims: plain({"alg": "ES256", "kid": "one", "crit": ["b64"], "b64": False}, claims)
    refused(ours, "signature")


def test_an_unknown_key_asks_for_the_keys_again_once_a_minute_at_most(
    ours: Provider, forged: Forged, ticks: Ticks
) -> None:
    proved(ours)
    before = forged.signs
    forged.signs = key("two")
    refused(ours, "key")
    assert forged.asked.count("/keys") == 1, "they were read just now"
    ticks.at += KEYS_SECONDS + 1
    proved(ours)
    assert forged.asked.count("/keys") == 2
    forged.publishes, forged.signs = [forged.signs], key("three")
    refused(ours, "key")
    refused(ours, "key")
    assert forged.asked.count("/keys") == 2
    forged.signs = before
    ticks.at += METADATA_SECONDS + 1
    refused(ours, "key")


def test_keys_that_cannot_be_read_are_passed_over(ours: Provider, forged: Forged) -> None:
    odd = [7, {}, {"kty": "new"}, {"kty": "EC", "crv": "SM2"}, {"kty": "RSA", "n": 5}, {"kty": "oct", "k": "AAAA"}]
    forged.answers["/keys"] = (200, {}, json.dumps({"keys": [*odd, forged.signs.as_dict(private=False)]}).encode())
    proved(ours)
    forged.answers["/keys"] = (200, {}, b'{"keys": "none"}')
    refused(Provider(forged.issuer, CLIENT, REDIRECT), "keys")


def test_without_the_name_of_a_key_the_only_one_that_fits_counts(ours: Provider, forged: Forged) -> None:
    forged.token = lambda claims: forged.signed(claims, kid=None)
    forged.publishes = [forged.signs, RSAKey.generate_key(2048, {"kid": "r"}), OKPKey.generate_key("Ed25519")]
    proved(ours)
    other = Provider(forged.issuer, CLIENT, REDIRECT)
    forged.publishes = [forged.signs, key("two")]
    refused(other, "key")


def test_a_weak_key_and_one_for_something_else_are_none(forged: Forged) -> None:
    rsa = {"kty": "RSA", "kid": "one", "e": "AQAB", "n": base64.urlsafe_b64encode(b"\xc1" * 128).decode().rstrip("=")}
    forged.answers["/keys"] = (200, {}, json.dumps({"keys": [rsa]}).encode())
    forged.token = lambda claims: plain({"alg": "RS256", "kid": "one"}, claims)
    refused(Provider(forged.issuer, CLIENT, REDIRECT), "key")
    del forged.answers["/keys"]
    forged.publishes = [ECKey.generate_key("P-256", {"kid": "one", "use": "enc"})]
    forged.token = None
    refused(Provider(forged.issuer, CLIENT, REDIRECT), "key")


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({"issuer": "https://id.example.org"}, "issuer"),
        ({"issuer": None}, "issuer"),
        ({"token_endpoint": "http://id.example.org/token"}, "metadata"),
        ({"jwks_uri": "http://192.0.2.1/keys"}, "metadata"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "metadata"),
        ({"authorization_endpoint": None}, "metadata"),
        ({"authorization_response_iss_parameter_supported": True}, "issuer"),
    ],
)
def test_a_provider_that_publishes_something_else_is_not_asked(
    ours: Provider, forged: Forged, metadata: dict[str, object], reason: str
) -> None:
    forged.metadata = metadata
    refused(ours, reason)
    assert not forged.forms


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/keys", "/token"])
@pytest.mark.parametrize(
    "answer",
    [
        (302, {"Location": "http://127.0.0.1:9/"}, b""),
        (200, {}, b"x" * (MOST_BYTES + 1)),
        (200, {}, b"[" * 100_000),
        (200, {}, b"[]"),
        (200, {"Content-Encoding": "gzip"}, b"{}"),
        (400, {}, b'{"error": "invalid_grant"}'),
        (503, {}, b"away"),
    ],
    ids=["moved", "too_long", "too_deep", "no_object", "packed", "error", "away"],
)
def test_an_answer_that_is_none_is_refused(
    ours: Provider, forged: Forged, path: str, answer: tuple[int, dict[str, str], bytes]
) -> None:
    forged.answers[path] = answer
    named = {"/keys": "keys", "/token": "exchange"}.get(path, "metadata")
    refused(ours, named)


def test_nobody_queues_up_behind_a_provider_that_is_away(forged: Forged, ticks: Ticks, ours: Provider) -> None:
    forged.answers["/.well-known/openid-configuration"] = (503, {}, b"")
    refused(ours, "metadata")
    refused(ours, "unreachable")
    assert len(forged.asked) == 1
    forged.answers.clear()
    ticks.at += FAILED_SECONDS
    proved(ours)


@pytest.mark.parametrize(
    ("address", "is_it"),
    [
        ("https://id.example.org", True), ("http://127.0.0.1:4711/x", True), ("http://localhost", True),
        ("http://[::1]:1", True), ("http://id.example.org", False), ("http://127.0.0.1.example.org", False),
        ("ftp://127.0.0.1", False), ("https://", False), ("https://id.example.org/#x", False), ("http://[", False),
    ],
)  # fmt: skip
def test_the_line_is_https_or_this_machine(address: str, is_it: bool) -> None:
    assert is_safe(address) is is_it


# ── a second factor at the provider ──

STRONG = ProviderRules(
    provenance="deployer", attempt_minutes=10, max_age_minutes=480, fresh_minutes=10, strong_amr=["mfa"],
    strong_acr=["high"],
)  # fmt: skip


@pytest.mark.parametrize(
    ("claims", "rules", "is_strong"),
    [
        ({"amr": ["pwd", "mfa"]}, STRONG, True),
        ({"acr": "high"}, STRONG, True),
        ({"amr": ["pwd"], "acr": "low"}, STRONG, False),
        ({"amr": "mfa"}, STRONG, None),
        ({"amr": ["mfa"], "ago": 11 * 60}, STRONG, False),
        ({"amr": ["mfa"], "ago": 480 * 60 + 120}, STRONG, None),
        ({"amr": ["mfa"], "ago": -120}, STRONG, None),
        ({"amr": ["mfa"], "auth_time": None}, STRONG, None),
        ({"amr": ["mfa"], "acr": "high"}, shipped_provider_rules(), False),
    ],
)
def test_a_sign_in_is_strong_only_by_the_words_the_local_setting_lists_and_only_when_it_was_just_now(
    sqlite_database: Database, forged: Forged, claims: dict[str, Any], rules: ProviderRules, is_strong: bool | None
) -> None:
    with desk_at(sqlite_database.app_url) as desk:
        desk.provider = Provider(forged.issuer, CLIENT, REDIRECT)
        provider_links.link(desk, ROOT, OFFICER, "somebody")
        away = provider.begin(desk, rules=rules)
        asked = query(away.address)
        assert asked["max_age"] == str(rules.max_age_minutes * 60)
        now = int(desk.clock().timestamp())
        stated = {"auth_time": now - claims.get("ago", 0), **{name: claims[name] for name in claims if name != "ago"}}
        forged.claims = {"iat": now, "exp": now + 300, "nonce": asked["nonce"], **stated}
        back = provider.Return(asked["state"], "a code", away.browser, "127.0.0.1")
        if is_strong is None:
            with pytest.raises(ProviderRefused):
                provider.complete(desk, back, rules=rules)
            assert why(desk) in ("auth_time", "amr")
            return
        signed = provider.complete(desk, back, rules=rules)
        assert (signed.strong_until is not None) is is_strong


@pytest.mark.parametrize(("is_again", "ago", "is_let_in"), [(False, 300, True), (True, 0, True), (True, 300, False)])
def test_whoever_was_to_sign_in_anew_and_did_not_is_refused(
    sqlite_database: Database, forged: Forged, is_again: bool, ago: int, is_let_in: bool
) -> None:
    with desk_at(sqlite_database.app_url) as desk:
        desk.provider = Provider(forged.issuer, CLIENT, REDIRECT)
        provider_links.link(desk, ROOT, OFFICER, "somebody")
        away = provider.begin(desk, again=is_again)
        now, asked = int(desk.clock().timestamp()), query(away.address)
        forged.claims = {"iat": now, "exp": now + 300, "nonce": asked["nonce"], "auth_time": now - ago}
        back = provider.Return(asked["state"], "a code", away.browser, "127.0.0.1")
        if is_let_in:
            assert provider.complete(desk, back).person == OFFICER
            return
        with pytest.raises(ProviderRefused):
            provider.complete(desk, back)
        assert why(desk) == "auth_time"


@pytest.mark.parametrize(
    ("old", "new"),
    [("attempt_minutes: 10", "attempt_minutes: 0"), ("strong_amr: []", "strong_amr: ['']"), ("deployer", "printed")],
)
def test_no_installation_goes_further_than_the_program_allows(tmp_path: Path, old: str, new: str) -> None:
    shipped = (shipped_root().parent / "policies" / "provider.yaml").read_text(encoding="utf-8")
    changed = tmp_path / "provider.yaml"
    changed.write_text(shipped.replace(old, new, 1), encoding="utf-8")
    assert shipped != changed.read_text(encoding="utf-8")
    with pytest.raises(DefinitionBroken):
        provider_rules(changed)


def test_a_secret_file_that_is_not_there_or_empty_signs_nobody_in(forged: Forged, tmp_path: Path) -> None:
    kept = tmp_path / "secret"
    ours = provider.provider_at(forged.issuer, CLIENT, REDIRECT, kept)
    refused(ours, "secret")
    kept.write_text("\n", encoding="utf-8")
    refused(ours, "secret")
    kept.write_text("a secret\n", encoding="utf-8")
    assert proved(ours).subject == "somebody"

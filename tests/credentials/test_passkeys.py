"""Passkeys: made and shown for this site, this challenge and this person, and never counting back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.credentials import passkeys
from engine.credentials.passkeys import Passkey, Site
from tests.credentials.authenticator import ORIGIN, PRESENT, VERIFIED, SoftKey

SITE = Site("guitu.example", (ORIGIN, "https://other.guitu.example"))
MAKING, SHOWING = passkeys.new_challenge(), passkeys.new_challenge()


def to_make() -> dict[str, Any]:
    return passkeys.to_make(SITE, "officer-1", b"handle", MAKING, [])


def made(key: SoftKey) -> Passkey:
    found = passkeys.made(SITE, key.make(to_make()), MAKING)
    assert found is not None
    return found


def to_show(known: Passkey) -> dict[str, Any]:
    return passkeys.to_show(SITE, SHOWING, [known.credential])


def test_the_person_is_verified_by_her_device_and_no_attestation_is_asked_for() -> None:
    options = passkeys.to_make(SITE, "officer-1", b"handle", MAKING, [b"known"])
    assert options["rp"]["id"] == "guitu.example"
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert options["attestation"] == "none"
    assert [one["id"] for one in options["excludeCredentials"]] == ["a25vd24"]
    shown = passkeys.to_show(SITE, SHOWING, [b"known"])
    assert (shown["userVerification"], shown["rpId"]) == ("required", "guitu.example")
    assert [one["id"] for one in shown["allowCredentials"]] == ["a25vd24"]


@pytest.mark.parametrize("origin", SITE.origins)
def test_a_passkey_is_made_and_shown(origin: str) -> None:
    key = SoftKey(origin)
    known = made(key)
    assert (known.credential, known.sign_count) == (key.credential, 1)
    assert passkeys.shown(SITE, key.show(to_show(known)), SHOWING, known) == 2


@pytest.mark.parametrize(
    "key", [SoftKey("https://guitu.example.evil.example"), SoftKey(flags=PRESENT), SoftKey(flags=VERIFIED)],
    ids=["other address", "person not verified", "nobody there"],
)  # fmt: skip
def test_what_is_made_or_shown_otherwise_is_refused(key: SoftKey) -> None:
    assert passkeys.made(SITE, key.make(to_make()), MAKING) is None
    right = SoftKey()
    known = made(right)
    wrong = replace(right, origin=key.origin, flags=key.flags)
    assert passkeys.shown(SITE, wrong.show(to_show(known)), SHOWING, known) is None


def test_an_answer_to_another_challenge_or_for_another_host_is_refused() -> None:
    key = SoftKey()
    known = made(key)
    assert passkeys.made(SITE, key.make(to_make()), SHOWING) is None
    assert passkeys.shown(SITE, key.show(to_show(known)), MAKING, known) is None
    elsewhere = replace(SITE, host="elsewhere.example")
    assert passkeys.made(elsewhere, key.make(to_make()), MAKING) is None
    assert passkeys.shown(elsewhere, key.show(to_show(known)), SHOWING, known) is None


def test_a_signature_of_another_key_is_refused() -> None:
    key = SoftKey()
    known = made(key)
    other = SoftKey(credential=key.credential)
    assert passkeys.shown(SITE, other.show(to_show(known)), SHOWING, known) is None
    assert passkeys.shown(SITE, SoftKey(private=key.private).show(to_show(known)), SHOWING, known) is None


@pytest.mark.parametrize(("before", "shows"), [(5, 5), (5, 4), (5, 0), (1, 1)])
def test_a_passkey_that_counts_back_was_copied_and_is_refused(before: int, shows: int) -> None:
    key = SoftKey()
    known = replace(made(key), sign_count=before)
    key.count = shows - 1
    assert passkeys.shown(SITE, key.show(to_show(known)), SHOWING, known) is None


def test_a_passkey_that_never_counts_is_taken() -> None:
    key = SoftKey(count=0)
    known = made(key)
    key.count = -1
    assert passkeys.shown(SITE, key.show(to_show(known)), SHOWING, known) == 0


MALFORMED: list[Any] = [
    {}, {"id": 1}, {"id": "a", "rawId": "b"}, {"id": "x", "rawId": "x", "type": "public-key", "response": {}},
    {"id": "x", "rawId": "x", "type": "public-key", "response": {
        "clientDataJSON": "!", "attestationObject": "!", "authenticatorData": "!", "signature": "!"}},
    {"id": "YQ", "rawId": "YQ", "type": "public-key", "response": {
        "clientDataJSON": "bnVsbA", "attestationObject": "oA", "authenticatorData": "YQ", "signature": "YQ"}},
    {"id": "YQ", "rawId": "YQ", "type": ["public-key"], "response": {
        "clientDataJSON": "W10", "attestationObject": "_w", "authenticatorData": "", "signature": ""}},
]  # fmt: skip


@pytest.mark.parametrize("answer", MALFORMED, ids=range(len(MALFORMED)))
def test_an_answer_that_is_amiss_is_refused_and_no_fault(answer: dict[str, Any]) -> None:
    known = made(SoftKey())
    assert passkeys.made(SITE, answer, MAKING) is None
    assert passkeys.shown(SITE, answer, SHOWING, known) is None


def test_every_single_byte_of_an_answer_counts() -> None:
    """Cut off anywhere, an answer is refused, and nothing worse happens."""
    key = SoftKey()
    known, right = made(key), key.make(to_make())
    shown = key.show(to_show(known))
    for place in range(0, len(right["response"]["attestationObject"]), 7):
        cut = {**right["response"], "attestationObject": right["response"]["attestationObject"][:place]}
        assert passkeys.made(SITE, {**right, "response": cut}, MAKING) is None
    for name in shown["response"]:
        for place in range(0, len(shown["response"][name]), 5):
            cut = {**shown["response"], name: shown["response"][name][:place]}
            assert passkeys.shown(SITE, {**shown, "response": cut}, SHOWING, known) is None


def test_a_site_is_bound_to_the_host_of_its_first_address() -> None:
    found = Site.at(["https://guitu.example:8443", "https://b.example"])
    assert found == Site("guitu.example", ("https://guitu.example:8443", "https://b.example"))
    assert Site.at([]) is None
    assert Site.at(["nowhere"]) is None

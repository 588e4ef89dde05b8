"""Passkeys as the second factor (W3C Web Authentication): made and asked for with the person verified by her device.

What the browser is told and answers is in the form of ``PublicKeyCredential``'s own JSON. No attestation is asked for:
which device somebody has is not our business.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes, options_to_json_dict
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

NAME = "Guitu 归途"
_CHALLENGE_BYTES = 32
_MOST_COUNTED = 2**32 - 1
_FAULTS = (WebAuthnException, UnsupportedAlgorithm, ValueError, TypeError, LookupError, AttributeError)
"""What an answer that is amiss raises, the library's own and those of the forms below it."""


@dataclass(frozen=True, slots=True)
class Site:
    """Whom passkeys are for: the host they are bound to, and the addresses it is reached at (``https://…``)."""

    host: str
    origins: tuple[str, ...]

    @staticmethod
    def at(origins: Iterable[str]) -> Site | None:
        """The site that is reached at these addresses, bound to the host of the first; ``None`` if there are none."""
        listed = tuple(origins)
        host = urlsplit(listed[0]).hostname if listed else None
        return None if host is None else Site(host, listed)


@dataclass(frozen=True, slots=True)
class Passkey:
    """The public half of a passkey, and what it counted last (0: it does not count)."""

    credential: bytes
    public_key: bytes
    sign_count: int


def new_challenge() -> bytes:
    """Make what is to be signed."""
    return secrets.token_bytes(_CHALLENGE_BYTES)


def to_make(site: Site, person: str, handle: bytes, challenge: bytes, known: Iterable[bytes]) -> dict[str, Any]:
    """What the browser is told to make a passkey; ``handle`` says to the device, and to nobody else, whose it is."""
    options = generate_registration_options(
        rp_id=site.host, rp_name=NAME, user_id=handle, user_name=person, challenge=challenge,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.DISCOURAGED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=_listed(known),
    )  # fmt: skip
    return options_to_json_dict(options)


def made(site: Site, answer: Mapping[str, Any], challenge: bytes) -> Passkey | None:
    """The passkey that the browser made; ``None`` when the answer is not right for this challenge and site."""
    try:
        found = verify_registration_response(
            credential=dict(answer), expected_challenge=challenge, expected_rp_id=site.host,
            expected_origin=list(site.origins), require_user_verification=True,
        )  # fmt: skip
    except _FAULTS:
        return None
    return Passkey(found.credential_id, found.credential_public_key, found.sign_count)


def to_show(site: Site, challenge: bytes, known: Iterable[bytes]) -> dict[str, Any]:
    """What the browser is told to show one of these passkeys."""
    options = generate_authentication_options(
        rp_id=site.host, challenge=challenge, allow_credentials=_listed(known),
        user_verification=UserVerificationRequirement.REQUIRED,
    )  # fmt: skip
    return options_to_json_dict(options)


def credential_in(answer: Mapping[str, Any]) -> bytes | None:
    """Which passkey an answer says that it is of."""
    stated = answer.get("id")
    try:
        return base64url_to_bytes(stated) if isinstance(stated, str) else None
    except ValueError:
        return None


def shown(site: Site, answer: Mapping[str, Any], challenge: bytes, passkey: Passkey) -> int | None:
    """What the passkey has counted now; ``None`` when the answer is not right, or it counted back: it was copied."""
    try:
        found = verify_authentication_response(
            credential=dict(answer), expected_challenge=challenge, expected_rp_id=site.host,
            expected_origin=list(site.origins), credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count, require_user_verification=True,
        )  # fmt: skip
    except _FAULTS:
        return None
    is_of_it = secrets.compare_digest(found.credential_id, passkey.credential)
    return found.new_sign_count if is_of_it and found.new_sign_count <= _MOST_COUNTED else None


def _listed(known: Iterable[bytes]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=one) for one in known]

"""Timestamps of checkpoints by an authority outside, as RFC 3161 has them: they say that a signed note was there then.

A timestamp is the authority's whole answer (TimeStampResp, DER) over SHA-256 of the bytes of the note. It proves a time
only to whoever has the authority's root certificate from elsewhere, so there are two questions: what an answer states
(:func:`stated`), and whether an authority that one trusts signed that (:func:`verified`).

The nonce tells the answer to this request from an older one. Whoever keeps the answer does not keep the request, so it
is compared only when the request is at hand.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Literal

from cryptography import x509
from rfc3161_client import (
    HashAlgorithm,
    PKIStatus,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

MOST_BYTES = 64 * 1024
"""An answer with a long chain of certificates has a tenth of that."""
_SHA256 = x509.ObjectIdentifier("2.16.840.1.101.3.4.2.1")

Why = Literal["form", "not granted", "another note", "another request", "roots", "not proved"]


class BadTimestamp(Exception):
    """An answer is no timestamp of this note; ``why`` says what is wrong.

    ``form``: no answer as RFC 3161 writes it, cut short, or longer than 64 KiB. ``not granted``: the authority refused.
    ``another note``: it is over other bytes, or not by SHA-256. ``another request``: its nonce is not that of the
    request. ``roots``: no root certificate was given, or something that is none. ``not proved``: no authority below
    these roots signed it: another authority, a certificate that was not valid then or is not for timestamps, or bytes
    that were changed.
    """

    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Request:
    """A question to an authority: the bytes of the TimeStampReq, and the number that its answer must repeat."""

    der: bytes
    nonce: int


def request(note: bytes) -> Request:
    """Ask for a timestamp of a note, with the authority's certificate in the answer; the nonce differs every time."""
    made = TimestampRequestBuilder().data(note).hash_algorithm(HashAlgorithm.SHA256).cert_request(cert_request=True)
    built = made.nonce(nonce=True).build()
    assert built.nonce is not None, "it was asked for"
    return Request(built.as_bytes(), built.nonce)


def stated(response: bytes, note: bytes, asked: Request | None = None) -> datetime:
    """The time (UTC) that an answer states for this note; who signed it is not looked at.

    Raises :class:`BadTimestamp`, for everything but ``roots`` and ``not proved``.
    """
    return _held(response, note, asked).at


def verified(response: bytes, note: bytes, roots: Sequence[bytes], asked: Request | None = None) -> datetime:
    """The time (UTC) at which an authority below one of these root certificates (PEM) saw the note.

    The certificates must have been valid then; today they may have expired. Raises :class:`BadTimestamp`.
    """
    builder = VerifierBuilder()
    for root in _certificates(roots):
        builder = builder.add_root_certificate(root)
    answer = _held(response, note, asked)
    try:
        builder.build().verify(answer.whole, answer.digest)
    except (VerificationError, ValueError, x509.DuplicateExtension):
        raise BadTimestamp("not proved") from None
    return answer.at


def digest(response: bytes) -> bytes:
    """Over which digest an answer is, so that its note can be found. Raises :class:`BadTimestamp`."""
    return _read(response).digest


@dataclass(frozen=True, slots=True)
class _Answer:
    """What an answer states. The library reads each part when it is asked for, so all are asked for at once."""

    whole: TimeStampResponse
    algorithm: x509.ObjectIdentifier
    digest: bytes
    nonce: int | None
    at: datetime


def _held(response: bytes, note: bytes, asked: Request | None) -> _Answer:
    answer = _read(response)
    if answer.algorithm != _SHA256 or not hmac.compare_digest(answer.digest, sha256(note).digest()):
        raise BadTimestamp("another note")
    if asked is not None and answer.nonce != asked.nonce:
        raise BadTimestamp("another request")
    return answer


def _read(response: bytes) -> _Answer:
    if len(response) > MOST_BYTES:
        raise BadTimestamp("form")
    try:
        whole = decode_timestamp_response(response)
        if whole.status != PKIStatus.GRANTED:
            raise BadTimestamp("not granted")
        token = whole.tst_info
        imprint = token.message_imprint
        return _Answer(whole, imprint.hash_algorithm, imprint.message, token.nonce, token.gen_time)
    except ValueError:
        raise BadTimestamp("form") from None


def _certificates(roots: Sequence[bytes]) -> list[x509.Certificate]:
    """Each once: the library refuses to be given one twice."""
    found: list[x509.Certificate] = []
    try:
        for each in roots:
            found += [one for one in x509.load_pem_x509_certificates(each) if one not in found]
    except ValueError:
        raise BadTimestamp("roots") from None
    if not found:
        raise BadTimestamp("roots")
    return found

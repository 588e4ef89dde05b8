"""Opaque tokens: long enough, of one kind, and known by their digest alone."""

from __future__ import annotations

import hashlib
import re

import pytest

from engine.credentials.tokens import Kind, digest_of, new_token

KINDS: tuple[Kind, ...] = ("gts", "gth", "gti")


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_is_chance_behind_what_it_is_for(kind: Kind) -> None:
    made = {new_token(kind) for _ in range(50)}
    assert len(made) == 50
    for token in made:
        assert re.fullmatch(rf"{kind}_[A-Za-z0-9_-]{{43}}", token)
        assert digest_of(token, kind) == hashlib.sha256(token.encode()).hexdigest()


def test_a_token_is_good_for_nothing_else() -> None:
    for kind in KINDS:
        for other in KINDS:
            assert (digest_of(new_token(kind), other) is not None) == (kind == other)


@pytest.mark.parametrize(
    "words",
    ["", "gts_", "gts", "gts_" + "a" * 42, "gts_" + "a" * 44, "gts_" + "ä" * 43, "gts_" + "a" * 42 + "\n", "\x00"],
)
def test_words_that_are_no_token_have_no_digest(words: str) -> None:
    assert digest_of(words, "gts") is None

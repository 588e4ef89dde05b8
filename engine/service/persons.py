"""Persons of a case: their identities sealed, found again by blind index, compared, and kept out of free text.

Nothing here hands an identity to anybody: what leaves are references, ages, kinds of identifier and yes or no.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import msgspec

from engine.core.case import Case
from engine.core.commands import Role
from engine.core.view import Identities
from engine.errors import IdentifierInText
from engine.service.safe import Safe
from engine.store.vault import PersonRow, Token
from engine.store.work import Work
from engine.vault import index
from engine.vault.identity import Identity, age_on
from engine.vault.keys import CaseKey, Cell, VaultKey, unreadable
from engine.vault.screening import found_in
from engine.vault.suite import Unopenable, derive, version_of

MOST_MATCHES = 50
"""Of one identifier, so many records are compared at most."""
_DECODER = msgspec.json.Decoder(Identity)


@dataclass(frozen=True, slots=True)
class Enclosed:
    """An identity that came with a command, for the person of that reference."""

    person: str
    role: Role
    identity: Identity


@dataclass(frozen=True, slots=True)
class Match:
    """A person on record who may be the one asked for: in which case, as what, and how alike; never who."""

    case: str
    person: str
    role: str
    likeness: str
    by: tuple[str, ...]


def person_digest(identity: Identity, key: CaseKey) -> str:
    """The keyed digest that the ledger knows an identity by."""
    return key.ledger_digest(msgspec.json.encode(identity))


@dataclass(frozen=True, slots=True)
class Persons:
    """The vault's work on persons, inside one transaction."""

    safe: Safe
    work: Work

    # ── sealing ──

    def save(self, case: Case, key: CaseKey, enclosed: Enclosed, now: datetime) -> None:
        """Seal an identity in place of what the case had of this person, and index it anew."""
        before = self.work.person(case.id, enclosed.person)
        self._save(case, key, enclosed, (before.revision if before else 0) + 1, now)

    def _save(self, case: Case, key: CaseKey, enclosed: Enclosed, revision: int, now: datetime) -> None:
        with_key = self.safe.sealing_key("identity", case.jurisdiction, self.work)
        cell = _cell(case.id, enclosed.person, revision)
        sealed = key.identity_cipher(with_key).seal(msgspec.json.encode(enclosed.identity), cell.bound())
        row = PersonRow(case.id, enclosed.person, enclosed.role, revision, with_key.id, sealed, now)
        self.work.save_person(row, self.tokens(case.jurisdiction, enclosed.identity))

    def carry(
        self, before: Case, key: CaseKey, successor: Case, new_key: CaseKey, now: datetime
    ) -> dict[str, Identity]:  # fmt: skip
        """Seal everybody of a case again for the case that succeeds it in another jurisdiction; say who they were."""
        known = self.of(before, key)
        for person, identity in known.items():
            enclosed = Enclosed(person, before.persons[person].role, identity)
            self._save(successor, new_key, enclosed, 1, now)
        return known

    # ── opening, inside only ──

    def of(self, case: Case, key: CaseKey) -> dict[str, Identity]:
        """Everybody whose identity the case has. Raises :class:`ContentUnreadable`."""
        if not case.persons:
            return {}
        return {row.id: self.opened(row, key) for row in self.work.persons_of(case.id)}

    def opened(self, row: PersonRow, key: CaseKey) -> Identity:
        """A sealed identity. Raises :class:`ContentUnreadable`."""
        with_key = self.safe.key_by_id(row.vault_key, self.work)
        try:
            cipher = key.identity_cipher(with_key, version_of(row.sealed))
            return _DECODER.decode(cipher.unseal(row.sealed, _cell(row.case_id, row.id, row.revision).bound()))
        except (Unopenable, msgspec.MsgspecError):
            raise unreadable(row.case_id) from None

    # ── answers that name nobody ──

    def answers(self, case: Case | None, key: CaseKey | None, today: date, enclosed: Enclosed | None) -> Identities:
        """What conditions may ask of the persons of a case; what comes enclosed counts already."""
        known = self.of(case, key) if case is not None and key is not None else {}
        roles = {name: state.role for name, state in case.persons.items()} if case is not None else {}
        if enclosed is not None:
            known[enclosed.person] = enclosed.identity
            roles[enclosed.person] = enclosed.role
        return Known(known, roles, today)

    def screen(self, case: Case, key: CaseKey, texts: Mapping[str, str]) -> None:
        """Raise :class:`IdentifierInText` when a free text holds an identifier that the vault knows of this case."""
        if not texts or not case.persons:
            return
        identities = list(self.of(case, key).values())
        found = {name: kinds for name, text in texts.items() if (kinds := found_in(text, identities))}
        if found:
            where = "、".join(found)
            named = ", ".join(sorted({kind for kinds in found.values() for kind in kinds}))
            raise IdentifierInText(
                f"文字（{where}）含有本案已封存的身份信息（{named}）；请删去，身份信息只在身份登记中填写",
                f"the text ({', '.join(found)}) holds identity data of this case ({named}): take it out, it belongs "
                "into the identity form only",
                fields=sorted(found), kinds=named,
            )  # fmt: skip

    # ── finding ──

    def tokens(self, jurisdiction: str, identity: Identity) -> list[Token]:
        """The tokens of an identity under every index key of the jurisdiction that is still in use."""
        keys = self.safe.live_keys("index", jurisdiction, self.work)
        return [token for key in keys for token in tokens_under(key, identity)]

    def alike(self, jurisdiction: str, identity: Identity) -> list[Match]:
        """Who on record in a jurisdiction may be this person: found by index, then opened and compared inside."""
        by: dict[tuple[str, str], set[str]] = defaultdict(set)
        for case_id, person, what in self.work.found_by(self.tokens(jurisdiction, identity), MOST_MATCHES):
            by[case_id, person].add(what)
        matches = (self._match(case_id, person, fields, identity) for (case_id, person), fields in by.items())
        found = [match for match in matches if match is not None]
        return sorted(found, key=lambda match: (_NEAREST.index(match.likeness), match.case, match.person))

    def _match(self, case_id: str, person: str, fields: set[str], identity: Identity) -> Match | None:
        row, key = self.work.person(case_id, person), self.safe.key_for(case_id, self.work)
        if row is None or key is None:
            return None
        likeness = index.likeness(identity, self.opened(row, key))
        if likeness in ("different", "unknown"):
            return None
        return Match(case_id, person, row.role, likeness, tuple(sorted(fields)))


_NEAREST = ("same", "likely", "possible")


@dataclass(slots=True)
class Known:
    """The persons of a case with their identities open, in memory only: answers conditions, and names nobody.

    Two of them are compared when a condition asks, for most conditions never do.
    """

    identities: Mapping[str, Identity]
    roles: Mapping[str, str]
    today: date

    @property
    def age_years(self) -> int | None:
        """See :class:`engine.core.view.Identities`; of two victims in one record neither is meant."""
        victims = [one for name, one in self.identities.items() if self.roles.get(name) == "victim"]
        ages = [age for one in victims if (age := age_on(one, self.today)) is not None]
        return ages[0] if len(ages) == 1 else None

    def is_among(self, person: str, persons: Sequence[str]) -> bool | None:
        """See :class:`engine.core.view.Identities`: whoever has no identity can be compared with nobody."""
        if person in persons:
            return True
        verdicts = [self._is_same(person, other) for other in persons]
        return True if True in verdicts else None if None in verdicts else False

    def _is_same(self, person: str, other: str) -> bool | None:
        one, two = self.identities.get(person), self.identities.get(other)
        return None if one is None or two is None else index.is_same_person(one, two)


def holds(identity: Identity) -> tuple[str, ...]:
    """Which kinds of identifier an identity has."""
    return tuple(sorted(msgspec.to_builtins(identity)))


def tokens_under(key: VaultKey, identity: Identity) -> list[Token]:
    """The tokens of an identity under one index key."""
    keys = {field: derive(key.secret, f"index/{field}") for field in index.FIELDS}
    found = index.tokens(keys, key.jurisdiction, identity)
    return [(key.id, field, token) for field, tokens in sorted(found.items()) for token in sorted(tokens)]


def _cell(case_id: str, person: str, revision: int) -> Cell:
    return Cell("person", f"{case_id}/{person}", "sealed", revision)

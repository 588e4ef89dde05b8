"""A case as the record room has it: loaded, opened, and known to the ledger by a digest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from engine.core.case import Case
from engine.core.commands import shown_code
from engine.errors import CaseUnknown
from engine.service.account import Account
from engine.service.content import case_of, plain_case
from engine.service.desk import Desk
from engine.store.work import Work
from engine.vault.keys import CaseKey


@dataclass(frozen=True, slots=True)
class Known:
    """A case as it is stored: what it says, the key it is sealed under, and the digest the ledger knows it by."""

    case: Case
    key: CaseKey
    digest: str

    def tell(self, account: Account, classes: Iterable[str] = ()) -> None:
        """Tell the ledger that it was looked at."""
        account.read(self.key, classes=classes, digest=self.digest, revision=self.case.revision)


def load(desk: Desk, case_id: str, work: Work, *, for_update: bool) -> Case:
    """The case as stored. Raises :class:`CaseUnknown`, :class:`CaseErased`, :class:`ContentUnreadable`."""
    return load_with_key(desk, case_id, work, for_update=for_update).case


def load_with_key(desk: Desk, case_id: str, work: Work, *, for_update: bool) -> Known:
    """The case as stored, with its key and digest. Raises what :func:`load` raises."""
    stored = work.load_case(case_id, for_update=for_update)
    if stored is None:
        shown = shown_code(case_id)
        raise CaseUnknown(f"没有个案 {shown}", f"no case {shown}", case=shown)
    key = desk.safe.key_of(stored, work)
    plain = plain_case(stored.content, stored.id, stored.revision, key)
    return Known(case_of(plain, stored.id, stored.revision), key, key.ledger_digest(plain))

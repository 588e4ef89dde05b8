"""A case as the record room has it: loaded, opened as far as somebody may read it, and known to the ledger by a digest.

A case is read in two steps where it matters: its structure first, which says where it stands and which field classes it
holds anything of, then the classes that somebody may read. What is withheld is not read at all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from engine.core.case import Case
from engine.core.commands import shown_code
from engine.core.events import Recorded
from engine.errors import CaseUnknown
from engine.service.account import Account
from engine.service.by_class import Compartment, put_together
from engine.service.content import Marks, case_of, open_compartments, plain_case, read_events
from engine.service.desk import Desk
from engine.store.work import Work
from engine.vault.keys import CaseKey


@dataclass(frozen=True, slots=True)
class Known:
    """A case as it is stored: what it says, the key it is sealed under, and the digest the ledger knows it by.

    ``case`` has the facts and papers of the classes in ``compartments`` and of no other; ``marks`` are all classes it
    holds anything of. The digest is that of the structure, which holds a digest of every class: it is the same however
    much was read, and another one whenever any class changes.
    """

    case: Case
    key: CaseKey
    digest: str
    marks: Marks = field(default_factory=dict)
    compartments: Mapping[str, Compartment] = field(default_factory=dict)

    @property
    def classes(self) -> frozenset[str]:
        """The classes the case holds something of that was read."""
        return frozenset(self.compartments)

    @property
    def withheld(self) -> frozenset[str]:
        """The classes the case holds something of that was not read."""
        return frozenset(self.marks.keys() - self.compartments.keys())

    def tell(self, account: Account, classes: Iterable[str] = ()) -> None:
        """Tell the ledger that it was looked at."""
        account.read(self.key, classes=classes, digest=self.digest, revision=self.case.revision)


def load(desk: Desk, case_id: str, work: Work, *, for_update: bool) -> Case:
    """The case as stored, whole. Raises :class:`CaseUnknown`, :class:`CaseErased`, :class:`ContentUnreadable`."""
    return load_with_key(desk, case_id, work, for_update=for_update).case


def load_with_key(
    desk: Desk, case_id: str, work: Work, *, for_update: bool, classes: Collection[str] | None = None
) -> Known:
    """The case as stored, with its key and digest. Raises what :func:`load` raises.

    ``classes`` are those to read; ``None``: every class, for the engine's own work, which discloses nothing. In a
    writing transaction on PostgreSQL read classes only of a case that is held ``for_update``, or somebody may change
    them between structure and class.
    """
    stored = work.load_case(case_id, for_update=for_update)
    if stored is None:
        shown = shown_code(case_id)
        raise CaseUnknown(f"没有个案 {shown}", f"no case {shown}", case=shown)
    key = desk.safe.key_of(stored, work)
    plain = plain_case(stored.content, stored.id, stored.revision, key)
    structure, marks = case_of(plain, stored.id, stored.revision)
    return read_classes(desk, Known(structure, key, key.ledger_digest(plain), marks), classes, work)


def read_classes(
    desk: Desk, known: Known, classes: Collection[str] | None, work: Work
) -> Known:  # fmt: skip
    """The same case with these classes read as well; ``None``: every class. Raises :class:`ContentUnreadable`."""
    asked = known.withheld if classes is None else known.withheld.intersection(classes)
    if classes is not None and not asked:
        return known
    rows = work.compartments_of(known.case.id, None if classes is None and not known.compartments else asked)
    read = {**known.compartments, **open_compartments(rows, known.marks, asked, known.key)}
    return replace(known, case=put_together(known.case, read.values()), compartments=read)


def history(
    known: Known, work: Work, classes: Collection[str] | None = None, *, revision: int | None = None,
    read: set[str] | None = None,
) -> list[Recorded]:  # fmt: skip
    """What happened to the case, in order, with what was said of these classes; ``None``: of every class.

    Of the others nothing is read; each event names those withheld in it. With a ``revision`` only what led to it. The
    classes of which something was read are added to ``read``.
    Raises :class:`ContentUnreadable`, :class:`HistoryBroken`.
    """
    case_id = known.case.id
    rows = [row for row in work.events_of(case_id) if revision in (None, row.revision)]
    parts = work.event_parts_of(case_id, classes, rows[0].number - 1 if rows else 0)
    if read is not None:
        read |= {part.field_class for part in parts}
    return read_events(rows, parts, case_id, known.key, classes)

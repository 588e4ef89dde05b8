"""A unit of work: one transaction, kept only when told so."""

from __future__ import annotations

from engine.store.answers import AnswerRows
from engine.store.case_pages import CasePageRows
from engine.store.cases import CaseRows
from engine.store.definitions import DefinitionRows
from engine.store.deliveries import DeliveryRows
from engine.store.directory import DirectoryRows
from engine.store.erasures import ErasureRows
from engine.store.leads import LeadRows
from engine.store.ledger import LedgerRows
from engine.store.lists import ListRows
from engine.store.participation import ParticipationRows
from engine.store.people import PeopleRows
from engine.store.recoveries import RecoveryRows
from engine.store.registered import RegisteredRows
from engine.store.releases import ReleaseRows
from engine.store.requests import RequestRows
from engine.store.rotations import RotationRows
from engine.store.shares import ShareRows
from engine.store.sign_in import SignInRows
from engine.store.vault import VaultRows
from engine.store.webhooks import WebhookRows
from engine.store.wires import Wire


class Work(
    CaseRows, AnswerRows, CasePageRows, DefinitionRows, DirectoryRows, ErasureRows, LeadRows, LedgerRows, ListRows,
    ParticipationRows, PeopleRows, RecoveryRows, RegisteredRows, ReleaseRows, RequestRows, RotationRows, ShareRows,
    SignInRows, VaultRows, DeliveryRows, WebhookRows,
):  # fmt: skip
    """One transaction, see :meth:`engine.store.database.Database.writing`."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    def commit(self) -> None:
        """Keep what was written; it lies on the disk when this returns, and the work is over.

        Raises what any of the writes would have raised, :class:`StoreFull` and :class:`StoreUnavailable`.
        """
        self.wire.keep()

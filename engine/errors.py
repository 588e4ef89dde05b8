"""Every error of the house on one page.

Each class fixes a stable ``code``, the HTTP status of the REST door and the exit code of the command
line. Messages are written in both languages; whoever speaks to a person picks one. No message holds
the value of a fact: errors end up in logs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Reason:
    """One unmet condition: what it is, in both languages, and where it comes from.

    ``provenance`` is that of the rule (printed, reading, deployer, lost), or ``engine`` for what the program itself
    asks for, such as a reason for a correction. ``judged`` holds the guard values it was judged on; a value of
    ``None`` means "not known".
    """

    code: str
    zh: str
    en: str
    clauses: tuple[str, ...] = ()
    provenance: str = "engine"
    judged: Mapping[str, object] = field(default_factory=dict)


class GuituError(Exception):
    """Base of all errors a person may see. ``zh`` and ``en`` say what is wrong and what would be right."""

    code: ClassVar[str] = "error"
    http: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1

    def __init__(self, zh: str, en: str, *, reasons: tuple[Reason, ...] = (), **details: object) -> None:
        super().__init__(en)
        self.zh = zh
        self.en = en
        self.reasons = reasons
        self.details = details


class DefinitionBroken(GuituError):
    """A definition file that cannot be used; carries every finding."""

    code = "definition_broken"
    exit_code = 3


class DefinitionUnknown(GuituError):
    """No definition of that id, version or hash is loaded."""

    code = "definition_unknown"
    http = 404
    exit_code = 4


class DefinitionEdited(GuituError):
    """A file whose hash stands in ``released.lock`` was changed."""

    code = "definition_edited"
    exit_code = 3


class DefinitionNotReleased(GuituError):
    """A case may not open on a definition that this installation has not released."""

    code = "definition_not_released"
    http = 409
    exit_code = 6


class ReleaseRefused(GuituError):
    """A definition may not be approved or released here; ``reasons`` lists *all* that stands against it."""

    code = "release_refused"
    http = 409
    exit_code = 6


class ReleaseBroken(GuituError):
    """A recorded release does not bear two valid signatures any more: somebody changed the database."""

    code = "release_broken"
    exit_code = 3


class DirectoryBroken(GuituError):
    """A unit directory that contradicts itself."""

    code = "directory_broken"
    exit_code = 3


class CommandMalformed(GuituError):
    """The words of a command are not of its form."""

    code = "command_malformed"
    http = 422
    exit_code = 2


class CaseUnknown(GuituError):
    """No such case, or none that the actor may know of."""

    code = "case_unknown"
    http = 404
    exit_code = 4


class UnitUnknown(GuituError):
    """The directory holds no such unit, or none of that function from this area upward."""

    code = "unit_unknown"
    http = 422
    exit_code = 4


class NotHolder(GuituError):
    """The actor's unit does not hold the step (or the hand-off) the command is about."""

    code = "not_holder"
    http = 403
    exit_code = 5


class NotPermitted(GuituError):
    """The policies do not permit it; ``policies`` are those that decided (none: nothing permits it)."""

    code = "not_permitted"
    http = 403
    exit_code = 5


class NotSignedIn(GuituError):
    """Nobody is signed in, or the sign-in is over: which of these it was is not said."""

    code = "not_signed_in"
    http = 401
    exit_code = 5


class AsNotHere(GuituError):
    """Somebody else is named as who acts: that is believed in worlds for trial only."""

    code = "as_not_here"
    http = 422
    exit_code = 5


class SignInFailed(GuituError):
    """A sign-in failed; whether it was the name, the password or the second factor is not said."""

    code = "sign_in_failed"
    http = 401
    exit_code = 5


class SignInThrottled(GuituError):
    """Too many sign-ins failed lately; ``retry_after`` (seconds) says when to try again."""

    code = "sign_in_throttled"
    http = 429
    exit_code = 5


class StrongSignInNeeded(GuituError):
    """What is asked wants the second factor shown again, lately."""

    code = "strong_sign_in_needed"
    http = 403
    exit_code = 5


class EnrolmentNeeded(GuituError):
    """The sign-in may only set a password and enrol second factors until there is one of each."""

    code = "enrolment_needed"
    http = 403
    exit_code = 5


class EnrolmentRefused(GuituError):
    """A password, or an answer that would confirm a second factor, is not taken; ``reasons`` says all of why."""

    code = "enrolment_refused"
    http = 422
    exit_code = 2


class PasskeyMissing(GuituError):
    """A passkey is asked for where the person has none, or the installation takes none."""

    code = "passkey_missing"
    http = 409
    exit_code = 6


class UnitUnclear(GuituError):
    """Whoever is signed in has roles in several units, or in none, and names none."""

    code = "unit_unclear"
    http = 422
    exit_code = 5


class RecoveryNeeded(GuituError):
    """Somebody has a second factor: a sign-in of hers is given back by two administrators, not by one."""

    code = "recovery_needed"
    http = 409
    exit_code = 6


class RecoveryUnknown(GuituError):
    """There is no such recovery, or none that the actor may know of."""

    code = "recovery_unknown"
    http = 404
    exit_code = 4


class RecoveryImpossible(GuituError):
    """The recovery of a sign-in is not where this can be done: not open, approved, waiting, or over."""

    code = "recovery_impossible"
    http = 409
    exit_code = 6


class PurposeNotGranted(GuituError):
    """A service states a purpose that its token is not bound to."""

    code = "purpose_not_granted"
    http = 403
    exit_code = 5


class TokenUnknown(GuituError):
    """There is no service token of that code."""

    code = "token_unknown"
    http = 404
    exit_code = 4


class TokenOver(GuituError):
    """A service token is revoked or its time is over: another one is issued instead."""

    code = "token_over"
    http = 409
    exit_code = 6


class ServiceUnclear(GuituError):
    """Nobody enrolled under that code holds the role of a service, or holds it in more than one unit."""

    code = "service_unclear"
    http = 409
    exit_code = 6


class ProviderMissing(GuituError):
    """This installation has no identity provider, or not all that it takes to ask one."""

    code = "provider_missing"
    http = 404
    exit_code = 4


class ProviderRefused(GuituError):
    """A sign-in by the identity provider failed; at what is not said: the ledger knows."""

    code = "provider_refused"
    http = 401
    exit_code = 5


class LinkTaken(GuituError):
    """That account of the identity provider is linked to somebody already."""

    code = "link_taken"
    http = 409
    exit_code = 6


class LinkUnknown(GuituError):
    """There is no such link to an account of the identity provider, or it has ended."""

    code = "link_unknown"
    http = 404
    exit_code = 4


class PoliciesBroken(GuituError):
    """The policies cannot be used: nothing is permitted to anybody."""

    code = "policies_broken"
    exit_code = 3


class PersonUnknown(GuituError):
    """Whoever acts is not enrolled here."""

    code = "person_unknown"
    http = 403
    exit_code = 5


class PersonDeactivated(GuituError):
    """Whoever acts was enrolled here once, and may act no more."""

    code = "person_deactivated"
    http = 403
    exit_code = 5


class NotMember(GuituError):
    """Whoever acts has no role in that unit and never had one."""

    code = "not_member"
    http = 403
    exit_code = 5


class MembershipOver(GuituError):
    """Whoever acts had a role in that unit; it ended."""

    code = "membership_over"
    http = 403
    exit_code = 5


class MembershipAhead(GuituError):
    """Whoever acts will have a role in that unit; it has not begun."""

    code = "membership_ahead"
    http = 403
    exit_code = 5


class RoleNotHeld(GuituError):
    """Whoever acts does not hold the role she names in that unit now."""

    code = "role_not_held"
    http = 403
    exit_code = 5


class RoleUnclear(GuituError):
    """Whoever acts holds several roles in that unit, none of them the one the act is for, and names none."""

    code = "role_unclear"
    http = 403
    exit_code = 5


class RolesConflict(GuituError):
    """Roles that nobody may hold at once; ``reasons`` lists *all* of them."""

    code = "roles_conflict"
    http = 409
    exit_code = 6


class SelfGrant(GuituError):
    """Nobody gives a role to herself or himself."""

    code = "self_grant"
    http = 403
    exit_code = 5


class LastAdministrator(GuituError):
    """Without this administrator nobody could manage people any more."""

    code = "last_administrator"
    http = 409
    exit_code = 6


class AdministratorKnown(GuituError):
    """There is an administrator: whoever comes next is enrolled by her or him."""

    code = "administrator_known"
    http = 409
    exit_code = 6


class DeputyImpossible(GuituError):
    """There is nothing to stand in for, or not for that person."""

    code = "deputy_impossible"
    http = 409
    exit_code = 6


class MemberMissing(GuituError):
    """Nobody is enrolled under the code that whoever manages people names."""

    code = "member_missing"
    http = 404
    exit_code = 4


class TrialRefused(GuituError):
    """A database becomes a world for trial while it holds nobody and no case, or never; nothing was changed."""

    code = "trial_refused"
    http = 409
    exit_code = 6


class Refused(GuituError):
    """Conditions are not met; ``reasons`` lists *all* of them, each with its clause."""

    code = "conditions_unmet"
    http = 422
    exit_code = 6


class MoveImpossible(GuituError):
    """The track does not stand where this move begins, or knows no such move."""

    code = "move_impossible"
    http = 409
    exit_code = 6


class HandOffImpossible(GuituError):
    """The hand-off is not open any more, was never made, or would go to the one who gives."""

    code = "hand_off_impossible"
    http = 409
    exit_code = 6


class CaseClosed(GuituError):
    """The case is closed; reopen it first."""

    code = "case_closed"
    http = 409
    exit_code = 6


class NothingToChange(GuituError):
    """The command would change nothing (not open, already so, never recorded)."""

    code = "nothing_to_change"
    http = 409
    exit_code = 6


class StaleRevision(GuituError):
    """Somebody else acted on the case since the caller read it."""

    code = "stale_revision"
    http = 409
    exit_code = 7


class KeyReused(GuituError):
    """An idempotency key came back with different words."""

    code = "idempotency_key_reused"
    http = 422
    exit_code = 7


class ClockBehind(GuituError):
    """The machine's clock stands before the last event of the case."""

    code = "clock_behind"
    http = 503
    exit_code = 8


class StoreUnavailable(GuituError):
    """The database cannot be reached or is busy beyond patience; nothing was written."""

    code = "store_unavailable"
    http = 503
    exit_code = 8


class StoreFull(GuituError):
    """The disk of the database is full; nothing was written."""

    code = "store_full"
    http = 507
    exit_code = 8


class SchemaBehind(GuituError):
    """The database's schema is not the one this release writes; run ``guitu db upgrade``."""

    code = "schema_behind"
    http = 503
    exit_code = 8


class HistoryBroken(GuituError):
    """A recorded history does not replay to the stored case."""

    code = "history_broken"
    exit_code = 9


class KeysMissing(GuituError):
    """The installation has no key file, or the passphrase was given in no way; run ``guitu keys init``."""

    code = "keys_missing"
    http = 503
    exit_code = 10


class LedgerNotFounded(GuituError):
    """No auditor is known yet, so nothing can be entered into the ledger, and nothing may be done."""

    code = "ledger_not_founded"
    http = 503
    exit_code = 10


class PassphraseWrong(GuituError):
    """The passphrase does not open the key file."""

    code = "passphrase_wrong"
    http = 503
    exit_code = 10


class KeyFileDamaged(GuituError):
    """The key file is cut short, was changed, or is none."""

    code = "key_file_damaged"
    http = 503
    exit_code = 10


class KeyForeign(GuituError):
    """The keys at hand are those of another installation."""

    code = "key_foreign"
    http = 503
    exit_code = 10


class KeyMaterialDamaged(GuituError):
    """A wrapped key in the database does not open any more, or is missing: somebody changed it."""

    code = "key_material_damaged"
    exit_code = 9


class ContentUnreadable(GuituError):
    """A sealed cell does not open in its place: cut, changed, moved there, or of an older revision."""

    code = "content_unreadable"
    exit_code = 9


class CaseErased(GuituError):
    """The case was erased: its keys are destroyed, and nobody can read or replay it."""

    code = "case_erased"
    http = 410
    exit_code = 4


class DuplicateFound(GuituError):
    """Records that may be about the same person exist; the ``cases`` say which. Look, then open one all the same."""

    code = "duplicate_found"
    http = 409
    exit_code = 6


class IdentifierInText(GuituError):
    """A free text holds an identifier that the vault knows of this case; it belongs into the identity form."""

    code = "identifier_in_text"
    http = 422
    exit_code = 6


class LeadUnknown(GuituError):
    """No such lead, or none that the actor may know of."""

    code = "lead_unknown"
    http = 404
    exit_code = 4


class LeadImpossible(GuituError):
    """The lead does not stand where this is possible; ``reasons`` lists *all* that stands against it."""

    code = "lead_impossible"
    http = 409
    exit_code = 6


class LeadErased(GuituError):
    """The key of the lead was destroyed with its case: nobody can read it any more."""

    code = "lead_erased"
    http = 410
    exit_code = 4


class NotPrinted(GuituError):
    """No clause of the area's document prints it, and no local setting has switched it on."""

    code = "not_printed"
    http = 422
    exit_code = 6


class ErasureRefused(GuituError):
    """A case may not be erased yet; ``reasons`` lists *all* that stands against it."""

    code = "erasure_refused"
    http = 409
    exit_code = 6


class RequestUnknown(GuituError):
    """No such request."""

    code = "request_unknown"
    http = 404
    exit_code = 4


class RequestChanged(GuituError):
    """What is on record is not what was asked for, or not what the approver looked at; ask anew."""

    code = "request_changed"
    http = 409
    exit_code = 6


class RequestDeclined(GuituError):
    """The request was declined: nobody can approve or use it any more."""

    code = "request_declined"
    http = 409
    exit_code = 6


class RequestExpired(GuituError):
    """The time of the request is over; ask anew."""

    code = "request_expired"
    http = 409
    exit_code = 6


class RequestUsed(GuituError):
    """The request was used already: it is good for one time."""

    code = "request_used"
    http = 409
    exit_code = 6


class RequestForeign(GuituError):
    """Only who asked may use a request, for the unit in which she or he asked, and for what was asked."""

    code = "request_foreign"
    http = 403
    exit_code = 5


class OwnApproval(GuituError):
    """Nobody answers an own request: it takes somebody else."""

    code = "own_approval"
    http = 403
    exit_code = 5


class ApprovedAlready(GuituError):
    """This person has approved the request already, and counts once."""

    code = "approved_already"
    http = 409
    exit_code = 6


class ApprovalsMissing(GuituError):
    """Not enough others have approved the request yet; ``needed`` and ``given`` say how many."""

    code = "approvals_missing"
    http = 409
    exit_code = 6


class RevealFailed(GuituError):
    """An identity could not be opened after its disclosure was entered: the request is used up all the same."""

    code = "reveal_failed"
    exit_code = 9


class EmergencyUnknown(GuituError):
    """No such broken glass."""

    code = "emergency_unknown"
    http = 404
    exit_code = 4


class OwnReview(GuituError):
    """Nobody reviews an own broken glass."""

    code = "own_review"
    http = 403
    exit_code = 5


class ReviewOverdue(GuituError):
    """The review of an earlier emergency of this person is overdue; until it is done, no glass is broken again."""

    code = "review_overdue"
    http = 409
    exit_code = 6


class AttachmentRefused(GuituError):
    """A file that may not be attached: its type, its size, or what it turned out to be."""

    code = "attachment_refused"
    http = 422
    exit_code = 6


class AttachmentUnknown(GuituError):
    """The case has no such file."""

    code = "attachment_unknown"
    http = 404
    exit_code = 4


class RequestMalformed(GuituError):
    """A request that cannot be read: what it is made of, not what it asks for; ``place`` says where."""

    code = "request_malformed"
    http = 400
    exit_code = 2


class RequestInvalid(GuituError):
    """A request that can be read and is not of its form; ``errors`` says of each field what would be right."""

    code = "request_invalid"
    http = 422
    exit_code = 2


class RouteUnknown(GuituError):
    """The REST door knows no such resource."""

    code = "route_unknown"
    http = 404
    exit_code = 4


class MethodUnknown(GuituError):
    """The resource is not asked in this way; ``allowed`` lists the methods it knows."""

    code = "method_unknown"
    http = 405
    exit_code = 2


class NotAcceptable(GuituError):
    """The caller takes no form that the REST door speaks."""

    code = "not_acceptable"
    http = 406
    exit_code = 2


class RequestTooSlow(GuituError):
    """The body of a request did not come in time; nothing was done."""

    code = "request_too_slow"
    http = 408
    exit_code = 8


class RequestTooLarge(GuituError):
    """The body of a request is larger than may be sent; ``most`` is how many bytes may."""

    code = "request_too_large"
    http = 413
    exit_code = 2


class MediaTypeUnknown(GuituError):
    """The body of a request is of a form that is not taken there."""

    code = "media_type_unknown"
    http = 415
    exit_code = 2


class HostUnknown(GuituError):
    """The request names another host than the ones this installation answers for."""

    code = "host_unknown"
    http = 421
    exit_code = 2


class CrossSiteRefused(GuituError):
    """A change asked for with the cookie of a sign-in does not come from a page of this installation."""

    code = "cross_site_refused"
    http = 403
    exit_code = 5


class OnlyFromHere(GuituError):
    """What is told to this machine only was asked for from another one."""

    code = "only_from_here"
    http = 403
    exit_code = 5


class AnswerTooLate(GuituError):
    """The answer took too long: whether anything was done is not known; ask again with the same key."""

    code = "answer_too_late"
    http = 503
    exit_code = 8


class TooBusy(GuituError):
    """More requests wait in this process than it takes in; nothing was done."""

    code = "too_busy"
    http = 503
    exit_code = 8


class ServingStopped(GuituError):
    """A process that serves the REST door ended by itself, again and again."""

    code = "serving_stopped"
    http = 503
    exit_code = 8


class NotReady(GuituError):
    """The process is alive, and something it stands on is not ready; ``checks`` says what."""

    code = "not_ready"
    http = 503
    exit_code = 8


class AssetsMissing(GuituError):
    """The files of the pages were not built when this program was set up."""

    code = "assets_missing"
    http = 503
    exit_code = 8


class Unforeseen(GuituError):
    """An error that nobody foresaw; ``incident`` is the number under which the log tells where it happened."""

    code = "internal_error"
    http = 500
    exit_code = 70


class WebhookUnknown(GuituError):
    """No such webhook of the unit."""

    code = "webhook_unknown"
    http = 404
    exit_code = 4


class WebhookAddressRefused(GuituError):
    """Notices may not be sent to that address."""

    code = "webhook_address_refused"
    http = 422
    exit_code = 2


class StoryBroken(GuituError):
    """A scenario did not go as its file says: the step, what was expected and what came."""

    code = "story_broken"
    exit_code = 3


class BackupBroken(GuituError):
    """A backup that is not whole, not as its manifest says, or not of a form this program reads."""

    code = "backup_broken"
    exit_code = 3


class BackupRefused(GuituError):
    """A backup may not be made or restored there, or not with what there is; nothing was changed."""

    code = "backup_refused"
    http = 409
    exit_code = 6


class SignerRefused(GuituError):
    """The signer does not do it, and nothing was changed; ``why`` among the details is one word or two for it."""

    code = "signer_refused"
    http = 409
    exit_code = 6


class SignerBroken(GuituError):
    """The signer's folder is not whole: its key or its memory is missing or damaged. It never begins anew by itself."""

    code = "signer_broken"
    exit_code = 10


class LedgerDamaged(GuituError):
    """The ledger's own bookkeeping does not agree with itself: an entry, a tile or the head was changed or removed."""

    code = "ledger_damaged"
    exit_code = 9


def all_errors() -> tuple[type[GuituError], ...]:
    """Every concrete error class, in the order of this page."""
    return tuple(GuituError.__subclasses__())

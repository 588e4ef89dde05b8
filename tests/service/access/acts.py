"""Everything that may be asked of the desk about a case or the installation, and who may: by hand, rule by rule.

What is expected stands here and follows from a few sets that a reader can check; the policies are not asked for it.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import msgspec

from engine.access.model import ROLES
from engine.core import commands as cmd
from engine.core.commands import Actor
from engine.definitions.loader import Library, Loaded
from engine.service import (
    access_explained,
    attachments,
    audit_export,
    emergency,
    erasure,
    identities,
    installation,
    lists,
    notices,
    pending,
    people,
    provider_links,
    read,
    recovery,
    reidentify,
    release,
    requests,
    signer_acts,
    stalls,
    tickets,
    tokens,
    webhooks,
)
from engine.service.erasure import Erasing
from engine.service.handle import handle
from engine.service.persons import holds
from engine.service.reidentify import Sought
from engine.service.story_people import invented
from engine.vault.signing import SigningKey, written
from tests.service.access.worlds import CARER, GIRL, GLASS, IN_ITS_AREA, RULES, UNITS, World, actor, book
from tests.service.asking import REQUESTS, RETENTION

# ── the rules ──

CASEWORK = frozenset({"caseworker", "unit_supervisor", "service"})
STAFF = CASEWORK - {"service"}
"""Programs take no part in what concerns identities, emergencies and the end of a case."""
CUSTODIAN, ADMINISTRATOR, AUDITOR = frozenset({"custodian"}), frozenset({"administrator"}), frozenset({"auditor"})
SUPERVISOR = frozenset({"unit_supervisor"})
APPROVER, OFFICE, EVERYBODY = frozenset({"definition_approver"}), frozenset({"joint_conference"}), frozenset(ROLES)

TAKING_PART = frozenset({"own", "lead", "cooperating", "referred", "ended lately", "referral over"})
SEEING = TAKING_PART | {"receiving"}
AT_WORK = TAKING_PART - {"referral over"}
"""A unit that was responsible still adds to the case while it sees it; one that only contributed does not."""
READING_FILES = frozenset({"own", "lead", "ended lately"})
ONCE_RESPONSIBLE = frozenset({"own", "ended lately", "ended long ago"})
ANYWHERE = frozenset(UNITS)
POLICE = frozenset({"own", "ended lately", "ended long ago", "elsewhere"})
COMMAND, LOOK, HOUSE, REQUEST = "command", "look", "house", "request"

Do = Callable[[World, Actor], object]
Granted = tuple[frozenset[str], frozenset[str]]


@dataclass(frozen=True, slots=True)
class Act:
    """Something that may be asked for, and who may: roles, and how their units stand to the case.

    ``kind`` is what is said to everybody else. ``action`` is what the policies are asked. ``not_holder`` are roles that
    the policies let, and of which the engine lets only the units above. ``asker`` is what is said to who asked for it.
    """

    action: str
    kind: str
    granted: tuple[Granted, ...]
    do: Do
    not_holder: frozenset[str] = frozenset()
    asker: str | None = None
    glass: bool = False

    def expected(self, role: str, stands: str) -> str:
        """What comes of it: ``done``, or the code of the refusal."""
        if stands == GLASS:
            return self._with_glass()
        if self.asker is not None and (role, stands) == ("caseworker", "own"):
            return self.asker
        if any(role in roles and stands in where for roles, where in self.granted):
            return "done"
        return "not_holder" if role in self.not_holder else self._refused(role, stands)

    def _refused(self, role: str, stands: str) -> str:
        """What is said where nothing permits it: who may not see the case is told nothing of it."""
        if self.kind == HOUSE:
            return "not_permitted"
        if role not in CASEWORK or stands not in SEEING:
            return self._absent()
        return "not_holder" if self.kind == COMMAND and not self._is_banned(role, stands) else "not_permitted"

    def _absent(self) -> str:
        """What is said to whoever may not know of the case, and so of nothing that was asked about it."""
        if self.kind != REQUEST:
            return "case_unknown"
        return "emergency_unknown" if self.action == "review_glass" else "request_unknown"

    def _is_banned(self, role: str, stands: str) -> bool:
        """Whether chapter 90 has something against it: a program and an identity, a file before accepting."""
        banned = {"record_identity": role == "service", "attach_file": stands == "receiving"}
        return banned.get(self.action, False)

    def _with_glass(self) -> str:
        """A caseworker of a unit that takes no part: a broken glass shows, and permits nothing else."""
        if self.glass:
            return "done"
        if self.kind == LOOK:
            return "not_permitted"
        if self.action == "review_glass" and self.kind == REQUEST:
            return "own_review"
        return self.expected("caseworker", "elsewhere")


# ── what may be asked for ──


def command(action: str, stands: frozenset[str], make: Callable[[World], cmd.Command], **more: Any) -> Act:
    """A command on the case."""
    return Act(action, COMMAND, ((CASEWORK, stands),), lambda world, by: handle(world.desk, make(world), by), **more)


def on_case(kind: Callable[..., cmd.Command], **said: Any) -> Callable[[World], cmd.Command]:
    """A command of this kind on the case."""
    return lambda world: kind(case=world.case, **said)


def _attach(world: World, by: Actor) -> object:
    return attachments.add(world.desk, world.case, io.BytesIO(b"a page"), "page.txt", by)


def _identify(world: World, by: Actor) -> object:
    known = invented("P-NEW")
    record = cmd.RecordIdentity(case=world.case, role="relative", holds=holds(known))
    return handle(world.desk, record, by, enclosed=known)


OWN = frozenset({"own"})
CHANGES: tuple[Act, ...] = (
    Act("open_case", HOUSE, ((CASEWORK, POLICE),), lambda world, by: handle(
        world.desk, cmd.OpenCase(case="", area="900101", facts={"victim.is_child": True}), by), not_holder=CASEWORK),
    command("open_track", AT_WORK, on_case(cmd.OpenTrack, track="aid")),
    command("move", OWN, on_case(cmd.Move, track="rescue", move="note_it", facts={"note": "seen"})),
    command("offer", OWN, on_case(cmd.Offer, track="rescue", to_unit="police-b")),
    command("assign", OWN, on_case(cmd.Assign, track="rescue", person="officer-7")),
    command("refer", OWN, on_case(cmd.Refer, track="rescue", to_unit="school-a")),
    command("decline_track", OWN, on_case(cmd.DeclineTrack, track="aid", reason="not wanted")),
    command("contribute", OWN | {"lead", "cooperating", "referred"}, on_case(
        cmd.Contribute, track="rescue", note="seen")),
    command("reverse", OWN, on_case(cmd.Reverse, track="rescue", reason="by mistake")),
    command("accept", frozenset({"receiving"}), lambda world: cmd.Accept(case=world.case, hand_off=world.offer)),
    command("decline", frozenset({"receiving"}), lambda world: cmd.Decline(
        case=world.case, hand_off=world.offer, reason="not_ours")),
    command("withdraw", OWN, lambda world: cmd.Withdraw(case=world.case, hand_off=world.offer)),
    command("withdraw", SEEING, on_case(cmd.Withdraw, hand_off="of-no-case")),  # told that there is none
    command("settle_duty", ONCE_RESPONSIBLE, on_case(cmd.SettleDuty, duty="comfort", outcome="done")),
    command("close", ONCE_RESPONSIBLE, on_case(cmd.Close, outcome="death")),
    command("reopen", ONCE_RESPONSIBLE, on_case(cmd.Reopen, track="rescue", reason="new hardship")),
    command("record_consent", OWN, on_case(cmd.RecordConsent, consent="return", given=True)),
    command("correct", OWN, on_case(cmd.Correct, fact="search.result", value="found", reason="misheard")),
    command("review_flag", OWN, on_case(cmd.ReviewFlag, event=1, reason="it stands")),
    command("link_criminal_case", OWN, lambda world: cmd.LinkCriminalCase(
        case=world.case, criminal_case=world.criminal)),
    command("offer_transfer", OWN, on_case(cmd.OfferTransfer, area="800000", to_unit="police-n")),
    command("relocate", OWN, on_case(cmd.Relocate, area="900102", reason="moved")),
    Act("attach_file", COMMAND, ((CASEWORK, AT_WORK),), _attach),
    Act("record_identity", COMMAND, ((STAFF, AT_WORK),), _identify),
)  # fmt: skip


def look(action: str, stands: frozenset[str], do: Do) -> Act:
    """A look at the case, that a broken glass permits too."""
    return Act(action, LOOK, ((CASEWORK, stands),), do, glass=True)


LOOKS: tuple[Act, ...] = (
    look("see_case", SEEING, lambda world, by: read.show(world.desk, world.case, by)),
    look("read_timeline", TAKING_PART, lambda world, by: read.timeline(world.desk, world.case, by)),
    look("read_timeline", TAKING_PART, lambda world, by: read.moves(world.desk, world.case, by)),
    look("read_timeline", TAKING_PART, lambda world, by: read.replay(world.desk, world.case, by)),
    look("read_attachment", READING_FILES, lambda world, by: attachments.listed(world.desk, world.case, by)),
    look("read_attachment", READING_FILES, lambda world, by: attachments.copy_out(
        world.desk, world.case, world.attachment, io.BytesIO(), by)),
    Act("see_case", LOOK, ((CASEWORK, SEEING),), lambda world, by: access_explained.explain(
        world.desk, access_explained.Question(by, "see_case", world.case), by), glass=True),
    Act("list_cases", HOUSE, ((CASEWORK, ANYWHERE),), lambda world, by: lists.worklist(world.desk, by)),
    Act("list_cases", HOUSE, ((CASEWORK, ANYWHERE),), lambda world, by: lists.cases_of(world.desk, by)),
    Act("count_cases", HOUSE, ((CASEWORK | OFFICE, ANYWHERE),), lambda world, by: lists.count(world.desk, by)),
    Act("list_stalled", HOUSE, ((OFFICE | SUPERVISOR, ANYWHERE),), lambda world, by: stalls.stalled(world.desk, by, 5)),
    Act("read_notices", HOUSE, ((STAFF | CUSTODIAN, ANYWHERE),), lambda world, by: notices.listed(world.desk, by)),
    Act("approve_identity", HOUSE, ((EVERYBODY, ANYWHERE),), lambda world, by: pending.listed(
        world.desk, by, ("reveal", "erase", "release_hold"))),
    Act("review_glass", HOUSE, ((EVERYBODY, ANYWHERE),), lambda world, by: emergency.listed(world.desk, by)),
)  # fmt: skip


def sought(world: World) -> Sought:
    """The name of the victim."""
    return Sought(world.case, GIRL, ("name",))


def asked(kind: str) -> Callable[[World], str]:
    """The code of a request of the world."""
    return lambda world: world.asked[kind].exact.request


def approving(action: str, kind: str) -> Iterator[Act]:
    """Saying yes or no to a request: a custodian of the area, and never who asked."""
    yield Act(action, REQUEST, ((CUSTODIAN, IN_ITS_AREA),), lambda world, by: requests.approve(
        world.desk, asked(kind)(world), world.asked[kind].digest, by), asker="own_approval")  # fmt: skip
    yield Act(action, REQUEST, ((CUSTODIAN, IN_ITS_AREA),), lambda world, by: requests.decline(
        world.desk, asked(kind)(world), by), asker="own_approval")  # fmt: skip


ENDING = ((STAFF, TAKING_PART | ONCE_RESPONSIBLE), (CUSTODIAN, IN_ITS_AREA))
"""Who may ask for the end of a case, or of what protects it, and who may protect it."""


def search(world: World, by: Actor) -> object:
    """Look for records of the person who stands as the carer in the case."""
    return identities.search(world.desk, "900101", msgspec.to_builtins(invented(CARER)), by)


ASKING: tuple[Act, ...] = (
    Act("search_identity", HOUSE, ((STAFF, POLICE - {"elsewhere"}),), search, not_holder=STAFF),
    Act("request_identity", LOOK, ((STAFF, TAKING_PART),), lambda world, by: reidentify.ask(
        world.desk, REQUESTS, sought(world), "notify_family", by)),
    Act("reveal_identity", LOOK, (), lambda world, by: reidentify.reveal_in_emergency(
        world.desk, REQUESTS, sought(world), by), glass=True),
    Act("break_glass", LOOK, ((STAFF, ANYWHERE),), lambda world, by: emergency.break_glass(
        world.desk, RULES, world.case, "missing_person", by), glass=True),
    Act("review_glass", REQUEST, ((CUSTODIAN, IN_ITS_AREA),), lambda world, by: emergency.review(
        world.desk, world.glass, "justified", by)),
    Act("request_erasure", LOOK, ENDING, lambda world, by: Erasing(world.desk, RETENTION).ask(
        REQUESTS, world.case, "ordered", by)),
    Act("put_hold", LOOK, ENDING, lambda world, by: erasure.hold(
        world.desk, RETENTION, world.case, "inspection", by)),
    Act("request_hold_release", LOOK, ENDING, lambda world, by: erasure.ask_release(
        world.desk, REQUESTS, world.case, "litigation", by)),
    *approving("approve_identity", "reveal"),
    *approving("approve_erasure", "erase"),
    *approving("approve_hold_release", "release_hold"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class OnRequest(Act):
    """Using a request that others approved: who asked may; who knows of the case is told that it is another's."""

    def expected(self, role: str, stands: str) -> str:
        """What comes of it."""
        if (role, stands) == ("caseworker", "own"):
            return "done"
        before = Act.expected(self, role, stands)
        told = "request_foreign" if role in CASEWORK and stands in SEEING else "request_unknown"
        return told if before == "done" else before


USING: tuple[Act, ...] = (
    OnRequest("reveal_identity", REQUEST, ((EVERYBODY, ANYWHERE),), lambda world, by: reidentify.reveal(
        world.desk, REQUESTS, asked("reveal approved")(world), by)),
    OnRequest("erase_case", LOOK, ENDING, lambda world, by: Erasing(world.desk, RETENTION).erase(
        world.case, "ordered", by, asked("erase approved")(world))),
    OnRequest("release_hold", LOOK, ENDING, lambda world, by: erasure.release_hold(
        world.desk, world.case, "litigation", by, asked("release_hold approved")(world))),
)  # fmt: skip


def house(action: str, roles: Iterable[str], do: Do) -> Act:
    """An act on the installation, that some roles may whatever their unit."""
    return Act(action, HOUSE, ((frozenset(roles), ANYWHERE),), do)


def _library() -> Library:
    definition = book()
    return Library((Loaded(definition, definition.digest(), Path("play.yaml"), cast("Any", None)),))


def _approver(world: World, by: Actor) -> object:
    key = written(SigningKey.fresh().public)
    return release.add_approver(world.desk, office="justice", person="officer-70", public_key=key, actor=by)


def _deputy(world: World, by: Actor) -> object:
    until = world.clock.at + timedelta(days=9)
    away, there = actor("caseworker"), actor("caseworker", "next door")
    return people.deputy(world.desk, away.person, there.person, "police-a", by, until=until)


MANAGED = "caseworker-school-a"
NO_SIGNER = Path("no-signer-here")
RUNNING: tuple[Act, ...] = (
    house("manage_people", ADMINISTRATOR, lambda world, by: people.add(world.desk, "officer-70", by)),
    house("manage_people", ADMINISTRATOR, lambda world, by: people.grant(
        world.desk, MANAGED, "school-a", "unit_supervisor", by)),
    house("manage_people", ADMINISTRATOR, lambda world, by: people.end(
        world.desk, MANAGED, "school-a", "caseworker", by)),
    house("manage_people", ADMINISTRATOR, lambda world, by: people.move(world.desk, MANAGED, "school-a", "health", by)),
    house("manage_people", ADMINISTRATOR, lambda world, by: people.deactivate(world.desk, MANAGED, by)),
    house("manage_people", ADMINISTRATOR, _deputy),
    house("manage_people", ADMINISTRATOR, lambda world, by: provider_links.link(world.desk, by, MANAGED, "account")),
    house("manage_people", ADMINISTRATOR, lambda world, by: provider_links.unlink(world.desk, by, 12 * "a")),
    house("manage_people", ADMINISTRATOR, lambda world, by: provider_links.linked(world.desk, by)),
    house("manage_tokens", ADMINISTRATOR, lambda world, by: tokens.issue(
        world.desk, by, "service-70", ("case_handling",), world.clock.at + timedelta(days=9))),
    house("manage_tokens", ADMINISTRATOR, lambda world, by: tokens.rotate(world.desk, by, 12 * "a")),
    house("manage_tokens", ADMINISTRATOR, lambda world, by: tokens.revoke(world.desk, by, 12 * "a")),
    house("manage_tokens", ADMINISTRATOR, lambda world, by: tokens.listed(world.desk, by)),
    house("manage_sign_in", ADMINISTRATOR, lambda world, by: tickets.issue(world.desk, by, MANAGED)),
    house("manage_sign_in", ADMINISTRATOR, lambda world, by: recovery.ask(world.desk, by, MANAGED)),
    house("manage_webhooks", ADMINISTRATOR | {"unit_supervisor"}, lambda world, by: webhooks.add(
        world.desk, by, "https://unit.example/notices", ())),
    house("manage_webhooks", ADMINISTRATOR | {"unit_supervisor"}, lambda world, by: webhooks.listed(world.desk, by)),
    house("read_definitions", ROLES, lambda world, by: release.standing(world.desk, by)),
    house("read_directory", ROLES, lambda world, by: installation.units(world.desk, None, by)),
    house("read_parameters", ADMINISTRATOR | AUDITOR, lambda world, by: installation.parameters(
        world.desk, _library(), "play", by)),
    house("list_people", ADMINISTRATOR | {"unit_supervisor"}, lambda world, by: people.people_of(
        world.desk, None, by)),
    house("set_parameter", ADMINISTRATOR, lambda world, by: installation.set_parameter(
        world.desk, _library(), "play", parameter="stay_days", raw=31, actor=by)),
    house("manage_approvers", ADMINISTRATOR, _approver),
    house("manage_approvers", ADMINISTRATOR, lambda world, by: release.revoke_approver(world.desk, "ed25519:AAAA", by)),
    house("approve_definition", APPROVER, lambda world, by: release.approve(
        world.desk, _library(), None, "play@1", key=SigningKey.fresh(), actor=by)),
    house("release_definition", APPROVER, lambda world, by: release.release(
        world.desk, _library(), None, "play@1", by)),
    house("read_ledger", AUDITOR, lambda world, by: audit_export.export(world.desk, io.BytesIO().write, by)),
    house("read_ledger", AUDITOR, lambda world, by: audit_export.export_salts(
        world.desk, io.BytesIO().write, [world.case], by)),
    house("read_ledger", AUDITOR, lambda world, by: audit_export.export_digests(world.desk, io.BytesIO().write, by)),
    house("read_ledger", AUDITOR, lambda world, by: audit_export.state(world.desk, by)),
    house("manage_signer", ADMINISTRATOR, lambda world, by: signer_acts.rotate(world.desk, NO_SIGNER, None, by)),
    house("manage_signer", ADMINISTRATOR, lambda world, by: signer_acts.drop_old_key(world.desk, NO_SIGNER, by)),
    house("explain_access", ADMINISTRATOR | AUDITOR, lambda world, by: access_explained.explain(
        world.desk, access_explained.Question(Actor("custodian-2", "health"), "see_case", world.case), by)),
)  # fmt: skip

EVERY: tuple[Act, ...] = (*CHANGES, *LOOKS, *ASKING, *USING, *RUNNING)

NO_DOOR: Mapping[str, str] = {
    **dict.fromkeys(("manage_directory", "manage_keys", "make_backup"), "the operator's, who names nobody"),
    "stop_recovery": "whoever may not know of one is told there is none: tests/service/sign_in/test_recovery.py",
    "manage_auditors": "the list of auditors is a file beside the keys, and the operator's",
}
"""Actions that no door of the service asks the policies for, and why."""

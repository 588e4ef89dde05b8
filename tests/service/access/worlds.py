"""An installation, no world for trial: everybody is enrolled, and to one case every unit stands in a way of its own.

The case is handed from unit to unit over more than the window of ``policies/retention.yaml``, through the real desk. It
holds a value of every class of ``policies/field_classes.yaml`` that stands nowhere else.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from engine.access.model import ROLES
from engine.core import commands as cmd
from engine.core.commands import Actor
from engine.core.definition import Definition
from engine.core.directory import Directory
from engine.core.machine import compile_rules
from engine.core.roles import Membership
from engine.errors import NotPermitted
from engine.service import attachments, emergency, erasure, reidentify, requests
from engine.service.desk import Desk, kept
from engine.service.erasure import Erasing
from engine.service.handle import Answer, handle
from engine.service.known import load
from engine.service.persons import holds
from engine.service.reidentify import Sought
from engine.service.request_rules import emergency_rules
from engine.service.requests import Asked
from engine.service.story_people import invented
from tests.conftest import Database
from tests.core.play import PLAY, START, directory, label, requirement, unit
from tests.service.asking import REQUESTS, RETENTION
from tests.service.desks import Clock, play_desk
from tests.signed import signed_in

CLASSES: tuple[str, ...] = tuple(
    yaml.safe_load((Path(__file__).parents[3] / "policies" / "field_classes.yaml").read_text(encoding="utf-8"))[
        "classes"
    ]
)
ASKED_BY_THE_STEP = ("health", "dna", "contact")
"""Classes that a form of the step in progress asks for, beside those of the play."""
WORDS: Mapping[str, str] = {name: f"planted-in-{name.replace('_', '-')}" for name in CLASSES}
"""Of every class a value that stands nowhere else."""
GIRL, CARER, BUYER = "P-GIRL", "P-CARER", "P-BUYER"
SEARCHED, STAYING_SINCE = "not_found", "2026-01-04"

UNITS: Mapping[str, str] = {
    "own": "police-a", "lead": "health", "cooperating": "justice-a", "referred": "civil-b", "ended lately": "police-b",
    "referral over": "civil-a", "receiving": "justice", "next door": "school-a", "elsewhere": "police-n",
    "ended long ago": "police-c",
}  # fmt: skip
"""How a unit stands to the case, and which one it is."""
IN_ITS_AREA = frozenset(("own", "lead", "cooperating", "referral over", "receiving", "next door"))
"""The units of the county of the case, and of the province above it; the others are of other counties."""
GLASS = "glass broken"
"""A caseworker of the unit elsewhere, who broke the glass over the case."""
NOBODY_ACTS: Mapping[str, tuple[str, str]] = {
    "not enrolled": ("officer-90", "person_unknown"), "deactivated": ("officer-91", "person_deactivated"),
    "role over": ("officer-92", "membership_over"), "role not begun": ("officer-93", "membership_ahead"),
    "of another unit": ("caseworker-police-b", "not_member"),
}  # fmt: skip
"""Who does not act for the unit that holds the case, and as what she is refused."""
RULES = emergency_rules()


def actor(role: str, stands: str = "own") -> Actor:
    """Whoever holds this role in the unit that stands so."""
    if stands == GLASS:
        return signed_in("officer-80", "police-n")
    of_unit = UNITS[stands]
    return signed_in(f"{role.replace('_', '-')}-{of_unit}", of_unit)


ANN = actor("caseworker")


def book(name: str = "play") -> Definition:
    """The play, with a fact for every class, a step that asks for some of them and a closing that looks at another."""
    body: dict[str, Any] = deepcopy(PLAY)
    body["facts"] |= {
        f"{one}.word": {"title": label(f"word of {one}"), "type": "text", "field_class": one}
        for one in CLASSES if one != "free_text"
    }  # fmt: skip
    form = body["tracks"]["rescue"]["moves"]["note_it"]["form"]
    form += [{"fact": f"{one}.word", "required": False} for one in ASKED_BY_THE_STEP]
    supported = requirement({"fact": "support.word", "is": "enough"}, "not enough support")
    body["closings"]["recovered"] = {
        "title": label("recovered"), "by": ["police"], "needs_duties": False, "provenance": "deployer",
        "requires": {"supported": supported},
    }  # fmt: skip
    elsewhere = {"id": "other", "jurisdiction": "800000"}
    return Definition.model_validate(body if name == "play" else {**body, **elsewhere})


def units() -> Directory:
    """The directory of the play, with one more unit of the police, of justice and of the schools."""
    return directory(
        unit("police-c", "900102", "police"), unit("justice-a", "900101", "justice"),
        unit("school-a", "900101", "school"),
    )  # fmt: skip


class Stopped(Clock):
    """A clock that goes on only when told."""

    def __call__(self) -> datetime:
        return self.at


@dataclass
class World:
    """The installation, and the codes of what there is in it."""

    desk: Desk
    database: Database
    clock: Clock
    case: str = ""
    criminal: str = ""
    foreign: str = ""
    erased: str = ""
    offer: str = ""
    attachment: str = ""
    glass: str = ""
    lead: str = ""
    asked: dict[str, Asked] = field(default_factory=dict)

    def do(self, command: cmd.Command, by: Actor = ANN) -> Answer:
        """Carry out a command."""
        return handle(self.desk, command, by)

    def hand_on(self, by: str, to: str, **passing: float) -> None:
        """Let one unit hand the case on to another, which accepts; then let time pass."""
        offer = cmd.Offer(case=self.case, track="rescue", to_unit=UNITS[to])
        (hand_off,) = self.do(offer, actor("caseworker", by)).offered
        self.do(cmd.Accept(case=self.case, hand_off=hand_off), actor("caseworker", to))
        self.clock.at += timedelta(**passing)


@contextmanager
def made(database: Database, folder: Path) -> Iterator[World]:
    """The installation on this database, its clock stopped when all has happened."""
    rules = tuple(compile_rules(book(name)) for name in ("play", "other"))
    with play_desk(database.app_url, released=rules) as desk:
        clock = desk.clock
        assert isinstance(clock, Clock)
        with kept(desk.database) as work:
            work.save_directory(units())
            _enrol(work)
        desk.forget()
        desk.attachments = folder
        world = World(desk, database, clock)
        _hand_round(world)
        _fill(world)
        _ask(world)
        _beside(world)
        desk.clock = Stopped(clock())
        yield world


# ── who there is ──


def _enrol(work: Any) -> None:
    everybody = [actor(role, stands) for stands in UNITS for role in ROLES]
    for one, role in zip(everybody, ROLES * len(UNITS), strict=True):
        _give(work, one.person, one.unit, role)
    _give(work, actor("caseworker", GLASS).person, "police-n", "caseworker")
    _give(work, "custodian-2", "health", "custodian")
    own, later = UNITS["own"], START + timedelta(days=1)
    _give(work, "officer-91", own, "caseworker")
    work.deactivate("officer-91", at=later, deactivated_by="administrator-justice@justice")
    _give(work, "officer-92", own, "caseworker", until=later)
    _give(work, "officer-93", own, "caseworker", since=START + timedelta(days=9_000))


def _give(
    work: Any, person: str, of_unit: str, role: str, *, since: datetime = START, until: datetime | None = None
) -> None:
    by = "administrator-justice@justice"
    work.enrol(person, at=START, added_by=by)
    work.grant_role(Membership(0, person, of_unit, role, since, until, added_by=by))


# ── what happened ──


def _opened(world: World) -> str:
    return world.do(cmd.OpenCase(case="", area="900101", facts={"victim.is_child": True})).case


def _hand_round(world: World) -> None:
    """The case goes from unit to unit, and comes back after more than the window; others come and go beside."""
    world.case = _opened(world)
    world.hand_on("own", "ended long ago", days=1)
    world.hand_on("ended long ago", "ended lately", days=100)
    world.hand_on("ended lately", "own", days=60)
    refer = cmd.Refer(case=world.case, track="rescue", to_unit=UNITS["referral over"])
    world.do(refer)
    (referral,) = _referrals(world)
    world.clock.at += timedelta(days=20)
    world.do(cmd.Refer(case=world.case, track="rescue", ends=referral))
    world.do(cmd.Refer(case=world.case, track="rescue", to_unit=UNITS["referred"]))
    world.clock.at += timedelta(days=20)
    opening = cmd.OpenTrack(case=world.case, track="aid", to_unit=UNITS["receiving"])
    (world.offer,) = world.do(opening).offered


def _referrals(world: World) -> list[str]:
    with world.desk.database.reading() as work:
        return [*load(world.desk, world.case, work, for_update=False).referrals]


def _fill(world: World) -> None:
    """Everything that the case comes to hold: persons, a value of every class, a paper, a note, a file."""
    people: Mapping[str, cmd.Role] = {GIRL: "victim", CARER: "carer", BUYER: "buyer_family"}
    for reference, role in people.items():
        identity = invented(reference)
        record = cmd.RecordIdentity(case=world.case, role=role, holds=holds(identity), person=reference)
        handle(world.desk, record, ANN, enclosed=identity)
    facts: dict[str, Any] = {f"{one}.word": word for one, word in WORDS.items() if one != "free_text"}
    facts |= {"search.result": SEARCHED, "carer": CARER, "buyers": [BUYER], "stay.since": STAYING_SINCE}
    facts["note"] = WORDS["free_text"]
    add = cmd.Contribute(case=world.case, track="rescue", facts=facts, documents=("report",), note=WORDS["free_text"])
    world.do(add)
    name = f"{WORDS['free_text']}.txt"
    stored = attachments.add(world.desk, world.case, io.BytesIO(f"{WORDS['free_text']}\n".encode()), name, ANN)
    assert stored.attachment is not None
    world.attachment = stored.attachment


def _ask(world: World) -> None:
    """Requests that wait, requests that were approved, a hold, and a broken glass."""
    desk, case, both = world.desk, world.case, (signed_in("custodian-2", "health"), actor("custodian", "referral over"))
    sought = Sought(case, GIRL, ("name",))
    erasure.hold(desk, RETENTION, case, "litigation", ANN)
    ways: Mapping[str, Callable[[], Asked]] = {
        "reveal": lambda: reidentify.ask(desk, REQUESTS, sought, "notify_family", ANN),
        "erase": lambda: Erasing(desk, RETENTION).ask(REQUESTS, case, "ordered", ANN),
        "release_hold": lambda: erasure.ask_release(desk, REQUESTS, case, "litigation", ANN),
    }
    for kind, ask in ways.items():
        world.asked[kind] = ask()
        world.asked[f"{kind} approved"] = approved = ask()
        for by in both[: approved.needed]:
            requests.approve(desk, approved.exact.request, approved.digest, by)
    world.glass = emergency.break_glass(desk, RULES, case, "danger_to_life", actor("caseworker", GLASS)).id


def _beside(world: World) -> None:
    """Other records: a criminal case of the own unit, one of another province, a refusal, a case that was erased."""
    with suppress(NotPermitted):  # it is sealed under the key of the installation, which is made for it
        world.do(cmd.OpenCase(case="", area="900101"), actor("reader"))
    solved = {"crime.solved": False}
    opening = cmd.OpenCase(case="", area="900101", scope="criminal_case", facts=solved)
    world.criminal = world.do(opening).case
    there = cmd.OpenCase(case="", area="800000", scope="criminal_case", facts=solved)
    world.foreign = world.do(there, actor("caseworker", "elsewhere")).case
    world.erased = _opened(world)
    world.do(cmd.Contribute(case=world.erased, track="rescue", documents=("report",)))
    world.do(cmd.Close(case=world.erased, outcome="death"))
    desk = world.desk
    asked = Erasing(desk, RETENTION).ask(REQUESTS, world.erased, "opened_by_mistake", ANN)
    for by in (signed_in("custodian-2", "health"), actor("custodian")):
        requests.approve(desk, asked.exact.request, asked.digest, by)
    Erasing(desk, RETENTION, desk.attachments).erase(world.erased, "opened_by_mistake", ANN, asked.exact.request)

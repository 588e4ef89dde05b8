"""A small procedure to play with: three units, two tracks, every mechanism once. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from engine.core import commands as cmd
from engine.core.case import Case, evolve
from engine.core.decide import Decision, decide
from engine.core.decide.draft import Context
from engine.core.definition import Definition
from engine.core.directory import Directory, Jurisdiction, Unit, UnitName
from engine.core.machine import Rules, compile_rules
from engine.core.view import default_parameters

START = datetime(2026, 1, 5, 1, 0, tzinfo=UTC)


def label(text: str) -> dict[str, str]:
    """A label whose Chinese is as plain as its English."""
    return {"zh": f"{text}（中）", "en": text}


def basis(row: str) -> list[dict[str, str]]:
    """One clause."""
    return [{"row": f"play/{row}", "clause": f"play 第{row}条"}]


def step(by: str | None, text: str, **more: object) -> dict[str, object]:
    """A step held by a function, or a final one."""
    body: dict[str, object] = {"title": label(text), "provenance": "printed", "basis": basis("1"), **more}
    return {**body, "final": True} if by is None else {**body, "responsible": by}


def move(source: list[str], to: str, text: str, **more: object) -> dict[str, object]:
    """A move."""
    return {
        "title": label(text), "source": source, "to": to, "provenance": "reading", "basis": basis("2"), **more,
    }  # fmt: skip


def requirement(when: dict[str, object], text: str, **more: object) -> dict[str, object]:
    """A printed condition."""
    return {"when": when, "reason": label(text), "provenance": "printed", "basis": basis("3"), **more}


PLAY: dict[str, object] = {
    "id": "play", "version": "1", "status": "candidate", "jurisdiction": "900000", "title": label("play"),
    "effective": {"since": "2020-01-01"}, "sources": [{"id": "play", "title": "play"}],
    "units": {name: {**label(name), "level": "city"} for name in ("police", "civil_affairs", "justice", "health")},
    "openers": {"victim": ["police"], "criminal_case": ["police"], "office": ["police"]},
    "facts": {
        "victim.is_child": {"title": label("is a child"), "type": "bool", "field_class": "basic"},
        "victim.age_years": {"title": label("age"), "type": "int", "field_class": "basic"},
        "search.result": {
            "title": label("search result"), "type": "code", "field_class": "family", "stated_by": ["police"],
            "options": {"found": label("found"), "not_found": label("not found")}, "changes": True,
        },
        "stay.since": {"title": label("staying since"), "type": "date", "field_class": "placement"},
        "carer": {"title": label("carer"), "type": "person", "field_class": "family"},
        "buyers": {"title": label("buyer family"), "type": "persons", "field_class": "buyer_family"},
        "crime.solved": {"title": label("solved"), "type": "bool", "field_class": "investigation", "changes": True},
        "note": {"title": label("note"), "type": "text", "field_class": "free_text"},
    },
    "documents": {
        "report": {"title": label("report"), "field_class": "family"},
        "statement": {"title": label("statement"), "field_class": "placement"},
    },
    "consents": {"return": {"title": label("wants to return")}},
    "parameters": {
        "stay_days": {"title": label("stay"), "type": "days", "default": 30, "open": ["OP-1"]},
        "strict": {"title": label("strict"), "type": "bool", "default": False},
    },
    "decline_reasons": {"papers_missing": label("papers missing"), "not_ours": label("not ours")},
    "tracks": {
        "rescue": {
            "title": label("rescue"), "provenance": "printed", "basis": basis("1"),
            "opens": {"when": {"fact": "victim.is_child", "known": True}},
            "start": "searching",
            "steps": {
                "searching": step("police", "searching", joint_leads=["health"], cooperating=["justice"]),
                "placed": step("civil_affairs", "placed"),
                "settled": step(None, "settled"),
            },
            "moves": {
                "place": move(
                    ["searching"], "placed", "place", form=[{"fact": "search.result"}], materials=["report"],
                    requires={
                        "parents_first": requirement({"fact": "search.result", "is": "not_found"}, "parents first"),
                        "no_buyer": requirement(
                            {"fact": "carer", "not_among": "buyers"}, "no buyer family", prohibition="no_buyer_family"),
                    },
                ),
                "home": move(["searching"], "settled", "home", requires={
                    "found": requirement({"fact": "search.result", "is": "found"}, "parents found"),
                }),
                "settle": move(["placed"], "settled", "settle", sets={"note": "settled"}, records=["statement"],
                    requires={"stayed": requirement(
                        {"since": "stay.since", "at_least": {"parameter": "stay_days"}}, "stay too short"
                    )}),
                "send_back": move(["placed"], "searching", "send back"),
                "ask_wish": move(["searching"], "searching", "ask for the wish", requires={
                    "willing": requirement({"consent": "return"}, "not willing")}),
                "report_again": move(
                    ["searching"], "searching", "report again", form=[{"fact": "search.result", "fresh": True}]),
                "note_it": move(["searching"], "searching", "note it", form=[{"fact": "note", "required": False}],
                    requires={"strictly": requirement({"document": "report"}, "strict", provenance="deployer",
                        basis=[], setting="strict")}),
            },
        },
        "aid": {
            "title": label("legal aid"), "provenance": "printed", "basis": basis("4"), "declinable": True,
            "opens": {"on_request": "any", "again": True},
            "start": "applied",
            "steps": {"applied": step("justice", "applied"), "given": step(None, "given")},
            "moves": {"give": move(["applied"], "given", "give")},
        },
        "archive": {
            "title": label("archive"), "provenance": "printed", "basis": basis("5"),
            "opens": {"when": {"track": "rescue", "reached": ["settled"]}},
            "start": "writing",
            "steps": {"writing": step("civil_affairs", "writing"), "kept": step(None, "kept")},
            "moves": {"keep": move(["writing"], "kept", "keep", requires={
                "four_eyes": requirement(
                    {"other_person_than": {"track": "archive", "step": "writing"}}, "another person"),
            })},
        },
        "task_force": {
            "title": label("task force"), "scope": "criminal_case", "provenance": "printed", "basis": basis("6"),
            "opens": {"when": {"fact": "crime.solved", "known": True}}, "start": "standing",
            "steps": {"standing": step("police", "standing"), "dissolved": step(None, "dissolved")},
            "moves": {"dissolve": move(["standing"], "dissolved", "dissolve", requires={
                "solved": requirement({"fact": "crime.solved", "is": True}, "not solved"),
            })},
        },
    },
    "duties": {
        "comfort": {
            "title": label("comfort relatives"), "provenance": "printed", "basis": basis("7"), "responsible": "police",
        },
        "aid_offered": {
            "title": label("offer legal aid"), "provenance": "printed", "basis": basis("8"), "responsible": "justice",
            "settled_by": {"track": "aid", "at": ["given"]}, "declinable": True,
            "arises": {"track": "aid", "reached": ["applied"]},
        },
    },
    "prohibitions": {
        "no_buyer_family": {"title": label("no buyer family"), "provenance": "printed", "basis": basis("9")},
    },
    "closings": {
        "archive": {
            "title": label("archived"), "by": ["civil_affairs"], "provenance": "deployer",
            "requires": {"kept": requirement({"track": "archive", "at": ["kept"]}, "archive not kept")},
        },
        "transfer": {"title": label("transfer"), "by": ["police"], "needs_duties": False, "provenance": "deployer"},
        "death": {
            "title": label("death"), "by": ["police", "civil_affairs"], "needs_duties": False, "provenance": "deployer",
            "requires": {"certified": requirement({"document": "report"}, "certificate missing")},
        },
        "solved": {"title": label("solved"), "by": ["police"], "scope": "criminal_case", "provenance": "deployer"},
    },
}  # fmt: skip


def unit(name: str, area: str, *functions: str, merged_into: str | None = None) -> Unit:
    """A unit with one name."""
    names = (UnitName(f"{name}（中）", name, date(2020, 1, 1)),)
    return Unit(name, area, frozenset(functions), names, (), merged_into)


def directory(*more: Unit) -> Directory:
    """A province with two counties and a neighbour province that plays by the other definition."""
    areas = {
        "900000": Jurisdiction("900000", "省", "province", None, "play"),
        "900101": Jurisdiction("900101", "甲县", "county A", "900000"),
        "900102": Jurisdiction("900102", "乙县", "county B", "900000"),
        "800000": Jurisdiction("800000", "邻省", "neighbour", None, "other"),
    }
    units = [
        unit("police-a", "900101", "police"), unit("police-b", "900102", "police"),
        unit("civil-a", "900101", "civil_affairs"), unit("civil-b", "900102", "civil_affairs"),
        unit("justice", "900000", "justice"), unit("health", "900000", "health"),
        unit("police-n", "800000", "police"), unit("civil-n", "800000", "civil_affairs"), *more,
    ]  # fmt: skip
    return Directory(areas, {one.id: one for one in units})


RULES = compile_rules(Definition.model_validate(PLAY))
OTHER = compile_rules(Definition.model_validate({**PLAY, "id": "other", "jurisdiction": "800000"}))


@dataclass
class Game:
    """A case being played through ``decide``, with a clock that the player moves."""

    case: Case | None = None
    at: datetime = START
    rules: Rules = RULES
    units: Directory = field(default_factory=directory)
    parameters: dict[str, object] = field(default_factory=lambda: default_parameters(RULES.definition))
    last: Decision | None = None

    def act(self, command: cmd.Command, unit_id: str = "police-a", person: str = "ann") -> Decision:
        """Decide a command, let the case follow, and go on an hour."""
        context = Context(
            cmd.Actor(person, unit_id), self.at, self.rules, self.units, self.parameters, OTHER,
            default_parameters(OTHER.definition), "GT-NEXT",
        )  # fmt: skip
        decision = decide(command, self.case, context)
        again = evolve(self.case, decision.events, case_id="GT-1")
        assert again == decision.case, "the case follows from its events alone"
        self.case, self.last = decision.case, decision
        self.at += timedelta(hours=1)
        return decision

    def open(self, **facts: object) -> Game:
        """Open the case of a child."""
        self.act(cmd.OpenCase(case="GT-1", area="900101", facts={"victim.is_child": True, **facts}))  # type: ignore[dict-item]
        return self

    @property
    def now(self) -> Case:
        """The case as it stands."""
        assert self.case is not None
        return self.case

    def hand_off(self, track: str | None = "rescue") -> str:
        """The open hand-off of a track."""
        return next(one.id for one in self.now.hand_offs.values() if one.track == track)

    def kinds(self) -> list[str]:
        """What the last command made happen."""
        assert self.last is not None
        return [recorded.kind for recorded in self.last.events]


READY: dict[str, cmd.RawValue] = {"search.result": "not_found", "carer": "P-CARER", "buyers": ["P-BUYER"]}
"""What lets a child be placed."""

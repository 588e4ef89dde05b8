"""The procedure the bench walks: ten tracks, seven functions, and a script of sixty moves per case.

Made for the bench so that its figures stay comparable while the real definitions grow. What a move meets is
modelled on them: a form with a fact or two, two to four conditions that look at facts, other tracks, documents,
a consent and elapsed days, and materials that go along with a hand-off.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from engine.core import commands as cmd
from engine.core.case import Case
from engine.core.decide import decide
from engine.core.decide.draft import Context
from engine.core.definition import Definition
from engine.core.directory import Directory, Jurisdiction, Unit, UnitName
from engine.core.machine import compile_rules
from engine.core.view import CHINA, default_parameters
from engine.service.persons import Known, holds
from engine.service.story_people import invented
from tests.bench.acts import Act, Procedure

MOVES = 60
"""Commands of the script after a case is opened."""

PROVINCE = "350000"
COUNTIES = tuple(f"3501{number:02d}" for number in range(1, 9))

_FUNCTIONS = {
    "police": "公安", "civil_affairs": "民政", "health": "卫健", "education": "教育", "human_resources": "人社",
    "justice": "司法", "womens_federation": "妇联",
}  # fmt: skip

# track: (what opens it, its steps as "name:function" in the order they are walked; the last one is final)
_OPENED_AT_ONCE = {"fact": "victim.is_child", "known": True}
_TRACKS: dict[str, tuple[dict[str, object], str]] = {
    "rescue": (
        _OPENED_AT_ONCE,
        "searching:police located:police rescued:police identified:police received:civil_affairs concluded",
    ),
    "placement": (
        {"track": "rescue", "reached": ["rescued"]},
        "assessing:civil_affairs searching:police placing:civil_affairs placed",
    ),
    "medical": (
        {"track": "rescue", "reached": ["rescued"]},
        "admitted:health examined:health treated:health aftercare:civil_affairs discharged",
    ),
    "psychological": (
        {"track": "medical", "reached": ["examined"]},
        "asked:health assessed:health counselled:health accompanied:womens_federation ended",
    ),
    "tracing": (
        {"track": "rescue", "reached": ["identified"]},
        "sampling:police sent:police entered:police compared:police answered:civil_affairs closed",
    ),
    "registration": (
        {"track": "placement", "reached": ["placing"]},
        "applying:civil_affairs examining:police approved:police registered:police done",
    ),
    "schooling": (
        {"track": "registration", "reached": ["approved"]},
        "asked:education assigned:education enrolled:education supported:womens_federation settled",
    ),
    "employment": (
        {"track": "placement", "reached": ["placing"]},
        "asked:human_resources advised:human_resources trained:human_resources matched:human_resources"
        " placed:civil_affairs settled",
    ),
    "legal_aid": (
        {"track": "rescue", "reached": ["identified"]},
        "asked:justice reviewed:justice appointed:justice reported:civil_affairs closed",
    ),
    "follow_up": (
        {"track": "placement", "reached": ["placed"]},
        "visiting:civil_affairs visited:civil_affairs revisited:civil_affairs checked:police"
        " evaluated:civil_affairs archived",
    ),
}  # fmt: skip

OPENING: dict[str, cmd.RawValue] = {
    "victim.is_child": True, "victim.age_years": 9, "victim.found_on": "2024-03-01", "carer": "P-CARER01",
    "buyers": ["P-BUYER01", "P-BUYER02"], "origin": "unknown", "injured": False, "note": "三月一日接报，街面巡逻中发现",
}  # fmt: skip
"""What the opener states; varied a little from case to case."""

PEOPLE: dict[str, cmd.Role] = {"P-CARER01": "carer", "P-BUYER01": "buyer_family", "P-BUYER02": "buyer_family"}
"""Whom the opener names, and as what: a ban compares identities, so each has one on record."""


def _label(text: str) -> dict[str, str]:
    return {"zh": f"{text}（中）", "en": text}


def _sourced(track: str, number: int) -> dict[str, object]:
    clause = {"row": f"bench/{track}.{number}", "clause": f"bench {track} 第{number}条"}
    return {"provenance": "printed", "basis": [clause]}


def _steps(walk: str) -> list[tuple[str, str | None]]:
    return [(name, function or None) for name, _, function in (part.partition(":") for part in walk.split())]


def _requirement(track: str, number: int, text: str, when: dict[str, object]) -> dict[str, object]:
    return {"when": when, "reason": _label(text), **_sourced(track, number)}


def _requirements(track: str, number: int, here: str) -> dict[str, object]:
    """Two conditions of every move, a third of every other one, a fourth of every third one."""
    fact, papers = f"{track}.result_{number}", f"{track}_papers"
    found: dict[str, dict[str, object]] = {
        "result_stated": {"fact": fact, "in": ["good", "fair"]},
        "in_order": {"all": [
            {"track": track, "at": [here]},
            {"any": [{"document": papers}, {"track": "rescue", "reached": ["searching"]}]},
        ]},
    }  # fmt: skip
    if number % 2 == 0:
        found["carer_not_buyer"] = {"fact": "carer", "not_among": "buyers"}
        found["agreed"] = {"consent": "help"}
    if number % 3 == 0:
        found["waited"] = {"since": "victim.found_on", "at_least": {"parameter": "waiting_days"}}
    return {name: _requirement(track, number, name.replace("_", " "), when) for name, when in found.items()}


def _track(name: str, opens: dict[str, object], walk: str) -> dict[str, object]:
    steps = _steps(walk)
    moves = {}
    for number, ((here, _), (there, _)) in enumerate(itertools.pairwise(steps), 1):
        moves[f"to_{there}"] = {
            "title": _label(f"go on to {there}"), "source": [here], "to": there, **_sourced(name, number),
            "form": [{"fact": f"{name}.result_{number}"}, {"fact": f"{name}.remark", "required": False}],
            "materials": [f"{name}_papers"], "requires": _requirements(name, number, here),
        }  # fmt: skip
    return {
        "title": _label(name.replace("_", " ")), **_sourced(name, 0), "opens": {"when": opens}, "start": steps[0][0],
        "steps": {
            step: {
                "title": _label(step), **_sourced(name, number),
                **({"final": True} if function is None else {"responsible": function, "cooperating": ["justice"]}),
            }
            for number, (step, function) in enumerate(steps)
        },
        "moves": moves,
    }  # fmt: skip


def _facts() -> dict[str, object]:
    kinds = {
        "victim.is_child": "bool", "victim.age_years": "int", "victim.found_on": "date", "carer": "person",
        "buyers": "persons", "origin": "text", "injured": "bool", "note": "text",
    }  # fmt: skip
    facts: dict[str, object] = {
        name: {"title": _label(name), "type": kind, "field_class": "basic"} for name, kind in kinds.items()
    }
    options = {"good": _label("good"), "fair": _label("fair"), "poor": _label("poor")}
    for track, (_, walk) in _TRACKS.items():
        facts[f"{track}.remark"] = {
            "title": _label("remark"), "type": "text", "field_class": "free_text", "changes": True,
        }  # fmt: skip
        for number in range(1, len(_steps(walk))):
            facts[f"{track}.result_{number}"] = {
                "title": _label("result"), "type": "code", "field_class": "basic", "options": options,
            }  # fmt: skip
    return facts


def _definition() -> Definition:
    return Definition.model_validate({
        "id": "bench", "version": "1", "status": "candidate", "jurisdiction": PROVINCE, "title": _label("bench"),
        "effective": {"since": "2020-01-01"}, "sources": [{"id": "bench", "title": "bench"}],
        "units": {name: {"zh": zh, "en": name, "level": "county"} for name, zh in _FUNCTIONS.items()},
        "openers": {"victim": ["police"]}, "facts": _facts(),
        "documents": {f"{name}_papers": {"title": _label(name), "field_class": "basic"} for name in _TRACKS},
        "consents": {"help": {"title": _label("wants help")}},
        "parameters": {"waiting_days": {"title": _label("waiting"), "type": "days", "default": 30}},
        "decline_reasons": {"not_ours": _label("not ours")},
        "tracks": {name: _track(name, *about) for name, about in _TRACKS.items()},
        "duties": {}, "prohibitions": {}, "closings": {},
    })  # fmt: skip


def directory() -> Directory:
    """A province of eight counties, each with a unit of every function."""
    areas = {PROVINCE: Jurisdiction(PROVINCE, "省", "province", None, "bench")}
    areas |= {code: Jurisdiction(code, f"县{code}", f"county {code}", PROVINCE) for code in COUNTIES}
    names = {code: UnitName(f"{code}", f"{code}", date(2020, 1, 1)) for code in COUNTIES}
    units = [
        Unit(unit_of(function, code), code, frozenset({function}), (names[code],))
        for code in COUNTIES
        for function in _FUNCTIONS
    ]
    return Directory(areas, {unit.id: unit for unit in units})


def unit_of(function: str, area: str) -> str:
    """The unit that serves a function in a county."""
    return f"{function}-{area}"


RULES = compile_rules(_definition())


def _act_on_track(case: Case, track: str) -> Act | None:
    """What comes next on a track, or ``None`` when it is not open or at its end."""
    state = case.tracks.get(track)
    if state is None or not state.is_held:
        return None
    if state.hand_off is not None:
        asked = case.hand_offs[state.hand_off].to_unit
        accept = cmd.Accept(case="", hand_off=state.hand_off.partition("/")[2])
        return Act(_in_any_county(asked), accept, "acceptances", track)
    steps = _steps(_TRACKS[track][1])
    here = [name for name, _ in steps].index(state.step)
    facts: dict[str, cmd.RawValue] = {f"{track}.result_{here + 1}": "good" if here % 2 else "fair"}
    if here % 2:
        facts[f"{track}.remark"] = f"第{here + 1}步已办理，材料齐全，联系人已知悉"
    (_, holder), (there, receiver) = steps[here], steps[here + 1]
    move = cmd.Move(
        case="", track=track, move=f"to_{there}", facts=facts, documents=(f"{track}_papers",) if here == 0 else ()
    )
    return Act(_in_any_county(state.holder or ""), move, "moves" if receiver in (None, holder) else "offers", track)


def _in_any_county(unit: str) -> str:
    return unit.rpartition("-")[0] + "-{area}"


def receiver_of(act: Act) -> str:
    """The unit that an offering move asks to take over."""
    assert isinstance(act.command, cmd.Move)
    track = RULES.definition.tracks[act.track]
    return unit_of(track.steps[track.moves[act.command.move].to].responsible or "", "{area}")


def _opening() -> list[Act]:
    """What happens to a case before its moves are counted: it is opened, its people are known, the victim consents."""
    police = unit_of("police", "{area}")
    return [
        Act(police, cmd.OpenCase(case="", area="", definition="bench", facts=OPENING)),
        *(Act(police, _introduction(person, role), enclosed=invented(person)) for person, role in PEOPLE.items()),
        Act(police, cmd.RecordConsent(case="", consent="help", given=True)),
    ]


def _introduction(person: str, role: cmd.Role) -> cmd.RecordIdentity:
    return cmd.RecordIdentity(case="", role=role, holds=holds(invented(person)), person=person)


def _script() -> list[Act]:
    """The sixty moves, found by walking the tracks in turn through ``decide``."""
    case, area, at, acts = None, COUNTIES[0], datetime(2026, 1, 5, 1, 0, tzinfo=UTC), []
    units, parameters = directory(), default_parameters(RULES.definition)
    people = Known({person: invented(person) for person in PEOPLE}, PEOPLE, at.astimezone(CHINA).date())

    def follow(act: Act, case: Case | None) -> Case:
        command, actor = act.on("GT", area, "")
        after = decide(command, case, Context(actor, at, RULES, units, parameters, identities=people)).case
        return replace(after, revision=after.revision + 1)

    for act in _opening():
        case = follow(act, case)
    assert case is not None
    for track in itertools.cycle(_TRACKS):
        next_one = _act_on_track(case, track)
        if next_one is not None:
            at += timedelta(hours=1)
            acts.append(replace(next_one, command=replace(next_one.command, expected_revision=case.revision)))
            case = follow(next_one, case)
        if len(case.tracks) == len(_TRACKS) and not case.held():
            break
    assert len(acts) == MOVES, f"the script has {len(acts)} moves"
    return acts


BENCH = Procedure("bench", RULES, directory(), COUNTIES, tuple(_opening()), tuple(_script()))

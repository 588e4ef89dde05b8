"""Worlds for trial (demo, tests, bench): marked when they are made, once and for all.

In such a world whoever is not enrolled is taken at her word, and what is played with is released by keys that are
thrown away at once. The way is the one of earnest, register, approve, release; only nobody else keeps the keys.
"""

from __future__ import annotations

from collections.abc import Iterable

from engine.core.commands import Actor
from engine.core.definition import Definition
from engine.errors import CommandMalformed, TrialRefused
from engine.service.account import Account
from engine.service.desk import Desk, kept
from engine.service.release import add_approver_in, approve_in, release_in
from engine.store.database import Database
from engine.store.work import Work
from engine.vault.signing import SigningKey

DEMO_OFFICES = ("fujian-joint-conference-office", "fujian-justice")
"""The offices of the demo directory that approve in its worlds."""


def mark_trial(url: str) -> None:
    """Make the database at this address a world for trial, for good; on PostgreSQL only its owner can.

    Raises :class:`TrialRefused` for one that somebody was enrolled or a case opened in.
    """
    with Database.open(url, check=False) as database, kept(database) as work:  # on PostgreSQL the owner marks it
        if work.is_trial():
            return
        if work.is_taken():
            raise TrialRefused(
                "本系统已有人员或个案，不能改作试验环境；请另建数据库",
                "people or cases are on record here: this can be no world for trial; make a database of its own",
            )
        work.mark_trial()


def is_trial(desk: Desk) -> bool:
    """Whether this is a world for trial."""
    with desk.database.reading() as work:
        return work.is_trial()


def release_all(desk: Desk, definitions: Iterable[Definition], *, offices: tuple[str, str] | None = None) -> None:
    """Release every candidate among these in a fresh world; does nothing when all of them are released.

    ``offices`` are two units of its directory (the first two if not given). Raises :class:`TrialRefused` where this is
    no world for trial, :class:`CommandMalformed` when the world has approvers of its own.
    """
    with desk.changing(Account("trial:set_up", purpose="trial")) as work:
        if not work.is_trial():
            raise TrialRefused(
                "本系统不是试验环境，流程须由两个单位审定发布",
                "this is no world for trial: here two offices approve what is released",
            )
        known = {row.hash for row in work.releases()}
        wanted = [one for one in definitions if one.status == "candidate" and one.digest() not in known]
        if not wanted:
            return
        if work.approvers():
            raise CommandMalformed(
                "本系统已有流程审定人，不能当作试验环境发布",
                "this installation has approvers: it is no world for trial",
            )
        _release(desk, work, wanted, offices or _two(desk, work))
    desk.forget()


def _release(desk: Desk, work: Work, definitions: Iterable[Definition], offices: tuple[str, str]) -> None:
    signers = [(Actor(f"trial-approver-{number}", unit), SigningKey.fresh()) for number, unit in enumerate(offices, 1)]
    for actor, key in signers:
        add_approver_in(desk, work, office=actor.unit, person=actor.person, public=key.public, actor=actor)
    for definition in definitions:
        for actor, key in signers:
            approve_in(desk, work, definition, key=key, actor=actor)
        release_in(desk, work, definition, signers[0][0])


def _two(desk: Desk, work: Work) -> tuple[str, str]:
    first, second, *_ = (unit.id for unit in desk.directory(work).units.values() if unit.merged_into is None)
    return first, second

"""Proof: whoever acts has signed in, and lately with a second factor where the act asks for it.

The door makes the proof (``engine.service.sessions`` and ``engine.service.tokens``); here it is held against what is
done. In a world for trial nobody need sign in.
"""

from __future__ import annotations

from datetime import datetime

from engine.core.commands import Actor
from engine.errors import NotSignedIn, PurposeNotGranted, StrongSignInNeeded
from engine.service.desk import Desk
from engine.store.work import Work

STRONG_ACTS = frozenset({
    "identity:reveal", "emergency:open", "erasure:erase", "erasure:release", "definition:release", "sign_in:ticket",
    "recovery:approve", "token:issue", "token:rotate", "provider:link", "webhook:add", "webhook:rotate",
})  # fmt: skip
"""What cannot be taken back, or opens a door for somebody else: the second factor is asked for again."""


def hold_proof(desk: Desk, act: str, actor: Actor, work: Work) -> None:
    """Hold an act against the sign-in of whoever does it.

    Raises :class:`NotSignedIn`, :class:`StrongSignInNeeded`, and of a service :class:`PurposeNotGranted`.
    """
    proof = actor.proof
    if proof is None:
        if not work.is_trial():
            raise NotSignedIn("请先登录（guitu login）", "sign in first (guitu login)")
        return
    if proof.purposes is not None and actor.purpose not in proof.purposes:
        listed = ", ".join(sorted(proof.purposes))
        raise PurposeNotGranted(
            f"该服务令牌仅限下列目的：{listed}", f"this service token is bound to these purposes: {listed}"
        )
    if act in STRONG_ACTS:
        hold_strong(desk, proof.strong_until)


def hold_strong(desk: Desk, until: datetime | None) -> None:
    """Raise :class:`StrongSignInNeeded` when a second factor that was shown does not count any more, or none was."""
    if until is None or until <= desk.clock():
        raise StrongSignInNeeded(
            "此操作须再次验证身份：请重新出示第二验证方式（guitu login --again）后再办理",
            "this asks for your second factor again: show it (guitu login --again), then repeat what you asked for",
        )

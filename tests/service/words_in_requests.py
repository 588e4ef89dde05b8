"""A word said in every place that a request, an answer, an emergency or an erasure takes words of one's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from engine.core.commands import Actor
from engine.service import emergency, erasure, reidentify, requests
from engine.service.desk import Desk
from engine.service.erasure import Erasing
from engine.service.reidentify import Sought
from engine.service.request_rules import emergency_rules
from tests.service.asking import CUSTODIANS, REQUESTS, RETENTION
from tests.service.desks import POLICE

EMERGENCIES = emergency_rules()


def every_request(desk: Desk, case: str, word: str) -> Iterator[Callable[[], object]]:
    """Yield acts that say the word; each is refused, or keeps it from every row and line."""
    somebody = Actor(word, "police-a")
    erasing = Erasing(desk, RETENTION)
    waiting = erasing.ask(REQUESTS, case, "ordered", POLICE)
    for typed in ((word, "ordered", POLICE), (case, word, POLICE), (case, "ordered", somebody)):
        yield partial(erasing.ask, REQUESTS, *typed)
        for request in (word, waiting.exact.request):
            yield partial(erasing.erase, *typed, request)
    for answer in (word, waiting.digest):
        yield partial(requests.approve, desk, waiting.exact.request, answer, somebody)
        yield partial(requests.approve, desk, word, answer, POLICE)
    yield partial(requests.approve, desk, waiting.exact.request, word, CUSTODIANS[0])
    yield partial(requests.decline, desk, word, CUSTODIANS[0])
    yield partial(requests.decline, desk, waiting.exact.request, CUSTODIANS[0])
    for reason, actor in ((word, POLICE), ("claim", somebody)):
        yield partial(erasure.hold, desk, RETENTION, case, reason, actor)
        yield partial(erasure.ask_release, desk, REQUESTS, case, reason, actor)
        yield partial(erasure.release_hold, desk, case, reason, actor, word)
    yield partial(erasure.certificate_of, desk, word)
    for sought in (Sought(word, "P-0000", ("name",)), Sought(case, word, ("name",)), Sought(case, "P-0000", (word,))):
        yield partial(reidentify.ask, desk, REQUESTS, sought, "identity_check", POLICE)
        yield partial(reidentify.reveal_in_emergency, desk, REQUESTS, sought, POLICE)
    named = Sought(case, "P-0000", ("name",))
    yield partial(reidentify.ask, desk, REQUESTS, named, word, POLICE)
    yield partial(reidentify.ask, desk, REQUESTS, named, "identity_check", Actor("ann", "police-a", word))
    yield partial(reidentify.reveal, desk, REQUESTS, word, POLICE)
    danger = "danger_to_life"
    for code, reason, actor in ((word, danger, POLICE), (case, word, POLICE), (case, danger, somebody)):
        yield partial(emergency.break_glass, desk, EMERGENCIES, code, reason, actor)
    for code, outcome in ((word, "justified"), ("E-0000", word)):
        yield partial(emergency.review, desk, code, outcome, CUSTODIANS[0])

"""How every operation of the description is called in the world of the sweep, and whose rule it goes by.

One row an operation: the act it is, the body that is sent, the query. What stands in addresses is the same for all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from engine.vault.signing import SigningKey, written
from tests.http.sweep.rules import (
    AGREEING,
    HERSELF,
    LIST_RECOVERIES,
    READ_BOOKS,
    READ_SETTINGS,
    READ_UNITS,
    SIGN_IN,
    STOPPING,
    WEBHOOK,
    WEBHOOKS,
    act,
)
from tests.http.sweep.worlds import Furnished
from tests.service.access.acts import COMMAND, HOUSE, LOOK, MANAGED, REQUEST, Act
from tests.service.access.worlds import GIRL

Fill = Callable[[Furnished], Any]
INVENTED = {"name": "钟离渡鹤", "born_on": "1904-05-06", "sex": "female"}
PUBLIC_KEY = written(SigningKey.fresh().public)


@dataclass(frozen=True, slots=True)
class Row:
    """An operation: whose rule it goes by; ``body`` as JSON or made from the world; ``raw`` bytes are sent as they are.

    ``places`` are those of its address that are not as everywhere else.
    """

    act: Act
    body: Any = None
    query: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[str, Fill] = field(default_factory=dict)
    raw: bytes | None = None

    def body_in(self, world: Furnished) -> Any:
        """The body that is sent in this world."""
        return self.body(world) if callable(self.body) else self.body


def _number(reference: str) -> str:
    return reference.rpartition("/")[2]


PLACES: Mapping[str, Fill] = {
    "case": lambda world: world.case,
    "track": lambda world: "rescue",
    "number": lambda world: _number(world.offer),
    "event": lambda world: "1",
    "duty": lambda world: "comfort",
    "attachment": lambda world: world.attachment,
    "lead": lambda world: world.lead,
    "receipt": lambda world: world.lead,
    "webhook": lambda world: world.webhook,
    "token_id": lambda world: world.token,
    "link": lambda world: world.link,
    "factor": lambda world: "F-0000-0000-0000",
    "person": lambda world: MANAGED,
    "name": lambda world: "play@1",
    "parameter": lambda world: "stay_days",
    "fingerprint": lambda world: 8 * "a",
}
"""What stands in the places of addresses."""


def _request(kind: str) -> Mapping[str, Fill]:
    return {"request": lambda world: world.asked[kind].exact.request}


def _soon(world: Furnished) -> str:
    return (world.clock.at + timedelta(days=9)).isoformat()


def _of_the_case(**more: Any) -> Fill:
    return lambda world: {"case": world.case, **more}


_RECOVERY: Mapping[str, Fill] = {"code": lambda world: world.recovery}
_GLASS: Mapping[str, Fill] = {"code": lambda world: world.glass}
_SOUGHT = {"person": GIRL, "fields": ["name"]}

ON_A_CASE: Mapping[str, Row] = {
    "show_case": Row(act("see_case")),
    "show_timeline": Row(act("read_timeline")),
    "list_moves": Row(act("read_timeline"), query={"explain": "true"}),
    "replay_case": Row(act("read_timeline")),
    "list_hand_offs": Row(act("see_case")),
    "open_track": Row(act("open_track"), {"track": "aid"}),
    "move": Row(act("move"), {"move": "note_it", "facts": {"note": "seen"}}),
    "offer": Row(act("offer"), {"to_unit": "police-b"}),
    "refer": Row(act("refer"), {"to_unit": "school-a"}),
    "end_referral": Row(act("refer"), places={"number": lambda world: _number(world.referral)}),
    "assign": Row(act("assign"), {"person": "officer-7"}),
    "contribute": Row(act("contribute"), {"note": "seen"}),
    "reverse": Row(act("reverse"), {"reason": "by mistake"}),
    "decline_track": Row(act("decline_track"), {"reason": "not wanted"}, places={"track": lambda world: "aid"}),
    "offer_transfer": Row(act("offer_transfer"), {"area": "800000", "to_unit": "police-n"}),
    "relocate": Row(act("relocate"), {"area": "900102", "reason": "moved"}),
    "record_consent": Row(act("record_consent"), {"consent": "return", "given": True}),
    "settle_duty": Row(act("settle_duty"), {"outcome": "done"}),
    "correct": Row(act("correct"), {"fact": "search.result", "value": "found", "reason": "misheard"}),
    "review_flag": Row(act("review_flag"), {"reason": "it stands"}),
    "link_criminal_case": Row(act("link_criminal_case"), lambda world: {"criminal_case": world.criminal}),
    "close": Row(act("close"), {"outcome": "death"}),
    "reopen": Row(act("reopen"), {"track": "rescue", "reason": "new hardship"}),
    "accept": Row(act("accept")),
    "decline": Row(act("decline"), {"reason": "not_ours"}),
    "withdraw": Row(act("withdraw"), {}),
    "attach_file": Row(act("attach_file", COMMAND), raw=b"a page"),
    "list_files": Row(act("read_attachment")),
    "read_file": Row(act("read_attachment")),
    "record_identity": Row(act("record_identity"), {"role": "relative", "identity": INVENTED}),
    "share_data": Row(act("share_data"), {
        "ground": "play_minors", "classes": ["basic"], "to_unit": "civil-b", "purpose": "who the child is",
    }),
    "list_shared_data": Row(act("list_shares")),
}  # fmt: skip
"""What stands below ``/cases/{case}``."""

ABOUT_A_CASE: Mapping[str, Row] = {
    "ask_reveal": Row(act("request_identity"), _of_the_case(**_SOUGHT, reason="notify_family")),
    "ask_erasure": Row(act("request_erasure"), _of_the_case(ground="ordered")),
    "ask_hold_release": Row(act("request_hold_release"), _of_the_case(reason="litigation")),
    "put_hold": Row(act("put_hold"), _of_the_case(reason="inspection")),
    "open_emergency": Row(act("break_glass"), _of_the_case(reason="missing_person")),
    "reveal_in_emergency": Row(act("reveal_identity", LOOK), _of_the_case(**_SOUGHT)),
    "erase_case": Row(act("erase_case"), _of_the_case(ground="ordered"), places=_request("erase approved")),
    "release_hold": Row(
        act("release_hold"), _of_the_case(reason="litigation"), places=_request("release_hold approved")
    ),
}
"""What names a case in its body."""

ON_REQUESTS: Mapping[str, Row] = {
    "approve_request": Row(
        act("approve_identity", REQUEST), lambda world: {"digest": world.asked["reveal"].digest},
        places=_request("reveal"),
    ),
    "decline_request": Row(act("approve_identity", REQUEST), places=_request("reveal")),
    "reveal_identity": Row(act("reveal_identity", REQUEST), places=_request("reveal approved")),
    "review_emergency": Row(act("review_glass", REQUEST), {"outcome": "justified"}, places=_GLASS),
}  # fmt: skip
"""What is asked of others, and broken glass."""

ON_LEADS: Mapping[str, Row] = {
    "show_lead": Row(act("see_lead"), query={"names": "true"}),
    "accept_lead": Row(act("accept_lead"), lambda world: {"case": world.case}),
    "pass_lead": Row(act("pass_lead"), {"to_unit": "civil-a", "reason": "theirs"}),
    "close_lead": Row(act("close_lead"), {"reason": "no_ground"}),
    "reward_lead": Row(act("reward_lead"), {"granted": True, "reason": "it helped"}),
    "read_receipt": Row(act("read_receipt")),
}
"""About the one lead of the world."""

ON_THE_HOUSE: Mapping[str, Row] = {
    "open_case": Row(act("open_case"), {"area": "900101", "facts": {"victim.is_child": True}}),
    "list_cases": Row(act("list_cases")),
    "count_cases": Row(act("count_cases")),
    "search_identities": Row(act("search_identity"), {"area": "900101", "identity": INVENTED}),
    "list_requests": Row(act("approve_identity", HOUSE)),
    "list_emergencies": Row(act("review_glass", HOUSE)),
    "show_worklist": Row(act("list_cases")),
    "list_stalled": Row(act("list_stalled"), query={"days": "5"}),
    "list_notices": Row(act("read_notices")),
    "explain_access": Row(act("see_case", LOOK), query={"action": "see_case", "case": "{case}"}),
    "report_lead": Row(act("report_lead"), {
        "kind": "report", "area": "900101", "category": "school", "urgency": "soon", "concerns_minor": True,
        "seen": "a child nobody knows came along with strangers",
    }),
    "list_leads": Row(act("list_leads")),
    "show_reporting_rules": Row(READ_BOOKS, query={"area": "900101"}),
    "list_received_data": Row(act("read_shared")),
    "list_definitions": Row(READ_BOOKS),
    "show_definition": Row(READ_BOOKS),
    "show_coverage": Row(READ_BOOKS),
    "list_parameters": Row(READ_SETTINGS),
    "set_parameter": Row(act("set_parameter"), {"value": 31}),
    "release_definition": Row(act("release_definition")),
    "list_approvers": Row(act("manage_approvers")),
    "add_approver": Row(
        act("manage_approvers"), {"office": "justice", "person": "officer-70", "public_key": PUBLIC_KEY}
    ),
    "revoke_approver": Row(act("manage_approvers")),
    "list_units": Row(READ_UNITS),
    "show_ledger_status": Row(act("read_ledger")),
    "export_bundle": Row(act("read_ledger")),
    "export_digests": Row(act("read_ledger")),
    "export_salts": Row(act("read_ledger"), lambda world: {"cases": [world.case]}),
}  # fmt: skip
"""On the installation itself, and lists of one's own."""

ON_PEOPLE: Mapping[str, Row] = {
    "enrol_person": Row(act("manage_people"), {"person": "officer-70"}),
    "list_people": Row(act("list_people")),
    "grant_role": Row(act("manage_people"), {"unit": "school-a", "role": "unit_supervisor"}),
    "end_role": Row(act("manage_people"), {"unit": "school-a", "role": "caseworker"}),
    "name_deputy": Row(
        act("manage_people"), lambda world: {"deputy": "caseworker-health", "unit": "school-a", "until": _soon(world)}
    ),
    "move_person": Row(act("manage_people"), {"unit": "school-a", "to_unit": "health"}),
    "deactivate_person": Row(act("manage_people")),
    "issue_token": Row(
        act("manage_tokens"),
        lambda world: {
            "service": "service-health",
            "purposes": ["case_handling"],
            "until": _soon(world),
        },
    ),
    "list_tokens": Row(act("manage_tokens")),
    "rotate_token": Row(act("manage_tokens"), {}),
    "revoke_token": Row(act("manage_tokens")),
    "link_provider_account": Row(act("manage_people"), {"person": MANAGED, "subject": "account"}),
    "list_provider_links": Row(act("manage_people")),
    "unlink_provider_account": Row(act("manage_people")),
    "issue_ticket": Row(SIGN_IN, {"person": "caseworker-health"}),
    "ask_recovery": Row(SIGN_IN, {"person": "caseworker-health"}),
    "list_recoveries": Row(LIST_RECOVERIES),
    "approve_recovery": Row(AGREEING, places=_RECOVERY),
    "stop_recovery": Row(STOPPING, places=_RECOVERY),
    "complete_recovery": Row(SIGN_IN, places=_RECOVERY),
    "add_webhook": Row(WEBHOOKS, {"url": "https://hooks.civil.example/guitu"}),
    "list_webhooks": Row(WEBHOOKS),
    "rotate_webhook_secret": Row(WEBHOOK),
    "end_webhook": Row(WEBHOOK),
    "list_webhook_deliveries": Row(WEBHOOK),
    "test_webhook": Row(WEBHOOK),
}
"""People, programs, how they sign in, and units' own systems."""

ON_ONESELF: Mapping[str, Row] = {
    "set_password": Row(HERSELF, {"password": "short"}),
    "list_factors": Row(HERSELF),
    "begin_totp": Row(HERSELF),
    "confirm_totp": Row(HERSELF, {"code": "000000"}),
    "begin_passkey": Row(HERSELF),
    "confirm_passkey": Row(HERSELF, {"passkey": {"id": "Zm9v"}}),
    "remove_factor": Row(HERSELF),
    "sign_out": Row(HERSELF),
    "sign_out_everywhere": Row(HERSELF),
    "list_sign_ins": Row(HERSELF),
    "ask_proof_options": Row(HERSELF),
}
"""One's own signing in."""

ROWS: Mapping[str, Row] = {
    **ON_A_CASE, **ABOUT_A_CASE, **ON_REQUESTS, **ON_LEADS, **ON_THE_HOUSE, **ON_PEOPLE, **ON_ONESELF,
}  # fmt: skip
"""Every operation that asks who one is, but for those of :data:`APART`."""

APART: Mapping[str, str] = {
    "show_proof": "counts every try, so that a sweep is throttled: swept by whoever is not signed in, alone",
    "sign_in": "asks nobody who she is: it is where that is told",
    "show_second_factor": "as sign_in",
    "sign_in_with_ticket": "as sign_in",
    "begin_provider_sign_in": "as sign_in",
    "complete_provider_sign_in": "as sign_in",
    "health": "tells everybody the same",
    "readiness": "tells everybody the same",
    "metrics": "figures of the program, for the operator's own network",
}
"""Operations that are not swept by roles, and why."""

NOT_FOR_PROGRAMS = frozenset({
    "add_webhook", "list_webhooks", "rotate_webhook_secret", "end_webhook", "list_webhook_deliveries", "test_webhook",
    "approve_request", "decline_request", "reveal_identity", "ask_erasure", "erase_case", "ask_hold_release",
    "release_hold", "list_requests", "open_emergency", "list_emergencies", "review_emergency", "reveal_in_emergency",
    "issue_ticket", "approve_recovery", "issue_token", "rotate_token", "link_provider_account", "release_definition",
})  # fmt: skip
"""What a program is refused before anything is looked up: for its purpose, or for the second factor it has not."""

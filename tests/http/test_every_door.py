"""Whatever the command line can do for somebody the REST door can do too, or it stands here why not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
import typer
from fastapi import FastAPI

from api.cli import app as command_line
from api.http.app import ROUTERS
from tests.api.test_commands_are_entered import _commands

SAME: Mapping[str, tuple[str, ...]] = {
    "worklist": ("show_worklist",),
    "stalled": ("list_stalled",),
    "access explain": ("explain_access",),
    "login": ("sign_in", "show_second_factor", "sign_in_with_ticket", "show_proof"),
    "logout": ("sign_out", "sign_out_everywhere"),
    "whoami": ("list_sign_ins",),
    "password": ("set_password",),
    "factor add": ("begin_totp", "confirm_totp", "begin_passkey", "confirm_passkey"),
    "factor list": ("list_factors",),
    "factor remove": ("remove_factor",),
    "ticket issue": ("issue_ticket",),
    "recovery ask": ("ask_recovery",),
    "recovery approve": ("approve_recovery",),
    "recovery stop": ("stop_recovery",),
    "recovery complete": ("complete_recovery",),
    "recovery list": ("list_recoveries",),
    "provider link": ("link_provider_account",),
    "provider list": ("list_provider_links",),
    "provider unlink": ("unlink_provider_account",),
    "token issue": ("issue_token",),
    "token list": ("list_tokens",),
    "token rotate": ("rotate_token",),
    "token revoke": ("revoke_token",),
    "definitions list": ("list_definitions",),
    "definitions show": ("show_definition",),
    "definitions coverage": ("show_coverage",),
    "definitions release": ("release_definition",),
    "definitions approver add": ("add_approver",),
    "definitions approver list": ("list_approvers",),
    "definitions approver revoke": ("revoke_approver",),
    "parameter list": ("list_parameters",),
    "parameter set": ("set_parameter",),
    "directory show": ("list_units",),
    "case open": ("open_case",),
    "case list": ("list_cases",),
    "case count": ("count_cases",),
    "case show": ("show_case",),
    "case timeline": ("show_timeline",),
    "case moves": ("list_moves",),
    "case replay": ("replay_case",),
    "case hand-offs": ("list_hand_offs",),
    "case open-track": ("open_track",),
    "case move": ("move",),
    "case offer": ("offer",),
    "case transfer": ("offer_transfer",),
    "case relocate": ("relocate",),
    "case accept": ("accept",),
    "case decline": ("decline",),
    "case withdraw": ("withdraw",),
    "case refer": ("refer", "end_referral"),
    "case assign": ("assign",),
    "case reverse": ("reverse",),
    "case decline-track": ("decline_track",),
    "case close": ("close",),
    "case reopen": ("reopen",),
    "case contribute": ("contribute",),
    "case consent": ("record_consent",),
    "case duty": ("settle_duty",),
    "case correct": ("correct",),
    "case review": ("review_flag",),
    "case link": ("link_criminal_case",),
    "case attach": ("attach_file",),
    "case attachments": ("list_files",),
    "case attachment": ("read_file",),
    "case share": ("share_data",),
    "case shares": ("list_shared_data",),
    "case received": ("list_received_data",),
    "lead report": ("report_lead",),
    "lead receipt": ("read_receipt",),
    "lead list": ("list_leads",),
    "lead show": ("show_lead",),
    "lead accept": ("accept_lead",),
    "lead pass": ("pass_lead",),
    "lead close": ("close_lead",),
    "lead reward": ("reward_lead",),
    "lead rules": ("show_reporting_rules",),
    "identity record": ("record_identity",),
    "identity search": ("search_identities",),
    "identity request": ("ask_reveal",),
    "identity requests": ("list_requests",),
    "identity approve": ("approve_request",),
    "identity decline": ("decline_request",),
    "identity reveal": ("reveal_identity", "reveal_in_emergency"),
    "erasure request": ("ask_erasure",),
    "erasure request-release": ("ask_hold_release",),
    "erasure requests": ("list_requests",),
    "erasure approve": ("approve_request",),
    "erasure decline": ("decline_request",),
    "erasure hold": ("put_hold",),
    "erasure release": ("release_hold",),
    "erasure erase": ("erase_case",),
    "emergency open": ("open_emergency",),
    "emergency list": ("list_emergencies",),
    "emergency review": ("review_emergency",),
    "notice list": ("list_notices",),
    "people add": ("enrol_person",),
    "people grant": ("grant_role",),
    "people end": ("end_role",),
    "people deputy": ("name_deputy",),
    "people move": ("move_person",),
    "people deactivate": ("deactivate_person",),
    "people list": ("list_people",),
    "webhook add": ("add_webhook",),
    "webhook list": ("list_webhooks",),
    "webhook rotate": ("rotate_webhook_secret",),
    "webhook end": ("end_webhook",),
    "webhook test": ("test_webhook",),
    "audit status": ("show_ledger_status",),
    "audit export": ("export_bundle", "export_digests", "export_salts"),
}
"""By which operations of the REST door the same is done."""

_OPERATOR = "takes nobody's name: it is the operator's, at the machine"
_ROOT_KEYS = "needs the root keys, which only the operator of the machine opens"
_FILES = "works on the files of a checkout, for whoever writes procedures or policies"
_PRIVATE = "makes or uses a private key, which is sent to no server"
_SIGNER = "the key of the signer lies in its own folder, on its own machine"
_READERS = "whom the ledger is sealed to stands beside the root keys: no network door adds a reader, or takes one away"

AT_THE_MACHINE: Mapping[str, str] = {
    "demo": "plays in a world of its own, made for it",
    "serve": "is what opens the REST door",
    "openapi": "is what `/api/v1/openapi.json` answers",
    "worker": _OPERATOR,
    "doctor": _OPERATOR,
    "access matrix": "is drawn from the policies that ship, and lies beside them as a file",
    "admin init": _ROOT_KEYS,
    "keys": _ROOT_KEYS,
    "db upgrade": _OPERATOR,
    "backup": _OPERATOR,
    "directory load": _OPERATOR,
    "erasure certificate": "takes nobody's name; whoever erases is answered with the certificate",
    "definitions check": _FILES,
    "definitions schema": _FILES,
    "definitions reach": _FILES,
    "definitions mutants": _FILES,
    "definitions keygen": _PRIVATE,
    "definitions approve": _PRIVATE,
    "audit keygen": _PRIVATE,
    "audit verify": "needs no installation: reads a bundle away from here",
    "audit open": _PRIVATE,
    "audit find": _PRIVATE,
    "audit auditor": _READERS,
    "signer": _SIGNER,
    "bench": "measures, from a source checkout",
}
"""Why a command, or every command that begins so, is not offered through REST."""


def _operations() -> dict[str, str]:
    """The operations of the REST door, and where each of them lies."""
    described = FastAPI()
    for router in ROUTERS:
        described.include_router(router)
    return {
        operation["operationId"]: f"{method} {path}"
        for path, methods in described.openapi()["paths"].items()
        for method, operation in methods.items()
    }


def _standing_nowhere(commands: set[str]) -> Iterator[str]:
    """Yield the commands that neither table knows, and what a table knows that is no command."""
    used = set()
    for command in sorted(commands):
        words = command.split()
        prefixes = [" ".join(words[: place + 1]) for place in range(len(words))]
        named = [prefix for prefix in prefixes if prefix in AT_THE_MACHINE] + [command] * (command in SAME)
        used |= set(named)
        if len(named) != 1:
            yield command
    yield from sorted({*SAME, *AT_THE_MACHINE} - used)


def test_of_every_command_it_is_known_how_rest_does_it_or_why_not() -> None:
    known = set(_commands(typer.main.get_command(command_line), ()))
    assert list(_standing_nowhere(known)) == [], (
        "name its operation in SAME, or say in AT_THE_MACHINE why there is none"
    )


def test_every_operation_that_is_named_is_one() -> None:
    operations = _operations()
    named = {operation for names in SAME.values() for operation in names}
    assert sorted(named - set(operations)) == []
    assert all(AT_THE_MACHINE.values())


@pytest.mark.parametrize("gone", ["case show", "stalled"])
def test_a_command_that_stands_nowhere_or_is_gone_is_found(gone: str) -> None:
    known = set(_commands(typer.main.get_command(command_line), ()))
    assert set(_standing_nowhere({*known, "case peek", "peek"} - {gone})) >= {"case peek", "peek", gone}

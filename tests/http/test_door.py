"""Who asks: a sign-in by header or cookie, for which unit, as what and for which purpose."""

from __future__ import annotations

import json

import pytest

from engine.service.log import configure
from engine.service.sessions import end
from tests.http.conftest import Site, problem

ANN = "ann@police-a"
CASES = "/api/v1/cases"


def test_a_sign_in_counts_by_header_and_by_cookie(site: Site) -> None:
    token = site.token(ANN)
    for headers in (
        {"Authorization": f"Bearer {token}"},
        {"Authorization": f"bearer {token}"},
        {"Cookie": f"guitu_session={token}"},
        {"Cookie": f"other=1; guitu_session={token}"},
        {"Authorization": f"Bearer {token}", "Cookie": "guitu_session=gts_none"},
    ):
        assert site.anybody.get(CASES, headers=headers).status_code == 200, headers


def test_whoever_sends_authorization_is_known_by_that_alone(site: Site) -> None:
    token = site.token(ANN)
    for stated in (f"Basic {token}", token, "Bearer", f"Bearer {token}x", f"Token {token}", ""):
        headers = {"Authorization": stated, "Cookie": f"guitu_session={token}"}
        problem(site.anybody.get(CASES, headers=headers), 401, "not_signed_in")


def test_unit_role_and_purpose_come_as_headers_and_are_codes(site: Site) -> None:
    client = site.as_(ANN)
    for right in (
        {"Guitu-Acting-As": "police-a"},
        {"Guitu-Acting-As": "police-a:caseworker"},
        {"Guitu-Purpose": "case_handling"},
    ):
        assert client.get(CASES, headers=right).status_code == 200, right
    problem(client.get(CASES, headers={"Guitu-Purpose": "audit"}), 403, "not_permitted")
    for wrong in (
        {"Guitu-Acting-As": "police-a:"},
        {"Guitu-Acting-As": ":caseworker"},
        {"Guitu-Acting-As": "police-a:somebody"},
        {"Guitu-Acting-As": "police a"},
        {"Guitu-Purpose": "curiosity"},
        {"Guitu-Purpose": "unstated"},
    ):
        told = client.get(CASES, headers=wrong)
        document = problem(told, 422, "command_malformed")
        assert "curiosity" not in str(document)
        assert "somebody" not in str(document)
    problem(client.get(CASES, headers={"Guitu-Acting-As": "u" * 131}), 422, "request_invalid")
    problem(client.get(CASES, headers={"Guitu-Acting-As": "nowhere"}), 422, "unit_unknown")


def test_a_sign_in_that_ended_is_no_sign_in(site: Site) -> None:
    token = site.token(ANN)
    end(site.desk, token)
    problem(site.anybody.get(CASES, headers={"Authorization": f"Bearer {token}"}), 401, "not_signed_in")


def test_the_log_knows_the_unit_and_nobody(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    caller = site.as_(ANN)
    capsys.readouterr()
    configure("INFO")
    caller.get(CASES)
    (line,) = [json.loads(one) for one in capsys.readouterr().err.splitlines() if '"request"' in one]
    assert (line["unit"], line["route"]) == ("police-a", CASES)
    assert "ann" not in line.values()

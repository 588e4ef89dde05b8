"""``guitu token`` and ``guitu provider``, as an administrator has them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.api.conftest import Guitu

HEAD = ("--as", "officer-30@fujian-police")
UNTIL = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()


@pytest.fixture
def installed(guitu: Guitu) -> Guitu:
    """Give a world with an administrator, and a service of a unit."""
    guitu.run("admin", "init", *HEAD)
    guitu.run("people", "add", "service-1", *HEAD)
    guitu.run("people", "grant", "service-1", "gulou-police", "service", *HEAD)
    return guitu


def test_a_token_is_issued_rotated_listed_and_revoked(installed: Guitu) -> None:
    asked = ("service-1", "--purpose", "case_handling", "--purpose", "reporting", "--until", UNTIL, *HEAD)
    made = installed.json("token", "issue", *asked)
    assert made["token"].startswith(f"gtk_{made['id']}_")
    assert (made["unit"], made["purposes"]) == ("gulou-police", ["case_handling", "reporting"])
    again = installed.json("token", "rotate", made["id"], "--overlap", "2", *HEAD)
    assert again["token"] != made["token"]
    assert again["overlap_until"] is not None
    told = installed.run("token", "list", *HEAD).stdout
    assert made["id"] in told
    assert made["token"][-43:] not in told
    assert installed.json("token", "revoke", made["id"], *HEAD)["state"] == "revoked"
    (listed,) = installed.json("token", "list", *HEAD)["items"]
    assert (listed["state"], listed["revoked_by"]) == ("revoked", "officer-30@fujian-police")


def test_a_token_is_said_once_in_both_languages(installed: Guitu) -> None:
    asked = ("service-1", "--purpose", "case_handling", "--until", UNTIL, *HEAD)
    token, said = installed.run("token", "issue", *asked, language="zh").stdout.splitlines()
    assert token.startswith("gtk_")
    assert "只显示这一次" in said
    assert "shown this once" in installed.run("token", "issue", *asked, language="en").stdout


def test_an_account_is_linked_where_a_provider_is_set(installed: Guitu, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = installed.run("provider", "link", "officer-30", "an-account", *HEAD, code=4)
    assert "guitu login" in refused.stderr
    monkeypatch.setenv("GUITU_OIDC_ISSUER", "https://id.example.org")
    monkeypatch.setenv("GUITU_OIDC_CLIENT_ID", "guitu")
    monkeypatch.setenv("GUITU_OIDC_REDIRECT", "https://guitu.example.org/api/v1/sign-in/provider/return")
    made = installed.json("provider", "link", "officer-30", "an-account", *HEAD)
    assert (made["person"], made["issuer"]) == ("officer-30", "https://id.example.org")
    assert "an-account" not in str(made)
    installed.run("provider", "link", "officer-30", "an-account", *HEAD, code=6)
    assert made["id"] in installed.run("provider", "list", *HEAD).stdout
    assert installed.json("provider", "unlink", made["id"], *HEAD)["until"] is not None
    installed.run("provider", "unlink", made["id"], *HEAD, code=4)
    again = installed.json("provider", "link", "officer-30", "an-account", *HEAD)
    listed = installed.json("provider", "list", *HEAD)["items"]
    assert {one["id"]: one["until"] is None for one in listed} == {made["id"]: False, again["id"]: True}

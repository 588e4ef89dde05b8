"""Signing in by a real identity provider, from the first redirect to an act; and what is refused on the way."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from engine.core.commands import Actor, OpenCase
from engine.credentials.provider import Provider
from engine.errors import NotSignedIn, ProviderMissing, ProviderRefused, UnitUnclear
from engine.service import notices, people, provider, provider_links, sessions
from engine.service.handle import handle
from engine.store.database import engine_for
from tests.conftest import Database
from tests.http.conftest import Site, problem
from tests.provider.conftest import HERE, OFFICER, REDIRECT, ROOT, SECRET, Browser, desk_at, query, why

if TYPE_CHECKING:
    import httpx

BEGIN = "/api/v1/sign-in/provider"
PAGE = {"Accept": "text/html,*/*"}
SUBJECT = "account-of-officer-12"


@pytest.fixture(autouse=True)
def linked(request: pytest.FixtureRequest) -> None:
    """Let the account be the officer's, wherever there is a door."""
    for name in {"site", "site_on_both"} & set(request.fixturenames):
        provider_links.link(request.getfixturevalue(name).desk, ROOT, OFFICER, SUBJECT)


def address(site: Site) -> str:
    """Where the provider is, as the door says it to a program."""
    answer = site.anybody.get(BEGIN)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["address"])


def refused(site: Site, answer: httpx.Response, reason: str) -> None:
    """One answer, whatever it was that failed; the ledger alone knows why."""
    document = problem(answer, 401, "provider_refused")
    assert set(document) == {"type", "title", "status", "detail", "code", "instance"}
    assert document["detail"] == "统一身份登录未成功，请重新登录；仍不成功的，请与系统管理员联系"
    assert reason not in answer.text
    assert why(site.desk) == reason


def test_whoever_is_linked_signs_in_and_acts_in_the_unit_and_role_of_our_own_tables(
    site_on_both: Site, browser: Browser
) -> None:
    asked = query(address(site_on_both))
    assert asked["code_challenge_method"] == "S256"
    assert {len(asked[name]) for name in ("state", "nonce", "code_challenge")} == {43}
    answer = site_on_both.anybody.get(browser.sent_back(address(site_on_both), SUBJECT))
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    signed = answer.json()
    assert (signed["person"], signed["means"], signed["strong_until"]) == (OFFICER, ["provider"], None)
    actor = sessions.present(site_on_both.desk, signed["token"])
    assert (actor.person, actor.unit) == (OFFICER, "police-a")
    assert handle(site_on_both.desk, OpenCase(case="", area="900101", facts={"victim.is_child": True}), actor).case


def test_whoever_is_linked_and_her_supervisor_are_told_at_once(site_on_both: Site) -> None:
    supervisor = Actor("captain", "police-a", role="unit_supervisor")
    for told in (Actor(OFFICER, "police-a"), supervisor):
        (notice,) = notices.listed(site_on_both.desk, told).lines
        (link,) = provider_links.linked(site_on_both.desk, ROOT).items
        assert (notice.kind, notice.about) == ("provider_linked", link.id)


def test_a_browser_is_sent_there_and_comes_back_signed_in_by_cookie(site: Site, browser: Browser) -> None:
    sent = site.anybody.get(BEGIN, headers=PAGE, follow_redirects=False)
    assert sent.status_code == 303
    kept = sent.headers["set-cookie"].lower()
    assert "guitu_provider=" in kept
    assert "httponly" in kept
    assert "samesite=lax" in kept
    back = browser.sent_back(sent.headers["location"], SUBJECT)
    answer = site.anybody.get(back, headers=PAGE, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert sessions.present(site.desk, answer.cookies["guitu_session"]).person == OFFICER
    assert "guitu_provider" not in site.anybody.cookies


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "PS256", "EdDSA"])
def test_every_algorithm_that_is_let_in_works(sqlite_database: Database, issuer: str, algorithm: str) -> None:
    with desk_at(sqlite_database.app_url) as desk:
        desk.provider = Provider(issuer, f"guitu-{algorithm}", REDIRECT, lambda: SECRET)
        provider_links.link(desk, ROOT, OFFICER, SUBJECT)
        away = provider.begin(desk)
        browser = Browser()
        back = query(browser.sent_back(away.address, SUBJECT))
        browser.close()
        came = provider.Return(back["state"], back["code"], away.browser, "127.0.0.1", issuer=back["iss"])
        assert provider.complete(desk, came).person == OFFICER


def test_a_way_back_is_good_for_one_return(site_on_both: Site, browser: Browser) -> None:
    back = browser.sent_back(address(site_on_both), SUBJECT)
    cookie = site_on_both.anybody.cookies["guitu_provider"]
    assert site_on_both.anybody.get(back).status_code == 200
    site_on_both.anybody.cookies.set("guitu_provider", cookie)
    refused(site_on_both, site_on_both.anybody.get(back), "state")


def test_a_code_is_good_for_one_exchange(site: Site, browser: Browser) -> None:
    first = query(browser.sent_back(address(site), SUBJECT))
    path = f"{BEGIN}/return?state={first['state']}&code={first['code']}&iss={first['iss']}"
    assert site.anybody.get(path).status_code == 200
    second = query(browser.sent_back(address(site), SUBJECT))
    refused(site, site.anybody.get(path.replace(first["state"], second["state"])), "exchange")


def test_the_return_counts_only_in_the_browser_that_was_sent_away(site: Site, browser: Browser) -> None:
    theirs = browser.sent_back(address(site), SUBJECT)
    address(site)  # the victim's browser keeps another cookie now
    refused(site, site.anybody.get(theirs), "browser")
    site.anybody.cookies.clear()
    refused(site, site.anybody.get(browser.sent_back(address(site), SUBJECT), headers={"Cookie": "a=b"}), "browser")


def test_a_return_after_its_time_a_made_up_one_and_one_without_a_code_are_refused(site: Site, browser: Browser) -> None:
    back = browser.sent_back(address(site), SUBJECT)
    refused(site, site.anybody.get(f"{BEGIN}/return?state={'x' * 43}&code=any"), "state")
    there = query(address(site))
    refused(site, site.anybody.get(f"{BEGIN}/return?state={there['state']}&error=access_denied"), "denied")
    site.desk.clock.at += timedelta(minutes=10)  # type: ignore[attr-defined]
    site.anybody.cookies.clear()
    refused(site, site.anybody.get(back), "late")


def test_the_return_names_the_provider_it_is_from(site: Site, browser: Browser) -> None:
    back = browser.sent_back(address(site), SUBJECT)
    there, _, _ = back.partition("&iss=")
    refused(site, site.anybody.get(there), "issuer")
    back = browser.sent_back(address(site), SUBJECT)
    there, _, _ = back.partition("&iss=")
    refused(site, site.anybody.get(f"{there}&iss=http://127.0.0.1:1"), "issuer")


def test_a_code_of_another_client_is_of_no_use(site: Site, browser: Browser, issuer: str) -> None:
    ours = query(address(site))
    others = Provider(issuer, "others", REDIRECT, lambda: SECRET)
    theirs = others.address(
        state=ours["state"], nonce=ours["nonce"], verifier="v" * 43, max_age=300, again=False
    )  # fmt: skip
    refused(site, site.anybody.get(browser.sent_back(theirs, SUBJECT)), "exchange")


def test_an_account_that_is_linked_to_nobody_signs_nobody_in(site: Site, browser: Browser) -> None:
    refused(site, site.anybody.get(browser.sent_back(address(site), "account-of-a-stranger")), "unlinked")


def test_an_unlinked_account_signs_nobody_in_and_ends_what_it_began(site_on_both: Site, browser: Browser) -> None:
    signed = site_on_both.anybody.get(browser.sent_back(address(site_on_both), SUBJECT)).json()
    (link,) = provider_links.linked(site_on_both.desk, ROOT).items
    provider_links.unlink(site_on_both.desk, ROOT, link.id)
    with pytest.raises(NotSignedIn):
        sessions.present(site_on_both.desk, signed["token"])
    refused(site_on_both, site_on_both.anybody.get(browser.sent_back(address(site_on_both), SUBJECT)), "unlinked")


def test_whoever_is_deactivated_does_not_sign_in(site: Site, browser: Browser) -> None:
    people.deactivate(site.desk, OFFICER, ROOT)
    refused(site, site.anybody.get(browser.sent_back(address(site), SUBJECT)), "deactivated")


def test_who_has_no_role_any_more_is_signed_in_and_may_do_nothing(site: Site, browser: Browser) -> None:
    people.end(site.desk, OFFICER, "police-a", "caseworker", ROOT)
    signed = site.anybody.get(browser.sent_back(address(site), SUBJECT)).json()
    with pytest.raises(UnitUnclear):
        sessions.present(site.desk, signed["token"])


def test_a_wrong_secret_signs_nobody_in(site: Site, browser: Browser, issuer: str) -> None:
    site.desk.provider = Provider(issuer, "guitu-ES256", REDIRECT, lambda: "wrong")
    refused(site, site.anybody.get(browser.sent_back(address(site), SUBJECT)), "exchange")


def test_to_sign_in_anew_the_provider_asks_again(site: Site, browser: Browser) -> None:
    site.anybody.get(browser.sent_back(address(site), SUBJECT))
    again = site.anybody.get(f"{BEGIN}?again=true").json()["address"]
    assert query(again)["prompt"] == "login"
    answer = site.anybody.get(browser.sent_back(again, SUBJECT))
    assert answer.status_code == 200, answer.text


def test_where_there_is_no_provider_or_it_is_away_it_is_said(site: Site) -> None:
    site.desk.provider = Provider("http://127.0.0.1:9", "guitu-ES256", REDIRECT, lambda: SECRET)
    problem(site.anybody.get(BEGIN), 401, "provider_refused")
    site.desk.provider = None
    problem(site.anybody.get(BEGIN), 404, "provider_missing")
    problem(site.anybody.get(f"{BEGIN}/return?state=a&code=b"), 404, "provider_missing")


def test_what_a_sign_in_under_way_is_held_to_lies_sealed_and_does_not_stay(database: Database, issuer: str) -> None:
    with desk_at(database.app_url) as desk:
        desk.provider = Provider(issuer, "guitu-ES256", REDIRECT, lambda: SECRET)
        first = provider.begin(desk)
        desk.clock.at += timedelta(minutes=11)  # type: ignore[attr-defined]
        away = provider.begin(desk)
        with pytest.raises(ProviderRefused):
            provider.complete(desk, provider.Return(query(away.address)["state"], None, away.browser, "::1"))
        last = provider.begin(desk)
    engine = engine_for(database.owner_url)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT * FROM provider_attempt")).all()
    engine.dispose()
    assert len(rows) == 1
    told = query(last.address)
    assert all(word not in repr(rows) for word in (last.browser, told["state"], told["nonce"], first.browser))


@pytest.mark.parametrize("missing", ["GUITU_OIDC_CLIENT_ID", "GUITU_OIDC_REDIRECT", "https"])
def test_a_provider_that_is_not_wholly_set_is_refused_when_a_process_starts(missing: str) -> None:
    issuer = "http://id.example.org" if missing == "https" else "https://id.example.org"
    given = {"GUITU_OIDC_CLIENT_ID": "guitu", "GUITU_OIDC_REDIRECT": "https://guitu.example.org/return"}
    given.pop(missing, None)
    with pytest.raises(ProviderMissing):
        provider.provider_at(issuer, given.get("GUITU_OIDC_CLIENT_ID"), given.get("GUITU_OIDC_REDIRECT"), None)


def test_the_lock_names_no_registry() -> None:
    lock = json.loads((HERE / "package-lock.json").read_text(encoding="utf-8"))
    packages = [one for name, one in lock["packages"].items() if name]
    assert "node_modules/oidc-provider" in lock["packages"]
    assert all(one["integrity"].startswith("sha512-") for one in packages)
    assert not any({"resolved", "hasInstallScript"} & set(one) for one in packages)

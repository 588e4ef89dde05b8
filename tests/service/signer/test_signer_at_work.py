"""The signer at its fixed cadence, with and without an authority for timestamps behind HTTP."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from engine.errors import CommandMalformed, SignerRefused
from engine.ledger.timestamps import request, verified
from engine.service.log import configure
from engine.service.signer import Signer
from engine.service.timestamp_authority import Authority, anchor, query, take
from engine.store.database import Database
from engine.store.ledger import TimestampRow
from tests import timestamping
from tests.service.signer.ground import grow, last, opened, put, tree


class Beats:
    """Counts the beats, does something at each, and ends the process after so many."""

    def __init__(self, *acts: Callable[[], object]) -> None:
        self.acts = list(acts)
        self.waits: list[float] = []

    def wait(self, timeout: float) -> bool:
        self.waits.append(timeout)
        if self.acts:
            self.acts.pop(0)()
            return False
        return True


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> timestamping.Authority:
    """Give an authority."""
    return timestamping.founded(tmp_path_factory.mktemp("authority") / "here")


def timestamps(store: Database) -> list[TimestampRow]:
    with store.reading() as work:
        return work.timestamps()


def why(act: Callable[[], object]) -> object:
    with pytest.raises(SignerRefused) as refused:
        act()
    return refused.value.details["why"]


def test_it_signs_at_every_beat_raises_an_alarm_when_it_may_not_and_goes_on(signer: Signer, store: Database) -> None:
    sizes: list[int] = []

    def note_size() -> None:
        row = last(store)
        sizes.append(row.size if row else -1)

    def grown() -> None:
        note_size()
        grow(store, 2)

    def cut() -> None:
        note_size()
        put(store, range(1))

    def mended() -> None:
        note_size()
        put(store, range(4))

    beats = Beats(grown, cut, mended, note_size)
    with capture_logs() as logged:
        signer.run(beats, 1000.0)
    assert sizes == [0, 2, 2, 4]
    assert logged == [{"event": "checkpoint_not_signed", "code": "signer_refused:smaller", "log_level": "error"}]
    assert all(990 < each <= 1000 for each in beats.waits)


def test_the_cadence_does_not_drift_and_makes_up_for_nothing(signer: Signer, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("engine.service.signer.time.monotonic", lambda: now[0])

    def later(seconds: float) -> Callable[[], None]:
        return lambda: now.__setitem__(0, now[0] + seconds)

    beats = Beats(later(60.5), later(59.5), later(200.0), later(0.0))
    signer.run(beats, 60.0)
    assert beats.waits == [60.0, 59.5, 60.0, 40.0, 40.0]


def test_a_checkpoint_is_timestamped_hourly_and_tried_again_when_it_failed(
    signer: Signer, store: Database, authority: timestamping.Authority
) -> None:
    grow(store, 3)
    with timestamping.served(authority) as (url, codes), capture_logs() as logged:
        codes += [500, 302]
        signer.run(Beats(*[lambda: None] * 4), 1000.0, Authority(url, (authority.root,)))
    assert [each["event"] for each in logged] == ["timestamp_not_taken"] * 2
    assert {each["code"] for each in logged} == {"signer_refused:authority"}
    (row,) = timestamps(store)
    checkpoint = last(store)
    assert checkpoint is not None
    assert (row.size, row.made_at) == (3, verified(row.token, checkpoint.note, [authority.root]))
    assert abs(datetime.now(UTC) - row.made_at) < timedelta(minutes=5)


def test_a_timestamp_is_held_against_the_roots_that_were_given(
    signer: Signer, store: Database, authority: timestamping.Authority, tmp_path: Path
) -> None:
    other = timestamping.founded(tmp_path / "other")
    with timestamping.served(authority) as (url, _):
        assert why(lambda: anchor(store, Authority(url))) == "no checkpoint"
        signer.sign()
        assert why(lambda: anchor(store, Authority(url, (other.root,)))) == "not proved"
        assert why(lambda: anchor(store, Authority(url, (b"none",)))) == "roots"
        assert timestamps(store) == []
        anchor(store, Authority(url))
    assert len(timestamps(store)) == 1


def test_an_authority_that_is_not_there_or_silent_is_a_refusal(signer: Signer, store: Database) -> None:
    signer.sign()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        assert why(lambda: anchor(store, Authority(url, seconds=0.2))) == "authority"
    assert why(lambda: anchor(store, Authority(url, seconds=0.2))) == "authority"
    for address in ("file:///etc/hostname", "ftp://127.0.0.1/", "here"):
        with pytest.raises(CommandMalformed):
            Authority(address)


def test_a_silent_authority_holds_up_no_signature(signer: Signer, store: Database) -> None:
    sizes: list[int] = []

    def grown() -> None:
        row = last(store)
        sizes.append(row.size if row else -1)
        grow(store, 1)

    with socket.create_server(("127.0.0.1", 0)) as silent, capture_logs() as logged:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        signer.run(Beats(grown, grown, grown), 0.2, Authority(url, seconds=5))
    assert sizes == [0, 1, 2]
    assert [each["code"] for each in logged][:2] == ["authority_silent"] * 2


def test_an_answer_that_was_carried_here_finds_its_checkpoint(
    signer: Signer, store: Database, authority: timestamping.Authority
) -> None:
    grow(store, 3)
    assert opened(signer, signer.sign()) == tree(store, 3)
    answer = authority.answer(query(store))
    grow(store, 2)
    signer.sign()  # meanwhile it went on
    at = take(store, answer)
    assert timestamps(store) == [TimestampRow(3, at, answer)]
    assert why(lambda: take(store, answer)) == "repeated"
    assert why(lambda: take(store, answer[:-1])) == "form"
    assert why(lambda: take(store, authority.answer(request(b"another note").der))) == "another note"
    assert len(timestamps(store)) == 1


def test_alarms_pass_the_list_of_what_may_be_logged(signer: Signer, capsys: pytest.CaptureFixture[str]) -> None:
    configure("WARNING")
    (signer.folder / "memory").unlink()
    signer.run(Beats(), 1000.0)
    said: dict[str, Any] = json.loads(capsys.readouterr().err)
    assert (said["event"], said["level"], said["code"]) == ("checkpoint_not_signed", "error", "signer_broken")
    assert "dropped" not in said

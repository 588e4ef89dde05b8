"""Writers take turns: whoever comes second sees what the first one did."""

from __future__ import annotations

import multiprocessing
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from engine.core import events as ev
from engine.errors import StaleRevision
from engine.store.database import Database
from tests.store.story import NOON, act, begin, opened, pin, save

TURNS = 20


def test_two_writers_of_one_case_take_turns(store: Database) -> None:
    begin(store)
    first_has_it, order = threading.Event(), []

    def first() -> None:
        with store.writing() as work:
            work.load_case("c1", for_update=True)
            first_has_it.set()
            time.sleep(0.1)
            order.append("first")
            work.commit()

    def second() -> None:
        first_has_it.wait()
        with store.writing() as work:
            work.load_case("c1", for_update=True)
            order.append("second")

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(first), pool.submit(second)]:
            done.result(timeout=10)
    assert order == ["first", "second"]


def test_of_two_that_read_the_same_revision_one_is_stale(store: Database) -> None:
    case = begin(store)
    together = threading.Barrier(2)

    def try_to_act(text: str) -> str:
        together.wait(timeout=10)
        try:
            act(store, case, ev.NoteAdded("rescue", text))
        except StaleRevision:
            return "stale"
        return "kept"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(try_to_act, ["x", "y"])) == ["kept", "stale"]
    with store.reading() as work:
        assert len(work.events_of("c1")) == 3


def _write_settings(url: str, who: str) -> None:
    with Database.open(url) as store:
        for turn in range(TURNS):
            with store.writing() as work:
                work.load_case("c1", for_update=True)
                known = work.settings_of("count")
                work.set_setting("count", "n", int(str(known.get("n", 0))) + 1, set_by=who, set_at=NOON)
                work.keep_answer(who, str(turn), "d" * 64, "c1", turn + 1, b"", NOON)
                work.commit()


def test_two_processes_lose_no_write(store: Database, database_url: str) -> None:
    begin(store)
    spawned = multiprocessing.get_context("spawn")
    writers = [spawned.Process(target=_write_settings, args=(database_url, who)) for who in ("a", "b")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(timeout=60)
    assert [writer.exitcode for writer in writers] == [0, 0]
    with store.reading() as work:
        assert work.settings_of("count") == {"n": 2 * TURNS}


def test_writers_of_different_cases_do_not_wait_on_postgresql(store: Database) -> None:
    if store.kind == "sqlite":
        return  # one writer at a time is what SQLite promises
    begin(store, "c1")
    begin(store, "c2")
    with store.writing() as one, store.writing() as other:
        assert one.load_case("c1", for_update=True)
        assert other.load_case("c2", for_update=True)


def test_two_cases_can_be_saved_in_one_work(store: Database) -> None:
    with store.writing() as work:
        pin(work)
        case = save(work, None, "c1", opened())
        save(work, None, "c2", opened())
        save(work, case, "c1", ev.CaseClosed("transferred", points_to="c2"))
        work.commit()
    with store.reading() as work:
        assert [(line.id, line.revision) for line in work.cases()] == [("c1", 2), ("c2", 1)]

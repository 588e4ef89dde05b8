"""The definitions that ship: green, covered, and described by the schema beside them."""

from __future__ import annotations

import json

from engine.definitions.check import check_library
from engine.definitions.coverage import coverage_of
from engine.definitions.loader import load_all, shipped_root
from engine.definitions.source import json_schema
from engine.definitions.view import show, summary


def test_every_shipped_file_is_green() -> None:
    report = check_library()
    assert [finding.text() for finding in report.findings] == []
    assert report.checked


def test_every_clause_of_every_shipped_document_is_answered() -> None:
    tables = coverage_of(load_all())
    assert [finding.text() for table in tables for finding in table.findings] == []
    for counts in (table.counts() for table in tables):
        assert counts["core"] == counts["encoded"] + counts["listed"] > 0
        assert counts["second"] == counts["second_encoded"] + counts["second_listed"] > 0
        assert counts["outer"] == counts["outer_encoded"] + counts["outer_listed"]


def test_the_schema_beside_the_definitions_is_that_of_the_models() -> None:
    written = json.loads((shipped_root() / "schema.json").read_text(encoding="utf-8"))
    assert written == json_schema()


def test_list_and_show_are_plain_data_with_provenance_and_printed_units() -> None:
    for loaded in load_all().definitions:
        line = json.loads(json.dumps(summary(loaded)))
        assert line["hash"] == loaded.hash
        assert line["provenance"]["steps"]["all"] > 0
        body = json.loads(json.dumps(show(loaded)))
        held = [step for track in body["tracks"].values() for step in track["steps"].values() if not step["final"]]
        assert held
        assert all(step["responsible"] and step["provenance"] for step in held)
        assert all({"joint_leads", "cooperating", "printed_responsible", "basis"} <= set(step) for step in held)

"""The library: what is loaded, what is refused, and what may never be edited again."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.definitions.check import check_library
from engine.definitions.finding import Finding
from engine.definitions.loader import Loaded, load_all
from engine.errors import DefinitionBroken, DefinitionEdited, DefinitionUnknown
from tests.definitions.conftest import Edit


def lock(root: Path, loaded: Loaded) -> None:
    """Put the definition into the lock."""
    (root / "released.lock").write_text(f"# locked\n{loaded.name} {loaded.hash}  # by us\n", encoding="utf-8")


def test_a_definition_is_found_by_id_version_and_hash(root: Path) -> None:
    library = load_all(root)
    [loaded] = library.definitions
    assert library.get("tiny") is library.get("tiny", "2020.1") is library.by_hash(loaded.hash) is loaded
    assert loaded.hash == loaded.definition.digest()
    assert library.inventory_of(loaded).document.id == "tiny-2020"


def test_without_a_version_the_newest_is_given(root: Path) -> None:
    text = (root / "tiny" / "2020.1.yaml").read_text(encoding="utf-8")
    for version in ("2020.9", "2020.10"):
        path = root / "tiny" / f"{version}.yaml"
        path.write_text(text.replace('"2020.1"', f'"{version}"'), encoding="utf-8")
    assert load_all(root).get("tiny").definition.version == "2020.10"


@pytest.mark.parametrize(("name", "version"), [("tinny", None), ("tiny", "1999")])
def test_an_unknown_definition_is_answered_with_those_there_are(root: Path, name: str, version: str | None) -> None:
    with pytest.raises(DefinitionUnknown, match=r"tiny@2020\.1"):
        load_all(root).get(name, version)
    with pytest.raises(DefinitionUnknown):
        load_all(root).by_hash("0" * 64)


def test_every_place_leads_to_the_file_that_says_it(root: Path) -> None:
    loaded = load_all(root).get("tiny")
    own = loaded.place(("tracks", "placement", "moves", "place", "requires", "waited"))
    shared = loaded.place(("tracks", "search", "steps", "searching"))
    assert (Path(own.file).name, own.line) == ("2020.1.yaml", 43)
    assert (Path(shared.file).name, shared.line) == ("search.yaml", 6)


def test_a_locked_definition_loads_as_long_as_its_meaning_is_the_same(root: Path, edit: Edit) -> None:
    lock(root, edit())
    assert edit(("# A whole", "# Still a whole")).definition.id == "tiny"
    assert check_library(root).is_green


def test_an_edited_locked_definition_is_refused_and_its_file_is_named(root: Path, edit: Edit) -> None:
    lock(root, edit())
    with pytest.raises(DefinitionEdited, match=r"tiny/2020\.1\.yaml was changed"):
        edit(("en: Waiting for a place", "en: Waiting"))
    [found] = check_library(root).findings
    assert (found.code, found.line) == ("edited", 3)


def test_an_edited_template_breaks_the_lock_of_what_uses_it(root: Path, edit: Edit) -> None:
    lock(root, edit())
    with pytest.raises(DefinitionEdited):
        edit(("en: Search ended", "en: Ended"), name="templates/tracks/search.yaml")


def test_a_locked_definition_that_is_gone_is_refused(root: Path, edit: Edit) -> None:
    lock(root, edit())
    (root / "tiny" / "2020.1.yaml").unlink()
    with pytest.raises(DefinitionEdited, match="does not load"):
        load_all(root)


def test_a_lock_line_that_cannot_be_read_is_refused(root: Path) -> None:
    (root / "released.lock").write_text("tiny@2020.1 abc\n", encoding="utf-8")
    assert codes(root) == ["broken_lock"]


def test_a_broken_definition_carries_every_finding(root: Path, edit: Edit) -> None:
    with pytest.raises(DefinitionBroken) as refused:
        edit(("to: placed", "to: palced"), ("victim: [police]", "victim: [plice]"))
    found = refused.value.details["findings"]
    assert isinstance(found, list)
    assert all(isinstance(finding, Finding) for finding in found)
    assert [finding.code for finding in found] == ["unknown_unit", "unknown_step"]
    assert "2 mistakes" in refused.value.en


def test_a_version_belongs_to_one_file(root: Path) -> None:
    text = (root / "tiny" / "2020.1.yaml").read_text(encoding="utf-8")
    (root / "tiny" / "copy.yaml").write_text(text, encoding="utf-8")
    assert codes(root) == ["duplicate_version"]


@pytest.mark.parametrize(
    ("name", "old", "new", "code"),
    [
        ("templates/vocabulary.yaml", "type: bool", "type: boolean", "wrong_value"),
        ("templates/vocabulary.yaml", "zh: 查找报告", "zh: Report", "missing_label"),
        ("templates/tracks/search.yaml", "declinable", "declineable", "unknown_key"),
        ("clauses/tiny-2020.yaml", "force: goal", "force: goals", "wrong_value"),
        ("clauses/tiny-2020.yaml", "{id: tiny-2020/4", "{id: tiny-2020/3", "duplicate_row"),
        ("clauses/tiny-2020.yaml", "{id: tiny-2020/4", "{id: other/4", "bad_row_id"),
        ("clauses/tiny-2020.yaml", "summary: {zh: 健全机制。, en", "summary: {en", "missing_label"),
    ],
)
def test_a_fault_in_a_shared_file_is_found_there(root: Path, name: str, old: str, new: str, code: str) -> None:
    path = root / name
    text = path.read_text(encoding="utf-8").replace("opens: {on", "declinable: false\nopens: {on")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    found = check_library(root).findings
    assert (Path(found[0].file).name, found[0].code) == (path.name, code)


def test_a_template_of_one_name_twice_is_refused(root: Path) -> None:
    extra = "consents: {placing: {title: {zh: 同意, en: Agrees}}}\n"
    (root / "templates" / "more.yaml").write_text(extra, encoding="utf-8")
    assert codes(root) == ["duplicate_template"]


def test_a_missing_table_of_field_classes_is_said(root: Path) -> None:
    (root / "field_classes.yaml").unlink()
    assert codes(root) == ["unreadable"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "broken_yaml"),
        (b"[]", "wrong_type"),
        (b"a: \xff", "broken_yaml"),
        (b"a: 1\n---\nb: 2\n", "broken_yaml"),
        (b"a: !!python/object:os.system {}", "not_plain_yaml"),
        (b"a: &x [1]\nb: *x\n", "not_plain_yaml"),
        (b"? [1, 2]\n: 3\n", "broken_yaml"),
        (b"a: " + b"[" * 500 + b"]" * 500, "not_plain_yaml"),
        (b"a: 1\na: 2\n", "duplicate_key"),
    ],
)
def test_a_file_that_is_no_plain_yaml_is_refused_not_run(root: Path, content: bytes, code: str) -> None:
    (root / "tiny" / "other.yaml").write_bytes(content)
    assert codes(root) == [code]


def codes(root: Path) -> list[str]:
    """The codes of everything that is wrong under a root."""
    return [finding.code for finding in check_library(root).findings]

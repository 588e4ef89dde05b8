"""Files of a case from the command line: in, listed, and out again."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.api.conftest import POLICE, Guitu

ELSEWHERE = ("--as", "officer-9@anshan-publicity")
Opened = Callable[..., str]
WORDS = "谈话记录\n" * 30_000


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    """Give a file to attach."""
    path = tmp_path / "记录.txt"
    path.write_text(WORDS, encoding="utf-8")
    return path


def test_a_file_goes_in_is_listed_and_comes_out(guitu: Guitu, opened: Opened, paper: Path, tmp_path: Path) -> None:
    case = opened()
    answer = guitu.json("case", "attach", case, str(paper), *POLICE)
    assert answer["happened"] == ["file_attached"]
    (listed,) = guitu.json("case", "attachments", case, *POLICE)
    assert (listed["id"], listed["name"], listed["kind"]) == (answer["attachment"], "记录.txt", "txt")
    assert listed["size"] == len(WORDS.encode())
    out = tmp_path / "out.txt"
    guitu.run("case", "attachment", case, listed["id"], "--out", str(out), *POLICE)
    assert out.read_text(encoding="utf-8") == WORDS
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert [path.name for path in (guitu.home / "attachments").glob("*/*")] == [listed["id"]]
    shown = guitu.run("case", "timeline", case, *POLICE).stdout
    assert f"attached {listed['id']} (plain text in UTF-8)" in shown
    assert "记录.txt" not in shown


def test_the_list_is_a_table_or_says_that_there_is_nothing(guitu: Guitu, opened: Opened, paper: Path) -> None:
    case = opened()
    assert guitu.run("case", "attachments", case, *POLICE).stdout == "no files\n"
    guitu.run("case", "attach", case, str(paper), "--name", "其他.txt", *POLICE)
    head, row = guitu.run("case", "attachments", case, *POLICE, language="zh").stdout.splitlines()
    assert head.split() == ["附件", "类型", "字节", "收入", "单位", "名称"]
    assert row.endswith("其他.txt")
    assert "gulou-police" in row


def test_what_is_refused_says_why_and_writes_nothing(
    guitu: Guitu, opened: Opened, paper: Path, tmp_path: Path
) -> None:  # fmt: skip
    case = opened()
    refused = guitu.json("case", "attach", case, str(paper), "--name", "记录.pdf", *POLICE, code=6)
    assert refused["code"] == "attachment_refused"
    assert ".txt" in refused["message"]
    assert (
        guitu.json("case", "attach", case, str(tmp_path / "none.txt"), *POLICE, code=2)["code"] == "command_malformed"
    )
    attachment = guitu.json("case", "attach", case, str(paper), *POLICE)["attachment"]
    assert guitu.json("case", "attachments", case, *ELSEWHERE, code=4)["code"] == "case_unknown"
    out = tmp_path / "out.txt"
    guitu.json("case", "attachment", case, attachment, "--out", str(out), *ELSEWHERE, code=4)
    guitu.json("case", "attachment", case, "f" * 32, "--out", str(out), *POLICE, code=4)
    assert not out.exists()
    guitu.json("case", "attachment", case, attachment, "--out", str(paper), *POLICE, code=2)
    assert paper.read_text(encoding="utf-8") == WORDS


def test_the_same_key_adds_a_file_once(guitu: Guitu, opened: Opened, paper: Path) -> None:
    case = opened()
    first, again = (guitu.json("case", "attach", case, str(paper), "--key", "k", *POLICE) for _ in range(2))
    assert (again["attachment"], again["repeated"]) == (first["attachment"], True)
    assert len(guitu.json("case", "attachments", case, *POLICE)) == 1

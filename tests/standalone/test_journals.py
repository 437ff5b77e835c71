"""Logs are put aside when they are large, read from their end, and followed over that."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from lateen.standalone import journals
from lateen.standalone.journals import Journal


def test_a_large_log_is_put_aside_and_the_oldest_goes(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "a.log", limit=10, keep=2)
    for text in (b"first.....", b"second....", b"third.....", b"fourth"):
        journal.write(text)
    journal.close()
    kept = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert kept == {"a.log": "fourth", "a.log.1": "third.....", "a.log.2": "second...."}


def test_a_journal_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    for text in (b"12345", b"67890", b"new"):
        journal = Journal(tmp_path / "a.log", limit=10, keep=1)
        journal.write(text)
        journal.close()
    assert (tmp_path / "a.log.1").read_text() == "1234567890"
    assert (tmp_path / "a.log").read_text() == "new"


def test_a_lost_directory_loses_the_text_only(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "gone" / "a.log")
    journal.write(b"lost")
    (tmp_path / "gone").mkdir()
    journal.write(b"kept")
    journal.close()
    assert (tmp_path / "gone" / "a.log").read_text() == "kept"


def test_a_log_is_for_its_owner(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "a.log")
    journal.write(b"secret")
    journal.close()
    assert (tmp_path / "a.log").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("text", "count", "expected"),
    [
        pytest.param("a\nb\nc\n", 2, ["b", "c"], id="the last lines"),
        pytest.param("a\nb\nc", 2, ["b", "c"], id="the last line may be unfinished"),
        pytest.param("a\n", 5, ["a"], id="fewer than asked for"),
        pytest.param("a\n", 0, [], id="none asked for"),
        pytest.param("", 5, [], id="an empty log"),
        pytest.param("x" * 200_000 + "\nb\n", 2, ["x" * 200_000, "b"], id="longer than a chunk"),
    ],
)
def test_tail(tmp_path: Path, text: str, count: int, expected: list[str]) -> None:
    path = tmp_path / "a.log"
    path.write_text(text)
    assert journals.tail(path, count) == expected


def test_tail_of_no_file_is_empty(tmp_path: Path) -> None:
    assert journals.tail(tmp_path / "none", 5) == []


def test_follow_reads_what_comes_and_goes_on_in_the_next_file(tmp_path: Path) -> None:
    known, late = tmp_path / "known.log", tmp_path / "late.log"
    known.write_text("old\n")

    def put_aside() -> None:
        add(known, "last\n")
        known.rename(tmp_path / "known.log.1")

    def begin() -> None:
        known.write_text("next\n")
        late.write_text("born\n")

    steps = iter([lambda: add(known, "one\nhal"), lambda: add(known, "f\n"), put_aside, begin])

    def sleep(_: float) -> None:
        next(steps)()

    followed = journals.follow([known, late], sleep=sleep)
    lines = [(path.name, line) for path, line in itertools.islice(followed, 5)]
    followed.close()
    assert lines == [
        ("known.log", "one"),
        ("known.log", "half"),
        ("known.log", "last"),
        ("known.log", "next"),
        ("late.log", "born"),
    ]


def add(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)

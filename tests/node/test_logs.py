"""Reading CRI logs."""

from __future__ import annotations

import asyncio

import pytest

from lateen.node import logs
from lateen.node.logs import Selection
from lateen.node.shim import Log as Writer


def write(path, *lines, limit=1 << 20, files=5):
    writer = Writer(str(path), limit, files)
    for line in lines:
        writer.feed("stdout", line.encode() + b"\n")
    writer.close()


def read(path, live=lambda: False, **selection):
    async def collect():
        return b"".join([c async for c in logs.File(path, live).read(Selection(**selection))])

    return asyncio.run(collect()).decode()


LINES = [f"line {number}" for number in range(200)]


def test_what_was_written_is_read(tmp_path):
    write(tmp_path / "log", *LINES)
    assert read(tmp_path / "log").splitlines() == LINES


def test_rotation_keeps_the_newest(tmp_path):
    write(tmp_path / "log", *LINES, limit=1000, files=3)
    files = logs.files(tmp_path / "log")
    assert [f.name for f in files] == ["log.2", "log.1", "log"]
    assert all(f.stat().st_size <= 1000 for f in files)
    kept = read(tmp_path / "log").splitlines()
    assert kept == LINES[-len(kept) :]
    assert len(kept) > 30


@pytest.mark.parametrize("tail", [0, 1, 7, 30, 199, 200, 500])
@pytest.mark.parametrize("limit", [1000, 1 << 20], ids=["rotated", "one file"])
def test_tail_counts_from_the_end_over_all_files(tail, limit, tmp_path):
    write(tmp_path / "log", *LINES, limit=limit, files=100)
    expected = LINES[-tail:] if tail else []
    assert read(tmp_path / "log", tail=tail).splitlines() == expected


def test_long_lines_are_split_on_disk_and_whole_when_read(tmp_path):
    long = "x" * 40_000
    write(tmp_path / "log", long, "short")
    assert (tmp_path / "log").read_text().count(" stdout P ") == 2
    assert read(tmp_path / "log").splitlines() == [long, "short"]


def test_a_last_line_without_an_end_is_kept(tmp_path):
    writer = Writer(str(tmp_path / "log"), 1000, 2)
    writer.feed("stderr", b"no newline")
    writer.close()
    assert read(tmp_path / "log") == "no newline\n"


def test_since_timestamps_and_limit(tmp_path):
    (tmp_path / "log").write_text(
        "2026-01-01T00:00:00.000000001Z stdout F old\n2026-01-01T00:00:02.5Z stderr F new\n"
    )
    assert read(tmp_path / "log", since="2026-01-01T00:00:01.000000") == "new\n"
    assert read(tmp_path / "log", tail=1, timestamps=True) == "2026-01-01T00:00:02.5Z new\n"
    assert read(tmp_path / "log", limit=5) == "old\nn"


def test_following_goes_on_through_a_rotation_until_the_end(tmp_path):
    path = tmp_path / "log"
    path.write_text("2026-01-01T00:00:00Z stdout F one\n")
    steps = iter(["append", "rotate", "end"])

    def live():
        step = next(steps, "")
        if step == "append":
            with path.open("a") as file:
                file.write("2026-01-01T00:00:01Z stdout F two\n2026-01-01T00:00:01Z stdout F thr")
        elif step == "rotate":
            with path.open("a") as file:
                file.write("ee\n")
            path.replace(f"{path}.1")
            path.write_text("2026-01-01T00:00:02Z stdout F four\n")
        return step in ("append", "rotate")

    assert read(path, live, follow=True).split() == ["one", "two", "three", "four"]

"""The examples of docs/testing-definitions.md do what the page says, as a project of their own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs import pages

pytest_plugins = ["pytester"]

PAGE = pages.ROOT / "docs" / "testing-definitions.md"
_NAMED = re.compile(r"(?://|#) ([\w.]+)\n")
SHOWN = """
from lateen import testing

def test_it():
    testing.breaks_nothing(testing.load("pinned.cue"))
"""


def on_the_page(language: str) -> list[str]:
    relative = str(PAGE.relative_to(pages.ROOT))
    found = pages.blocks(language)
    return [block.text for block in found if block.source.partition(":")[0] == relative]


@pytest.fixture
def project(pytester):
    """The files of the page, each under the name in its first line."""
    pytester.makeini("[pytest]\nfilterwarnings = error\n")
    for text in [*on_the_page("cue"), *on_the_page("python")]:
        name = _NAMED.match(text)
        assert name, f"the first line names no file: {text[:40]}"
        (Path(pytester.path) / name[1]).write_text(text)
    return pytester


def run(project, *arguments):
    return project.runpytest_subprocess("-p", "no:cacheprovider", "-q", *arguments)


def test_the_examples_pass(project):
    run(project, "--lateen-update", "-k", "manifests").assert_outcomes(passed=1, deselected=12)
    assert (project.path / "goldens/test_cache/test_its_manifests.yaml").exists()
    run(project).assert_outcomes(passed=13)


def test_what_is_shown_for_a_break_is_what_it_says(project):
    project.makepyfile(test_shown=SHOWN)
    said = run(project, "test_shown.py")
    said.assert_outcomes(failed=1)
    [shown] = on_the_page("text")
    for line in shown.splitlines():
        assert line in said.stdout.str()

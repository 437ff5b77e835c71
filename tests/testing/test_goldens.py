"""Goldens, as a test of definitions uses them, and the plugin as pytest finds it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "definitions"

TEST = """
import pytest

@pytest.mark.parametrize("version", ["8", "9/a"])
def test_cache(lateen, version):
    cache = lateen.load("cache.cue")
    rendering = cache.render({"version": version})
    lateen.golden(rendering)
    lateen.golden(rendering, "again")
"""
HEAVY = """
import sys

def test_it_is_quiet():
    heavy = ("lateen.cue", "lateen.api", "hypothesis.strategies", "orjson", "ruamel", "rich")
    assert [name for name in sys.modules if name.startswith(heavy)] == []
    assert "lateen.testing.plugin" in sys.modules
"""
BARE = """
import sys

import pytest

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "hypothesis":
            raise ModuleNotFoundError(name, name=name)

for name in [name for name in sys.modules if name.partition(".")[0] == "hypothesis"]:
    del sys.modules[name]
sys.meta_path.insert(0, Absent())

def test_all_but_the_strategies(lateen):
    assert lateen.load("cache.cue").render({"version": "9"}).manifests

def test_the_strategies():
    from lateen import testing
    with pytest.raises(ModuleNotFoundError, match="lateen\\\\[testing\\\\]"):
        testing.parameters
"""

pytest_plugins = ["pytester"]


@pytest.fixture
def project(pytester):
    """A directory of its own with a definition in it, whose tests run as users' do."""
    pytester.makeini("[pytest]\nfilterwarnings = error\n")
    shutil.copy(HERE / "cache.cue", pytester.path)
    return pytester


def run(project, *arguments):
    return project.runpytest_subprocess("-p", "no:cacheprovider", "-q", *arguments)


def test_a_golden_is_written_compared_and_found_to_differ(project):
    project.makepyfile(test_it=TEST)
    missing = run(project)
    missing.assert_outcomes(failed=2)
    assert "pytest --lateen-update writes it" in missing.stdout.str()

    run(project, "--lateen-update").assert_outcomes(passed=2)
    folder = project.path / "goldens" / "test_it"
    assert sorted(file.name for file in folder.iterdir()) == [
        "test_cache[8].again.yaml",
        "test_cache[8].yaml",
        "test_cache[9-a].again.yaml",
        "test_cache[9-a].yaml",
    ]
    assert (folder / "test_cache[8].yaml").read_text().count("\n---\n") == 1
    run(project).assert_outcomes(passed=2)

    definition = project.path / "cache.cue"
    definition.write_text(definition.read_text().replace('"cache:', '"memory:'))
    changed = run(project)
    changed.assert_outcomes(failed=2)
    for line in ("-          image: cache:8", "+          image: memory:8"):
        assert line in changed.stdout.str()


def test_a_run_that_tests_no_definitions_pays_nothing(project):
    project.makepyfile(test_it=HEAVY)
    run(project, "-p", "no:hypothesispytest", "-p", "no:anyio").assert_outcomes(passed=1)


def test_without_hypothesis_everything_else_works(project):
    project.makepyfile(test_it=BARE)
    run(project, "-p", "no:hypothesispytest").assert_outcomes(passed=2)

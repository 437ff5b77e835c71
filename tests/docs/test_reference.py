"""The reference says what the code does: commands, built-in types, exit codes, problem codes."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator

import pytest

from docs import generate
from lateen.cli import exits
from lateen.controllers.insight import gauges, meters
from tests.docs import pages

_CODE = re.compile(r"[a-z]+\.[a-z]+(-[a-z]+)*")
# what the evaluator and the API server say is put behind these; the pages list more of them
_OPEN = ("cue.", "hub.")


def test_the_generated_parts_are_up_to_date():
    found = list(generate.pages())
    assert {page.name for page, _ in found} == {"commands.md", "definitions.md"}
    for page, wanted in found:
        assert page.read_text() == wanted, "run `.venv/bin/python docs/generate.py`"


def test_every_exit_code_is_documented():
    text = (pages.ROOT / "docs/reference/commands.md").read_text()
    section = text.partition("## Exit codes")[2].partition("\n## ")[0]
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", section, re.MULTILINE)] == list(
        exits.Exit
    )


def commands() -> Iterator[tuple[str, str]]:
    """Every `lateen ...` of the pages, and where it stands."""
    for block in pages.blocks("console"):
        for line in block.text.splitlines():
            for typed in re.findall(r"(?:^\$ |\$\(|\| )(?:\.venv/bin/)?lateen ([^)|#]*)", line):
                yield typed.strip(), block.source


@pytest.mark.parametrize(("typed", "source"), list(commands()))
def test_what_the_pages_type_exists(typed: str, source: str):
    words = shlex.split(typed.replace("$(", "").replace("~", ""))
    while words and words[0].startswith("--"):  # an option of lateen itself, with its value
        words = words[2:]
    known = _known()
    name = " ".join(words[:2]) if " ".join(words[:2]) in known else words[0]
    assert name in known, source
    options = {word for word in words if re.fullmatch(r"--?[a-z][a-z-]*", word, re.IGNORECASE)}
    assert options <= known[name] | {"--help", "-h"}, source


def _known() -> dict[str, set[str]]:
    """Command -> its options."""
    sections = re.split(r"^### lateen ", generate.commands(), flags=re.MULTILINE)[1:]
    return {
        section.partition("\n")[0]: set(re.findall(r"`(--?[A-Za-z-]+)`", section))
        for section in sections
    }


def test_every_problem_code_is_documented():
    text = (pages.ROOT / "docs/reference/problems.md").read_text()
    documented = re.findall(r"^\| `([a-z]+\.[a-z-]+)` \|", text, re.MULTILINE)
    assert len(documented) == len(set(documented))
    known = set(_codes()) | set(_native_codes())
    assert known - set(documented) == set()
    assert {code for code in documented if not code.startswith(_OPEN)} - known == set()


def _codes() -> Iterator[str]:
    """Codes in the source: what Problems are made with, what is put into `code`."""
    for path in (pages.ROOT / "src/lateen").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            for code in _texts(node):
                if path.name == "parameters.py" and "." not in code:
                    code = f"parameter.{code}"
                if _CODE.fullmatch(code):
                    yield code


def _texts(node: ast.AST) -> Iterator[str]:
    places: list[ast.expr] = []
    if isinstance(node, ast.Call):
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if name in ("Problem", "problem", "_problem") and node.args:
            places.append(node.args[0])
        places += [keyword.value for keyword in node.keywords if keyword.arg == "code"]
    elif isinstance(node, ast.Assign):
        names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        if any(name.lower() == "code" or name.endswith("_CODES") for name in names):
            places.append(node.value)
    for place in places:
        for each in ast.walk(place):
            if isinstance(each, ast.Constant) and isinstance(each.value, str):
                yield each.value


def _native_codes() -> Iterator[str]:
    """What the kube program ends with, as the supervisor tells it."""
    text = (pages.ROOT / "native/kube/events.go").read_text()
    table = text.partition("exitCodes = map[string]int{")[2].partition("}")[0]
    yield from (f"standalone.{code}" for code in re.findall(r'"([a-z-]+)":', table))
    yield "standalone.failed"
    yield from _renderer_codes()


def _renderer_codes() -> Iterator[str]:
    """What the renderer says of charts, sources and kustomizations, and what is said of it."""
    for path in (pages.ROOT / "native/renderer").glob("*.go"):
        text = path.read_text()
        for group, kind in re.findall(r'(chart|source)Failure\("([a-z-]+)"', text):
            yield f"{group}.{kind}"
        yield from re.findall(r'Kind: "(kustomize\.[a-z]+)"', text)
    yield from ("chart.deadline", "chart.memory", "chart.engine")


def test_every_metric_is_documented():
    text = (pages.ROOT / "docs/observing.md").read_text()
    documented = set(re.findall(r"^\| `((?:[a-z]+_)+[a-z]+)` \|", text, re.MULTILINE))
    registry = meters.Meters().registry
    nothing = dict.fromkeys(("rss_bytes", "cpu_seconds", "restarts"), 0.0)
    registry.register(gauges.Gauges(gauges.Sources(tuple, int, dict, tuple, dict, lambda: nothing)))
    assert documented == {family.name for family in registry.collect()}

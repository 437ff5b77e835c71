"""Texts as texts: their outline and their layout."""

from __future__ import annotations

import pytest

from lateen.base.problem import Problem
from lateen.cue.engine import Engine

pytestmark = pytest.mark.anyio

TEXT = """// a comment with an umlaut: ü
package p

import "strings"
import (
	"list"
	k "vela/kube"
)

"my-trait": {
	type: "trait"
}
template: parameter: image: string
opt?: 1
[string]: int
"""


async def test_outline_gives_byte_ranges(engine: Engine) -> None:
    found = await engine.outline(TEXT, source="t.cue")
    assert found.package == "p"
    assert [span.of(TEXT) for span in found.imports] == [
        'import "strings"',
        'import (\n\t"list"\n\tk "vela/kube"\n)',
    ]
    assert found.paths == ("strings", "list", "vela/kube")
    assert [
        (field.name, field.constraint, field.label.of(TEXT), field.value.of(TEXT))
        for field in found.fields
    ] == [
        ("my-trait", "", '"my-trait"', '{\n\ttype: "trait"\n}'),
        ("template", "", "template", "parameter: image: string"),
        ("opt", "?", "opt", "1"),
    ]


async def test_format_lays_out_officially(engine: Engine) -> None:
    assert await engine.format("a:   {b:1\n  ccc:2}", source="t.cue") == ("a: {b: 1\n\tccc: 2\n}\n")


@pytest.mark.parametrize("verb", ["outline", "format"])
async def test_a_syntax_error_names_the_source(engine: Engine, verb: str) -> None:
    with pytest.raises(Problem) as raised:
        await getattr(engine, verb)("a: {", source="mine.cue")
    assert raised.value.code == "cue.syntax"
    assert raised.value.positions[0].source == "mine.cue"

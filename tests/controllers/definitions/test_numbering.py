"""Names and numbers of definition revisions (semantics A3)."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from lateen.api import definition as definitions
from lateen.api import names
from lateen.api.definition import Definition, DefinitionKind, DefinitionRevision
from lateen.base.problem import Problem
from lateen.controllers.definitions import numbering


def definition(
    text: str = "a", version: str = "", annotation: str = "", kind: str = "TraitDefinition"
) -> Definition:
    spec = {"schematic": {"cue": {"template": f'patch: "{text}"'}}}
    annotations = {names.DEFINITION_REVISION: annotation} if annotation else {}
    return Definition.of(
        {
            "kind": kind,
            "metadata": {"name": "mark", "namespace": "shop", "annotations": annotations},
            "spec": spec | ({"version": version} if version else {}),
        }
    )


def kept(version: str, number: int, text: str = "a", named: str = "") -> DefinitionRevision:
    return definitions.revise(definition(text, named), version, number)


@pytest.mark.parametrize(
    ("now", "stored", "latest", "name", "number", "new"),
    [
        pytest.param(definition(), [], "", "mark-v1", 1, True, id="the first"),
        pytest.param(
            definition(), [kept("1", 1)], "mark-v1", "mark-v1", 1, False, id="nothing changed"
        ),
        pytest.param(definition("b"), [kept("1", 1)], "mark-v1", "mark-v2", 2, True, id="an edit"),
        pytest.param(
            definition("a"),
            [kept("1", 1, "a"), kept("2", 2, "b")],
            "mark-v2",
            "mark-v3",
            3,
            True,
            id="back to an older text: it is compared with the latest only",
        ),
        pytest.param(
            definition("b"),
            [kept("1", 1, "a"), kept("2", 2, "b")],
            "",
            "mark-v2",
            2,
            False,
            id="a lost status: the highest number is the latest",
        ),
        pytest.param(
            definition("c", "2.1.0"),
            [kept("1", 1, "a"), kept("2", 2, "b")],
            "mark-v2",
            "mark-v2.1.0",
            3,
            True,
            id="a version names it, the number counts on",
        ),
        pytest.param(
            definition("c", "2.1.0"),
            [kept("2.1.0", 3, "c", "2.1.0"), kept("9", 9, "x")],
            "mark-v9",
            "mark-v2.1.0",
            3,
            False,
            id="a version that is stored is taken again",
        ),
        pytest.param(
            definition("c", annotation="lts"),
            [kept("1", 1)],
            "mark-v1",
            "mark-vlts",
            2,
            True,
            id="an annotation names it",
        ),
        pytest.param(
            definition("b"),
            [kept("1", 1), kept("2", 1)],
            "mark-v1",
            "mark-v3",
            3,
            True,
            id="a number that an annotation took as a name is passed over",
        ),
    ],
)
def test_which_revision(
    now: Definition,
    stored: Sequence[DefinitionRevision],
    latest: str,
    name: str,
    number: int,
    new: bool,
):
    choice = numbering.choose(now, stored, latest=latest)
    assert (choice.revision.name, choice.revision.number, choice.new) == (name, number, new)


def test_a_number_that_another_kind_has_is_passed_over():
    choice = numbering.choose(definition(), [], taken={"mark-v1", "mark-v2"})
    assert (choice.revision.name, choice.revision.number) == ("mark-v3", 3)


@pytest.mark.parametrize(
    ("now", "taken", "code", "path", "message"),
    [
        pytest.param(
            definition("b", "1.0.0"),
            (),
            "definition.immutable",
            "spec.version",
            "version 1.0.0 exists with another spec",
            id="a version never changes",
        ),
        pytest.param(
            definition("b", annotation="lts"),
            (),
            "definition.immutable",
            f'metadata.annotations["{names.DEFINITION_REVISION}"]',
            "version lts exists with another spec",
            id="nor does one named by annotation",
        ),
        pytest.param(
            definition("b", "1.0"),
            (),
            "definition.version",
            "spec.version",
            '"1.0" is not a version',
            id="two numbers",
        ),
        pytest.param(
            definition("b", "1.0.0-rc1"),
            (),
            "definition.version",
            "spec.version",
            '"1.0.0-rc1" is not a version',
            id="a pre-release",
        ),
        pytest.param(
            definition("b", "1.1.0", "lts"),
            (),
            "definition.version",
            "spec.version",
            "its version is given twice: 1.1.0, and lts by annotation",
            id="two names",
        ),
        pytest.param(
            definition("b", "3.0.0"),
            {"mark-v3.0.0"},
            "definition.taken",
            "spec.version",
            "the revision mark-v3.0.0 belongs to another kind of definition",
            id="a trait and a component of one name",
        ),
    ],
)
def test_what_is_refused(now: Definition, taken: Sequence[str], code: str, path: str, message: str):
    stored = [kept("1.0.0", 1, "a", "1.0.0"), kept("lts", 2)]
    with pytest.raises(Problem) as caught:
        numbering.choose(now, stored, taken=taken)
    found = caught.value
    assert (found.code, found.path, found.message) == (code, path, message)
    assert found.hint


def test_whoever_applies_is_told_before():
    stored = [kept("1.0.0", 1, "a", "1.0.0")]
    numbering.refuse(definition("a", "1.0.0"), stored)
    numbering.refuse(definition("b", "1.1.0"), stored)
    numbering.refuse(definition("b", "1.0.0", kind="PolicyDefinition"), stored)
    with pytest.raises(Problem, match=r"version 1\.0\.0 exists with another spec") as caught:
        numbering.refuse(definition("b", "1.0.0"), stored)
    assert caught.value.hint.endswith("such as 1.1.0")


@pytest.mark.parametrize(
    ("pinned", "limit", "expected"),
    [
        pytest.param((), 2, ["1", "2"], id="the limit and the latest stay"),
        pytest.param((), 9, [], id="room enough"),
        pytest.param(("1",), 2, ["2"], id="a pinned one stays and does not count"),
        pytest.param(("1", "2"), 2, [], id="without the pinned ones they are few"),
        pytest.param((), 0, ["1", "2", "3", "4"], id="only the latest"),
    ],
)
def test_what_is_too_much(pinned: Sequence[str], limit: int, expected: list[str]):
    stored = [kept(str(n), n) for n in (3, 5, 1, 4, 2)]
    found = numbering.spare(stored, "mark-v5", pinned, limit)
    assert [each.version for each in found] == expected


def test_the_latest_stays_even_when_it_is_old():
    stored = [kept(str(n), n) for n in (1, 2, 3)]
    assert [r.version for r in numbering.spare(stored, "mark-v1", (), 1)] == ["2"]


def test_a_revision_says_what_it_is():
    found = definitions.revise(definition("b", "1.0.0"), "1.0.0", 4)
    assert found.raw["metadata"]["labels"] == {"trait.oam.dev/name": "mark"}
    assert found.raw["spec"]["definitionType"] == "Trait"
    assert (found.kind, found.of, found.version) == (DefinitionKind.TRAIT, "mark", "1.0.0")
    assert found.definition.spec == definition("b", "1.0.0").spec
    assert len(found.hash) == 16


@pytest.mark.parametrize("change", [{"podDisruptive": True}, {"schematic": {"cue": {}}}])
def test_any_change_of_the_spec_changes_the_hash(change: dict[str, object]):
    before = definition()
    after = Definition.of({**before.raw, "spec": {**before.spec, **change}})
    assert before.hash != after.hash
    assert before.hash == definition().hash

"""Which stored revision says the same as what is declared now (semantics C3)."""

from __future__ import annotations

import pytest

from lateen.api import revision
from lateen.api.application import Application
from lateen.api.definition import Definition
from lateen.controllers.application import revise

PUBLISH = "app.oam.dev/publishVersion"


def application(text, latest="", publish=""):
    status = {"latestRevision": {"name": latest, "revision": 1}} if latest else {}
    annotations = {PUBLISH: publish} if publish else {}
    meta = {"name": "shop", "namespace": "ns", "uid": "u", "annotations": annotations}
    return Application({"metadata": meta, "spec": {"components": [text]}, "status": status})


def definition(template="one"):
    return Definition.of(
        {
            "kind": "ComponentDefinition",
            "metadata": {"name": "d"},
            "spec": {"schematic": {"cue": {"template": template}}},
        }
    )


def snapshot(text, latest="", publish="", template="one", policies=None, workflow=None):
    app = application(text, latest, publish)
    return revision.Snapshot(app, (definition(template),), policies or {}, workflow)


def stored(number, text, publish="", template="one", **more):
    return revision.build(snapshot(text, publish=publish, template=template, **more), number)


LOUD = {"ns/loud": {"type": "override", "properties": {"selector": ["a"]}}}
QUIET = {"ns/loud": {"type": "override", "properties": {"selector": ["b"]}}}
STEPS = {"steps": [{"name": "a", "type": "suspend"}]}
OTHER_STEPS = {"steps": [{"name": "b", "type": "suspend"}]}


@pytest.mark.parametrize(
    ("now", "kept", "expected"),
    [
        pytest.param(snapshot("a"), [], None, id="the first"),
        pytest.param(snapshot("a", "shop-v1"), [stored(1, "a")], "shop-v1", id="nothing changed"),
        pytest.param(snapshot("b", "shop-v1"), [stored(1, "a")], None, id="a new text"),
        pytest.param(
            snapshot("a", "shop-v2"),
            [stored(1, "a"), stored(2, "b")],
            "shop-v1",
            id="back to an older text",
        ),
        pytest.param(
            snapshot("a", "shop-v1", template="two"),
            [stored(1, "a")],
            "shop-v1",
            id="a changed definition alone is not a new text",
        ),
        pytest.param(
            snapshot("a", "shop-v2", template="two"),
            [stored(1, "a"), stored(2, "b")],
            None,
            id="an older text with a changed definition is not the older revision",
        ),
        pytest.param(
            snapshot("a", "shop-v1", "x"), [stored(1, "a")], None, id="a version is published"
        ),
        pytest.param(
            snapshot("a", "shop-v2", "x"),
            [stored(1, "a", "x"), stored(2, "a", "y")],
            "shop-v1",
            id="back to a version published before",
        ),
        pytest.param(
            snapshot("a", "shop-v2"),
            [stored(1, "a"), stored(2, "a", "x")],
            "shop-v1",
            id="a published version is withdrawn",
        ),
        pytest.param(
            snapshot("a", "shop-v1", policies=QUIET),
            [stored(1, "a", policies=LOUD)],
            None,
            id="a changed Policy object",
        ),
        pytest.param(
            snapshot("a", "shop-v1", policies=LOUD),
            [stored(1, "a", policies=LOUD)],
            "shop-v1",
            id="the same Policy object",
        ),
        pytest.param(
            snapshot("a", "shop-v1", workflow=OTHER_STEPS),
            [stored(1, "a", workflow=STEPS)],
            None,
            id="a changed Workflow object",
        ),
        pytest.param(
            snapshot("a"), [stored(1, "b"), stored(2, "a")], "shop-v2", id="the status was lost"
        ),
        pytest.param(
            snapshot("a", "shop-v9"),
            [stored(1, "a")],
            "shop-v1",
            id="the revision the status names was lost",
        ),
    ],
)
def test_choice(now, kept, expected):
    found = revise.choose(now, kept)
    assert (found.name if found else None) == expected


@pytest.mark.parametrize(
    ("app", "kept", "expected"),
    [
        pytest.param(application("a"), [stored(1, "a")], None, id="none is published"),
        pytest.param(
            application("b", "shop-v1", "x"), [stored(1, "a", "x")], "shop-v1", id="an edit waits"
        ),
        pytest.param(
            application("b", "shop-v1", "y"), [stored(1, "a", "x")], None, id="another is published"
        ),
        pytest.param(
            application("a", "shop-v2", "x"),
            [stored(1, "a", "x"), stored(2, "a", "y")],
            None,
            id="only the latest pins",
        ),
    ],
)
def test_a_published_version_pins(app, kept, expected):
    found = revise.pinned(app, kept)
    assert (found.name if found else None) == expected

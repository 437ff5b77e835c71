"""What a revision changed, in a few words."""

from __future__ import annotations

import pytest

from lateen.api.application import Application
from lateen.api.definition import Definition, DefinitionKind
from lateen.api.revision import Snapshot, build
from lateen.cli import histories

WEB = {"name": "web", "type": "webservice", "properties": {"image": "a", "cpu": "1"}}
SCALED = [{"type": "scaler", "properties": {"replicas": 2}}]


def revision(number, *components, text="a", version="", **spec):
    annotations = {"app.oam.dev/publishVersion": version} if version else {}
    meta = {"name": "shop", "namespace": "ns", "uid": "u", "annotations": annotations}
    app = Application({"metadata": meta, "spec": {"components": list(components), **spec}})
    definition = Definition.of(
        {
            "kind": DefinitionKind.COMPONENT.value,
            "metadata": {"name": "webservice", "namespace": "vela-system"},
            "spec": {"schematic": {"cue": {"template": text}}},
        }
    )
    return build(Snapshot(app, (definition,), {}, None), number)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        pytest.param(revision(2, WEB), ["nothing"], id="delivered again"),
        pytest.param(
            revision(2, WEB | {"properties": {"image": "b", "port": 80}}),
            ["component web (image, cpu, port)"],
            id="properties, by their names",
        ),
        pytest.param(revision(2, WEB | {"type": "worker"}), ["component web (type)"], id="a type"),
        pytest.param(
            revision(2, WEB | {"traits": SCALED}),
            ["component web (+trait scaler)"],
            id="a trait more",
        ),
        pytest.param(
            revision(2, WEB | {"name": "api"}),
            ["+component api", "-component web"],
            id="another component",
        ),
        pytest.param(
            revision(2, WEB, policies=[{"type": "topology", "name": "here"}]),
            ["+policy here"],
            id="a policy",
        ),
        pytest.param(
            revision(2, WEB, workflow={"steps": []}), ["workflow"], id="a workflow of its own"
        ),
        pytest.param(revision(2, WEB, text="b"), ["definition webservice"], id="only a definition"),
        pytest.param(revision(2, WEB, version="two"), ["version two"], id="a version"),
    ],
)
def test_what_changed(after, expected):
    assert histories.changes(revision(1, WEB), after) == expected


def test_the_first_one_has_nothing_before_it():
    assert histories.changes(None, revision(1, WEB)) == ["first one kept"]

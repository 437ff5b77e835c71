"""Who owns a field, from what the API server notes in managedFields."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.api import fieldsets
from lateen.base import paths

LIVE: dict[str, Any] = {
    "metadata": {
        "managedFields": [
            {
                "manager": "late",
                "operation": "Update",
                "subresource": "scale",
                "time": "2026-01-02T00:00:00Z",
                "fieldsV1": {"f:spec": {"f:replicas": {}}},
            },
            {
                "manager": "lateen",
                "operation": "Apply",
                "time": "2026-01-01T00:00:00Z",
                "fieldsV1": {
                    "f:spec": {
                        "f:replicas": {},
                        "f:selector": {},
                        "f:containers": {
                            'k:{"name":"web"}': {".": {}, "f:image": {}},
                            'k:{"name":"side"}': {".": {}, "f:name": {}},
                        },
                        "f:ports": {'k:{"port":80,"protocol":"TCP"}': {"f:port": {}}},
                        "f:finalizers": {'v:"keep"': {}},
                        "f:args": {"i:1": {}},
                    }
                },
            },
            {"manager": "empty", "operation": "Update", "time": "2026-01-03T00:00:00Z"},
        ]
    },
    "spec": {
        "replicas": 2,
        "selector": {"app": "web"},
        "containers": [{"name": "side", "image": "b"}, {"name": "web", "image": "a"}],
        "ports": [{"port": 80}],
        "finalizers": ["other", "keep"],
        "args": ["a", "b"],
    },
}


@pytest.mark.parametrize(
    ("path", "managers"),
    [
        pytest.param("spec.replicas", ["lateen", "late"], id="two, the last writer last"),
        pytest.param("spec.selector.app", ["lateen"], id="below what is owned as a whole"),
        pytest.param("spec.containers[1].image", ["lateen"], id="an item by its key"),
        pytest.param("spec.containers[0].image", [], id="a field of an item that nobody owns"),
        pytest.param("spec.ports[0].port", ["lateen"], id="a key of which a part is a default"),
        pytest.param("spec.finalizers[1]", ["lateen"], id="an item by its value"),
        pytest.param("spec.finalizers[0]", [], id="another value"),
        pytest.param("spec.args[1]", ["lateen"], id="an item by its place"),
        pytest.param("spec.paused", [], id="what is not there"),
    ],
)
def test_the_owners_of_a_field(path: str, managers: list[str]) -> None:
    found = fieldsets.owners(LIVE, paths.parse(path))
    assert [owner.manager for owner in found] == managers


def test_an_owner_says_how_and_when() -> None:
    [_, late] = fieldsets.owners(LIVE, ("spec", "replicas"))
    assert late == fieldsets.Owner("late", "Update", "scale", "2026-01-02T00:00:00Z")

"""Whose object may be applied over."""

import pytest

from lateen.base.problem import Problem
from lateen.dispatch import ownership

MINE = ("shop", "web")


def config_map(labels):
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "n", "namespace": "ns", "labels": labels},
    }


def test_the_applications_own_object_is_its_to_change():
    mine = config_map({"app.oam.dev/name": "web", "app.oam.dev/namespace": "shop"})
    ownership.refuse_foreign(mine, MINE)
    assert ownership.owns(mine, MINE)


@pytest.mark.parametrize(
    ("labels", "code", "message"),
    [
        pytest.param(
            {},
            "dispatch.unowned",
            "ConfigMap ns/n exists but not managed by any application now",
            id="nobody's",
        ),
        pytest.param(
            {"app.oam.dev/name": "web"},
            "dispatch.unowned",
            "ConfigMap ns/n exists but not managed by any application now",
            id="half a label is none",
        ),
        pytest.param(
            {"app.oam.dev/name": "app2", "app.oam.dev/namespace": "ns2"},
            "dispatch.owned",
            "existing object ConfigMap ns/n is managed by other application ns2/app2",
            id="another application's",
        ),
    ],
)
def test_a_foreign_object_is_refused(labels, code, message):
    with pytest.raises(Problem) as caught:
        ownership.refuse_foreign(config_map(labels), MINE)
    assert (caught.value.code, caught.value.message) == (code, message)
    assert caught.value.hint

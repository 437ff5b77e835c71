"""Whose object may be applied over."""

import pytest

from lateen.api.treatment import Treatment
from lateen.base.problem import Problem
from lateen.dispatch import ownership
from lateen.dispatch.ownership import Stance

MINE = ("shop", "web")


def config_map(labels):
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "n", "namespace": "ns", "labels": labels},
    }


def test_the_applications_own_object_is_its_to_change():
    mine = config_map({"app.oam.dev/name": "web", "app.oam.dev/namespace": "shop"})
    assert ownership.stance(mine, MINE) is Stance.OWNER
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
        ownership.stance(config_map(labels), MINE)
    assert (caught.value.code, caught.value.message) == (code, message)
    assert caught.value.hint


def shared(by, owner="ns2/app2"):
    namespace, name = owner.split("/")
    found = config_map({"app.oam.dev/name": name, "app.oam.dev/namespace": namespace})
    found["metadata"]["annotations"] = {"app.oam.dev/shared-by": by}
    return found


@pytest.mark.parametrize(
    ("live", "treatment", "stance"),
    [
        pytest.param(config_map({}), Treatment(take_over=True), Stance.OWNER, id="adopted"),
        pytest.param(shared("ns2/app2"), Treatment(shared=True), Stance.NEWCOMER, id="may join"),
        pytest.param(
            shared("ns2/app2,shop/web"), Treatment(shared=True), Stance.SHARER, id="has joined"
        ),
        pytest.param(
            shared("shop/web,ns2/app2", "shop/web"),
            Treatment(shared=True),
            Stance.OWNER,
            id="came first",
        ),
    ],
)
def test_what_policies_allow(live, treatment, stance):
    assert ownership.stance(live, MINE, treatment) is stance


@pytest.mark.parametrize(
    ("live", "treatment", "message"),
    [
        pytest.param(
            config_map({"app.oam.dev/name": "app2", "app.oam.dev/namespace": "ns2"}),
            Treatment(take_over=True),
            "is managed by other application ns2/app2",
            id="what is owned is not taken over",
        ),
        pytest.param(
            config_map({"app.oam.dev/name": "app2", "app.oam.dev/namespace": "ns2"}),
            Treatment(shared=True),
            "application is controlled by ns2/app2 but is not sharable",
            id="the owner has to share it too",
        ),
        pytest.param(
            shared("ns2/app2"),
            Treatment(),
            "is managed by other application ns2/app2",
            id="an application that does not share",
        ),
    ],
)
def test_what_policies_do_not_allow(live, treatment, message):
    with pytest.raises(Problem) as caught:
        ownership.stance(live, MINE, treatment)
    assert caught.value.code == "dispatch.owned"
    assert message in caught.value.message

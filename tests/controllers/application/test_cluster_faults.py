"""What is wrong with one joined cluster is the matter of its own placements only."""

from __future__ import annotations

import time

import pytest
from typer.testing import CliRunner

from lateen.cli import main
from lateen.gc import recycling
from lateen.hub import kubeconfig, members
from tests.controllers import proxies
from tests.controllers.application.test_clusters import joined, placed, services
from tests.controllers.apps import app, settings
from tests.controllers.laboratory import steps


def shop(*clusters, size=8, value="1"):
    parts = [settings(f"c{index}", {"x": value}) for index in range(size)]
    return app(*parts, policies=[placed(*clusters)])


def everything(size=8):
    return {f"c{index}" for index in range(size)}


@pytest.mark.slow
def test_a_member_killed_in_the_middle_of_a_delivery_converges(lab, fleet, record_property):
    east, west = fleet
    joined(east, west)
    lab.deliver(shop(east.name, west.name))
    lab.apply(shop(east.name, west.name, value="2"))
    east.neighbour.process.kill()  # somewhere between the first object and the last
    lab.eventually("the other is delivered", lambda: west.find("ConfigMap", "c7"))
    lab.until(
        "told apart",
        lambda found: (
            services(found).get((west.name, "c7")) and not services(found).get((east.name, "c7"))
        ),
    )
    east.neighbour.process.start()
    back = time.monotonic()
    lab.running()
    record_property("seconds", time.monotonic() - back)
    assert {east.find("ConfigMap", name)["data"]["x"] for name in everything()} == {"2"}
    assert east.owned() == everything()


def test_a_slow_cluster_does_not_hold_up_the_others(lab, fleet):
    east, west = fleet
    joined(east, west)
    lab.deliver(shop(east.name, west.name))
    east.proxy.delay = 1.0  # for every piece of an answer
    lab.apply(shop(east.name, west.name, value="2"))
    lab.eventually(
        "the other is delivered",
        lambda: all(west.find("ConfigMap", n)["data"]["x"] == "2" for n in everything()),
    )
    lab.deliver(app(settings("other"), name="other"))  # nor does it hold up other applications
    east.mend()
    lab.eventually(
        "it is delivered as well",
        lambda: all(east.find("ConfigMap", n)["data"]["x"] == "2" for n in everything()),
    )
    lab.running()


def test_credentials_that_serve_no_longer_are_said_and_renewed(lab, fleet):
    east, west = fleet
    joined(east, west)
    lab.deliver(shop(east.name, west.name, size=2))
    east.distrust()
    lab.apply(shop(east.name, west.name, size=2, value="2"))
    why = f"cluster {east.name} does not answer: our credentials are not valid there"
    lab.until("said", lambda found: why in str(found["status"].get("services")))
    lab.eventually(
        "the other is delivered", lambda: west.find("ConfigMap", "c1")["data"]["x"] == "2"
    )
    assert east.owned() == everything(2)  # what was delivered stays
    joined(east)
    lab.running()
    assert {east.find("ConfigMap", name)["data"]["x"] for name in everything(2)} == {"2"}


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        pytest.param(
            proxies.Fault(503, "ServiceUnavailable"),
            "ServiceUnavailable, as told",
            id="what stands before its API server answers for it",
        ),
        pytest.param(
            proxies.Fault(401, "Unauthorized"),
            "our credentials are not valid there, or no longer",
            id="somebody takes our credentials back",
        ),
    ],
)
def test_a_cluster_that_has_no_answer_for_us_is_waited_for(lab, fleet, fault, why):
    """No step fails for that."""
    east, west = fleet
    joined(west)
    opened = proxies.opened(east.neighbour.kubeconfig)
    with lab.plane.kube.portal.wrap_async_context_manager(opened) as (proxy, access):
        user = kubeconfig.read(east.neighbour.kubeconfig).user

        async def join():
            secret = members.secret(east.name, {"server": access.server}, user, {})
            await lab.plane.user.apply(secret, force=True)

        lab.plane.call(join)
        lab.deliver(shop(east.name, west.name, size=2))
        # who looks whether it answers is not to be faster
        proxy.judge = lambda request: fault if request.path != "/readyz" else None
        lab.apply(shop(east.name, west.name, size=2, value="2"))
        said = f"cluster {east.name} does not answer: {why}"
        found = lab.until("said", lambda found: said in str(found["status"].get("services")))
        assert "failed" not in steps(found).values()
        lab.eventually(
            "the other is delivered", lambda: west.find("ConfigMap", "c1")["data"]["x"] == "2"
        )
        env = {"KUBECONFIG": str(lab.plane.kube.kubeconfig), "COLUMNS": "300"}
        arguments = ["events", "shop", "-n", lab.namespace]
        told = CliRunner().invoke(main.build(), arguments, env=env)
        assert f"what happened in cluster {east.name} is not known: " in told.stderr, told.output
        proxy.judge = lambda request: None
        lab.running()
        assert {east.find("ConfigMap", name)["data"]["x"] for name in everything(2)} == {"2"}
        lab.leave()
        east.leave()


def test_what_changed_while_nothing_came_through_is_put_back(lab, fleet):
    east, _ = fleet
    joined(east)
    lab.deliver(shop(east.name, size=2))
    east.proxy.silent = True  # connections stay open, and nothing is heard of them
    lab.until("noticed", lambda found: not services(found).get((east.name, "c0")))
    east.delete("ConfigMap", "c0")
    east.mend()
    lab.eventually("put back", lambda: east.find("ConfigMap", "c0"))
    lab.running()


def test_what_was_deleted_in_a_member_comes_back_there(lab, fleet):
    east, _ = fleet
    joined(east)
    lab.deliver(shop(east.name, size=2))
    lab.deliver(shop(east.name, size=1))
    lab.eventually("cleaned up", lambda: east.owned() == {"c0"})

    async def kept():
        return await recycling.content(lab.plane.user, (lab.namespace, "shop"))

    [found] = lab.plane.call(kept)
    assert found.cluster == east.name
    there = east.neighbour.client
    assert lab.plane.call(recycling.restore, lab.plane.user, there, found)
    assert east.find("ConfigMap", "c1")["data"] == {"x": "1"}


def test_an_application_is_its_author_in_every_cluster(lab, fleet):
    east, west = fleet
    joined(east, west)
    declared = shop(east.name, west.name, size=1)
    declared["metadata"]["annotations"]["app.oam.dev/service-account-name"] = "author"
    lab.apply(declared)
    found = lab.until(
        "refused", lambda found: "cannot create" in str(found["status"].get("workflow"))
    )
    assert f"system:serviceaccount:{lab.namespace}:author" in str(found["status"]["workflow"])
    east.allow("author")
    lab.eventually("delivered where it may", lambda: east.owned() == {"c0"})
    assert not west.owned()
    west.allow("author")
    lab.running()

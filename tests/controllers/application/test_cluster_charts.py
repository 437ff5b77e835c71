"""Charts on joined clusters: what they look up, define and run is there, and nothing of it here."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from lateen.base import documents
from lateen.cli import main
from tests.controllers.apps import app, policy
from tests.controllers.charts import CRD, chart, hook, written
from tests.controllers.laboratory import steps
from tests.sources import packing

pytestmark = pytest.mark.xdist_group("clusters")

LOOKUP = '(lookup "v1" "ConfigMap" .Release.Namespace "there").data.word'


def words(there, word: str) -> None:
    """A ConfigMap of somebody else in a member."""
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "there", "namespace": there.lab.namespace},
        "data": {"word": word},
    }
    there.lab.plane.call(there.neighbour.client.create, body)


def end(lab, there, name: str) -> None:
    """The pod of a hook in a member ends: nothing runs pods there."""
    lab.eventually(f"{name} is there", lambda: there.find("Pod", name))

    async def patch() -> None:
        body = {"status": {"phase": "Succeeded"}}
        await there.neighbour.client.patch(there.key("Pod", name), body, subresource="status")

    lab.plane.call(patch)


def test_a_chart_on_a_member(lab, fleet, tmp_path):
    east, west = fleet
    for each in fleet:
        each.join()
        words(each, each.name)
    group = f"{lab.namespace}.example.com"
    files = packing.chart() | {
        "templates/config.yaml": packing.CONFIG.replace(".Values.greeting", LOOKUP),
        "templates/first.yaml": hook("first", "pre-install"),
        "templates/last.yaml": hook("last", "pre-delete"),
        "templates/lamp.yaml": f"apiVersion: {group}/v1\nkind: Lamp\nmetadata: {{name: bright}}\n",
        "crds/lamps.yaml": CRD.replace("GROUP", group),
    }
    places = policy("there", "topology", clusters=[east.name, west.name])
    declared = app(
        chart(written(tmp_path / "demo", files)),
        policies=[places],
        annotations={"lateen.dev/delete-data": "true"},
    )
    shown = CliRunner().invoke(  # a dry run looks into the members as well
        main.build(),
        ["dry-run", "-f", "-", "-n", lab.namespace],
        input=documents.dump(declared),
        env={"KUBECONFIG": str(lab.plane.kube.kubeconfig)},
    )
    assert shown.exit_code == 0, shown.output
    assert all(f"greeting: {each.name}" in shown.stdout for each in fleet)
    lab.apply(declared)
    for each in fleet:
        end(lab, each, "first")
    found = lab.running()
    assert steps(found) == {"deploy-there": "succeeded"}
    for each in fleet:
        assert each.find("ConfigMap", "web-config")["data"]["greeting"] == each.name
        assert each.find("CustomResourceDefinition", f"lamps.{group}")
    assert (lab.owned("ConfigMap"), lab.owned("Pod"), lab.owned("Secret")) == (set(),) * 3

    # it leaves one of them, which runs its hook, and the other does not
    declared["spec"]["policies"] = [policy("there", "topology", clusters=[east.name])]
    lab.apply(declared)
    lab.eventually("taking leave", lambda: west.find("Pod", "last"))
    assert west.find("ConfigMap", "web-config")
    assert east.find("Pod", "last") is None
    end(lab, west, "last")
    lab.eventually("cleaned up", lambda: not west.owned() and not west.owned("Secret"))
    assert east.find("ConfigMap", "web-config")

    lab.delete("Application", "shop")
    end(lab, east, "last")
    lab.gone()
    assert (east.owned(), east.owned("Pod")) == (set(), set())


def test_a_chart_for_a_member_that_is_down_waits_for_it(lab, fleet, tmp_path):
    east, west = fleet
    for each in fleet:
        each.join()
    source = written(tmp_path / "demo", packing.chart())
    places = policy("there", "topology", clusters=[east.name, west.name])
    lab.deliver(app(chart(source), policies=[places]))
    west.reset()
    declared = app(chart(source, values={"greeting": "again"}), policies=[places])
    lab.apply(declared)
    lab.eventually(
        "delivered to the other",
        lambda: east.find("ConfigMap", "web-config")["data"]["greeting"] == "again",
    )
    west.mend()
    lab.running()
    assert west.find("ConfigMap", "web-config")["data"]["greeting"] == "again"

"""An API server that is put back to an earlier state, from a backup: what is there then is what is,
and nothing of it goes because of what was afterwards.
"""

from __future__ import annotations

import pytest

from lateen.api.definition import Definition
from lateen.api.manifest import Manifest
from lateen.base.problem import Problem
from lateen.cue.engine import Engine
from tests.conftest import embedded, make_namespace
from tests.controllers.application.test_clusters import joined, placed
from tests.controllers.apps import app, settings
from tests.controllers.conftest import controlled
from tests.controllers.laboratory import Laboratory

SPACE = "test-restoring"

# one of our own, for the many that there are take their time to install
NOTE = """\
apiVersion: core.oam.dev/v1beta1
kind: ComponentDefinition
metadata: {name: note, namespace: vela-system}
spec:
  workload: {type: autodetects.core.oam.dev}
  schematic:
    cue:
      template: |
        output: {apiVersion: "v1", kind: "ConfigMap", data: x: parameter.x}
        parameter: x: string
"""


async def no_types(engine: Engine) -> list[Definition]:
    return []


def note(name: str, x: str = "1") -> Manifest:
    return {"name": name, "type": "note", "properties": {"x": x}}


@pytest.mark.slow
def test_the_control_plane_is(tmp_path):
    with embedded(tmp_path) as kube:
        kube.call(make_namespace, kube.client, SPACE)
        with controlled(kube, no_types) as plane:
            lab = Laboratory(plane, SPACE)
            lab.apply(NOTE)
            lab.deliver(app(note("a"), note("b")))
            lab.settle()
            then = lab.get("ConfigMap", "b")["metadata"]["uid"]
            kube.process.back_up()
            lab.deliver(app(note("a", "2"), note("c")))
            lab.eventually("cleaned up", lambda: lab.owned("ConfigMap") == {"a", "c"})
            lab.deliver(app(note("d"), name="late"))
            lab.settle()

            kube.process.restore()
            with pytest.raises(Problem) as caught:
                plane.await_death()
            assert caught.value.code == "hub.restored"
            plane.start()  # as their supervisor does

            lab.gone("late")  # a watch that goes on from the past finds out, too
            lab.running()
            lab.settle()
            assert lab.get("ConfigMap", "b")["metadata"]["uid"] == then
            assert lab.owned("ConfigMap") == {"a", "b"}
            assert lab.owned("ConfigMap", "late") == set()
            # the second revision is another than it was
            lab.deliver(app(note("a", "3"), note("b")))
            assert lab.get("ConfigMap", "a")["data"] == {"x": "3"}
            assert lab.get("ConfigMap", "b")["metadata"]["uid"] == then


@pytest.mark.slow
def test_a_joined_cluster_is(lab, fleet):
    east, west = fleet
    joined(east, west)
    here = [placed(east.name, west.name)]
    lab.deliver(app(settings("a", {"x": "1"}), settings("old"), policies=here))
    lab.settle()
    east.neighbour.process.back_up()
    lab.deliver(app(settings("a", {"x": "2"}), settings("b"), policies=here))
    lab.eventually("cleaned up", lambda: east.owned() == west.owned() == {"a", "b"})
    lab.settle()
    east.neighbour.process.restore()
    lab.eventually("what it lost is there again", lambda: {"a", "b"} <= east.owned())
    lab.eventually("as declared", lambda: east.find("ConfigMap", "a")["data"] == {"x": "2"})
    lab.running()
    lab.settle()
    assert east.owned() == {"a", "b", "old"}  # somebody wanted it back, perhaps
    assert west.owned() == {"a", "b"}

"""Components of the type `ref-objects`: objects that are somewhere already are copied (B7)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from typer.testing import CliRunner

from lateen.cli import main
from lateen.cli.exits import Exit
from tests.controllers.apps import app, configmap, policy
from tests.controllers.laboratory import condition

PUBLISH = "app.oam.dev/publishVersion"


def referring(*references, urls=(), name="copy"):
    properties = {"objects": list(references)} | ({"urls": list(urls)} if urls else {})
    return {"name": name, "type": "ref-objects", "properties": properties}


def into(namespace, **more):
    return policy("there", "topology", namespace=namespace, clusters=["local"], **more)


class Elsewhere:
    """Another namespace, with ConfigMaps to refer to."""

    def __init__(self, lab):
        self.space = lab.another_namespace()
        self._lab = lab

    def __call__(self, name, labels=None, **data):
        made = configmap(name, **data)
        made["metadata"] |= {"namespace": self.space, "labels": labels or {}}
        self._lab.apply(made)

    def remove(self, name):
        key = replace(self._lab.key("ConfigMap", name), namespace=self.space)
        self._lab.plane.call(self._lab.plane.user.delete, key)


@pytest.fixture
def elsewhere(lab):
    return Elsewhere(lab)


def reference(space, **more):
    return {"resource": "configmap", "namespace": space, **more}


def shown(lab, name="a"):
    return lab.get("ConfigMap", name)["data"]


def problem(lab, text):
    found = lab.until(text, lambda found: text in condition(found, "Parsed").get("message", ""))
    return condition(found, "Parsed")["message"]


def test_an_object_is_copied_as_it_was_when_its_revision_was_made(lab, elsewhere):
    elsewhere("a", labels={"tier": "one"}, x="1")
    source = reference(elsewhere.space, name="a")

    def declared(version):
        return app(
            referring(source), policies=[into(lab.namespace)], annotations={PUBLISH: version}
        )

    found = lab.deliver(declared("one"))
    made = lab.get("ConfigMap", "a")
    assert made["data"] == {"x": "1"}
    assert made["metadata"]["labels"]["tier"] == "one"
    assert made["metadata"]["labels"]["app.oam.dev/component"] == "copy"
    assert "lateen.dev/referred-by" not in made["metadata"].get("annotations", {})
    revision = lab.get("ApplicationRevision", "shop-v1")
    [kept] = revision["spec"]["referredObjects"]
    assert kept["data"] == {"x": "1"}
    assert not {"uid", "resourceVersion", "managedFields"} & set(kept["metadata"])

    elsewhere("a", x="2")
    lab.delete("ConfigMap", "a")  # what is put back is what was delivered
    lab.eventually("put back", lambda: lab.find("ConfigMap", "a"))
    assert shown(lab) == {"x": "1"}
    assert lab.app()["status"]["latestRevision"] == found["status"]["latestRevision"]

    lab.apply(declared("two"))
    lab.eventually("looked up anew", lambda: shown(lab) == {"x": "2"})
    lab.until("published", lambda found: at(found) == ("shop-v2", "running"))

    done = CliRunner().invoke(
        main.build(),
        ["up", "shop", "--revision", "1", "--no-wait", "-n", lab.namespace],
        env={"KUBECONFIG": str(lab.plane.kube.kubeconfig)},
    )
    assert done.exit_code == Exit.OK, done.output
    lab.eventually("as it was then", lambda: shown(lab) == {"x": "1"})


def test_a_text_that_stands_is_not_looked_up_again(lab, elsewhere):
    elsewhere("a", x="1")
    source = reference(elsewhere.space, name="a")
    lab.deliver(app(referring(source), policies=[into(lab.namespace)]))
    elsewhere.remove("a")
    lab.delete("ConfigMap", "a")
    lab.eventually("put back", lambda: lab.find("ConfigMap", "a"))
    found = lab.running()
    assert shown(lab) == {"x": "1"}
    assert at(found) == ("shop-v1", "running")
    assert condition(found, "Parsed")["status"] == "True"


def at(found):
    status = found["status"]
    return (status.get("latestRevision") or {}).get("name"), status.get("status")


def test_labels_bring_all_that_have_them(lab, elsewhere):
    for name in ("b", "a"):
        elsewhere(name, labels={"tier": "one"}, own=name)
    elsewhere("c", labels={"tier": "two"})
    chosen = reference(elsewhere.space, labelSelector={"tier": "one"})
    lab.deliver(app(referring(chosen), policies=[into(lab.namespace)]))
    assert lab.owned("ConfigMap") == {"a", "b"}


def test_a_job_is_copied_without_the_selector_it_was_given(lab, elsewhere):
    pod = {"restartPolicy": "Never", "containers": [{"name": "it", "image": "x"}]}
    job = {"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": {"spec": pod}}}
    lab.apply(job | {"metadata": {"name": "a", "namespace": elsewhere.space}})
    source = {"resource": "jobs", "namespace": elsewhere.space, "name": "a"}
    lab.apply(app(referring(source), policies=[into(lab.namespace)]))
    made = lab.eventually("copied", lambda: lab.find("Job", "a"))
    assert made["spec"]["selector"]["matchLabels"] == {
        "batch.kubernetes.io/controller-uid": made["metadata"]["uid"]
    }


def test_a_resource_is_called_what_people_call_it(lab, elsewhere):
    elsewhere("a", x="1")
    source = reference(elsewhere.space, name="a") | {"resource": "cm"}
    lab.deliver(app(referring(source), policies=[into(lab.namespace)]))
    assert shown(lab) == {"x": "1"}


def test_what_is_not_there_is_waited_for(lab, elsewhere):
    lab.apply(
        app(referring(reference(elsewhere.space), name="late"), policies=[into(lab.namespace)])
    )
    said = problem(lab, f"there is no configmap {elsewhere.space}/late")
    assert "spec.components[0].properties.objects[0]" in said
    elsewhere("late", x="1")  # of the component's name, where none is given
    lab.running()
    assert shown(lab, "late") == {"x": "1"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        pytest.param(
            {"resource": "configmap", "name": "a", "labelSelector": {"a": "b"}},
            "exclude",
            id="both",
        ),
        pytest.param({"name": "a"}, "it says of no `resource`", id="no resource"),
        pytest.param({"resource": "gadget"}, "has no kind gadget", id="no such kind"),
        pytest.param(
            {"resource": "configmap", "cluster": "mars"}, 'no cluster "mars"', id="no such cluster"
        ),
    ],
)
def test_a_reference_that_is_none(lab, given, said):
    lab.apply(app(referring(given)))
    problem(lab, said)


def test_it_is_read_as_the_account_of_the_application(lab, elsewhere):
    elsewhere("a", x="1")
    lab.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "clerk"}})
    declared = app(
        referring(reference(elsewhere.space, name="a")),
        policies=[into(lab.namespace)],
        annotations={"app.oam.dev/service-account-name": "clerk"},
    )
    for space in (lab.namespace, elsewhere.space):
        if space == elsewhere.space:
            lab.apply(declared)
            said = problem(lab, "cannot be read")
            assert f"system:serviceaccount:{lab.namespace}:clerk" in said
        lab.apply(
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "RoleBinding",
                "metadata": {"name": "clerk", "namespace": space},
                "roleRef": {
                    "apiGroup": "rbac.authorization.k8s.io",
                    "kind": "ClusterRole",
                    "name": "cluster-admin",
                },
                "subjects": [
                    {"kind": "ServiceAccount", "name": "clerk", "namespace": lab.namespace}
                ],
            }
        )
    lab.running()
    assert shown(lab) == {"x": "1"}


def test_files_behind_urls_are_brought(lab, server):
    server.answers["/objects.yaml"] = configmap("far", x="1")
    server.answers["/gone.yaml"] = 404
    url = f"{server.url}/objects.yaml"
    lab.apply(app(referring(urls=[f"{server.url}/gone.yaml"])))
    problem(lab, "/gone.yaml answers 404")
    lab.deliver(app(referring(urls=[url])))
    made = lab.get("ConfigMap", "far")
    assert made["data"] == {"x": "1"}
    assert made["metadata"]["annotations"]["app.oam.dev/resource-url"] == url

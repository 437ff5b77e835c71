"""`lateen adopt`: what others brought becomes an application, and nothing of it is disturbed."""

from __future__ import annotations

import pytest
from ruamel.yaml import YAML

from lateen import hub
from lateen.cli.exits import Exit
from tests.controllers.adoptions import (
    DEPLOYMENT,
    SECRET,
    brought,
    lateen,
    printed,
    released,
    running,
    said,
    service,
    workload,
)
from tests.controllers.apps import app, configmap, settings
from tests.controllers.charts import hook, written
from tests.sources import helming, packing


def demo(tmp_path, **files: str) -> str:
    return written(tmp_path / "demo", packing.chart() | {"templates/web.yaml": DEPLOYMENT, **files})


def test_a_release_goes_on_as_a_chart(lab, tmp_path):
    released(lab)
    before = running(lab)
    source = demo(tmp_path, **{"templates/up.yaml": hook("up", "pre-install,pre-upgrade")})
    arguments = ["web", "--type", "helm", "--mode", "take-over", "--chart", source]
    done = lateen(lab, *arguments, "--apply", "--app-name", "shop")
    assert done.exit_code == Exit.OK, done.output
    assert (running(lab), lab.owned("Pod")) == (before, set())
    assert lab.get("ConfigMap", "web-helm-release")["data"]["release"] == "2"
    assert lab.get("ConfigMap", "web-config")["data"] == {"greeting": "hello", "revision": "2"}
    assert lab.owned("Deployment") == {"web"}
    assert lab.names("Secret", owner="helm") == {
        "sh.helm.release.v1.web.v1",
        "sh.helm.release.v1.web.v2",
    }
    # what Helm had set is ours alone by now: left out, it goes
    (tmp_path / "demo/templates/web.yaml").write_text(DEPLOYMENT.replace(", env:", ", x-env:"))
    (tmp_path / "demo/templates/up.yaml").unlink()
    plain = DEPLOYMENT.replace(", env: [{name: A, value: b}]", "")
    (tmp_path / "demo/templates/web.yaml").write_text(plain)
    app = lab.get("Application", "shop")
    app["spec"]["components"][0]["properties"]["values"] = {"greeting": "again"}
    lab.deliver({k: app[k] for k in ("apiVersion", "kind", "spec")}, "shop")
    [container] = lab.get("Deployment", "web")["spec"]["template"]["spec"]["containers"]
    assert "env" not in container
    assert lab.get("ConfigMap", "web-config")["data"] == {"greeting": "again", "revision": "3"}


def test_another_version_of_the_chart_is_the_next_release(lab, tmp_path):
    released(lab, version="0.9.0")
    source = demo(tmp_path)
    arguments = ["web", "--type", "helm", "--mode", "take-over", "--chart", source]
    done = lateen(lab, *arguments, "--apply", "--recycle")
    assert done.exit_code == Exit.OK, done.output
    record = lab.get("ConfigMap", "web-helm-release")["data"]
    assert (record["release"], record["event"]) == ("3", "upgrade")
    assert "release web of Helm is forgotten (2 revisions)" in done.stdout
    assert lab.names("Secret", owner="helm") == set()
    assert lab.owned("Deployment", "web") == {"web"}


def test_a_release_without_its_chart_is_taken_over_object_by_object(lab):
    released(lab)
    before = running(lab)
    done = lateen(lab, "web", "--type", "helm", "--mode", "take-over", "--apply", "--recycle")
    assert done.exit_code == Exit.OK, done.output
    assert running(lab) == before
    assert (lab.owned("Deployment", "web"), lab.owned("ConfigMap", "web")) == (
        {"web"},
        {"web-config"},
    )
    lab.patch("ConfigMap", "web-config", {"data": {"greeting": "drift"}})
    lab.eventually(
        "repaired", lambda: lab.get("ConfigMap", "web-config")["data"]["greeting"] == "hello"
    )


def test_read_only_leaves_everything_to_whoever_has_it(lab):
    released(lab)
    done = lateen(lab, "web", "--type", "helm", "--apply")
    assert done.exit_code == Exit.OK, done.output
    assert lab.owned("Deployment", "web") == set()
    lab.delete("Application", "web")
    lab.gone("web")
    assert lab.find("Deployment", "web")


def test_single_objects_and_the_content_of_a_secret(lab):
    brought(lab, "kubectl-create", DEPLOYMENT, configmap("words", a="b"), SECRET)
    names = ["deploy/web", "configmaps/words", f"secret/{lab.namespace}/keys"]
    done = lateen(lab, *names, "--mode", "take-over", "--app-name", "shop")
    found = printed(done)
    assert [each["name"] for each in found["spec"]["components"]] == ["shop-resources", "web"]
    assert "cHJpdmF0ZQ" not in done.stdout
    before = running(lab)
    applied = lateen(lab, *names, "--mode", "take-over", "--app-name", "shop", "--apply")
    assert applied.exit_code == Exit.OK, applied.output
    assert running(lab) == before
    assert lab.owned("Secret") == {"keys"}
    assert lab.get("Secret", "keys")["data"] == {"password": "cHJpdmF0ZQ=="}
    again = lateen(lab, "deploy/web", "--app-name", "other")
    assert again.exit_code == Exit.INPUT
    assert f"belongs to application {lab.namespace}/shop" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(
            ["web", "--type", "helm"], Exit.NOT_FOUND, "no release web of Helm", id="no release"
        ),
        pytest.param(["web"], Exit.INPUT, "web names no object", id="no kind"),
        pytest.param([], Exit.INPUT, "say what is adopted, or --all", id="nothing"),
        pytest.param(
            ["web", "--all", "--type", "helm"], Exit.INPUT, "leave out its name", id="one of all"
        ),
        pytest.param(["--all", "--app-name", "x"], Exit.INPUT, "one application", id="one name"),
        pytest.param(["deploymint/web"], Exit.INPUT, 'did you mean "deployment"?', id="a typo"),
        pytest.param(
            ["deployment/web"], Exit.NOT_FOUND, "there is no Deployment", id="no such object"
        ),
        pytest.param(["deployment/web", "--recycle"], Exit.INPUT, "--type helm", id="recycle"),
        pytest.param(
            ["web", "--type", "helm", "--chart", "x"], Exit.INPUT, "--mode take-over", id="chart"
        ),
    ],
)
def test_what_cannot_be_adopted(lab, arguments, code, said):
    done = lateen(lab, *arguments)
    assert (done.exit_code, said in " ".join(done.stderr.split())) == (code, True), done.output


def test_a_release_that_helm_is_at_work_on(lab):
    released(lab)
    lab.apply(helming.stored("web", "", number=3, status="pending-upgrade"))
    done = lateen(lab, "web", "--type", "helm")
    assert (done.exit_code, "pending-upgrade (revision 3)" in done.stderr) == (Exit.INPUT, True)


def test_a_secret_that_is_no_release(lab):
    broken = helming.stored("web", "")
    lab.apply(broken | {"data": {"release": "bm90aGluZw=="}})
    done = lateen(lab, "web", "--type", "helm")
    assert "holds no release of Helm that can be read" in done.stderr


def rolled_out(lab, name: str, *, times: int) -> None:
    """Whether the Deployment has been rolled out that often: each time restarts its pods."""
    counted = "deployment.kubernetes.io/revision"
    found = lab.eventually(
        "counted",
        lambda: lab.get("Deployment", name)["metadata"].get("annotations", {}).get(counted),
    )
    assert found == str(times)


def test_every_release_of_a_namespace(lab):
    released(lab)
    brought(lab, "helm", configmap("cache-config", a="b"))
    lab.apply(helming.stored("cache", helming_text("cache-config")))
    lab.apply(helming.stored("stuck", "", status="pending-install"))
    lab.apply(helming.stored("past", "", status="uninstalled"))
    assert lateen(lab, "cache", "--type", "helm", "--apply").exit_code == Exit.OK

    def rolled_out() -> bool:
        return "NewReplicaSetAvailable" in str(lab.get("Deployment", "web").get("status"))

    lab.eventually("rolled out", rolled_out)  # Kubernetes writes nothing of it any more
    before = lab.get("Deployment", "web"), lab.get("ConfigMap", "web-config")

    shown = lateen(lab, "--all", "--type", "helm")
    assert shown.exit_code == Exit.INPUT, shown.output  # one of them cannot be adopted
    [found] = YAML(typ="safe", pure=True).load_all(shown.stdout)
    assert (found["metadata"]["name"], found["metadata"]["labels"]) == (
        "web",
        {"app.oam.dev/adopt": "helm"},
    )
    assert "1 application that --apply makes (read-only)" in said(shown)
    assert f"{lab.namespace}/web ConfigMap web-config, Deployment web" in said(shown)
    here = lab.namespace
    assert f"release {here}/cache: application {here}/cache has it already" in said(shown)
    assert f"left alone: release {here}/past: it is uninstalled" in said(shown)
    assert f"cannot be adopted: release {here}/stuck error: release stuck is pending" in said(shown)
    assert lab.names("Application") == {"cache"}

    done = lateen(lab, "--all", "--type", "helm", "--apply")
    assert done.exit_code == Exit.INPUT, done.output
    assert lab.running("web")
    # only looked at: nothing was written, so nothing was restarted
    assert (lab.get("Deployment", "web"), lab.get("ConfigMap", "web-config")) == before

    again = lateen(lab, "--all", "--type", "helm", "--apply")
    assert f"There is nothing in namespace {here} to be adopted that is not already." in said(again)


def helming_text(*names: str) -> str:
    metas = [f"{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}}}}}" for name in names]
    return "\n---\n".join(metas)


def test_every_workload_with_what_belongs_to_it(lab):
    brought(
        lab,
        "kubectl-create",
        workload(lab, "web", "words", "common"),
        workload(lab, "api", "common"),
        service("front", "web"),
        *(configmap(name, a="b") for name in ("words", "common", "stray")),
    )
    before = {name: lab.get("Deployment", name) for name in ("web", "api")}
    done = lateen(lab, "--all", "--mode", "take-over", "--apply")
    assert done.exit_code == Exit.OK, done.output
    assert "2 applications to be made (take-over)" in said(done)
    assert lab.owned("ConfigMap", "web") == {"words"}
    assert lab.names("Service", **{"app.oam.dev/name": "web"}) == {"front"}
    assert lab.owned("Deployment", "api") == {"api"}
    shared = f"ConfigMap {lab.namespace}/common: several use it: Deployment {lab.namespace}/api"
    assert shared in said(done)
    for name, was in before.items():
        now = lab.get("Deployment", name)
        assert now["spec"] == was["spec"]
        assert now["metadata"]["uid"] == was["metadata"]["uid"]
        rolled_out(lab, name, times=1)
    # what several use is nobody's, and stays
    lab.delete("Application", "api")
    lab.gone("api")
    assert lab.find("ConfigMap", "common")
    again = lateen(lab, "--all", "--mode", "take-over")
    assert f"Deployment {lab.namespace}/web: application {lab.namespace}/web has it" in said(again)


def test_one_that_cannot_be_delivered_holds_up_no_other(lab):
    brought(lab, "kubectl-create", workload(lab, "api"), workload(lab, "web"))
    lab.deliver(app(settings("unrelated"), name="api"))
    done = lateen(lab, "deployment", "--all", "--apply")
    assert done.exit_code == Exit.INPUT, done.output
    assert f"{lab.namespace}/api is not adopted" in said(done)
    assert "there is an application api" in said(done)
    assert lab.running("web")


def test_what_is_in_a_joined_cluster(lab, fleet):
    east, _ = fleet
    east.join()
    lab.eventually("known", lambda: "seen" in str(east.secret()))
    client = hub.Client(east.neighbour.client.connection, manager="kubectl-create")
    for each in (lab.read(DEPLOYMENT), configmap("words", a="b"), configmap("free")):
        each["metadata"]["namespace"] = lab.namespace
        lab.plane.call(client.create, each)
    before = east.find("Deployment", "web")
    options = ["--cluster", east.name, "--mode", "take-over", "--app-name", "shop"]
    done = lateen(lab, "deployment/web", "configmap/words", *options, "--apply")
    assert done.exit_code == Exit.OK, done.output
    now = east.find("Deployment", "web")
    assert (now["spec"], now["metadata"]["uid"]) == (before["spec"], before["metadata"]["uid"])
    assert east.owned() == {"words"}
    assert lab.find("ConfigMap", "words") is None
    east.patch("ConfigMap", "words", {"data": {"a": "drift"}})
    lab.eventually("repaired", lambda: east.find("ConfigMap", "words")["data"] == {"a": "b"})
    other = ["--cluster", east.name, "--app-name", "other", "--app-namespace", "nowhere", "--apply"]
    lost = lateen(lab, "configmap/free", *other)
    assert (lost.exit_code, "has no namespace nowhere" in lost.stderr) == (Exit.INPUT, True), (
        lost.output
    )
    unknown = lateen(lab, "deployment/web", "--cluster", "nowhere")
    assert (unknown.exit_code, 'no cluster "nowhere"' in unknown.stderr) == (Exit.INPUT, True)

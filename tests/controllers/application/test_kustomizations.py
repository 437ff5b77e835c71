"""Directories of manifests as components: from git and elsewhere, plain or with a kustomization."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.api.manifest import Key, Manifest
from tests.controllers.apps import app
from tests.controllers.laboratory import step
from tests.sources import packing


def plain(name: str, word: str = "hello") -> str:
    return f"""\
apiVersion: v1
kind: ConfigMap
metadata: {{name: {name}}}
data: {{word: {word}}}
"""


def tree(url: str, path: str = ".", traits: Any = (), **properties: Any) -> Manifest:
    """A kustomize component; it looks for changes every second."""
    found: Manifest = {
        "name": "web",
        "type": "kustomize",
        "properties": {"url": url, "path": path, "pullInterval": "1s", **properties},
    }
    return found | ({"traits": list(traits)} if traits else {})


def word(lab, name: str) -> str:
    return str(lab.get("ConfigMap", name)["data"]["word"])


def test_a_directory_of_yaml_is_delivered_from_git_and_follows_it(lab, repository):
    first = repository.commit({"deploy/a.yaml": plain("one"), "deploy/more/b.yml": plain("two")})
    found = lab.deliver(app(tree(repository.url, "deploy", git={"branch": "main"})))
    assert lab.owned("ConfigMap") == {"one", "two", "web-kustomization"}
    assert lab.get("ConfigMap", "web-kustomization")["data"]["revision"] == f"main@sha1:{first}"
    assert found["status"]["services"][0]["message"] == f"Applied main@sha1:{first}"
    second = repository.commit(
        {"deploy/a.yaml": plain("one", "changed"), "deploy/more/b.yml": None}
    )
    lab.eventually("followed", lambda: word(lab, "one") == "changed")
    lab.eventually("collected", lambda: lab.find("ConfigMap", "two") is None)
    found = lab.until(
        "at the second", lambda found: f"main@sha1:{second}" in str(found["status"]["services"])
    )
    assert lab.revisions() == ["shop-v1"]
    assert found["status"]["workflow"]["appRevision"].startswith("shop-v1-vf-")


def test_it_goes_back_as_well(lab, repository):
    repository.commit({"a.yaml": plain("one")})
    lab.deliver(app(tree(repository.url)))
    for round_trip in ("there", "and", "back"):
        repository.commit({"a.yaml": plain("one", round_trip)})
        lab.eventually(round_trip, lambda wanted=round_trip: word(lab, "one") == wanted)
        repository.commit({"a.yaml": plain("one")})
        lab.eventually("as before", lambda: word(lab, "one") == "hello")


def test_what_is_broken_in_git_leaves_what_is_there(lab, repository):
    repository.commit({"a.yaml": plain("one"), "b.yaml": plain("two")})
    lab.deliver(app(tree(repository.url)))
    repository.commit({"a.yaml": "kind: ConfigMap\n  oops", "b.yaml": None})
    lab.until("told", lambda found: "a.yaml" in str(step(found, "web").get("message")))
    assert lab.owned("ConfigMap") == {"one", "two", "web-kustomization"}
    repository.commit({"a.yaml": plain("one", "mended")})
    lab.eventually("mended", lambda: word(lab, "one") == "mended")
    lab.eventually("collected", lambda: lab.find("ConfigMap", "two") is None)


def test_a_restart_of_the_controller_misses_nothing(lab, repository):
    repository.commit({"a.yaml": plain("one")})
    lab.deliver(app(tree(repository.url)))
    lab.settle()
    lab.plane.stop()
    repository.commit({"a.yaml": plain("one", "changed")})
    lab.plane.start()
    lab.eventually("followed", lambda: word(lab, "one") == "changed")


def test_a_commit_stays_and_a_published_version_waits(lab, repository):
    first = repository.commit({"a.yaml": plain("one")})
    annotations = {"app.oam.dev/publishVersion": "alpha"}
    lab.deliver(app(tree(repository.url, git={"commit": first})))
    other = {**tree(repository.url, targetNamespace=lab.another_namespace()), "name": "far"}
    lab.deliver(app(other, name="other", annotations=annotations), "other")
    repository.commit({"a.yaml": plain("one", "changed")})
    lab.settle(1.5)
    assert word(lab, "one") == "hello"
    assert lab.status("other")["workflow"]["appRevision"] == "alpha"


def test_a_kustomization_with_bases_generators_and_traits(lab, repository):
    repository.commit(
        {
            "base/kustomization.yaml": "resources: [a.yaml]\n",
            "base/a.yaml": plain("one"),
            "prod/kustomization.yaml": (
                "resources: [../base]\nnamePrefix: prod-\n"
                "configMapGenerator:\n- {name: made, literals: [word=generated]}\n"
                "generatorOptions: {disableNameSuffixHash: true}\n"
            ),
        }
    )
    target = {"kind": "ConfigMap", "name": "prod-one"}
    traits = [
        {
            "type": "kustomize-patch",
            "properties": {"patches": [{"target": target, "patch": PATCH}]},
        },
        {
            "type": "kustomize-json-patch",
            "properties": {
                "patchesJson": [
                    {
                        "target": target,
                        "patch": [{"op": "replace", "path": "/data/word", "value": "json"}],
                    }
                ]
            },
        },
        {
            "type": "kustomize-strategy-merge",
            "properties": {"patchesStrategicMerge": [merge("prod-made")]},
        },
    ]
    lab.deliver(app(tree(repository.url, "prod", traits)))
    assert lab.get("ConfigMap", "prod-one")["data"] == {"word": "json", "patched": "yes please"}
    assert lab.get("ConfigMap", "prod-made")["data"] == {"word": "generated", "merged": "too"}


PATCH = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: any}
data: {patched: yes please}
"""


def merge(name: str) -> Manifest:
    head = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}
    return {**head, "data": {"merged": "too"}}


def test_other_sources_and_a_target_namespace(lab, registry, pages, tmp_path):
    there = lab.another_namespace()
    packed = packing.archive({"deploy/a.yaml": plain("one")}, "")
    registry.push("trees/web", "1.0.0", packed, "application/vnd.oci.image.layer.v1.tar+gzip")
    pages.files["/web.tgz"] = packed
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy/a.yaml").write_text(plain("one"))
    given = {"targetNamespace": there, "path": "deploy"}
    components = [
        tree(registry.url("trees/web"), repoType="oci", version="1.x", **given),
    ]
    lab.deliver(app(*components))
    found = lab.plane.call(lab.plane.user.get, Key("", "ConfigMap", there, "one", "v1"))
    assert found["data"] == {"word": "hello"}
    lab.deliver(app(tree(f"{pages.url}/web.tgz", "deploy", repoType="archive")))
    assert word(lab, "one") == "hello"
    lab.deliver(app(tree(str(tmp_path), "deploy", repoType="local")))
    assert lab.get("ConfigMap", "web-kustomization")["data"]["url"] == str(tmp_path)


@pytest.mark.parametrize(
    ("files", "properties", "said"),
    [
        pytest.param({"a.txt": "x"}, {}, "holds no YAML files", id="nothing there"),
        pytest.param({"a.yaml": plain("x")}, {"path": "b"}, "no directory b", id="no directory"),
        pytest.param(
            {"kustomization.yaml": "resources:\n- https://127.0.0.1:9/base?ref=v1\n"},
            {},
            "nothing is fetched while a kustomization is built",
            id="a base elsewhere",
        ),
        pytest.param(
            {"kustomization.yaml": "resources: [../../../../etc/hostname]"},
            {},
            "hostname",
            id="a path that leads out",
        ),
        pytest.param(
            {"a.yaml": plain("x")}, {"git": {"branch": "dev"}}, "has no branch dev", id="no branch"
        ),
        pytest.param(
            {"a.yaml": plain("x")},
            {"repoType": "oss"},
            "which bucket: give oss.bucketName",
            id="a bucket without a name",
        ),
    ],
)
def test_what_cannot_be_built_says_why(lab, repository, files, properties, said):
    repository.commit(files)
    lab.apply(app(tree(repository.url, **{"path": ".", **properties})))
    lab.until("told", lambda found: said in str(found["status"]))
    assert lab.owned("ConfigMap") == set()

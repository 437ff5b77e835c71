"""Revisions of definitions in a cluster: made, named, kept and cleaned up (semantics A3)."""

from __future__ import annotations

from lateen.controllers import settings
from tests.controllers.apps import app
from tests.controllers.apps import settings as configured
from tests.controllers.laboratory import writes


def trait(text, name="mark", version="", **annotations):
    spec = {"schematic": {"cue": {"template": f'patch: data: marked: "{text}"'}}}
    return {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "TraitDefinition",
        "metadata": {"name": name, "annotations": annotations, "labels": {"team": "a"}},
        "spec": spec | ({"version": version} if version else {}),
    }


def latest(lab, name="mark"):
    found = lab.get("TraitDefinition", name).get("status") or {}
    return (found.get("latestRevision") or {}).get("name")


def synced(lab, name="mark"):
    found = lab.get("TraitDefinition", name).get("status") or {}
    return next((c for c in found.get("conditions") or () if c["type"] == "Synced"), {})


def publish(lab, declared, revision):
    """Apply a definition and wait until its status names the revision."""
    lab.apply(declared)
    name = declared["metadata"]["name"]
    lab.eventually(f"at {revision}", lambda: latest(lab, name) == revision)


def marked(lab):
    return (lab.find("ConfigMap", "a") or {}).get("data")


def test_every_state_is_kept(lab):
    publish(lab, trait("one"), "mark-v1")
    publish(lab, trait("two"), "mark-v2")
    kept = lab.get("DefinitionRevision", "mark-v1")
    assert kept["metadata"]["labels"] == {"team": "a", "trait.oam.dev/name": "mark"}
    [owner] = kept["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"]) == ("TraitDefinition", "mark")
    assert (kept["spec"]["definitionType"], kept["spec"]["revision"]) == ("Trait", 1)
    assert kept["spec"]["traitDefinition"]["spec"] == trait("one")["spec"]
    status = lab.get("TraitDefinition", "mark")["status"]
    second = lab.get("DefinitionRevision", "mark-v2")["spec"]
    assert status["latestRevision"] == {
        "name": "mark-v2",
        "revision": 2,
        "revisionHash": second["revisionHash"],
    }
    assert (synced(lab)["status"], synced(lab)["reason"]) == ("True", "ReconcileSuccess")


def test_the_same_again_costs_nothing(lab):
    publish(lab, trait("one"), "mark-v1")
    before = lab.settle()
    lab.apply(trait("one", note="an annotation is no new state"))
    assert writes(lab.settle(calm=0.5) - before) == {}
    lab.plane.restart()
    assert writes(lab.settle(calm=0.5) - before) == {}
    assert lab.names("DefinitionRevision") == {"mark-v1"}


def test_a_version_never_changes(lab):
    publish(lab, trait("one", version="1.0.0"), "mark-v1.0.0")
    lab.apply(trait("two", version="1.0.0"))
    lab.eventually("refused", lambda: synced(lab).get("status") == "False")
    assert "version 1.0.0 exists with another spec" in synced(lab)["message"]
    assert lab.names("DefinitionRevision") == {"mark-v1.0.0"}

    publish(lab, trait("two", version="1.1.0"), "mark-v1.1.0")
    assert synced(lab)["status"] == "True"
    kept = lab.get("DefinitionRevision", "mark-v1.0.0")["spec"]
    assert kept["traitDefinition"]["spec"]["schematic"] == trait("one")["spec"]["schematic"]


def test_an_annotation_names_a_revision(lab):
    publish(lab, trait("one", **{"definitionrevision.oam.dev/name": "lts"}), "mark-vlts")


def test_a_trait_and_a_component_of_one_name(lab):
    publish(lab, trait("one"), "mark-v1")
    component = {**trait("x"), "kind": "ComponentDefinition"}
    component["spec"] = {"workload": {}, "schematic": {"cue": {"template": "output: kind: 1"}}}
    lab.apply(component)
    lab.eventually("passed over", lambda: lab.find("DefinitionRevision", "mark-v2"))
    assert lab.get("DefinitionRevision", "mark-v2")["spec"]["definitionType"] == "Component"


def test_a_revision_that_is_deleted_comes_back(lab):
    publish(lab, trait("one"), "mark-v1")
    lab.delete("DefinitionRevision", "mark-v1")
    lab.eventually("back", lambda: lab.find("DefinitionRevision", "mark-v1"))


def test_old_revisions_go_and_pinned_ones_stay(lab):
    with lab.plane.governed(settings.Settings(definition_revisions=2)):
        publish(lab, trait("1"), "mark-v1")
        publish(lab, trait("2"), "mark-v2")
        lab.deliver(app(configured("a", traits=[{"type": "mark@v1"}])))
        for n in (3, 4, 5):
            publish(lab, trait(str(n)), f"mark-v{n}")
        expected = {"mark-v1", "mark-v3", "mark-v4", "mark-v5"}
        lab.eventually("cleaned up", lambda: lab.names("DefinitionRevision") == expected)


def test_a_pinned_application_stays_and_one_that_follows_goes_along(lab):
    publish(lab, trait("one", version="1.0.0"), "mark-v1.0.0")
    stays = app(configured("a", traits=[{"type": "mark@v1.0.0"}]), name="stays")
    follows = app(
        configured("b", traits=[{"type": "mark@v1"}]),
        name="follows",
        annotations={"app.oam.dev/autoUpdate": "true"},
    )
    lab.deliver(stays)
    lab.deliver(follows)
    before = lab.settle()
    publish(lab, trait("two", version="1.1.0"), "mark-v1.1.0")
    lab.eventually("followed", lambda: lab.get("ConfigMap", "b")["data"] == {"marked": "two"})
    lab.running("follows")
    assert lab.revisions("follows") == ["follows-v1", "follows-v2"]
    publish(lab, trait("three", version="2.0.0"), "mark-v2.0.0")
    sent = writes(lab.settle(calm=0.5) - before)
    assert sent[("create", "applicationrevisions")] == 1
    assert lab.get("ConfigMap", "b")["data"] == {"marked": "two"}
    assert lab.get("ConfigMap", "a")["data"] == {"marked": "one"}
    assert lab.revisions("stays") == ["stays-v1"]
    label = lab.get("ConfigMap", "b")["metadata"]["labels"]
    assert label["app.oam.dev/appRevision"] == "follows-v2"


def test_one_that_follows_the_current_definition(lab):
    publish(lab, trait("one"), "mark-v1")
    annotations = {"app.oam.dev/autoUpdate": "true"}
    lab.deliver(app(configured("a", traits=[{"type": "mark"}]), annotations=annotations))
    lab.deliver(app(configured("b", traits=[{"type": "mark"}]), name="other"))
    publish(lab, trait("two"), "mark-v2")
    lab.eventually("followed", lambda: marked(lab) == {"marked": "two"})
    lab.settle()
    assert lab.get("ConfigMap", "b")["data"] == {"marked": "one"}


def test_two_revisions_of_a_trait_side_by_side(lab):
    publish(lab, trait("one"), "mark-v1")
    publish(lab, trait("two"), "mark-v2")
    components = [
        configured("a", traits=[{"type": "mark@v1"}]),
        configured("b", traits=[{"type": "mark@v2"}]),
        configured("c", traits=[{"type": "mark"}]),
    ]
    lab.deliver(app(*components))
    lab.delete("TraitDefinition", "mark")  # what was recorded is enough
    lab.eventually("gone", lambda: lab.find("TraitDefinition", "mark") is None)
    lab.delete("ConfigMap", "a")
    lab.eventually("put back", lambda: marked(lab) == {"marked": "one"})
    assert lab.get("ConfigMap", "b")["data"] == {"marked": "two"}
    assert lab.get("ConfigMap", "c")["data"] == {"marked": "two"}
    stored = lab.get("ApplicationRevision", "shop-v1")["spec"]["traitDefinitions"]
    assert set(stored) == {"mark", "mark@v1", "mark@v2"}


def test_following_and_publishing_exclude_each_other(lab):
    annotations = {"app.oam.dev/autoUpdate": "true", "app.oam.dev/publishVersion": "1"}
    lab.apply(app(configured("a"), annotations=annotations))
    lab.eventually("refused", lambda: lab.condition("Parsed").get("status") == "False")
    assert "cannot follow its definitions" in lab.condition("Parsed")["message"]


def test_another_controllers_definitions_are_left_alone(lab):
    lab.apply(trait("one", "theirs", **{"app.oam.dev/controller-version-require": "v9"}))
    publish(lab, trait("one"), "mark-v1")
    lab.settle()
    assert "status" not in lab.get("TraitDefinition", "theirs")
    assert lab.names("DefinitionRevision") == {"mark-v1"}


def test_another_controllers_applications_are_left_alone(lab):
    annotations = {"app.oam.dev/controller-version-require": "v9"}
    lab.apply(app(configured("a"), name="theirs", annotations=annotations))
    lab.deliver(app(configured("b"), name="ours"))
    lab.settle()
    assert "status" not in lab.get("Application", "theirs")

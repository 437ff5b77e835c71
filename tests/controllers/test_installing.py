"""What a control plane installs for itself, and what it leaves as people have made it."""

from __future__ import annotations

import pytest

from lateen.api.definition import Definition
from lateen.api.manifest import Key
from lateen.controllers import installing
from tests.controllers.apps import app, settings

KEY = Key("core.oam.dev", "TraitDefinition", "vela-system", "test-mark", "v1beta1")


def definition(text):
    return Definition.of(
        {
            "apiVersion": "core.oam.dev/v1beta1",
            "kind": "TraitDefinition",
            "metadata": {"name": "test-mark"},
            "spec": {"schematic": {"cue": {"template": text}}},
        }
    )


@pytest.fixture
def install(plane):
    def install(text):
        return plane.call(installing.install, plane.kube.client, [definition(text)], [])

    yield install
    plane.call(plane.user.delete, KEY)


def template(plane):
    return plane.call(plane.user.get, KEY)["spec"]["schematic"]["cue"]["template"]


def test_what_is_there_is_not_written_again(plane, install):
    assert install("patch: {}") == [KEY]
    assert install("patch: {}") == []


def test_what_somebody_edited_stays(plane, install):
    install("patch: {}")
    edit = {"spec": {"schematic": {"cue": {"template": "patch: mine: 1"}}}}
    plane.call(plane.user.patch, KEY, edit)
    assert install("patch: {}") == []
    assert template(plane) == "patch: mine: 1"


def test_a_new_version_of_lateen_brings_its_own(plane, install):
    install("patch: {}")
    assert install("patch: {new: 1}") == [KEY]
    assert template(plane) == "patch: {new: 1}"


def test_what_was_deleted_comes_back(plane, install):
    install("patch: {}")
    plane.call(plane.user.delete, KEY)
    assert install("patch: {}") == [KEY]


def test_an_edited_definition_is_used_after_a_restart(lab, install):
    install('patch: data: mark: "ours"')
    edit = {"spec": {"schematic": {"cue": {"template": 'patch: data: mark: "mine"'}}}}
    lab.plane.call(lab.plane.user.patch, KEY, edit)
    lab.plane.restart()
    install('patch: data: mark: "ours"')
    lab.deliver(app(settings("a", traits=[{"type": "test-mark"}])))
    assert lab.get("ConfigMap", "a")["data"] == {"mark": "mine"}

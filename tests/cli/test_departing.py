"""What a dry run cannot show may still come; the rest goes."""

from __future__ import annotations

import pytest

from lateen.api.application import Application
from lateen.api.tracker import Resource
from lateen.base import documents
from lateen.cli import departing, offline
from tests.controllers.apps import app, settings


def application(*names: str) -> Application:
    return Application(app(*[settings(name) for name in names]))


@pytest.mark.parametrize(
    ("component", "unrun", "expected"),
    [
        pytest.param("web", [], False, id="a component that is rendered"),
        pytest.param("later", [], True, id="a component that waits for what only comes then"),
        pytest.param("old", [], False, id="a component that was left out"),
        pytest.param("old", ["s"], False, id="the same, whatever steps are not run"),
        pytest.param("db-test", ["s"], True, id="what a step makes up, which is not run"),
        pytest.param("db-test", [], False, id="what a step made up that is no more"),
        pytest.param("", ["s"], True, id="an object of a step that is not run"),
        pytest.param("", [], False, id="an object of a step that is no more"),
    ],
)
def test_what_may_still_be_rendered(component: str, unrun: list[str], expected: bool) -> None:
    declared = application("web", "later")
    [document] = documents.load("{}", "app.yaml")
    rendered = offline.Rendered(declared, [("web", None, {})], document, unrun=unrun)
    resource = Resource("v1", "ConfigMap", "n", "x", component=component)
    assert departing.unseen(resource, rendered, application("web", "later", "old")) is expected

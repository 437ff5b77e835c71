"""`diff` beside a controller that delivers: against what is live, and between revisions."""

from __future__ import annotations

import base64
import json

import pytest
from ruamel.yaml import YAML

from lateen.base import documents
from lateen.cli.exits import Exit
from tests.cli.conftest import Shell
from tests.controllers import apps, laboratory

SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "login"},
    "stringData": {"password": "hunter22"},
}
ENCODED = base64.b64encode(b"hunter22").decode()


@pytest.fixture(scope="module")
def delivering(plane):
    """The application controller, while tests of this module run."""
    with (
        plane.portal.wrap_async_context_manager(laboratory.Interruptible()) as engine,
        plane.portal.wrap_async_context_manager(laboratory.connect(plane.kubeconfig)) as link,
    ):
        controller = laboratory.Plane(plane, link, engine)
        controller.start()
        yield controller
        controller.close()


@pytest.fixture
def lab(delivering, namespace):
    here = laboratory.Laboratory(delivering, namespace)
    yield here
    here.leave()


@pytest.fixture
def shell(lab, tmp_path):
    return Shell(lab.plane.kube.kubeconfig, tmp_path)


@pytest.fixture
def diff(lab, shell):
    """Runs `diff` on an application, or on what is already there when none is given."""

    def run(*words, app=None):
        files = ["-f", shell.write(documents.dump(app))] if app else []
        return shell.run("diff", *files, "-n", lab.namespace, *words)

    return run


def titles(result):
    """The lines that name an object."""
    starts = ("added ", "removed ", "changed ")
    return [line for line in result.stdout.splitlines() if line.startswith(starts)]


def changes(result):
    """The lines of the objects that differ, without those around them."""
    lines = result.stdout.splitlines()
    return [f"{line[0]}{line[1:].strip()}" for line in lines if line.startswith(("+", "-"))]


def test_what_is_not_there_is_added_and_nothing_is_written(diff, lab):
    result = diff("--exit-code", app=apps.app(apps.settings("a", {"colour": "red"})))
    assert result.exit_code == 1, result.output
    assert titles(result) == [
        f"added Application {lab.namespace}/shop",
        f"added ConfigMap {lab.namespace}/a",
    ]
    assert "+  colour: red" in result.stdout
    assert lab.find("Application", "shop") is None
    assert lab.find("ConfigMap", "a") is None


def test_what_is_delivered_as_it_is_declared_does_not_differ(diff, lab):
    app = apps.app(apps.webservice("web", cpu="0.5"), apps.settings("a", {"x": "1"}))
    lab.deliver(app)
    for result in (diff("--exit-code", app=app), diff("shop", "--exit-code")):
        assert (result.exit_code, result.stdout) == (Exit.OK, ""), result.output
        assert "Nothing differs." in result.stderr


def test_a_change_is_shown_without_what_the_api_server_fills_in(diff, lab):
    lab.deliver(apps.app(apps.webservice("web", "nginx:1")))
    # somebody else's field is no difference
    lab.patch("Deployment", "web", {"metadata": {"labels": {"team": "a"}}})
    result = diff(app=apps.app(apps.webservice("web", "nginx:2")))
    assert titles(result) == [
        f"changed Application {lab.namespace}/shop",
        f"changed Deployment {lab.namespace}/web: restarts its pods",
    ]
    of_deployment = result.stdout.partition("changed Deployment")[2]
    lines = [line for line in of_deployment.splitlines() if line.startswith(("+", "-"))]
    assert [line.split()[-2:] for line in lines] == [["image:", "nginx:1"], ["image:", "nginx:2"]]


def test_what_is_no_longer_declared_would_be_deleted(diff, lab):
    lab.deliver(apps.app(apps.settings("a"), apps.settings("b", {"x": "1"})))
    result = diff(app=apps.app(apps.settings("a")))
    assert f"removed ConfigMap {lab.namespace}/b" in titles(result)
    assert "-  x: '1'" in result.stdout.replace('"', "'")
    kept = apps.policy("keep", "garbage-collect", keepLegacyResource=True)
    result = diff(app=apps.app(apps.settings("a"), policies=[kept]))
    assert "removed" not in result.stdout


def test_what_drifted_is_put_back(diff, lab):
    once = apps.policy("once", "apply-once", enable=True)
    lab.deliver(apps.app(apps.settings("a", {"colour": "red"}), policies=[once]))
    lab.patch("ConfigMap", "a", {"data": {"colour": "blue"}})
    result = diff("shop")
    assert (titles(result), changes(result)) == (
        [f"changed ConfigMap {lab.namespace}/a"],
        ["-colour: blue", "+colour: red"],
    )


def test_secrets_are_not_shown(diff, lab):
    def app(password):
        secret = {**SECRET, "stringData": {"password": password}}
        url = {"url": f"db://me:{password}@here", "plain": "open"}
        return apps.app(apps.objects("login", secret), apps.settings("a", url))

    lab.deliver(app("hunter22"))
    for words in ((), ("-o", "json"), ("-o", "yaml"), ("-c", "100")):
        result = diff(*words, app=app("correct-horse"))
        assert "(hidden" in result.stdout, result.output
        for word in ("hunter22", "correct-horse"):
            assert word not in result.stdout
            assert base64.b64encode(word.encode()).decode() not in result.stdout
    changed = diff(app=app("correct-horse"))
    assert titles(changed) == [
        f"changed Application {lab.namespace}/shop",
        f"changed Secret {lab.namespace}/login",
        f"changed ConfigMap {lab.namespace}/a",
    ]
    assert changes(changed)[-2:] == ["-url: (hidden)", "+url: (hidden, changed)"]


def test_what_a_workflow_read_from_a_secret_is_not_shown(diff, lab):
    lab.apply(SECRET)
    secret = {"apiVersion": "v1", "kind": "Secret", "name": "login", "namespace": lab.namespace}
    output = {"name": "password", "valueFrom": "output.value.data.password"}
    read = apps.step("read", "read-object", properties=secret, outputs=[output])
    copy = {"value": lab.read(documents.dump(apps.configmap("a", plain="open")))}
    given = {"from": "password", "parameterKey": "value.data.copy"}
    write = apps.step("write", "apply-object", properties=copy, inputs=[given])
    lab.deliver(apps.app(apps.settings("b"), steps=[read, write]))
    assert lab.get("ConfigMap", "a")["data"]["copy"] == ENCODED
    result = diff(app=apps.app(apps.settings("b")))
    assert f"removed ConfigMap {lab.namespace}/a" in titles(result)
    assert "-  copy: (hidden)" in result.stdout
    assert ENCODED not in result.stdout


def test_the_fields_that_differ_as_data(diff, lab):
    lab.deliver(apps.app(apps.settings("a", {"x": "1", "gone": "y"})))
    app = apps.app(apps.settings("a", {"x": "2"}))
    found = json.loads(diff("-o", "json", app=app).stdout)
    assert found[1] == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "namespace": lab.namespace,
        "name": "a",
        "cluster": "",
        "change": "changed",
        "effect": "",
        "fields": [
            {"path": "data.gone", "before": "y"},
            {"path": "data.x", "before": "1", "after": "2"},
        ],
    }
    assert YAML(typ="safe").load(diff("-o", "yaml", app=app).stdout) == found


def test_revisions_are_compared(diff, lab):
    for colour in ("red", "green", "blue"):
        lab.deliver(apps.app(apps.settings("a", {"colour": colour})))
    for words, expected in (
        (("-r", "1", "-r", "v2"), ["-colour: red", "+colour: green"]),
        (("-r", "shop-v2", "1"), ["-colour: green", "+colour: red"]),
        (("-r", "2"), ["-colour: green", "+colour: blue"]),
        (("-r", "1,3"), ["-colour: red", "+colour: blue"]),
        (("-r", "3"), []),
    ):
        result = diff("shop", *words)
        assert changes(result)[-2:] == expected, words
    app = apps.app(apps.settings("a", {"colour": "white"}))
    assert changes(diff("-r", "2", app=app))[-2:] == ["-colour: green", "+colour: white"]
    unknown = diff("shop", "-r", "9")
    assert unknown.exit_code == Exit.NOT_FOUND
    assert "application shop has no revision 9" in unknown.stderr
    assert "there are: shop-v1, shop-v2, shop-v3" in unknown.stderr


def test_a_revision_has_the_definitions_of_its_time(diff, lab):
    lab.apply(apps.LAMP.replace("data: colour:", 'data: made: "first"\n          data: colour:'))
    lab.apply(apps.app(apps.lamp("a"), policies=[apps.policy("x", "apply-once", enable=True)]))
    lab.until("stored", lambda app: bool(app["status"].get("latestRevision")))
    lab.apply(apps.LAMP)
    app = apps.app(apps.lamp("a", "blue"))
    assert set(changes(diff("-r", "1", app=app))[-3:]) == {
        "-colour: red",
        "-made: first",
        "+colour: blue",
    }


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param((), "name an application, or give a file with -f", id="nothing"),
        pytest.param(("shop", "v2"), "give --revision", id="one revision in the wrong place"),
        pytest.param(("shop", "-r", "1,2,3"), "more revisions than can be compared", id="three"),
        pytest.param(("shop", "-d", "x"), "--definitions are for files", id="definitions"),
        pytest.param(("shop", "-f", "x.yaml"), "not both", id="an application and a file"),
    ],
)
def test_wrong_use(shell, words, said):
    result = shell.run("diff", *words)
    assert result.exit_code == Exit.INPUT
    assert said in " ".join(result.stderr.replace("│", " ").split())


def test_live_diff_is_the_same_command(shell, lab):
    lab.deliver(apps.app(apps.settings("a")))
    result = shell.run("live-diff", "shop", "-n", lab.namespace)
    assert (result.exit_code, result.stdout) == (Exit.OK, ""), result.output


def test_what_is_wrong_in_a_file_is_said_first(diff, lab):
    result = diff(app=apps.app({"name": "a", "type": "webservice", "properties": {"image": 1}}))
    assert result.exit_code == Exit.INPUT
    assert "expected string, found number 1" in result.stderr

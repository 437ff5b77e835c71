"""Which control plane is chosen, and what its kubeconfig gives."""

from __future__ import annotations

import base64
import stat

import pytest

from lateen.base import documents
from lateen.base.problem import Problem
from lateen.hub import kubeconfig

pytestmark = pytest.mark.anyio


def write(path, *, server="http://10.0.0.1:80/", user=None, context="here", cluster=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        documents.dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "c", "cluster": {"server": server, **(cluster or {})}}],
                "users": [{"name": "u", "user": user or {}}],
                "contexts": [{"name": context, "context": {"cluster": "c", "user": "u"}}],
                "current-context": context,
            }
        )
    )
    return path


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({"explicit", "environ", "standalone", "home"}, "explicit", id="the option"),
        pytest.param({"environ", "standalone", "home"}, "environ", id="then $KUBECONFIG"),
        pytest.param({"standalone", "home"}, "standalone", id="then a running standalone"),
        pytest.param({"home"}, "home", id="then ~/.kube/config"),
    ],
)
def test_choosing(tmp_path, given, expected):
    places = {
        "explicit": tmp_path / "explicit",
        "environ": tmp_path / "environ",
        "standalone": tmp_path / "standalone",
        "home": tmp_path / ".kube" / "config",
    }
    for name in given:
        write(places[name])
    chosen = kubeconfig.choose(
        places["explicit"] if "explicit" in given else None,
        {"KUBECONFIG": str(places["environ"])} if "environ" in given else {},
        standalone=places["standalone"] if "standalone" in given else None,
        home=tmp_path,
    )
    assert chosen == str(places[expected])


def test_with_none_it_says_what_to_do(tmp_path):
    with pytest.raises(Problem) as caught:
        kubeconfig.choose(None, {"KUBECONFIG": ""}, standalone=None, home=tmp_path)
    assert caught.value.code == "hub.no-control-plane"
    assert "lateen start" in caught.value.hint


@pytest.mark.parametrize(
    ("explicit", "environ", "named"),
    [
        pytest.param("/none/a", {}, "--kubeconfig", id="the option"),
        pytest.param(None, {"KUBECONFIG": "/none/a:/none/b"}, "$KUBECONFIG", id="the environment"),
    ],
)
def test_one_that_was_asked_for_must_exist(tmp_path, explicit, environ, named):
    write(tmp_path / ".kube" / "config")
    with pytest.raises(Problem) as caught:
        kubeconfig.choose(explicit, environ, standalone=None, home=tmp_path)
    assert caught.value.code == "hub.kubeconfig"
    assert named in caught.value.message


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        pytest.param({}, "", id="nobody"),
        pytest.param({"token": "abc"}, "Bearer abc", id="a token"),
        pytest.param({"tokenFile": "token"}, "Bearer from-file", id="a file beside the kubeconfig"),
        pytest.param({"token": "abc", "tokenFile": "token"}, "Bearer abc", id="the token wins"),
        pytest.param(
            {"username": "mary", "password": "pw"},
            "Basic " + base64.b64encode(b"mary:pw").decode(),
            id="a password",
        ),
    ],
)
async def test_credentials(tmp_path, user, expected):
    (tmp_path / "token").write_text("from-file\n")
    access = await kubeconfig.load(write(tmp_path / "config", user=user))
    assert access.authorization == expected
    assert access.server == "http://10.0.0.1:80"
    assert access.tls is None
    assert not access.local


async def test_an_exec_plugin_is_run(tmp_path):
    plugin = tmp_path / "plugin"
    plugin.write_text(
        "#!/bin/sh\n"
        'echo \'{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",'
        ' "status": {"token": "fetched"}}\'\n'
    )
    plugin.chmod(stat.S_IRWXU)
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin)}}
    access = await kubeconfig.load(write(tmp_path / "config", user=user))
    assert access.authorization == "Bearer fetched"


@pytest.mark.parametrize(
    "script",
    [
        pytest.param("echo login first >&2; exit 1", id="it fails"),
        pytest.param("echo nonsense", id="it talks nonsense"),
        pytest.param(None, id="it is not there"),
    ],
)
async def test_an_exec_plugin_that_does_not_help(tmp_path, script):
    plugin = tmp_path / "plugin"
    if script is not None:
        plugin.write_text(f"#!/bin/sh\n{script}\n")
        plugin.chmod(stat.S_IRWXU)
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin)}}
    with pytest.raises(Problem) as caught:
        await kubeconfig.load(write(tmp_path / "config", user=user))
    assert caught.value.code == "hub.credentials"


async def test_several_files_are_one(tmp_path):
    first = write(tmp_path / "1", server="http://one", context="first")
    second = write(tmp_path / "2", server="http://two", context="second")
    both = f"{first}:{tmp_path / 'missing'}:{second}"
    assert (await kubeconfig.load(both)).server == "http://one"
    # both name their cluster `c`: the first file to name something counts
    assert (await kubeconfig.load(both, "second")).server == "http://one"
    assert (await kubeconfig.load(second, "second")).server == "http://two"


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        pytest.param("a: [", "yaml.syntax", "", id="no YAML"),
        pytest.param("- a", "hub.kubeconfig", "is not a kubeconfig", id="no map"),
        pytest.param("", "hub.kubeconfig", "is not a kubeconfig", id="empty"),
        pytest.param("kind: Config", "hub.kubeconfig", "no current context", id="no context"),
        pytest.param("current-context: x", "hub.kubeconfig", "no context x", id="not that one"),
        pytest.param(
            "{current-context: x, contexts: [{name: x, context: {cluster: c}}]}",
            "hub.kubeconfig",
            "no cluster c",
            id="no cluster",
        ),
        pytest.param(
            "{current-context: x, contexts: [{name: x, context: {cluster: c}}],"
            " clusters: [{name: c, cluster: {server: 'https://a', certificate-authority: no}}]}",
            "hub.kubeconfig",
            "No such file",
            id="a certificate that is not there",
        ),
        pytest.param(
            "{current-context: x, contexts: [{name: x, context: {cluster: c}}],"
            " clusters: [{name: c, cluster: {server: 'https://a',"
            " certificate-authority-data: eHg=}}]}",
            "hub.kubeconfig",
            "cannot be used",
            id="a certificate that is none",
        ),
    ],
)
async def test_files_that_cannot_be_used(tmp_path, text, code, words):
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(Problem) as caught:
        await kubeconfig.load(path)
    assert caught.value.code == code
    assert words in caught.value.message


async def test_a_context_is_suggested(tmp_path):
    with pytest.raises(Problem) as caught:
        await kubeconfig.load(write(tmp_path / "config", context="production"), "prodution")
    assert caught.value.hint == 'did you mean "production"?'


async def test_the_proxy_of_the_environment_is_not_for_this_machine(tmp_path, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://proxy:3128")
    monkeypatch.delenv("no_proxy", raising=False)
    there = await kubeconfig.load(write(tmp_path / "a"))
    here = await kubeconfig.load(write(tmp_path / "b", server="http://127.0.0.1:8080"))
    assert (there.proxy, here.proxy) == ("http://proxy:3128", "")
    assert here.local

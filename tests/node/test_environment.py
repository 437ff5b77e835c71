"""Variables, references and command lines of a container."""

from __future__ import annotations

import base64

import pytest

from lateen.base.problem import Problem
from lateen.node import environment
from lateen.node.environment import Reference, Sources

POD = {
    "metadata": {"name": "web-1", "namespace": "prod", "uid": "u", "labels": {"a.b/c": "d"}},
    "spec": {"nodeName": "lateen"},
    "status": {"podIP": "10.0.0.2", "hostIP": "127.0.0.1"},
}
SOURCES = Sources(
    {Reference("Secret", "db"): {"user": "me"}, Reference("ConfigMap", "conf"): {"A": "1"}}
)


def build(*env, env_from=(), **container):
    spec = {"name": "web", "env": list(env), "envFrom": list(env_from), **container}
    return environment.build(spec, POD, SOURCES, {"BASE": "b"})


def reference(kind, name, key, **rest):
    return {"name": "X", "valueFrom": {kind: {"name": name, "key": key, **rest}}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("$(A)-$(B)", "1-2", id="each reference is replaced"),
        pytest.param("$(NONE)", "$(NONE)", id="an unknown one stays"),
        pytest.param("$$(A)", "$(A)", id="a doubled dollar escapes"),
        pytest.param("$$$(A)", "$1", id="an escape before a reference"),
        pytest.param("$A ${A}", "$A ${A}", id="the shell's references are the shell's"),
    ],
)
def test_expansion(text, expected):
    assert environment.expand(text, {"A": "1", "B": "2"}) == expected


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        pytest.param(
            {"name": "X", "value": "$(BASE)!"}, "b!", id="text, with what is known so far"
        ),
        pytest.param({"name": "X"}, "", id="nothing given is empty"),
        pytest.param(reference("secretKeyRef", "db", "user"), "me", id="a Secret"),
        pytest.param(reference("configMapKeyRef", "conf", "A"), "1", id="a ConfigMap"),
        pytest.param(reference("secretKeyRef", "db", "no", optional=True), None, id="optional key"),
        pytest.param(
            reference("secretKeyRef", "no", "x", optional=True), None, id="optional Secret"
        ),
        *(
            pytest.param(
                {"name": "X", "valueFrom": {"fieldRef": {"fieldPath": path}}}, value, id=path
            )
            for path, value in {
                "metadata.name": "web-1",
                "metadata.namespace": "prod",
                "metadata.uid": "u",
                "metadata.labels['a.b/c']": "d",
                "status.podIP": "10.0.0.2",
                "status.hostIP": "127.0.0.1",
                "spec.nodeName": "lateen",
            }.items()
        ),
    ],
)
def test_values(entry, expected):
    assert build(entry).get("X") == expected


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (reference("secretKeyRef", "db", "no"), "Secret db has no key no"),
        (reference("secretKeyRef", "no", "x"), "Secret no does not exist"),
        (reference("configMapKeyRef", "no", "x"), "ConfigMap no does not exist"),
    ],
)
def test_what_is_missing_is_named(entry, message):
    with pytest.raises(Problem) as caught:
        build(entry)
    assert (caught.value.code, caught.value.message) == ("node.config", message)


def test_env_wins_over_env_from_over_base():
    sources = [{"configMapRef": {"name": "conf"}}, {"secretRef": {"name": "db"}, "prefix": "DB_"}]
    assert build(env_from=sources) == {"BASE": "b", "A": "1", "DB_user": "me"}
    assert build({"name": "A", "value": "2"}, env_from=sources)["A"] == "2"


def test_references_name_what_must_be_read():
    container = {
        "env": [reference("secretKeyRef", "db", "user"), {"name": "Y", "value": "z"}],
        "envFrom": [{"configMapRef": {"name": "conf"}}],
    }
    assert environment.references(container) == set(SOURCES.objects)


def test_a_process_is_given_little_of_the_nodes_own_environment():
    host = {"PATH": "/bin", "HOME": "/root", "LATEEN_TOKEN": "secret"}
    container = {"ports": [{"containerPort": 8080}, {"containerPort": 9090}]}
    assert environment.base(container, "10.0.0.2", {"my-data": "/x"}, host) == {
        "PATH": "/bin",
        "HOME": "/root",
        "HOST": "10.0.0.2",
        "PORT": "8080",
        "LATEEN_VOLUME_MY_DATA": "/x",
    }


def test_command_and_arguments_are_expanded():
    container = {"name": "web", "command": ["serve"], "args": ["--port=$(PORT)"]}
    assert environment.command(container, {"PORT": "80"}) == ["serve", "--port=80"]


def test_a_process_needs_a_command():
    with pytest.raises(Problem, match="has no command"):
        environment.command({"name": "web", "image": "nginx"}, {})


def test_secrets_are_decoded():
    encoded = base64.b64encode(b"s3cret").decode()
    assert environment.decode({"kind": "Secret", "data": {"k": encoded}}) == {"k": "s3cret"}
    assert environment.decode({"kind": "ConfigMap", "data": {"k": "v"}}) == {"k": "v"}

"""Names of images, whose credentials are for which, and where engines are looked for."""

from __future__ import annotations

import base64
import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from lateen import app
from lateen.base.problem import Problem
from lateen.node import engines, images, pausing
from tests.node.conftest import settings_at


def secret(**auths):
    entries = {
        name.replace("__", "/"): {"auth": base64.b64encode(f"{user}:pw".encode()).decode()}
        for name, user in auths.items()
    }
    return {".dockerconfigjson": json.dumps({"auths": entries})}


@pytest.mark.parametrize(
    ("image", "auths", "users"),
    [
        pytest.param("r.io/app:1", {"r.io": "a"}, ["a"], id="by host"),
        pytest.param("r.io/app:1", {"https://r.io/v1/": "a"}, ["a"], id="written as an address"),
        pytest.param("r.io/app:1", {"other.io": "a"}, [], id="another host"),
        pytest.param(
            "r.io/team/app:1", {"r.io": "a", "r.io/team": "b"}, ["b", "a"], id="nearest path first"
        ),
        pytest.param("r.io/teams/app", {"r.io/team": "b"}, [], id="a path is whole words"),
        pytest.param("nginx", {"https://index.docker.io/v1/": "a"}, ["a"], id="the Docker Hub"),
        pytest.param("r.io:5000/app@sha256:0", {"r.io:5000": "a"}, ["a"], id="port and digest"),
    ],
)
def test_credentials(image, auths, users):
    found = images.credentials(image, [secret(**auths)])
    assert [each["username"] for each in found] == users
    assert all(each["password"] == "pw" for each in found)


@pytest.mark.parametrize("text", ["no json", "[]", '{"auths": {"r.io": {"auth": "%%%"}}}'])
def test_a_broken_pull_secret_is_said(text):
    with pytest.raises(Problem, match="pull Secret"):
        images.credentials("r.io/app", [{".dockerconfigjson": text}])


@pytest.mark.parametrize(
    ("chosen", "environment", "first"),
    [
        pytest.param("/x/y.sock", {"DOCKER_HOST": "unix:///z"}, "/x/y.sock", id="as told"),
        pytest.param("auto", {"DOCKER_HOST": "unix:///z"}, "/z", id="DOCKER_HOST"),
        pytest.param("auto", {}, "/var/run/docker.sock", id="the usual place"),
    ],
)
def test_where_an_engine_is_looked_for(chosen, environment, first):
    assert engines.sockets(chosen, environment)[0] == Path(first)


def test_rootless_podman_is_found():
    assert Path("/run/user/7/podman/podman.sock") in engines.sockets(
        "auto", {"XDG_RUNTIME_DIR": "/run/user/7"}
    )


def test_no_engine_is_wanted():
    assert engines.sockets("none", {"DOCKER_HOST": "unix:///z"}) == []


def test_an_engine_of_another_machine_is_refused():
    with pytest.raises(Problem, match="only in engines of this machine"):
        engines.sockets("auto", {"DOCKER_HOST": "tcp://10.0.0.1:2375"})


def test_the_program_that_pauses_does(tmp_path):
    import platform

    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine())
    if machine is None or platform.system() != "Linux":
        pytest.skip("no program for this machine")
    file = tmp_path / "pause"
    file.write_bytes(pausing.program(machine))
    file.chmod(0o755)
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run([str(file)], timeout=0.3, check=False)


@pytest.mark.parametrize(
    ("text", "environment", "expected"),
    [
        pytest.param(None, {}, {}, id="nothing is set"),
        pytest.param("strict_parameters: true", {}, {}, id="other things are set"),
        pytest.param(
            "image_keep_hours: 0.5",
            {},
            {"thrift": images.Thrift(1800, 0.85)},
            id="how long images are kept, in the file",
        ),
        pytest.param(
            None,
            {"LATEEN_IMAGE_DISK_PERCENT": "101"},
            {"thrift": images.Thrift(full=1.01)},
            id="how long images are kept, by a variable",
        ),
        pytest.param("process_pids: 0", {}, {"process_pids": 0}, id="any number of processes"),
        pytest.param(
            None, {"LATEEN_PROCESS_PIDS": "64"}, {"process_pids": 64}, id="few, by a variable"
        ),
    ],
)
def test_what_an_operator_sets_of_a_node(text, environment, expected, tmp_path, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    if text:
        (tmp_path / "settings.yaml").write_text(text)
    usual = settings_at(tmp_path)
    order = app.Order(tmp_path / "kubeconfig", tmp_path, None)
    assert app._bounded(usual, order) == replace(usual, **expected)

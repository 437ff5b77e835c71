"""What the engine is told to make of a container."""

from __future__ import annotations

import pytest

from lateen.base.problem import Problem
from lateen.node import creating
from lateen.node.creating import Setting
from lateen.node.drivers import Launch

IMAGE = {"Id": "sha256:1", "Config": {"User": "app"}}
MOUNT = {"name": "data", "mountPath": "/d"}
ROOT = {"Id": "sha256:1", "Config": {"User": ""}}


def made(spec=None, pod=None, image=IMAGE, command=(), args=(), sandbox="s"):
    launch = Launch(
        "main",
        2,
        command,
        {"A": "1"},
        "",
        5.0,
        args=args,
        pod={"metadata": {"uid": "u", "name": "web"}, "spec": pod or {}},
        spec=spec or {},
        places={"data": "/pods/u/data"},
    )
    return creating.container(launch, image, Setting({"l": "1"}, sandbox, {"/etc/hosts": "/h"}))


@pytest.mark.parametrize(
    ("spec", "pod", "key", "expected"),
    [
        pytest.param({}, {}, "NetworkMode", "container:s", id="joins its sandbox"),
        pytest.param({}, {}, "IpcMode", "container:s", id="and its IPC"),
        pytest.param(
            {}, {"shareProcessNamespace": True}, "PidMode", "container:s", id="and its processes"
        ),
        pytest.param({}, {"hostPID": True}, "PidMode", "host", id="sees those of the machine"),
        pytest.param(
            {"resources": {"limits": {"cpu": "250m"}}}, {}, "NanoCpus", 250_000_000, id="cpu limit"
        ),
        pytest.param(
            {"resources": {"limits": {"memory": "1Mi"}}}, {}, "MemorySwap", 1 << 20, id="no swap"
        ),
        pytest.param(
            {"resources": {"requests": {"cpu": "500m"}}}, {}, "CpuShares", 512, id="cpu request"
        ),
        pytest.param(
            {
                "volumeMounts": [
                    {"name": "data", "mountPath": "/d", "subPath": "x", "readOnly": True}
                ]
            },
            {},
            "Binds",
            ["/pods/u/data/x:/d:ro", "/h:/etc/hosts"],
            id="a part of a volume, to read",
        ),
        pytest.param(
            {"volumeMounts": [{"name": "token", "mountPath": "/var/run/secrets"}]},
            {},
            "Binds",
            ["/h:/etc/hosts"],
            id="a volume that was left out is not mounted",
        ),
        pytest.param(
            {"securityContext": {"allowPrivilegeEscalation": False}},
            {},
            "SecurityOpt",
            ["no-new-privileges"],
            id="no new privileges",
        ),
        pytest.param({}, {"securityContext": {"fsGroup": 7}}, "GroupAdd", ["7"], id="fsGroup"),
    ],
)
def test_host_configuration(spec, pod, key, expected):
    assert made(spec, pod)["HostConfig"][key] == expected


@pytest.mark.parametrize(
    ("command", "args", "expected"),
    [
        pytest.param((), (), (None, None), id="all from the image"),
        pytest.param((), ("a",), (None, ["a"]), id="arguments for the image's own"),
        pytest.param(("c",), (), (["c"], []), id="those of the image are for its own"),
        pytest.param(("c",), ("a",), (["c"], ["a"]), id="both"),
    ],
)
def test_command(command, args, expected):
    config = made(command=command, args=args)
    assert (config.get("Entrypoint"), config.get("Cmd")) == expected


@pytest.mark.parametrize(
    ("security", "expected"),
    [
        pytest.param({}, None, id="whom the image says"),
        pytest.param({"runAsUser": 5}, "5", id="a user"),
        pytest.param({"runAsGroup": 6}, "app:6", id="the image's user in a group"),
        pytest.param({"runAsUser": 0, "runAsGroup": 6}, "0:6", id="root in a group"),
    ],
)
def test_user(security, expected):
    assert made({"securityContext": security}).get("User") == expected


def test_one_that_must_not_be_root_is_refused():
    with pytest.raises(Problem, match="must not run as root"):
        made({"securityContext": {"runAsNonRoot": True}}, image=ROOT)


@pytest.mark.parametrize("path", ["../x", "/x", "a/../../x"])
def test_a_sub_path_stays_in_its_volume(path):
    with pytest.raises(Problem, match="leads out of volume data"):
        made({"volumeMounts": [{"name": "data", "mountPath": "/d", "subPath": path}]})


def test_ports_are_published_where_no_network_is_plugged_in():
    spec = {
        "containers": [{"ports": [{"containerPort": 80}, {"containerPort": 53, "protocol": "UDP"}]}]
    }
    pod = {"metadata": {"name": "web"}, "spec": spec}
    host = creating.sandbox(pod, "i", Setting({}), "127.64.0.2")["HostConfig"]
    assert host["NetworkMode"] == "bridge"
    assert host["PortBindings"] == {
        "53/udp": [{"HostIp": "127.64.0.2", "HostPort": "53"}],
        "80/tcp": [{"HostIp": "127.64.0.2", "HostPort": "80"}],
    }
    host = creating.sandbox(pod, "i", Setting({}), "127.64.0.2", lowest=80)["HostConfig"]
    assert host["PortBindings"] == {
        "53/udp": [{"HostIp": "127.64.0.2", "HostPort": "61053"}],  # which not everybody may have
        "80/tcp": [{"HostIp": "127.64.0.2", "HostPort": "80"}],
    }

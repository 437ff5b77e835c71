"""From a container of a pod to what the Docker Engine API makes containers from. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lateen.base import lifting, quantity
from lateen.base.problem import Problem
from lateen.node import pausing, volumes
from lateen.node.drivers import Launch

Config = dict[str, Any]

PLANE = "dev.lateen.plane"
POD = "dev.lateen.pod"
CONTAINER = "dev.lateen.container"
ATTEMPT = "dev.lateen.attempt"

_SHARES = 1024  # of a whole core, as the kernel counts them
_ROOTS = frozenset({"", "0", "root"})


@dataclass(frozen=True)
class Setting:
    """Where a container is put. `sandbox` is the container whose network it joins, empty for that
    of the machine; `files` are files of the machine by their place in every container.
    """

    labels: Mapping[str, str]
    sandbox: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    hostname: str = ""  # where it does not come with the network


def container(launch: Launch, image: Mapping[str, Any], setting: Setting) -> Config:
    """What makes one attempt. `image` is as the engine shows it.

    Raises:
        Problem: `node.config` for what cannot be as the pod wants it.
    """
    assert launch.pod is not None
    spec, pod = launch.spec, launch.pod.get("spec") or {}
    security = {**(pod.get("securityContext") or {}), **(spec.get("securityContext") or {})}
    network = f"container:{setting.sandbox}" if setting.sandbox else "host"
    host: Config = {
        "NetworkMode": network,
        "Binds": [*_mounts(launch), *(f"{at}:{to}" for to, at in setting.files.items())],
        "RestartPolicy": {"Name": "no"},
        **_limits(spec.get("resources") or {}),
        **_rights(security),
    }
    if pod.get("shareProcessNamespace") and setting.sandbox:
        host["PidMode"] = network
    if pod.get("hostPID"):
        host["PidMode"] = "host"
    if pod.get("hostIPC"):
        host["IpcMode"] = "host"
    elif setting.sandbox:
        host["IpcMode"] = network
    made: Config = {
        "Image": image["Id"],
        "Env": [f"{name}={value}" for name, value in launch.env.items()],
        "Labels": {
            **setting.labels,
            CONTAINER: launch.container,
            ATTEMPT: str(launch.number),
        },
        "Tty": bool(spec.get("tty")),
        "OpenStdin": bool(spec.get("stdin")),
        "StdinOnce": bool(spec.get("stdinOnce")),
        "HostConfig": host,
    }
    if launch.command:
        made["Entrypoint"] = list(launch.command)
        made["Cmd"] = list(launch.args)  # those of the image belong to its own entrypoint
    elif launch.args:
        made["Cmd"] = list(launch.args)
    if setting.hostname:
        made["Hostname"] = setting.hostname
    if launch.directory:
        made["WorkingDir"] = launch.directory
    if user := _user(security, image, launch.container):
        made["User"] = user
    return made


def sandbox(
    pod: Mapping[str, Any], image: str, setting: Setting, publish: str | None, lowest: int = 0
) -> Config:
    """What holds a pod's network. With `publish` its ports answer at that address of the machine,
    none below `lowest`; without, somebody else plugs the network in.
    """
    spec = pod.get("spec") or {}
    host: Config = {"NetworkMode": "none", "RestartPolicy": {"Name": "no"}, "IpcMode": "shareable"}
    made: Config = {
        "Image": image,
        "Entrypoint": [pausing.PROGRAM],
        "Hostname": hostname(pod),
        "Labels": dict(setting.labels),
        "HostConfig": host,
    }
    sysctls = (spec.get("securityContext") or {}).get("sysctls") or ()
    if sysctls:
        host["Sysctls"] = {each["name"]: each["value"] for each in sysctls}
    if publish is not None:
        host["NetworkMode"] = "bridge"
        ports = sorted(_ports(spec))
        made["ExposedPorts"] = {port: {} for port in ports}
        host["PortBindings"] = {
            port: [{"HostIp": publish, "HostPort": _lifted(publish, port, lowest)}]
            for port in ports
        }
    return made


def _lifted(address: str, port: str, lowest: int) -> str:
    return str(lifting.lift(address, int(port.partition("/")[0]), lowest))


def hostname(pod: Mapping[str, Any]) -> str:
    spec = pod.get("spec") or {}
    return str(spec.get("hostname") or pod["metadata"].get("name") or "pod")[:63].rstrip("-.")


def hosts(pod: Mapping[str, Any], address: str) -> str:
    """The pod's /etc/hosts."""
    spec = pod.get("spec") or {}
    name = hostname(pod)
    if spec.get("subdomain"):
        space = pod["metadata"].get("namespace", "default")
        name = f"{name}.{spec['subdomain']}.{space}.svc.cluster.local {name}"
    lines = ["127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback"]
    lines.append(f"{address}\t{name}")
    aliases = spec.get("hostAliases") or ()
    lines += [f"{each['ip']}\t{' '.join(each.get('hostnames') or ())}" for each in aliases]
    return "\n".join(lines) + "\n"


def _ports(spec: Mapping[str, Any]) -> Iterator[str]:
    for each in spec.get("containers") or ():
        for port in each.get("ports") or ():
            yield f"{port['containerPort']}/{str(port.get('protocol') or 'TCP').lower()}"


def _mounts(launch: Launch) -> Iterator[str]:
    for mount in volumes.mounts(launch):
        yield f"{mount.source}:{mount.target}:{'ro' if mount.read_only else 'rw'}"


def _limits(resources: Mapping[str, Any]) -> Config:
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    made: Config = {}
    if cpu := quantity.parse(limits.get("cpu")):
        made["NanoCpus"] = int(cpu * 10**9)
    if memory := quantity.parse(limits.get("memory")):
        made["Memory"] = made["MemorySwap"] = int(memory)
    if share := quantity.parse(requests.get("cpu")):
        made["CpuShares"] = max(2, int(share * _SHARES))
    return made


def _rights(security: Mapping[str, Any]) -> Config:
    made: Config = {}
    options = []
    if security.get("privileged"):
        made["Privileged"] = True
    if security.get("readOnlyRootFilesystem"):
        made["ReadonlyRootfs"] = True
    if security.get("allowPrivilegeEscalation") is False:
        options.append("no-new-privileges")
    if (security.get("seccompProfile") or {}).get("type") == "Unconfined":
        options.append("seccomp=unconfined")
    capabilities = security.get("capabilities") or {}
    for name, key in (("add", "CapAdd"), ("drop", "CapDrop")):
        if capabilities.get(name):
            made[key] = list(capabilities[name])
    groups = [*(security.get("supplementalGroups") or ())]
    if security.get("fsGroup") is not None:
        groups.append(security["fsGroup"])
    if groups:
        made["GroupAdd"] = [str(group) for group in groups]
    if options:
        made["SecurityOpt"] = options
    return made


def _user(security: Mapping[str, Any], image: Mapping[str, Any], name: str) -> str:
    """Who it runs as, empty for whom the image says."""
    user, group = security.get("runAsUser"), security.get("runAsGroup")
    of_image = str((image.get("Config") or {}).get("User") or "")
    chosen = str(user) if user is not None else of_image
    if security.get("runAsNonRoot") and chosen.partition(":")[0] in _ROOTS:
        raise Problem(
            "node.config",
            f"container {name} must not run as root, and its image says no other user",
            hint="set securityContext.runAsUser",
        )
    if group is not None:
        return f"{chosen.partition(':')[0] or '0'}:{group}"
    return str(user) if user is not None else ""

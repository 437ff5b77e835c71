"""A container engine for tests: Podman on a socket of its own, an image, a registry.

Its storage, settings and images are in one directory and end with it. It is set up to work inside
another sandbox: runc, storage without a driver of the kernel, no limit above those we have.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import platform
import random
import resource
import shutil
import signal
import socket
import subprocess
import tarfile
import time
from pathlib import Path

PROGRAMS = {
    "podman": "podman",
    "runc": "runc",
    "busybox": "busybox-static",
    "docker-registry": "docker-registry",
}
IMAGE = "localhost/tiny:latest"
_TOOLS = (
    "cat echo env false head hostname httpd id kill ls mkdir nc nslookup ps rm sh sleep stat tar "
    "test touch tr true wget"
)


def missing() -> list[str]:
    """Debian packages that have to be installed for the tests of containers."""
    return sorted({package for name, package in PROGRAMS.items() if not shutil.which(name)})


def layer() -> bytes:
    """A tar of a root directory in which busybox is everything."""
    found = shutil.which("busybox")
    assert found is not None
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        tar.add(found, "bin/busybox")
        for name in _TOOLS.split():
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
        for name, mode in (("bin", 0o755), ("tmp", 0o777), ("etc", 0o755), ("root", 0o700)):
            directory = tarfile.TarInfo(name)
            directory.type, directory.mode = tarfile.DIRTYPE, mode
            tar.addfile(directory)
    return out.getvalue()


class Podman:
    """`start` and `kill` may be called again and again; containers outlive the service."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.socket = directory / "podman.sock"
        self.registry = f"127.0.0.1:{_free_port()}"
        self._service: subprocess.Popen[bytes] | None = None
        self._registry: subprocess.Popen[bytes] | None = None
        self._configure("enabled")
        self._load()
        try:
            self.run("run", "--rm", "--network=none", IMAGE, "/bin/true")
        except AssertionError:  # no cgroups to be had here
            self._configure("disabled")
            self.run("run", "--rm", "--network=none", IMAGE, "/bin/true")

    def bridges(self) -> bool:
        """Whether it can make networks of its own here."""
        try:
            self.run("run", "--rm", "--network=bridge", IMAGE, "/bin/true")
        except AssertionError:
            return False
        return True

    def _configure(self, cgroups: str) -> None:
        hard = {
            name: min(resource.getrlimit(kind)[1], 1 << 15)
            for name, kind in (("nofile", resource.RLIMIT_NOFILE), ("nproc", resource.RLIMIT_NPROC))
        }
        ulimits = ", ".join(f'"{name}={value}:{value}"' for name, value in hard.items())
        self.limits = cgroups == "enabled"
        (self.directory / "containers.conf").write_text(
            f"""[containers]
cgroups = "{cgroups}"
default_ulimits = [{ulimits}]
log_driver = "k8s-file"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""
        )
        (self.directory / "storage.conf").write_text(
            f"""[storage]
driver = "vfs"
graphroot = "{self.directory}/storage"
runroot = "{self.directory}/run"
"""
        )
        (self.directory / "registries.conf").write_text(
            f'[[registry]]\nlocation = "{self.registry}"\ninsecure = true\n'
        )
        self.environment = {
            **os.environ,
            "CONTAINERS_CONF": str(self.directory / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self.directory / "storage.conf"),
            "CONTAINERS_REGISTRIES_CONF": str(self.directory / "registries.conf"),
            "TMPDIR": str(self.directory),
        }

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            ["podman", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, f"podman {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def _load(self) -> None:
        file = self.directory / "tiny.tar"
        file.write_bytes(layer())
        self.run("import", "--change", "ENV PATH=/bin", str(file), IMAGE)

    def start(self) -> None:
        with (self.directory / "service.log").open("ab") as log:
            self._service = subprocess.Popen(
                ["podman", "system", "service", "--time=0", f"unix://{self.socket}"],
                env=self.environment,
                cwd=self.directory,  # where conmon leaves a file when memory runs out
                stderr=log,
            )
        deadline = time.monotonic() + 20
        while True:
            with socket.socket(socket.AF_UNIX) as trial:
                try:
                    trial.connect(str(self.socket))
                    return
                except OSError:
                    assert time.monotonic() < deadline, "podman does not listen"
            time.sleep(0.05)

    def kill(self) -> None:
        """The service dies, and its socket with it; what runs goes on."""
        if self._service is not None:
            self._service.send_signal(signal.SIGKILL)
            self._service.wait(20)
            self._service = None
            self.socket.unlink(missing_ok=True)

    def freeze(self) -> None:
        """It takes what it is asked, and does not answer."""
        assert self._service is not None
        self._service.send_signal(signal.SIGSTOP)

    def lose(self, container: str) -> None:
        """As if it had died while it removed the container. It must not run."""
        file = self.directory / "storage/vfs-containers/containers.json"
        kept = [each for each in json.loads(file.read_text()) if each["id"] != container]
        file.write_text(json.dumps(kept))

    def publish(self, image: str, credentials: str) -> None:
        """Put an image into the registry that is like no other, and keep none of it."""
        change = f"--change=LABEL name={image}"
        self.run("import", change, str(self.directory / "tiny.tar"), image)
        self.run("push", f"--creds={credentials}", image)
        self.run("rmi", image)

    def has(self, image: str) -> bool:
        return image in self.run("images", "--format", "{{.Repository}}:{{.Tag}}").split()

    def containers(self, *filters: str) -> list[str]:
        """Names of all containers there are, running or not."""
        asked = [f"--filter={each}" for each in filters]
        return self.run("ps", "-a", "--format", "{{.Names}}", *asked).split()

    def serve_registry(self, name: str, password: str) -> None:
        """A registry that knows one user, unless there is one already."""
        if self._registry is not None:
            return
        place = self.directory / "registry"
        place.mkdir(exist_ok=True)
        (place / "users").write_text(f"{name}:{_bcrypt(password)}\n")
        (place / "config.yml").write_text(
            f"""version: 0.1
log: {{level: error}}
storage: {{filesystem: {{rootdirectory: {place}/data}}}}
http: {{addr: "{self.registry}"}}
auth: {{htpasswd: {{realm: test, path: {place}/users}}}}
"""
        )
        with (place / "log").open("ab") as log:
            self._registry = subprocess.Popen(
                ["docker-registry", "serve", str(place / "config.yml")], stdout=log, stderr=log
            )
        host, _, port = self.registry.partition(":")
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection((host, int(port)), 1).close()
                return
            except OSError:
                assert time.monotonic() < deadline, (place / "log").read_text()
            time.sleep(0.05)

    def stop_registry(self) -> None:
        if self._registry is not None:
            self._registry.kill()
            self._registry.wait(20)
            self._registry = None

    def close(self) -> None:
        self.stop_registry()
        # what holds a network goes after those in it
        for name in sorted(self.containers(), key=lambda name: name.endswith("-pause")):
            self.run("rm", "--force", "--time=0", name)
        self.kill()


def _bcrypt(password: str) -> str:
    import bcrypt

    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()


def _free_port() -> int:
    """One to come back to: below those that the kernel gives to whoever asks for any."""
    while True:
        port = random.randrange(15_000, 30_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def reason() -> str:
    """Why there can be no engine here, empty when there can."""
    if platform.system() != "Linux" or os.geteuid() != 0:
        return "containers are tested as root on Linux"
    return ""

"""How fast and at what cost applications are delivered: `make bench`.

Runs the embedded Kubernetes without its workload controllers, so that only delivery costs, and
Lateen's controllers beside it as they run in production; creates N applications of two webservices
with five traits each, and waits until every one is running. Figures hold for one machine on one
day: `--compare` runs KubeVela's controller the same way, on a cluster of its own, in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lateen import hub
from lateen.api.manifest import Key, Manifest
from lateen.base import documents
from lateen.standalone import kube

NAMESPACE = "bench"
_TICKS = os.sysconf("SC_CLK_TCK")


def application(index: int) -> Manifest:
    """Two webservices with five traits each, as the anchor was measured."""
    return {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "Application",
        "metadata": {"name": f"app-{index}", "namespace": NAMESPACE},
        "spec": {"components": [_component(index, 0), _component(index, 1)]},
    }


def _component(index: int, which: int) -> dict[str, Any]:
    healthy = {"app.oam.dev/disable-health-check": "true"}  # no controllers make replicas here
    return {
        "name": f"c{which}-{index}",
        "type": "webservice",
        "properties": {
            "image": "nginx:1.25",
            "ports": [{"port": 80, "expose": True}],
            "env": [{"name": "A", "value": str(index)}],
            "cpu": "0.1",
            "memory": "64Mi",
        },
        "traits": [
            {"type": "scaler", "properties": {"replicas": 2}},
            {"type": "labels", "properties": {"team": "x"}},
            {"type": "annotations", "properties": healthy},
            {"type": "env", "properties": {"env": {"B": "2"}}},
            {"type": "sidecar", "properties": {"name": "log", "image": "busybox"}},
        ],
    }


class Process:
    """CPU time and memory of a process and its children, read from /proc."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def tree(self) -> dict[str, int]:
        """Name -> pid of the process and everything below it."""
        found = {}
        for pid in [self.pid, *_descendants(self.pid)]:
            with contextlib.suppress(OSError):
                found[f"{Path(f'/proc/{pid}/comm').read_text().strip()}:{pid}"] = pid
        return found

    def cpu(self) -> float:
        """Seconds of CPU spent by the whole tree so far."""
        return sum(_cpu(pid) for pid in self.tree().values())

    def memory(self) -> int:
        """Resident bytes of the whole tree."""
        return sum(memory(pid) for pid in self.tree().values())


def _descendants(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, task.read_text().split()):
                found += [child, *_descendants(child)]
    return found


def _cpu(pid: int) -> float:
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS
    return 0.0


def memory(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) * 1024
    return 0


@dataclass(frozen=True)
class Contender:
    """A controller to measure: its command, and what must be in the cluster before it starts."""

    name: str
    command: Callable[[Path, Path], list[str]]  # of the kubeconfig and a directory for its files
    manifests: tuple[Manifest, ...] = ()


def lateen() -> Contender:
    """Lateen's controllers as the standalone runs them; they install what they need."""

    def command(kubeconfig: Path, data: Path) -> list[str]:
        program = [sys.executable, "-m", "lateen.app", "controllers"]
        return [*program, "--kubeconfig", str(kubeconfig), "--data-dir", str(data)]

    return Contender("lateen", command)


def anchor(controller: Path, manifests: Path) -> Contender:
    """KubeVela's controller, as the anchor was measured: no webhook, no cluster gateway."""

    def command(kubeconfig: Path, data: Path) -> list[str]:
        return [
            str(controller),
            "--kube-api-qps=500",
            "--kube-api-burst=1000",
            "--concurrent-reconciles=4",
        ]

    found = [
        document.data
        for file in sorted(manifests.rglob("*.yaml"))
        for document in documents.load(file.read_text(), str(file))
    ]
    found.sort(key=lambda each: each["kind"] != "CustomResourceDefinition")
    return Contender("kubevela", command, tuple(found))


@contextlib.asynccontextmanager
async def running(contender: Contender, kubeconfig: Path, data: Path) -> AsyncIterator[Process]:
    """The contender's process, logging into `data`."""
    with (data / "controller.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *contender.command(kubeconfig, data),
            stdout=log,
            stderr=log,
            env={**os.environ, "KUBECONFIG": str(kubeconfig)},
        )
    try:
        await asyncio.sleep(3)
        if process.returncode is not None:
            raise SystemExit(f"{contender.name} ended:\n{(data / 'controller.log').read_text()}")
        yield Process(process.pid)
    finally:
        process.terminate()
        await process.wait()


async def prepare(cluster: hub.Client, contender: Contender) -> None:
    """Apply what the contender needs, and wait until the API server serves its kinds."""
    if contender.manifests:
        await cluster.apply(_namespace("vela-system"))
    for each in contender.manifests:
        meta = each["metadata"]
        if each["kind"] != "CustomResourceDefinition" and "namespace" not in meta:
            each = {**each, "metadata": {**meta, "namespace": "vela-system"}}
        await cluster.apply(each, force=True)
        if each["kind"] == "CustomResourceDefinition":
            spec = each["spec"]
            names = spec["names"]["kind"]
            await cluster.resources.wait(spec["group"], spec["versions"][0]["name"], names)


def _namespace(name: str) -> Manifest:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


async def deliver(cluster: hub.Client, count: int, limit: float = 600) -> float:
    """Create `count` applications, ten at a time; seconds until all of them are running."""
    await cluster.create(_namespace(NAMESPACE))
    started = time.monotonic()
    gate = asyncio.Semaphore(10)

    async def create(index: int) -> None:
        async with gate:
            await cluster.create(application(index))

    await asyncio.gather(*(create(index) for index in range(count)))
    while True:
        items, _ = await cluster.list("core.oam.dev", "v1beta1", "Application", namespace=NAMESPACE)
        phases = Counter((item.get("status") or {}).get("status", "none") for item in items)
        if phases["running"] >= count:
            return time.monotonic() - started
        if time.monotonic() - started > limit:
            raise SystemExit(f"not all running after {limit:.0f} s: {dict(phases)}")
        await asyncio.sleep(0.5)


async def requests(cluster: hub.Client) -> Counter[str]:
    """API requests so far by verb and resource, as the API server counted them."""
    counted: Counter[str] = Counter()
    text = await cluster.read_text("/metrics")
    for line in text.splitlines():
        if not line.startswith("apiserver_request_total{"):
            continue
        labels, _, value = line.removeprefix("apiserver_request_total{").rpartition("} ")
        pairs = (part.partition("=") for part in labels.split(","))
        fields = {name: text.strip('"') for name, _, text in pairs}
        if fields.get("verb") in ("WATCH", "CONNECT"):
            continue
        dry = " (dry run)" if fields.get("dry_run") else ""
        name = fields.get("resource", "") + (
            "/" + fields["subresource"] if fields.get("subresource") else ""
        )
        counted[f"{fields.get('verb')} {name}{dry}"] += int(float(value))
    return counted


async def ready(cluster: hub.Client, limit: float = 60) -> None:
    """Wait until the controllers have installed their API and built-in definitions."""
    started = time.monotonic()
    key = Key("core.oam.dev", "TraitDefinition", "vela-system", "sidecar", "v1beta1")
    while True:
        with contextlib.suppress(Exception):  # the kind itself appears only now
            await cluster.get(key)
            return
        if time.monotonic() - started > limit:
            raise SystemExit("the controllers installed no definitions within a minute")
        await asyncio.sleep(0.2)


@dataclass(frozen=True)
class Reading:
    """What was spent so far, by everything that is measured."""

    controller: float
    parts: dict[str, float]
    server: float
    requests: Counter[str]

    @classmethod
    async def take(cls, cluster: hub.Client, worker: Process, server: Process) -> Reading:
        parts = {name: _cpu(pid) for name, pid in worker.tree().items()}
        return cls(sum(parts.values()), parts, server.cpu(), await requests(cluster))


async def measure(contender: Contender, count: int, idle: float) -> dict[str, Any]:
    """Deliver `count` applications with one contender on a cluster of its own."""
    with tempfile.TemporaryDirectory(prefix="lateen-bench-") as folder:
        data = Path(folder)
        begun = time.monotonic()
        async with (
            kube.Kube(data / "kube", controllers=["none"]) as embedded,
            hub.connect(embedded.kubeconfig) as cluster,
        ):
            up = time.monotonic() - begun
            await prepare(cluster, contender)
            async with running(contender, embedded.kubeconfig, data) as worker:
                await ready(cluster)
                await asyncio.sleep(3)
                server = Process(embedded.pid or 0)
                before = await Reading.take(cluster, worker, server)
                seconds = await deliver(cluster, count)
                after = await Reading.take(cluster, worker, server)
                await asyncio.sleep(5)
                calm = await Reading.take(cluster, worker, server)
                await asyncio.sleep(idle)
                end = await Reading.take(cluster, worker, server)
                return {
                    "applications": count,
                    "kube ready, s": round(up, 2),
                    **delivery_figures(before, after, count, seconds),
                    **idle_figures(calm, end, idle),
                    "memory, MB": {
                        **{name: memory(pid) >> 20 for name, pid in worker.tree().items()},
                        "kube": server.memory() >> 20,
                    },
                }


def delivery_figures(before: Reading, after: Reading, count: int, seconds: float) -> dict[str, Any]:
    made = after.requests - before.requests
    for own in ("POST applications", "LIST applications", "POST namespaces", "GET /metrics"):
        made.pop(own, None)  # what this benchmark itself asked for
    each = {name: cpu - before.parts.get(name, 0.0) for name, cpu in after.parts.items()}
    return {
        "created to running, s": round(seconds, 1),
        "applications per second": round(count / seconds, 2),
        "controller CPU per application, ms": round(
            (after.controller - before.controller) * 1000 / count, 1
        ),
        "of which, ms": {name: round(cpu * 1000 / count, 1) for name, cpu in each.items()},
        "API server CPU per application, ms": round(
            (after.server - before.server) * 1000 / count, 1
        ),
        "API requests per application": round(sum(made.values()) / count, 2),
        "by verb and resource": {
            name: round(number / count, 2)
            for name, number in made.most_common()
            if number >= count / 20
        },
    }


def idle_figures(calm: Reading, end: Reading, idle: float) -> dict[str, Any]:
    return {
        f"idle over {idle:g} s, percent of a core": {
            "controller": round((end.controller - calm.controller) * 100 / idle, 2),
            "kube": round((end.server - calm.server) * 100 / idle, 2),
        },
        "requests while idle": dict((end.requests - calm.requests).most_common(5)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=200, help="applications (200)")
    parser.add_argument("--idle", type=float, default=30, help="seconds of idling measured (30)")
    parser.add_argument(
        "--compare",
        nargs=2,
        type=Path,
        metavar=("CONTROLLER", "MANIFESTS"),
        help="also measure KubeVela's controller, with this folder of its CRDs and definitions",
    )
    given = parser.parse_args()
    contenders = [lateen()]
    if given.compare:
        contenders.append(anchor(*given.compare))
    for contender in contenders:  # each as soon as it is there
        figures = asyncio.run(measure(contender, given.n, given.idle))
        print(json.dumps({contender.name: figures}, indent=2), flush=True)


if __name__ == "__main__":
    main()

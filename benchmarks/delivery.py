"""How fast and at what cost applications are delivered: `make bench`.

Runs the embedded Kubernetes without its workload controllers (so that only delivery costs), Lateen's
controllers beside it as they run in production, creates N applications of two webservices with five
traits each, and waits until every one is running. Absolute figures hold for one machine on one day;
`--compare CONTROLLER DEFINITIONS` runs KubeVela's controller the same way in the same run.
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
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from lateen.api.manifest import Key, Manifest
from lateen import hub as hub_package
from lateen.hub import client
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
        return sum(_memory(pid) for pid in self.tree().values())


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


def _memory(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) * 1024
    return 0


@contextlib.asynccontextmanager
async def controllers(kubeconfig: Path, data: Path) -> AsyncIterator[Process]:
    """Lateen's controllers as the standalone runs them, logging into `data`."""
    with (data / "controllers.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "lateen.app",
            "controllers",
            "--kubeconfig",
            str(kubeconfig),
            "--data-dir",
            str(data),
            stdout=log,
            stderr=log,
        )
    try:
        yield Process(process.pid)
    finally:
        process.terminate()
        await process.wait()


async def deliver(hub: client.Client, count: int, limit: float = 600) -> float:
    """Create `count` applications, ten at a time; seconds until all of them are running."""
    await hub.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    started = time.monotonic()
    gate = asyncio.Semaphore(10)

    async def create(index: int) -> None:
        async with gate:
            await hub.create(application(index))

    await asyncio.gather(*(create(index) for index in range(count)))
    while True:
        items, _ = await hub.list("core.oam.dev", "v1beta1", "Application", namespace=NAMESPACE)
        phases = Counter((item.get("status") or {}).get("status", "none") for item in items)
        if phases["running"] >= count:
            return time.monotonic() - started
        if time.monotonic() - started > limit:
            raise SystemExit(f"not all running after {limit:.0f} s: {dict(phases)}")
        await asyncio.sleep(0.5)


async def requests(hub: client.Client) -> Counter[str]:
    """API requests so far by verb and resource, as the API server counted them."""
    counted: Counter[str] = Counter()
    text = await hub.read_text("/metrics")
    for line in text.splitlines():
        if not line.startswith("apiserver_request_total{"):
            continue
        labels, _, value = line.removeprefix("apiserver_request_total{").rpartition("} ")
        fields = dict(
            (part.split("=", 1)[0], part.split("=", 1)[1].strip('"'))
            for part in labels.split(",")
            if "=" in part
        )
        if fields.get("verb") in ("WATCH", "CONNECT"):
            continue
        dry = " (dry run)" if fields.get("dry_run") else ""
        name = fields.get("resource", "") + (
            "/" + fields["subresource"] if fields.get("subresource") else ""
        )
        counted[f"{fields.get('verb')} {name}{dry}"] += int(float(value))
    return counted


async def ready(hub: client.Client, limit: float = 60) -> None:
    """Wait until the controllers have installed their API and built-in definitions."""
    started = time.monotonic()
    key = Key("core.oam.dev", "TraitDefinition", "vela-system", "sidecar", "v1beta1")
    while True:
        with contextlib.suppress(Exception):  # the kind itself appears only now
            await hub.get(key)
            return
        if time.monotonic() - started > limit:
            raise SystemExit("the controllers installed no definitions within a minute")
        await asyncio.sleep(0.2)


async def measure(count: int, idle: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="lateen-bench-") as folder:
        data = Path(folder)
        begun = time.monotonic()
        async with kube.Kube(data / "kube", controllers=["none"]) as server:
            kube_ready = time.monotonic() - begun
            async with (
                hub_package.connect(server.kubeconfig) as hub,
                controllers(server.kubeconfig, data) as worker,
            ):
                await ready(hub)
                start_up = time.monotonic() - begun
                await asyncio.sleep(3)
                server_process = Process(server.pid)
                before = (worker.cpu(), server_process.cpu(), await requests(hub))
                parts_before = {name: _cpu(pid) for name, pid in worker.tree().items()}
                seconds = await deliver(hub, count)
                after = (worker.cpu(), server_process.cpu(), await requests(hub))
                parts = {
                    name: _cpu(pid) - parts_before.get(name, 0.0)
                    for name, pid in worker.tree().items()
                }
                made = after[2] - before[2]
                await asyncio.sleep(5)
                calm = (worker.cpu(), server_process.cpu(), await requests(hub))
                await asyncio.sleep(idle)
                end = (worker.cpu(), server_process.cpu(), await requests(hub))
                ours = Counter(
                    {
                        name: number
                        for name, number in made.items()
                        # what this benchmark itself asked for
                        if name not in ("POST applications", "LIST applications", "POST namespaces")
                    }
                )
                return {
                    "applications": count,
                    "created to running, s": round(seconds, 1),
                    "applications per second": round(count / seconds, 2),
                    "controller CPU per application, ms (engine included)": round(
                        (after[0] - before[0]) * 1000 / count, 1
                    ),
                    "of which by process, ms": {
                        name.split(":")[0]: round(cpu * 1000 / count, 1)
                        for name, cpu in parts.items()
                    },
                    "API server CPU per application, ms": round(
                        (after[1] - before[1]) * 1000 / count, 1
                    ),
                    "API requests per application": round(sum(ours.values()) / count, 2),
                    "requests per application by verb": {
                        name: round(number / count, 2)
                        for name, number in ours.most_common()
                        if number >= count / 20
                    },
                    "idle CPU over %g s, percent of a core" % idle: {
                        "controllers": round((end[0] - calm[0]) * 100 / idle, 2),
                        "kube": round((end[1] - calm[1]) * 100 / idle, 2),
                    },
                    "requests while idle": dict((end[2] - calm[2]).most_common(5)),
                    "memory, MB": {
                        **{
                            name.split(":")[0]: _memory(pid) >> 20
                            for name, pid in worker.tree().items()
                        },
                        "kube": server_process.memory() >> 20,
                    },
                    "kube ready, s": round(kube_ready, 2),
                    "definitions installed, s": round(start_up, 2),
                }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=200, help="applications (200)")
    parser.add_argument("--idle", type=float, default=30, help="seconds of idling measured (30)")
    arguments = parser.parse_args()
    figures = asyncio.run(measure(arguments.n, arguments.idle))
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()

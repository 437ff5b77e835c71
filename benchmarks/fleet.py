"""What a fleet costs: `python -m benchmarks.fleet`.

A hundred joined clusters (cheap ones, see `impostors`) and ten applications that a label selector
places in all of them: a thousand placements. Measured are the time until each is delivered, what
Lateen's controllers spend on it and hold in memory, what they spend while nothing happens, and how
long it takes until a cluster that joins has everything.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.delivery import NAMESPACE, Process, lateen, ready, running
from lateen import hub
from lateen.api.manifest import Manifest
from lateen.hub import members
from lateen.standalone import kube

_LIMIT = 600.0  # seconds


def application(index: int, parallelism: int) -> Manifest:
    name = f"app-{index}"
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}
    component = {
        "name": name,
        "type": "k8s-objects",
        "properties": {"objects": [{**settings, "data": {"index": str(index)}}]},
    }
    selected = {"clusterLabelSelector": {"fleet": "bench"}}
    everywhere = {"name": "all", "type": "topology", "properties": selected}
    properties = {"policies": ["all"], "parallelism": parallelism}
    return {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "Application",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "components": [component],
            "policies": [everywhere],
            "workflow": {"steps": [{"name": "d", "type": "deploy", "properties": properties}]},
        },
    }


@contextlib.asynccontextmanager
async def impostors(count: int) -> AsyncIterator[str]:
    """The URL under which that many clusters answer, each at its number."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.impostors", str(count), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        port = json.loads(await process.stdout.readline())["port"]
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()


async def join(cluster: hub.Client, url: str, number: int) -> None:
    entry = {"server": f"{url}/{number}"}
    labels = {"fleet": "bench"}
    await cluster.create(members.secret(f"member-{number}", entry, {"token": "none"}, labels))


async def placed(url: str, numbers: range, each: int) -> float:
    """Seconds until each of these clusters has so many objects."""
    began = time.monotonic()
    async with aiohttp.ClientSession() as session:
        for number in numbers:
            while True:
                async with session.get(f"{url}/{number}/count") as answer:
                    if (await answer.json())["objects"] >= each:
                        break
                if time.monotonic() - began > _LIMIT:
                    raise SystemExit(f"cluster {number} has not everything in time")
                await asyncio.sleep(0.1)
    return time.monotonic() - began


async def healthy(cluster: hub.Client, count: int) -> None:
    while True:
        items, _ = await cluster.list("core.oam.dev", "v1beta1", "Application", namespace=NAMESPACE)
        phases = [(item.get("status") or {}).get("status") for item in items]
        if phases.count("running") >= count:
            return
        await asyncio.sleep(0.5)


async def measure(
    clusters: int, applications: int, parallelism: int, idle: float
) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="lateen-fleet-") as folder:
        data = Path(folder)
        async with (
            kube.Kube(data / "kube", controllers=["none"]) as embedded,
            hub.connect(embedded.kubeconfig) as cluster,
            impostors(clusters + 1) as url,
            running(lateen(), embedded.kubeconfig, data) as worker,
        ):
            await ready(cluster)
            await cluster.create(
                {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
            )
            await asyncio.sleep(3)
            alone = worker.memory()
            before = worker.cpu()
            for number in range(clusters):
                await join(cluster, url, number)
            await asyncio.sleep(5)
            joined, memory = worker.cpu() - before, worker.memory()
            return {
                "clusters": clusters,
                "placements": clusters * applications,
                "memory without clusters, MB": alone >> 20,
                "memory with clusters joined, MB": memory >> 20,
                "controller CPU to join, s": round(joined, 2),
                **await _delivered(cluster, url, worker, clusters, applications, parallelism),
                **await _resting(worker, idle),
                **await _growing(cluster, url, clusters, applications),
            }


async def _delivered(
    cluster: hub.Client,
    url: str,
    worker: Process,
    clusters: int,
    applications: int,
    parallelism: int,
) -> dict[str, Any]:
    before, began = worker.cpu(), time.monotonic()
    for index in range(applications):
        await cluster.create(application(index, parallelism))
    await placed(url, range(clusters), applications)
    there = time.monotonic() - began
    await healthy(cluster, applications)
    return {
        "until all is placed, s": round(there, 1),
        "until all is running, s": round(time.monotonic() - began, 1),
        "controller CPU, s": round(worker.cpu() - before, 1),
        "controller CPU per placement, ms": round(
            (worker.cpu() - before) * 1000 / (clusters * applications), 1
        ),
        "memory, MB": worker.memory() >> 20,
    }


async def _resting(worker: Process, idle: float) -> dict[str, Any]:
    await asyncio.sleep(5)
    before = worker.cpu()
    await asyncio.sleep(idle)
    spent = round((worker.cpu() - before) * 100 / idle, 1)
    return {f"idle over {idle:g} s, percent of a core": spent}


async def _growing(
    cluster: hub.Client, url: str, clusters: int, applications: int
) -> dict[str, Any]:
    await join(cluster, url, clusters)
    seconds = await placed(url, range(clusters, clusters + 1), applications)
    return {"a cluster that joins has everything after, s": round(seconds, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clusters", type=int, default=100)
    parser.add_argument("--applications", type=int, default=10)
    parser.add_argument("--parallelism", type=int, default=20, help="of each deploy step")
    parser.add_argument("--idle", type=float, default=30, help="seconds to watch it at rest")
    given = parser.parse_args()
    figures = asyncio.run(
        measure(given.clusters, given.applications, given.parallelism, given.idle)
    )
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()

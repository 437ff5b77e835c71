"""What applications cost once they are delivered: `make bench`.

Delivers N applications of the benchmark, then measures how soon drift is repaired, what a pass
costs that finds nothing to do, and how long a controller that starts over needs until it has looked
at all of them, with its memory then. Figures hold for one machine on one day; the load is printed
with them.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import socket
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks import delivery
from lateen import hub
from lateen.api.manifest import Key, Manifest
from lateen.standalone import kube

_TARGETS = {
    "repair, median s": 2.0,
    "repair, max s": 2.0,
    "settled after a restart, s": 30.0,
    "controller memory, MB": 400,
}


@dataclass(frozen=True)
class Meter:
    """The controllers' own figures."""

    session: aiohttp.ClientSession
    url: str

    async def read(self) -> dict[str, float]:
        """Name and labels of each figure, as Prometheus writes them; empty while nobody answers."""
        try:
            async with self.session.get(self.url) as answer:
                lines = (await answer.text()).splitlines()
        except aiohttp.ClientError:
            return {}
        pairs = (line.rpartition(" ") for line in lines if line and not line.startswith("#"))
        return {name: float(value) for name, _, value in pairs}

    async def requests(self) -> Counter[str]:
        found = await self.read()
        return Counter(
            {
                name.removeprefix("lateen_api_requests_total"): int(value)
                for name, value in found.items()
                if name.startswith("lateen_api_requests_total")
            }
        )

    async def settled(self, passes: int, limit: float = 600) -> float:
        """Wait for so many passes and an empty queue; seconds it took."""
        began = time.monotonic()
        while time.monotonic() - began < limit:
            found = await self.read()
            done = sum(value for name, value in found.items() if name.startswith("lateen_passes_"))
            states = ("ready", "busy")
            under_way = [found.get(f'lateen_queue_depth{{state="{s}"}}', 1) for s in states]
            if done >= passes and not any(under_way):
                return time.monotonic() - began
            await asyncio.sleep(1)  # a thousand applications have thousands of figures
        raise SystemExit(f"not settled after {limit:.0f} s: {found}")

    async def calm(self, seconds: float = 3.0) -> None:
        """Wait until nothing is sent for a while: definitions are registered after all else."""
        before, since = await self.requests(), time.monotonic()
        while time.monotonic() - since < seconds:
            await asyncio.sleep(1)
            now = await self.requests()
            if now != before:
                before, since = now, time.monotonic()


@contextlib.asynccontextmanager
async def metered(port: int) -> AsyncIterator[Meter]:
    async with aiohttp.ClientSession() as session:
        yield Meter(session, f"http://127.0.0.1:{port}/metrics")


def deployment(index: int) -> Key:
    return Key("apps", "Deployment", delivery.NAMESPACE, f"c0-{index}", "v1")


async def repairs(cluster: hub.Client, count: int) -> list[float]:
    """Change one object after the other as somebody else; seconds until each is as it was."""
    _, position = await cluster.list("apps", "v1", "Deployment", namespace=delivery.NAMESPACE)
    images: dict[str, str] = {}
    changed = asyncio.Condition()

    async def follow() -> None:
        events = cluster.watch(
            "apps", "v1", "Deployment", resource_version=position, namespace=delivery.NAMESPACE
        )
        async with aclosing(events):
            async for _, found in events:
                async with changed:
                    images[found["metadata"]["name"]] = _image(found)
                    changed.notify_all()

    following = asyncio.create_task(follow())
    taken = []
    try:
        for index in range(count):
            key = deployment(index)
            before = await cluster.get(key)
            wanted = _image(before)
            containers = [{"name": _container(before), "image": "drifted"}]
            body = {"spec": {"template": {"spec": {"containers": containers}}}}
            async with changed:
                images.pop(key.name, None)
            await cluster.patch(key, body, strategic=True)
            began = time.monotonic()
            async with changed:
                async with asyncio.timeout(60):
                    while images.get(key.name) != wanted:
                        await changed.wait()
            taken.append(time.monotonic() - began)
    finally:
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following
    return taken


def _image(found: Manifest) -> str:
    return str(found["spec"]["template"]["spec"]["containers"][0]["image"])


def _container(found: Manifest) -> str:
    return str(found["spec"]["template"]["spec"]["containers"][0]["name"])


async def touches(cluster: hub.Client, meter: Meter, count: int) -> dict[str, int]:
    """Requests of the controllers for passes that find nothing to do."""
    done = sum(v for name, v in (await meter.read()).items() if name.startswith("lateen_passes_"))
    before = await meter.requests()
    for index in range(count):
        key = Key("core.oam.dev", "Application", delivery.NAMESPACE, f"app-{index}", "v1beta1")
        await cluster.patch(key, {"metadata": {"labels": {"touched": str(time.time_ns())}}})
    await meter.settled(int(done) + count)
    return dict((await meter.requests()) - before)


async def measure(count: int, repaired: int, touched: int, port: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="lateen-bench-") as folder:
        data = Path(folder)
        async with (
            kube.Kube(data / "kube", controllers=["none"]) as embedded,
            hub.connect(embedded.kubeconfig) as cluster,
            metered(port) as meter,
        ):
            contender = delivery.lateen()
            figures: dict[str, Any] = {"applications": count, "load": os.getloadavg()}
            async with delivery.running(contender, embedded.kubeconfig, data):
                await delivery.ready(cluster)
                figures["delivered, s"] = round(await delivery.deliver(cluster, count, 3600), 1)
                await meter.settled(count)
                taken = await repairs(cluster, repaired)
                figures["repairs"] = len(taken)
                figures["repair, median s"] = round(statistics.median(taken), 3)
                figures["repair, max s"] = round(max(taken), 3)
                await meter.settled(count)
                await meter.calm()
                figures[f"requests of {touched} passes without news"] = await touches(
                    cluster, meter, touched
                )
            began = time.monotonic()
            async with delivery.running(contender, embedded.kubeconfig, data) as worker:
                await meter.settled(count)
                figures["settled after a restart, s"] = round(time.monotonic() - began, 1)
                figures["CPU until settled, s"] = round(worker.cpu(), 1)
                sent = await meter.requests()
                figures["requests until settled"] = dict(sent.most_common(12))
                figures["controller memory, MB"] = worker.memory() >> 20
                figures["of which, MB"] = {
                    name: delivery.memory(pid) >> 20 for name, pid in worker.tree().items()
                }
                figures["load at the end"] = os.getloadavg()
            return figures


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=1000, help="applications (1000)")
    parser.add_argument("--repairs", type=int, default=50, help="objects that are changed (50)")
    parser.add_argument("--touches", type=int, default=50, help="passes without news (50)")
    given = parser.parse_args()
    port = _free_port()
    os.environ["LATEEN_LISTEN_PORT"] = str(port)
    figures = asyncio.run(
        measure(given.n, min(given.repairs, given.n), min(given.touches, given.n), port)
    )
    print(json.dumps(figures, indent=2))
    for name, most in _TARGETS.items():
        met = "met" if figures[name] < most else "MISSED"
        print(f"{name}: {figures[name]} (target: under {most}): {met}")


if __name__ == "__main__":
    main()

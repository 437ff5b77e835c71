"""How fast components are rendered, and whether memory stays flat: `make bench`.

Nothing but rendering: no cluster, no files. What is rendered is what benchmarks/delivery.py
delivers, two webservices with five traits each. Figures hold for one machine on one day.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from benchmarks import delivery
from lateen.api.application import Application, Component
from lateen.cue.engine import Engine
from lateen.definitions import contexts, files, loading, rendering
from lateen.policies.placements import Placement

_MIB = 1 << 20


@dataclass(frozen=True)
class Job:
    component: Component
    facts: contexts.AppFacts


@dataclass
class Bench:
    """Applications to render, each new to whoever renders it."""

    renderer: rendering.Renderer
    processes: delivery.Process = field(default_factory=lambda: delivery.Process(os.getpid()))

    def jobs(self, applications: int) -> Iterator[Job]:
        for index in range(applications):
            app = Application(delivery.application(index))
            facts = contexts.AppFacts.of(
                app, controller_version="bench", revision=f"{app.name}-v1", revision_hash="b"
            )
            yield from (Job(component, facts) for component in app.components)

    async def render(self, job: Job) -> None:
        rendered = await self.renderer.render(job.component, job.facts, Placement("local", ""))
        assert rendered.workload["spec"]["replicas"] == 2, "the traits must have been applied"

    async def one_by_one(self, components: int) -> list[float]:
        """Seconds of each of so many renderings, with nothing else to do."""
        seconds = []
        for job in self.jobs(components // 2):
            started = time.perf_counter()
            await self.render(job)
            seconds.append(time.perf_counter() - started)
        return seconds

    async def together(self, applications: int, workers: int) -> float:
        """Seconds until so many applications are rendered, so many components at a time."""
        jobs = self.jobs(applications)

        async def work() -> None:
            for job in jobs:
                await self.render(job)

        started = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(work())
        return time.perf_counter() - started


async def measure(applications: int, renders: int) -> None:
    async with Engine() as engine:
        definitions = await files.builtins(engine)
        bench = Bench(rendering.Renderer(engine, loading.Static(definitions)))
        await bench.one_by_one(100)
        single = sorted(await bench.one_by_one(400))
        print("one component with five traits, nothing else to do")
        print(f"  median                     {statistics.median(single) * 1000:8.2f} ms")
        print(f"  99 of 100                  {single[len(single) * 99 // 100] * 1000:8.2f} ms")
        await bench.together(100, 16)
        before = bench.processes.cpu()
        took = await bench.together(applications, 16)
        spent = bench.processes.cpu() - before
        print(f"{applications} applications of two such components, all at once")
        print(f"  applications a second      {applications / took:8.1f}")
        print(f"  CPU for each               {spent / applications * 1000:8.2f} ms")
        print("memory of Python and the engine together, as renderings go by")
        each = renders // 4
        for quarter in range(5):
            if quarter:
                await bench.together(each // 2, 16)
            print(f"  after {quarter * each:<20} {bench.processes.memory() / _MIB:8.1f} MiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--applications", type=int, default=1000)
    parser.add_argument("--renders", type=int, default=20000, help="for the memory figure")
    given = parser.parse_args()
    asyncio.run(measure(given.applications, given.renders))


if __name__ == "__main__":
    main()

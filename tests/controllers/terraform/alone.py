"""The Terraform controller in a process of its own, to be killed: KUBECONFIG DIRECTORY."""

from __future__ import annotations

import sys
from pathlib import Path

import anyio

from lateen import hub
from lateen.base.clock import SystemClock
from lateen.controllers import settings
from lateen.controllers.terraform import overseeing, tooling
from lateen.cue.engine import Engine
from lateen.sources import obtaining


async def main(kubeconfig: Path, directory: Path) -> None:
    chosen = settings.Settings(terraform_program=tooling.LIBRARY)
    async with (
        hub.connect(kubeconfig) as client,
        Engine() as engine,
        obtaining.sources(directory / "kept", local=True) as sources,
        anyio.create_task_group() as tasks,
    ):
        overseer = overseeing.Overseer(client, engine, SystemClock(), chosen, sources, directory)
        await overseer.run(tasks)


if __name__ == "__main__":
    anyio.run(main, Path(sys.argv[1]), Path(sys.argv[2]))

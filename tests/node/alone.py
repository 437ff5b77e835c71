"""A node as a process of its own: `python alone.py KUBE_DATA NODE_DIRECTORY NETWORK ENGINE`.

Ends in good order on SIGTERM, and prints its port when it runs.
"""

from __future__ import annotations

import logging
import signal
import sys
from pathlib import Path

import anyio

from lateen import hub, node


async def main(kube: Path, directory: Path, network: str, engine: str) -> None:
    pki = kube / "pki"
    settings = node.Settings(
        "lateen",
        directory,
        pki / "kubelet.crt",
        pki / "kubelet.key",
        pki / "ca.crt",
        network=network,  # type: ignore[arg-type]
        stop_grace=3.0,
        container_engine=engine,
        refresh_volumes=1.0,
        lowest_port=1024 if network == "loopback" else 0,  # as for whom that is made
    )
    async with hub.connect(kube / "node.kubeconfig") as client, anyio.create_task_group() as group:
        started = await group.start(run, client, settings)
        sys.stdout.write(f"{started.port}\n")
        sys.stdout.flush()
        with anyio.open_signal_receiver(signal.SIGTERM) as signals:
            async for _ in signals:
                group.cancel_scope.cancel()
                return


async def run(
    client: hub.Client, settings: node.Settings, *, task_status: anyio.abc.TaskStatus[node.Started]
) -> None:
    await node.run(client, settings, task_status=task_status)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    anyio.run(main, Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4])

"""The native Kubernetes by itself: for tests and benchmarks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from lateen.standalone import programs
from lateen.standalone.children import Child
from lateen.standalone.journals import Journal


class Kube:
    """A Kubernetes of its own in a directory, running inside `async with`.

    Start it in a thread that lives as long as it shall: it ends with the thread that started it.
    """

    def __init__(
        self,
        directory: Path,
        *,
        port: int = 0,
        node_name: str = programs.NODE,
        controllers: Sequence[str] | None = None,
        log: Path | None = None,
    ) -> None:
        """Prepare; nothing runs yet.

        Args:
            directory: where its data is or will be.
            port: 0 for a free one.
            node_name: the node that `node.kubeconfig` is for.
            controllers: others than usual; `["none"]` for an API server alone.
            log: where its log goes, `kube.log` in the directory unless given.

        Raises:
            Problem: `native.missing`.
        """
        self.directory = directory
        self._child = Child(
            programs.kube(directory, port=port, node_name=node_name, controllers=controllers),
            Journal(log or directory / "kube.log"),
        )

    @property
    def kubeconfig(self) -> Path:
        """Of an administrator."""
        return self.directory / "admin.kubeconfig"

    @property
    def port(self) -> int:
        return int(self._child.said["port"])

    @property
    def seconds(self) -> float:
        """From its start to ready, as it measured itself."""
        return float(self._child.said["seconds"])

    @property
    def pid(self) -> int | None:
        return self._child.pid

    async def __aenter__(self) -> Kube:
        """Start.

        Raises:
            Problem: `standalone.port-in-use`, `standalone.data-dir-in-use`,
                `standalone.data-newer`, `standalone.data-dir-invalid`, `standalone.died`,
                `standalone.slow`.
        """
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            await self._child.start()
        except BaseException:
            await self._child.stop()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._child.stop()

    async def ended(self) -> int | None:
        """Wait until it ends by itself or from outside; its exit code."""
        await self._child.ended()
        return self._child.last_exit

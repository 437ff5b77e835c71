"""The directory Terraform works in for one Configuration: its files, its state, what it writes."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from lateen.api.configuration import Configuration
from lateen.base import hashing
from lateen.base.problem import Problem
from lateen.controllers.terraform import states
from lateen.cue.engine import Module

BACKEND: Final = "spec.backend"
_OVERRIDE: Final = "zz_lateen_override.tf"  # the last to be read: what it says counts
_CHOSEN: Final = ".terraform.lock.hcl"
_INITIALISED: Final = "initialised"
_LAID: Final = "laid"
_VALUES: Final = "zz_lateen.auto.tfvars.json"
# of our own environment; what else is in it is none of a module's business
_PASSED: Final = (
    "PATH",
    "LANG",
    "TMPDIR",  # not below ours: providers put sockets there, whose paths must be short
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
)
_KUBERNETES: Final = re.compile(r'backend\s+"kubernetes"')
_KIND: Final = re.compile(r'backend\s+"(\w+)"')
# who logs in to a backend may change; what is in it is the same
_LOGIN: Final = re.compile(
    r"^\s*\w*(access_key|secret|token|password|credential|profile|role)\w*\s*=.*$", re.MULTILINE
)
_ATTRIBUTE: Final = r'\b{}\s*=\s*"([^"]*)"'


@dataclass(frozen=True)
class Workspace:
    """`root` is the directory of this Configuration, `shared` what all of them use."""

    root: Path
    shared: Path

    @property
    def module(self) -> Path:
        """Where the files of the module are."""
        return self.root / "module"

    @property
    def state(self) -> Path:
        return self.root / "terraform.tfstate"

    @property
    def plan(self) -> Path:
        return self.root / "plan"

    @property
    def output(self) -> Path:
        return self.root / "output"

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def settings(self) -> Path:
        """The file with settings of Terraform's command line."""
        return self.root / "terraform.rc"

    def prepare(self) -> None:
        """Make the directories, readable by their owner only: states hold secrets."""
        for path in (self.root, self.home, self.shared / "plugins"):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def fill(self, files: Mapping[str, str]) -> None:
        """Put the files of a module here, instead of those that are."""

        def write() -> None:
            self.module.mkdir(mode=0o700)
            for name, text in files.items():
                (self.module / name).write_text(text, encoding="utf-8")

        self._renew(write)

    def lay(self, tree: Path, digest: str) -> None:
        """Put a tree of files here, in which the module is a directory that may refer to others;
        `digest` is what it is told from others by.
        """
        self._renew(lambda: shutil.copytree(tree, self.module, symlinks=True), digest)

    @property
    def holds(self) -> str:
        """The digest of the tree that is here."""
        return self._note(_LAID)

    def _renew(self, fill: Callable[[], object], digest: str = "") -> None:
        """Which versions of providers were taken is kept, unless the new files say it."""
        chosen = {
            each.relative_to(self.module): each.read_bytes() for each in self.module.rglob(_CHOSEN)
        }
        (self.root / _LAID).unlink(missing_ok=True)  # half a tree is none
        shutil.rmtree(self.module, ignore_errors=True)
        fill()
        for where, content in chosen.items():
            file = self.module / where
            if file.parent.is_dir() and not file.exists():
                file.write_bytes(content)
        if digest:
            (self.root / _LAID).write_text(digest, encoding="utf-8")

    def read(self) -> bytes | None:
        """The state as Terraform left it here; None where it left none that is whole."""
        try:
            found = self.state.read_bytes()
        except FileNotFoundError:
            return None
        return found if states.serial(found)[0] else None

    def keep(self, state: bytes | None) -> None:
        """Lay a state down for Terraform to go on with."""
        if state is None:
            self.state.unlink(missing_ok=True)
            return
        fresh = self.state.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_bytes(state)
        fresh.replace(self.state)

    def contents(self, directory: Path) -> str:
        """Changes with anything that `init` depends on, run in this directory."""
        files = [*sorted(self.module.rglob("*.tf")), *sorted(self.module.rglob("*.tf.json"))]
        texts = [each.read_text(encoding="utf-8", errors="replace") for each in files]
        return hashing.digest([str(directory), *texts, self.settings.read_text(encoding="utf-8")])

    @property
    def initialised(self) -> str:
        """The contents `init` was last run for."""
        return self._note(_INITIALISED)

    def _note(self, name: str) -> str:
        file = self.root / name
        return file.read_text(encoding="utf-8") if file.exists() else ""

    def note_initialised(self, contents: str) -> None:
        (self.root / _INITIALISED).write_text(contents, encoding="utf-8")

    def remove(self) -> None:
        shutil.rmtree(self.root, ignore_errors=True)

    def environment(self, given: Mapping[str, str]) -> dict[str, str]:
        """What Terraform finds in its environment: little of ours, and what is `given`."""
        ours = {name: os.environ[name] for name in _PASSED if name in os.environ}
        return {
            **ours,
            "HOME": str(self.home),
            "TF_IN_AUTOMATION": "1",
            "TF_INPUT": "0",
            "CHECKPOINT_DISABLE": "1",
            "TF_DATA_DIR": str(self.root / "data"),
            "TF_CLI_CONFIG_FILE": str(self.settings),
            "TF_PLUGIN_CACHE_DIR": str(self.shared / "plugins"),
            "TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE": "1",
            **given,
        }

    def configure(
        self, directory: Path, declared: Configuration, module: Module, backend: Backend
    ) -> dict[str, str]:
        """Say in the directory of a module where the state is and what the variables are.

        Returns environment variables that belong to it: of a text that is given for a list or a
        map, Terraform reads the value only there.
        """
        (directory / _OVERRIDE).write_text(backend.text(self.state), encoding="utf-8")
        known = {each.name: each for each in module.parameter.fields}
        given = {name: value for name, value in declared.variables.items() if name in known}
        texts = {
            name: value
            for name, value in given.items()
            if isinstance(value, str) and known[name].type.split(" | ")[0] in _NESTED
        }
        plain = {name: value for name, value in given.items() if name not in texts}
        values = directory / _VALUES
        values.touch(mode=0o600)
        values.write_bytes(_lines(plain))
        return {f"TF_VAR_{name}": value for name, value in texts.items()}


def _lines(values: Mapping[str, Any]) -> bytes:
    """JSON with a line for each variable, so that a line says which one is meant."""
    entries = [orjson.dumps(name) + b": " + orjson.dumps(each) for name, each in values.items()]
    return b"{\n" + b",\n".join(entries) + b"\n}\n"


def field_of(directory: Path, file: str, line: int) -> str:
    """The field of a Configuration that a line of a file in the directory of its module was
    written from; empty for a line of the module itself.
    """
    if file == _OVERRIDE:
        return BACKEND
    if file != _VALUES:
        return ""
    entry = (directory / _VALUES).read_text(encoding="utf-8").splitlines()[line - 1]
    name = re.match(r'"([^"]*)"', entry)
    return f"spec.variable.{name[1]}" if name else "spec.variable"


_NESTED: Final = frozenset({"list", "map", "struct"})


@dataclass(frozen=True)
class Backend:
    """Where a state is kept: in Secrets at `place`, or by Terraform itself as `block` says."""

    place: states.Place | None
    block: str = ""

    @property
    def name(self) -> str:
        """For people, and to tell one from another; nothing of what may be a key is in it."""
        if self.place is not None:
            return self.place.shown
        kind = _KIND.search(self.block)
        place = " ".join(_LOGIN.sub("", self.block).split())
        return f"the backend {kind[1] if kind else ''} ({hashing.digest(place, 8)})"

    @classmethod
    def of(cls, declared: Configuration) -> Backend:
        """What a Configuration asks for.

        Raises:
            Problem: `terraform.backend` for one that says two things, or half of one.
        """
        given: Mapping[str, Any] = declared.spec.get("backend") or {}
        kind, inline = str(given.get("backendType") or ""), str(given.get("inline") or "")
        if kind and inline:
            message = "a backend is given by its type or inline, not both"
            raise Problem("terraform.backend", message, "spec.backend")
        if inline:
            return cls._inline(declared, inline)
        if not kind:
            suffix = str(given.get("secretSuffix") or declared.name)
            return cls(states.Place(declared.namespace, suffix))
        said = given.get(kind)
        if not said:
            message = f"the backend {kind} is not described"
            raise Problem("terraform.backend", message, f"spec.backend.{kind}")
        if kind == "kubernetes":
            space = str(said.get("namespace") or declared.namespace)
            return cls(states.Place(space, str(said["secret_suffix"])))
        lines = [f"    {name} = {orjson.dumps(value).decode()}" for name, value in said.items()]
        return cls(None, "\n".join([f'  backend "{kind}" {{', *lines, "  }"]))

    @classmethod
    def _inline(cls, declared: Configuration, text: str) -> Backend:
        if _KUBERNETES.search(text):
            found = {
                name: re.search(_ATTRIBUTE.format(name), text)
                for name in ("secret_suffix", "namespace")
            }
            suffix, space = found["secret_suffix"], found["namespace"]
            return cls(
                states.Place(
                    space[1] if space else declared.namespace,
                    suffix[1] if suffix else declared.name,
                )
            )
        inside = re.fullmatch(r"\s*terraform\s*\{(.*)\}\s*", text, re.DOTALL)
        return cls(None, inside[1] if inside else text)

    def text(self, local: Path) -> str:
        """The block for the module, with a file to keep the state in that is ours to keep."""
        block = self.block or f'  backend "local" {{\n    path = "{local}"\n  }}'
        return f"terraform {{\n{block}\n}}\n"

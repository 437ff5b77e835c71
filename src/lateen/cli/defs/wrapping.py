"""`def init` from a Terraform module: a type whose parameters are the variables of the module.

A module on this machine is put into the definition; one in a repository is named there. What is
written is what `vela def init --provider` writes (inventory 6), with what the module offers on top.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from lateen.api import names
from lateen.api.definition import Definition, DefinitionKind
from lateen.api.manifest import Manifest
from lateen.base import documents
from lateen.base.problem import Position, Problem, Problems, every, raise_any
from lateen.cli import problems, sources, surroundings
from lateen.cli.defs import sketching, taking
from lateen.cue.engine import Engine, Module
from lateen.cue.reports import Field
from lateen.definitions import borrowing, terraforming
from lateen.sources import modules, places

_FOUND_BY_ITSELF: Final = "alibaba"  # its Provider is the one that is called `default`
# of a repository that the controllers may reach all the same
_CLOSED: Final = frozenset({"source.refused", "source.unreachable"})
# what a definition cannot hold: other modules, and files, beside the texts of this one
_BESIDE: Final = re.compile(
    r'^\s*source\s*=\s*"\.{1,2}/|^[^#\n]*\bpath\.(module|root|cwd)\b', re.MULTILINE
)
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_SUFFIXES: Final = (".tf", ".json")
_APART: Final = re.compile(r"(.*_)?override\.tf|.*\.json")


@dataclass(frozen=True)
class Source:
    """Where the module is: in `local`, or in the directory `path` of `git`; and for which cloud.
    `reference` is a branch, a tag or a commit, empty for the branch that the repository shows.
    """

    provider: str
    local: str
    git: str
    path: str
    reference: str = ""


async def init(name: str, description: str, source: Source, to: Path | None) -> None:
    """Write the definition.

    Raises:
        Blamed: the module cannot be read, or needs what is beside it.
        Problem: `input.*`; `source.*` for a repository that has no such module.
    """
    sketching.check_name(name)
    async with Engine() as engine:
        module: Module | None
        if source.local:
            schematic, module = await _enclosed(source.local, engine)
        else:
            schematic = {"type": "remote", "configuration": source.git}
            schematic |= {"path": source.path} if source.path else {}
            if source.reference:
                schematic["gitRef"] = await _reference(source)
            module = await _far(schematic, engine)
        text = _text(_definition(name, description, source.provider, schematic), module)
        taken = await taking.examine(str(to or f"{name}.yaml"), text, engine)
    taking.refuse([taken])
    sketching.put(to, text)


async def _enclosed(local: str, engine: Engine) -> tuple[dict[str, Any], Module]:
    """A module of this machine, as one text.

    Raises:
        Blamed, Problem: as `init`.
    """
    files = _files(local)
    names_of = {_base(name): name for name in files}
    try:
        raise_any(_misplaced(files))
        module = await engine.module({_base(n): text for n, text in files.items()}, source="")
    except (Problem, Problems) as error:
        found = [_put_back(each, names_of) for each in every(error)]
        raise problems.Blamed(found, files) from None
    if len(files) == 1:
        return {"configuration": next(iter(files.values()))}, module
    parts = [f"# {_base(name)}\n{text.strip()}\n" for name, text in files.items()]
    return {"configuration": "\n".join(parts)}, module


def _files(local: str) -> dict[str, str]:
    """The texts of a module by path: of a directory without what is in directories there."""
    found = sources.texts(local, _SUFFIXES)
    if not Path(local).is_dir():
        return found
    kept = {
        name: text
        for name, text in found.items()
        if Path(name).parent == Path(local) and name.endswith(modules.READ)
    }
    if not kept:
        raise Problem("input.empty", f"there is no .tf file in {local}")
    return kept


def _base(name: str) -> str:
    """What Terraform would call a file; what has another name is HCL all the same."""
    base = Path(name).name
    return base if base.endswith(modules.READ) else f"{base}.tf"


def _put_back(problem: Problem, names_of: Mapping[str, str]) -> Problem:
    """With the paths of files instead of their names."""
    positions = (replace(at, source=names_of.get(at.source, at.source)) for at in problem.positions)
    return replace(problem, positions=tuple(positions))


def _misplaced(files: Mapping[str, str]) -> list[Problem]:
    """What would not be there, or not be the same, in one text."""
    found = []
    for name, text in files.items():
        if _APART.fullmatch(_base(name)):
            said, lines = "this is no text that others can stand beside", [1]
        else:
            said = "this needs what is beside the module"
            lines = [text.count("\n", 0, at.end()) + 1 for at in _BESIDE.finditer(text)]
        found += [
            Problem(
                "terraform.module",
                f"{said}, which a definition does not hold",
                positions=(Position(name, line, 1),),
                hint="put the module into a repository, and give that with --git",
            )
            for line in lines
        ]
    return found


async def _reference(source: Source) -> dict[str, str]:
    """What `gitRef` is for a branch, a tag (which counts first) or a commit, as `branch:main` where
    it is said which.

    Raises:
        Problem: `source.missing` where the repository has none, `source.reference` where it cannot
            be read and nobody said which it is.
    """
    kind, _, said = source.reference.partition(":")
    if kind in modules.EXACT and said:
        return {kind: said}
    if _COMMIT.fullmatch(source.reference):
        return {"commit": source.reference}
    async with surroundings.sources() as fetching:
        for known in ("tag", "branch"):
            found = {known: source.reference}
            try:
                await fetching.resolve(modules.source(source.git, found), places.NOBODY)
            except Problem as problem:
                missing = problem
            else:
                return found
    if missing.code in _CLOSED:
        raise Problem(
            "source.reference",
            f"whether {source.reference} is a tag or a branch is not known: {missing.message}",
            hint=f"write tag:{source.reference} or branch:{source.reference}",
        )
    said = f"{modules.source(source.git, {}).shown} has no tag and no branch {source.reference}"
    raise replace(missing, message=said) if "branch" in missing.message else missing


async def _far(schematic: dict[str, Any], engine: Engine) -> Module | None:
    """A module in a repository; one that cannot be read from here is somebody else's to read.

    Raises:
        Blamed: it can be read, and is wrong.
    """
    kind = DefinitionKind.COMPONENT.value
    spec = {"schematic": {"terraform": schematic}}
    asked = Definition.of({"kind": kind, "metadata": {"name": "module"}, "spec": spec})
    async with surroundings.sources() as fetching:
        try:
            return await borrowing.Modules(fetching).read(asked, engine)
        except (Problem, Problems) as error:
            found = [replace(each, path="") for each in every(error)]
            if not all(each.code in _CLOSED for each in found):
                raise_any(found)
            problems.warn(found)
            return None


def _definition(name: str, description: str, provider: str, schematic: dict[str, Any]) -> Manifest:
    if provider and provider != _FOUND_BY_ITSELF:
        schematic = {**schematic, "providerRef": {"name": provider, "namespace": "default"}}
    prefix = f"{provider}-" if provider and not name.startswith(f"{provider}-") else ""
    return {
        "apiVersion": names.V1BETA1,
        "kind": DefinitionKind.COMPONENT.value,
        "metadata": {
            "name": f"{prefix}{name}",
            "namespace": names.SYSTEM_NAMESPACE,
            "annotations": {names.DESCRIPTION: description},
            "labels": {"type": "terraform"},
        },
        "spec": {
            "workload": {
                "definition": {
                    "apiVersion": terraforming.API_VERSION,
                    "kind": terraforming.KIND,
                }
            },
            "schematic": {"terraform": schematic},
        },
    }


def _text(definition: Manifest, module: Module | None) -> str:
    """YAML, with what it takes and gives before it."""
    text = documents.dump(definition)
    if module is None:
        return text
    said = ["# Parameters, besides those of every type of Terraform:"]
    said += [_told(each) for each in module.parameter.fields] or ["#   none"]
    said.append("# Keys of the Secret that writeConnectionSecretToRef names:")
    said += [f"#   {each}" for each in module.outputs] or ["#   none"]
    return "\n".join([*said, text])


def _told(variable: Field) -> str:
    kind = variable.type if variable.required else f"{variable.type}, optional"
    usage = " ".join(variable.usage.split())
    return f"#   {variable.name} ({kind})" + (f": {usage}" if usage else "")

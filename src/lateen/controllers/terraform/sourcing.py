"""Where the files of a module come from: the Configuration itself, or a repository."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import anyio

from lateen.api import configuration as conf
from lateen.api.configuration import Configuration
from lateen.api.manifest import Key
from lateen.base import hashing
from lateen.base.problem import Problem
from lateen.controllers.terraform.workspaces import Workspace
from lateen.dispatch import writing
from lateen.hub import client
from lateen.sources import modules, places
from lateen.sources.obtaining import Sources


@dataclass(frozen=True)
class Brought:
    """A module that lies in the workspace: the directory to run in, the texts there, and what is
    noted in the status of where it came from.
    """

    directory: Path
    texts: dict[str, str]
    note: dict[str, str] | None = None


async def bring(
    declared: Configuration, workspace: Workspace, sources: Sources, hub: client.Client
) -> Brought:
    """Put the module into the workspace.

    Raises:
        Problem: `terraform.source` when there is none, or several; `source.*` when it cannot be
            fetched.
    """
    spec = declared.spec
    given = [form for form in ("hcl", "JSON", "remote") if spec.get(form)]
    if len(given) != 1:
        said = f"{' and '.join(given)} cannot be given together" if given else "there is none"
        raise Problem(
            "terraform.source",
            f"the Terraform configuration is to be given once: {said}",
            "spec",
            hint="give one of hcl, JSON, remote",
        )
    if given == ["remote"]:
        try:
            return await _fetch(declared, workspace, sources, hub)
        except Problem as problem:
            if problem.path:
                raise
            raise replace(problem, path="spec.remote") from problem
    name = "main.tf" if given == ["hcl"] else "main.tf.json"
    workspace.fill({name: str(spec[given[0]])})
    return Brought(workspace.module, {name: str(spec[given[0]])})


async def _fetch(
    declared: Configuration, workspace: Workspace, sources: Sources, hub: client.Client
) -> Brought:
    """A repository is looked at when something is to be brought. A look for drift and a destroy
    take the commit that was brought: what has been committed since is nobody's wish yet.
    """
    spec = declared.spec
    source = modules.source(str(spec["remote"]), spec.get("gitRef") or {})
    path = modules.inside(str(spec.get("path") or "."))
    asked = hashing.digest([source.__dict__])
    pin = _noted(declared, asked) if declared.settled or declared.deleting else None
    if pin is None or workspace.holds != pin.digest:
        opened = await _access(hub, declared.reference(conf.GIT_LOGIN))
        pin = pin or await sources.resolve(source, opened)
        tree = await sources.tree(source, pin, opened)
        await anyio.to_thread.run_sync(workspace.lay, tree, pin.digest)
    directory = workspace.module / path
    said = source.shown if path.name == "" else f"{path} of {source.shown}"
    note = {"of": asked, "revision": pin.revision, "digest": pin.digest, "address": pin.address}
    return Brought(directory, modules.read(directory, said), note)


def _noted(declared: Configuration, asked: str) -> places.Pin | None:
    """What the source came to, if the same was asked for."""
    noted = declared.status.get("module") or {}
    if noted.get("of") != asked:
        return None
    return places.Pin(noted["revision"], noted["digest"], noted["address"])


async def _access(hub: client.Client, key: Key | None) -> places.Credentials:
    """What the Secret opens that a Configuration names for its repository; nobody's for none.

    Raises:
        Problem: `source.secret`.
    """
    if key is None:
        return places.NOBODY
    path = f"spec.{conf.GIT_LOGIN}"
    found = await writing.fetch(hub, key)
    if found is None:
        said = f"there is no Secret {key.namespace}/{key.name}"
        raise Problem("source.secret", said, path, retry=True)
    try:
        return places.credentials(found)
    except Problem as problem:
        raise replace(problem, path=path, retry=True) from None

"""`workflow rollback` and `up NAME`: an application goes to one of its revisions, or is delivered
again under another publishVersion.

Each is one write: text, version and the word about the revision come together or not at all. What
follows is the controller's, and goes on whatever happens to this process.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lateen import hub
from lateen.api import consents, names, returns
from lateen.api import manifest as manifests
from lateen.api.application import Application
from lateen.api.manifest import Manifest
from lateen.api.returns import Return
from lateen.api.revision import Revision
from lateen.base import suggest
from lateen.base.problem import Problem
from lateen.cli import connecting, printing
from lateen.controllers.application import returning

_ATTEMPTS = 5  # somebody else may write the application at the same time


async def rollback(name: str, namespace: str, kubeconfig: str | None) -> None:
    """Go back to the revision that was last delivered well, as it was then.

    Raises:
        Problem: `hub.not-found`; `rollback.nothing` where there is no such revision.
    """
    async with connecting.plane(kubeconfig) as client:
        for attempt in range(1, _ATTEMPTS + 1):
            app = await connecting.application(client, namespace, name)
            then = _before(app, await revisions(client, app))
            try:
                await _send(client, app, then, then.publish_version, run=False)
                break
            except hub.ApiError as error:
                if not error.conflict or attempt == _ATTEMPTS:
                    raise
    printing.line_out(f"{name} goes back to {then.name}")


def _before(app: Application, known: Sequence[Revision]) -> Revision:
    """The last good revision that is something else than what the application says now."""
    same = {
        each.name
        for each in known
        if each.application.spec == app.spec and each.publish_version == app.publish_version
    }
    found = returns.good(known, same)
    if found is None:
        raise Problem(
            "rollback.nothing",
            f"application {app.name} has no other revision that was delivered well",
            hint=f"`lateen history {app.name} -n {app.namespace}` shows how each ended; "
            "`lateen up APP --revision REVISION` delivers any of them",
        )
    return found


async def republish(
    client: hub.Client, name: str, namespace: str, revision: str, version: str, allow: int = 0
) -> Application:
    """Deliver an application again: as one of its revisions, under a publishVersion, or both.

    `revision` and `version` may each be empty, not both. `allow` is how many objects may be
    deleted beyond the limit.

    Raises:
        Problem: `hub.not-found` for an application or revision there is not; `rollback.same` when
            it says all that already.
    """
    app = await connecting.application(client, namespace, name)
    if version and version == app.publish_version:
        raise Problem(
            "rollback.same",
            f"application {name} is published as {version} already",
            hint="a delivery under another version is another delivery: give a new one",
        )
    if not revision:
        return await _publish(client, app, version)
    then = find(app, await revisions(client, app), revision)
    published = version or then.publish_version
    delivered = (app.status.get("latestRevision") or {}).get("name") == then.name
    if delivered and (app.spec, app.publish_version) == (then.application.spec, published):
        raise Problem(
            "rollback.same",
            f"application {name} is at {then.name} already",
            hint=f"`lateen workflow restart {name} -n {namespace}` runs its workflow again",
        )
    if returns.put_aside(app, [then]):
        # before it is asked for: a controller that looks in between may as well deliver it
        await returning.put_aside(app, then, None, client)
    return await _send(client, app, then, published, run=True, allow=allow)


async def revisions(client: hub.Client, app: Application) -> list[Revision]:
    """The stored revisions of an application, oldest first."""
    with connecting.installed():
        raw, _ = await client.list(
            names.GROUP,
            "v1beta1",
            "ApplicationRevision",
            namespace=app.namespace,
            label_selector=f"{names.APP_NAME}={app.name}",
        )
    return sorted(map(Revision, raw), key=lambda each: each.number)


def find(app: Application, known: Sequence[Revision], wanted: str) -> Revision:
    """One of them, called `shop-v3`, `v3` or `3`.

    Raises:
        Problem: `hub.not-found`, with those there are.
    """
    by_name = {each.name: each for each in known}
    name = wanted if wanted in by_name else f"{app.name}-v{wanted.removeprefix('v')}"
    if name not in by_name:
        listed = f"there are: {', '.join(by_name)}" if known else "it has not been delivered yet"
        raise Problem(
            "hub.not-found",
            f"application {app.name} has no revision {wanted}",
            hint=suggest.nearest(wanted, by_name) or listed,
        )
    return by_name[name]


async def _publish(client: hub.Client, app: Application, version: str) -> Application:
    meta = {"resourceVersion": app.metadata["resourceVersion"]}
    given = {names.PUBLISH_VERSION: version, names.RETURN: None}
    return Application(await client.patch(app.key, {"metadata": {**meta, "annotations": given}}))


async def _send(
    client: hub.Client,
    app: Application,
    then: Revision,
    version: str,
    *,
    run: bool,
    allow: int = 0,
) -> Application:
    """Give the application the text of a revision, and say that it is that revision's."""
    changed = app.spec != then.application.spec
    mark = Return(then.name, app.generation + changed, version, run)
    given = {k: v for k, v in app.annotations.items() if k != names.KUBECTL_LAST_APPLIED}
    given |= {names.RETURN: mark.to_text(), names.PUBLISH_VERSION: version}
    if allow:
        given[names.ALLOW_DELETE] = consents.text(allow, mark.generation)
    if not version:
        del given[names.PUBLISH_VERSION]
    wanted = _declaration(app, then.application.spec, given)
    # applied, as `up` applies: what the next file leaves out is to leave the text. Where that would
    # let fields of others stand, the text is replaced instead
    tried = Application(await client.apply(wanted, force=True, dry_run=True))
    if (tried.spec, tried.publish_version) == (then.application.spec, version):
        return Application(await client.apply(wanted, force=True))
    given |= {k: v for k, v in app.annotations.items() if k == names.KUBECTL_LAST_APPLIED}
    meta = {**app.metadata, "annotations": given}
    whole = {**app.raw, "metadata": meta, "spec": then.application.spec}
    return Application(await client.replace(whole))


def _declaration(app: Application, spec: Any, annotations: dict[str, str]) -> Manifest:
    meta: Manifest = {
        "name": app.name,
        "namespace": app.namespace,
        "resourceVersion": app.metadata["resourceVersion"],
        "annotations": annotations,
    }
    if labels := manifests.labels(app.raw):
        meta["labels"] = dict(labels)
    return {"apiVersion": names.V1BETA1, "kind": "Application", "metadata": meta, "spec": spec}

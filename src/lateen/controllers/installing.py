"""What a control plane needs before it can take applications: kinds, a namespace, definitions."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import anyio

from lateen.api import manifest, names, schemas
from lateen.api.definition import Definition
from lateen.api.manifest import Key, Manifest
from lateen.base import hashing
from lateen.base.backoff import Backoff
from lateen.base.problem import Problem
from lateen.controllers import settings
from lateen.hub import client, errors

_LOG = logging.getLogger(__name__)

# Which of our texts a built-in object was made from. While it is the same, an object that a
# platform engineer has edited is left as it is; only a new version of Lateen brings its own text.
BUILT_IN = "lateen.dev/built-in"

_ESTABLISHING = 30.0  # seconds
_LOOKS = Backoff(first=2.0, factor=2.0, ceiling=60.0)  # seconds; whoever deletes it may not be done


async def install(
    hub: client.Client, definitions: list[Definition], extra: list[Manifest]
) -> list[Key]:
    """Bring the CRDs, the system namespace, `extra` objects and the built-in definitions.

    Returns what was written; nothing when all of it was there.

    Raises:
        Problem: `install.not-established` when the API server does not serve our kinds in time.
    """
    return await kinds(hub) + await objects(hub, definitions, extra)


async def keep(
    hub: client.Client, bereft: Callable[[], bool], again: Callable[[], Awaitable[None]]
) -> None:
    """Install anew, by `again`, when kinds of ours are gone, or definitions (`bereft`), until
    cancelled.
    """
    attempts = 1
    while True:
        await anyio.sleep(_LOOKS.delay(attempts))
        if not bereft() and await _served(hub):
            attempts = 1
            continue
        attempts += 1
        _LOG.warning("what every control plane has is gone: it is installed again")
        try:
            await again()
        except* (Problem, errors.ApiError) as group:
            _LOG.warning("it is not installed yet: %s", group.exceptions[0])


async def _served(hub: client.Client) -> bool:
    """Whether no kind of ours is known to be gone; asks for nothing while all are there."""
    try:
        for kind, (api_version, _) in schemas.KINDS.items():
            group, _ = manifest.split_version(api_version)
            await hub.resources.find(group, "", kind)
    except (Problem, errors.ApiError) as error:
        return not (isinstance(error, Problem) and error.code == "hub.unknown-kind")
    return True


async def kinds(hub: client.Client) -> list[Key]:
    """The part of `install` that has to be first, and waits most of its time."""
    written = await _ensure(hub, schemas.crds())
    await _established(hub)
    return written


async def objects(
    hub: client.Client, definitions: list[Definition], extra: list[Manifest]
) -> list[Key]:
    """The part of `install` that needs `kinds`."""
    system = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": names.SYSTEM_NAMESPACE}}
    written = await _ensure(hub, [system])  # what follows may be in it
    placed = [_placed(definition.raw) for definition in definitions]
    return written + await _ensure(hub, [*extra, *placed])


async def publish(hub: client.Client, chosen: settings.Settings) -> None:
    """Note on the system namespace what commands have to know of the settings."""
    key = Key("", "Namespace", "", names.SYSTEM_NAMESPACE, "v1")
    wanted = {
        names.DELETION_LIMIT: str(chosen.deletion_limit),
        names.SPARE_DATA: str(chosen.spare_data).lower(),
    }
    found = await hub.get(key)
    if any(manifest.annotation(found, name) != value for name, value in wanted.items()):
        await hub.patch(key, {"metadata": {"annotations": wanted}})


def _placed(raw: Manifest) -> Manifest:
    return {**raw, "metadata": {**raw["metadata"], "namespace": names.SYSTEM_NAMESPACE}}


async def _ensure(hub: client.Client, wanted: list[Manifest]) -> list[Key]:
    """Apply those that are not there, or are there from another text of ours."""
    written: list[Key] = []
    limit = anyio.CapacityLimiter(8)

    async def one(desired: Manifest) -> None:
        async with limit:
            text = hashing.digest(desired)
            key = manifest.key(desired)
            found = await _get(hub, key)
            if found is not None and manifest.annotation(found, BUILT_IN) == text:
                return
            meta = desired["metadata"]
            marked = {**meta, "annotations": {**(meta.get("annotations") or {}), BUILT_IN: text}}
            await hub.apply({**desired, "metadata": marked}, force=True)
            written.append(key)

    async with anyio.create_task_group() as tasks:
        for desired in wanted:
            tasks.start_soon(one, desired)
    return written


async def _get(hub: client.Client, key: Key) -> Manifest | None:
    try:
        return await hub.get(key)
    except errors.ApiError as error:
        if error.not_found:
            return None
        raise


async def _established(hub: client.Client) -> None:
    """Wait until the API server serves every kind of ours."""
    for crd in schemas.crds():
        spec = crd["spec"]
        version = spec["versions"][0]["name"]
        try:
            await hub.resources.wait(
                spec["group"], version, spec["names"]["kind"], timeout=_ESTABLISHING
            )
        except Problem as problem:
            raise Problem(
                "install.not-established",
                f"the API server does not serve {spec['names']['kind']}",
                hint="its log says why; `lateen server logs kube` shows it",
                retry=True,
            ) from problem

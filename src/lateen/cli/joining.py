"""`cluster join`, `alias` and `labels`: what is kept of a cluster."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from lateen import hub
from lateen.api import names
from lateen.api.manifest import Manifest
from lateen.base.problem import Problem
from lateen.cli import connecting, printing, reaching
from lateen.hub import clusters, issuers, kubeconfig, members
from lateen.hub.connection import Connection
from lateen.hub.members import Member

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")  # it becomes a label
_PATIENCE = 10.0  # seconds that the cluster has to answer


@dataclass(frozen=True)
class Order:
    """What the user asked for. `name` empty: as the kubeconfig calls it."""

    file: str
    context: str | None
    name: str
    labels: Sequence[str]
    namespace: str
    renew: bool = False


async def join(order: Order, plane: str | None) -> None:
    """Keep the credentials of a cluster, once it has answered with them.

    Raises:
        Problem: `cluster.name`, `cluster.exists`, `cluster.joined-already`, `cluster.credentials`,
            `input.missing`; `hub.*` when the kubeconfig cannot be used or the cluster does not
            answer.
    """
    labels = parsed(order.labels)
    if not Path(order.file).is_file():
        raise Problem("input.missing", f"there is no file {order.file}")
    entries = kubeconfig.read(order.file, order.context)
    name = order.name or _plain(entries.context)
    check(name)
    async with connecting.plane(plane) as client:
        roster = await reaching.roster(client)
        known = roster.members.get(name)
        if known is not None and not order.renew:
            raise _exists(name)
        if known is None and order.renew:
            raise missing(name, roster)
        server = str(entries.cluster.get("server") or "").rstrip("/")
        for other in roster.members.values():
            if other.endpoint == server and other.name != name:
                raise _twice(other, server)
        secret = members.secret(name, entries.cluster, await _user(order, entries), labels)
        secret["metadata"]["annotations"] = {
            names.CLUSTER_VERSION: await _welcome(Member(secret), order.namespace)
        }
        if known is None:
            await client.create(secret)
        else:
            meta = secret["metadata"]
            kept = {"labels": meta["labels"], "annotations": meta["annotations"]}
            await client.patch(known.key, {"metadata": kept, "data": _exactly(secret, known)})
    printing.line_out(f"cluster {name} {'has new credentials' if known else 'joined'}")


def _exactly(secret: Manifest, known: Member) -> dict[str, Any]:
    """The merge patch of data that leaves nothing of before."""
    return {**dict.fromkeys(known.secret.get("data") or {}), **secret["data"]}


async def _user(order: Order, entries: kubeconfig.Entries) -> Mapping[str, Any]:
    """The user of the kubeconfig; a login at an issuer as it is valid, and one of another auth
    provider as the token that it gives.
    """
    if "auth-provider" not in entries.user:
        return entries.user
    if (login := await kubeconfig.login(order.file, order.context)) is not None:
        printing.stderr().print(
            "Lateen refreshes this login itself from now on. Where its issuer gives another "
            "refresh-token each time, whoever else uses it has to log in again."
        )
        return {"auth-provider": {"name": issuers.NAME, "config": login}}
    access = await kubeconfig.load(order.file, order.context)
    token = access.authorization.removeprefix("Bearer ")
    if not token or token == access.authorization:
        return entries.user
    printing.stderr().print(
        "The login of an auth provider cannot be kept; the token it gave now is. It ends some day."
    )
    return {"token": token}


async def _welcome(member: Member, namespace: str) -> str:
    """Ask the cluster for its version, and make a namespace there if one is wanted.

    Raises:
        Problem: `cluster.credentials`; `hub.*` for what it answered, or that it did not.
    """
    access = await kubeconfig.of(member.kubeconfig, _unkept)
    async with Connection(access, timeout=_PATIENCE) as link:
        there = hub.Client(link)
        try:
            version = await there.version()
            # which anybody may ask: whether we are let in, only this tells
            await there.resources.find("", "v1", "Namespace")
            if namespace:
                await _namespace(there, namespace)
        except hub.ApiError as error:
            raise _unwelcome(member, error) from error
    return clusters.described(version)


def _unwelcome(member: Member, error: hub.ApiError) -> Problem:
    """Why a cluster cannot be joined: it does not answer from here, or not to us."""
    [problem, *_] = error.problems()
    if error.status and not error.unavailable:
        said = f"the cluster at {member.endpoint} does not let us in: {problem.message}"
        return Problem(problem.code, said, hint=problem.hint)
    said = f"the cluster at {member.endpoint} does not answer: {problem.message}"
    hint = "it has to be reached from here, and from where the controllers run"
    return Problem(problem.code, said, hint=hint, retry=True)


async def _unkept(login: Mapping[str, str]) -> None:
    """Nothing is stored yet, and nothing to be kept: a login has just been refreshed."""


async def _namespace(there: hub.Client, name: str) -> None:
    try:
        await there.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    except hub.ApiError as error:
        if not error.already_exists:
            raise


async def alias(name: str, called: str, plane: str | None) -> None:
    """Give a cluster another alias."""
    async with connecting.plane(plane) as client:
        member = await find(client, name)
        change = {names.CLUSTER_ALIAS: called or None}
        await client.patch(member.key, {"metadata": {"annotations": change}})
    printing.line_out(f"cluster {name} is also called {called}")


async def label(name: str, labels: Mapping[str, str | None], plane: str | None) -> None:
    """Set labels of a cluster, or take off those that are None."""
    async with connecting.plane(plane) as client:
        member = await find(client, name)
        stored = await client.patch(member.key, {"metadata": {"labels": dict(labels)}})
    printing.line_out(f"cluster {name}: {shown(Member(stored).own_labels) or 'no labels'}")


async def find(client: hub.Client, name: str) -> Member:
    """A joined cluster.

    Raises:
        Problem: `cluster.local`, `hub.not-found`.
    """
    if name == names.LOCAL:
        raise Problem(
            "cluster.local",
            f"{names.LOCAL} is the control plane itself, and stays as it is",
            hint="`lateen cluster list` shows the clusters that are joined",
        )
    roster = await reaching.roster(client)
    if name not in roster.members:
        raise missing(name, roster)
    return roster.members[name]


def missing(name: str, roster: members.Roster) -> Problem:
    """There is no cluster of the name that was asked for."""
    problem = clusters.unknown(name, roster.labels)
    return Problem("hub.not-found", problem.message, hint=problem.hint)


def check(name: str) -> None:
    """Raises: Problem: `cluster.name` for what no cluster may be called."""
    if name == names.LOCAL or not _NAME.fullmatch(name):
        kept = "; local is the control plane itself" if name == names.LOCAL else ""
        raise Problem(
            "cluster.name",
            f'"{name}" cannot be the name of a cluster{kept}',
            hint="lower-case letters, digits and dashes, 63 at most: give one with --name",
        )


def parsed(texts: Iterable[str]) -> dict[str, str]:
    """Labels as they are given: `region=eu,tier=1`, once or several times.

    Raises:
        typer.BadParameter: it is none; says how to write one.
    """
    found = {}
    for text in (part for each in texts for part in each.split(",") if part):
        key, sign, value = text.partition("=")
        if not (sign and key):
            raise typer.BadParameter(f'"{text}" is no label: write KEY=VALUE')
        if key.startswith(names.CLUSTER_OWN):
            raise typer.BadParameter(f"labels that begin with {names.CLUSTER_OWN} are taken")
        found[key] = value
    return found


def shown(labels: Mapping[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def _plain(context: str) -> str:
    """A name from that of a context, which may be `admin@prod.example:6443`."""
    return re.sub(r"[^a-z0-9]+", "-", context.lower()).strip("-")[:63].strip("-")


def _exists(name: str) -> Problem:
    return Problem(
        "cluster.exists",
        f"there is a cluster {name} already",
        hint="join this one under another --name, or give that one new credentials with --renew",
    )


def _twice(other: Member, server: str) -> Problem:
    return Problem(
        "cluster.joined-already",
        f"the cluster at {server} is joined already, as {other.name}",
        hint="under two names, what leaves it under one would be taken from the other: detach or "
        "rename it first",
    )

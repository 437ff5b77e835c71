"""Charts and artifacts in OCI registries, by the distribution API."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urljoin

import orjson

from lateen.base.problem import Problem
from lateen.sources.fetching import Fetcher
from lateen.sources.places import Credentials, Pin, Source
from lateen.sources.turning import Renderer

_MANIFESTS: Final = ", ".join(
    (
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
_PROVENANCE: Final = "application/vnd.cncf.helm.chart.provenance.v1.prov"
_EXACT: Final = re.compile(r"v?\d+\.\d+\.\d+([-+].*)?")
_NEXT: Final = re.compile(r'<([^>]+)>;\s*rel="?next"?')
_PAGES: Final = 50
_LOCAL: Final = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True)
class Artifact:
    """Where the parts of an artifact are: `archive` and, where it is signed, `provenance`."""

    archive: str
    archive_digest: str
    provenance: str = ""


async def resolve(source: Source, access: Credentials, fetcher: Fetcher, renderer: Renderer) -> Pin:
    """The tag that a version or a range leads to, and the digest of its manifest.

    Raises:
        Problem: `source.*`.
    """
    tag, digest = source.version, ""
    if tag.startswith("sha256:"):
        digest = tag
    elif not _EXACT.fullmatch(tag):
        tag = await _tag(source, access, fetcher, renderer)
    reference = digest or tag.replace("+", "_")  # a tag may hold no plus
    answer = await fetcher.get(
        f"{_root(source, access)}/manifests/{reference}",
        access,
        accept=_MANIFESTS,
        scope=scope(source),
        limit=4 * 2**20,
    )
    found = answer.headers.get("Docker-Content-Digest") or _sum(answer.body)
    if found != _sum(answer.body) or (digest and digest != found):
        message = f"the manifest of {source.shown} is not {digest or found}"
        raise Problem("source.digest", message, retry=True)
    return Pin(tag, found, reference)


async def locate(source: Source, pin: Pin, access: Credentials, fetcher: Fetcher) -> Artifact:
    """The addresses of what a pinned manifest lists.

    Raises:
        Problem: `source.*`.
    """
    root = _root(source, access)
    answer = await fetcher.get(
        f"{root}/manifests/{pin.digest}",
        access,
        accept=_MANIFESTS,
        scope=scope(source),
        limit=4 * 2**20,
    )
    if _sum(answer.body) != pin.digest:
        raise Problem(
            "source.digest", f"the manifest of {source.shown} is not {pin.digest}", retry=True
        )
    layers = _layers(answer.body, source)
    archive = next((each for each in layers if "tar" in each["mediaType"]), None)
    if archive is None:
        message = f"{source.shown} is no chart and no archive: no layer of it is a tar file"
        raise Problem("source.artifact", message)
    signed = next((each for each in layers if each["mediaType"] == _PROVENANCE), None)
    return Artifact(
        f"{root}/blobs/{archive['digest']}",
        archive["digest"],
        f"{root}/blobs/{signed['digest']}" if signed else "",
    )


async def _tag(source: Source, access: Credentials, fetcher: Fetcher, renderer: Renderer) -> str:
    """The tag of the highest version in the range; a tag of that very name, if there is one."""
    url = f"{_root(source, access)}/tags/list?n=1000"
    tags: list[str] = []
    for _ in range(_PAGES):
        answer = await fetcher.get(
            url, access, accept="application/json", scope=scope(source), limit=8 * 2**20
        )
        try:
            tags += orjson.loads(answer.body).get("tags") or []
        except (ValueError, AttributeError) as error:
            message = f"{source.shown} gives no list of tags"
            raise Problem("source.unreachable", message, retry=True) from error
        further = _NEXT.search(answer.headers.get("Link", ""))
        if further is None:
            break
        url = urljoin(url, further[1])
    wanted = source.version
    if wanted in tags:
        return wanted
    versions = [each.replace("_", "+") for each in tags]
    return (await renderer.pick(wanted, versions, source.shown)).version


def _root(source: Source, access: Credentials) -> str:
    """Plain HTTP for registries on this machine, as other clients have it, or when it is said."""
    host = source.host.rpartition("@")[2]
    path = source.url.partition("://")[2].partition("/")[2].strip("/")
    if not path:
        raise Problem("source.address", f"{source.shown} names no repository of the registry")
    plain = access.plain_http or host.rpartition(":")[0] in _LOCAL or host in _LOCAL
    return f"{'http' if plain else 'https'}://{host}/v2/{path}"


def scope(source: Source) -> str:
    path = source.url.partition("://")[2].partition("/")[2].strip("/")
    return f"repository:{path}:pull"


def _layers(body: bytes, source: Source) -> list[dict[str, Any]]:
    try:
        return [
            {"mediaType": str(each["mediaType"]), "digest": str(each["digest"])}
            for each in orjson.loads(body)["layers"]
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise Problem("source.artifact", f"{source.shown} has no layers: is it a chart?") from error


def _sum(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"

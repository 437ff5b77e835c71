"""Files of a bucket, over the protocol of S3 that other stores speak as well."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote, urlsplit

import anyio

from lateen.base.problem import Problem
from lateen.sources import archives
from lateen.sources.fetching import Fetcher
from lateen.sources.places import Credentials, Pin, Source

_AT_ONCE: Final = 8
_LISTING: Final = 16 * 2**20  # bytes of one page
_REGION: Final = "us-east-1"
_NOTHING: Final = hashlib.sha256(b"").hexdigest()  # the body of a GET
_ENTRY: Final = re.compile(r"<Contents>(.*?)</Contents>", re.DOTALL)
_FIELD: Final = re.compile(r"<(Key|ETag|Size)>(.*?)</\1>", re.DOTALL)
_NEXT: Final = re.compile(r"<NextContinuationToken>(.*?)</NextContinuationToken>", re.DOTALL)


@dataclass(frozen=True)
class Entry:
    """One file. `tag` changes with its content."""

    key: str
    tag: str
    size: int


async def resolve(source: Source, access: Credentials, fetcher: Fetcher) -> Pin:
    """All files of the bucket as they are now.

    Raises:
        Problem: `source.*`.
    """
    return _pin(await _listed(source, access, fetcher))


async def checkout(
    source: Source, pin: Pin, access: Credentials, fetcher: Fetcher, into: Path
) -> None:
    """Write the files of the bucket to a directory that this makes.

    Raises:
        Problem: `source.digest` when they are not as they were found, and others.
    """
    entries = await _listed(source, access, fetcher)
    if _pin(entries) != pin:
        message = f"{source.shown} has changed since it was looked at"
        raise Problem("source.digest", message, retry=True)
    archives.bound(len(entries), sum(each.size for each in entries), source.shown)
    into.mkdir(mode=0o700)
    limiter = anyio.CapacityLimiter(_AT_ONCE)

    async def one(entry: Entry) -> None:
        path = into / archives.inside(entry.key, source.shown)
        async with limiter:
            body = await _get(f"{_root(source)}/{_quoted(entry.key)}", {}, source, access, fetcher)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)

    async with anyio.create_task_group() as tasks:
        for entry in entries:
            if not entry.key.endswith("/"):  # what consoles make for a directory
                tasks.start_soon(one, entry)


async def _listed(source: Source, access: Credentials, fetcher: Fetcher) -> list[Entry]:
    found: list[Entry] = []
    query = {"encoding-type": "url", "list-type": "2"}
    while True:
        body = (await _get(_root(source), query, source, access, fetcher)).decode(errors="replace")
        if "<ListBucketResult" not in body:
            message = f"{source.shown} gives no list of files: is it a bucket?"
            raise Problem("source.artifact", message)
        for each in _ENTRY.findall(body):
            fields = dict(_FIELD.findall(each))
            key = unquote(unescape(fields["Key"]).replace("+", " "))
            found.append(Entry(key, fields.get("ETag", ""), int(fields.get("Size") or 0)))
        further = _NEXT.search(body)
        if further is None or len(found) > archives.FILES:
            return found
        query = {**query, "continuation-token": unescape(further[1])}


def _pin(entries: list[Entry]) -> Pin:
    total = hashlib.sha256()
    for each in sorted(entries, key=lambda entry: entry.key):
        total.update(f"{each.key}\0{each.tag}\0{each.size}\n".encode())
    digest = f"etags:{total.hexdigest()}"
    return Pin(digest[:18], digest)


async def _get(
    url: str, query: Mapping[str, str], source: Source, access: Credentials, fetcher: Fetcher
) -> bytes:
    asked = "&".join(f"{_exact(k)}={_exact(v)}" for k, v in sorted(query.items()))
    whole = f"{url}?{asked}" if asked else url
    headers = signed(whole, access, source.reference or _REGION, datetime.now(UTC))
    return (await fetcher.signed(whole, headers, access, _LISTING if query else archives.MOST)).body


def signed(url: str, access: Credentials, region: str, now: datetime) -> dict[str, str]:
    """The headers of a GET by whoever `access` names; none for nobody.

    Source: AWS Signature Version 4.
    """
    if not access.username:
        return {}
    parts = urlsplit(url)
    stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    headers = {"host": parts.netloc, "x-amz-content-sha256": _NOTHING, "x-amz-date": stamp}
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    canonical = f"GET\n{parts.path or '/'}\n{parts.query}\n{lines}\n{names}\n{_NOTHING}"
    scope = f"{day}/{region}/s3/aws4_request"
    total = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"AWS4{access.password}".encode()
    for part in (*scope.split("/"), f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{total}"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    said = f"Credential={access.username}/{scope}, SignedHeaders={names}, Signature={key.hex()}"
    return {**headers, "Authorization": f"AWS4-HMAC-SHA256 {said}"}


def _root(source: Source) -> str:
    url = source.url.rstrip("/")
    return url if url.startswith(("http://", "https://")) else f"https://{url}"


def _quoted(key: str) -> str:
    return "/".join(_exact(part) for part in key.split("/"))


def _exact(text: str) -> str:
    return quote(text, safe="-_.~")

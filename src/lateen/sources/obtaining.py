"""Resolve a source to what it is now, and fetch what it was found to be."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urljoin, urlsplit

import aiohttp
import anyio

from lateen.base import hashing
from lateen.base.problem import Problem
from lateen.sources import archives, buckets, depending, oci
from lateen.sources.fetching import Fetcher
from lateen.sources.places import Credentials, Pin, Source
from lateen.sources.storing import Store
from lateen.sources.turning import Renderer

_INDEX: Final = 128 * 2**20  # bytes; the index of a repository of everything is large


@dataclass(frozen=True)
class Sources:
    """Charts and trees for one control plane, or one command.

    `local`: whether sources may be paths of this machine. They are read with the rights of this
    process, so only where whoever writes applications may read those files anyway.
    """

    fetcher: Fetcher
    store: Store
    renderer: Renderer
    local: bool = False

    async def resolve(self, source: Source, access: Credentials) -> Pin:
        """What the source is now. Nothing is kept of it but what has to be read to know.

        Raises:
            Problem: `source.*`.
        """
        match source.kind:
            case "oci":
                return await oci.resolve(source, access, self.fetcher, self.renderer)
            case "repository":
                return await self._resolve_indexed(source, access)
            case "archive":
                return await self._resolve_archive(source, source.url, source.version, access)
            case "git":
                from lateen.sources import cloning  # large, and few need it

                return await cloning.resolve(source, access, self.renderer)
            case "bucket":
                return await buckets.resolve(source, access, self.fetcher)
            case "local":
                return await anyio.to_thread.run_sync(self._resolve_local, source)

    async def chart(self, source: Source, pin: Pin, access: Credentials) -> Path:
        """The archive or directory of a chart, checked against its digest and, where there are
        keys to check with, against its signature.

        Raises:
            Problem: `source.*`.
        """
        if source.kind in ("git", "bucket", "local"):
            return await self.tree(source, pin, access)
        archive, address, provenance = await self._archive(source, pin, access)
        if access.keyring:
            await self._verify(source, archive, provenance or f"{address}.prov", access)
        return archive

    async def needs(self, source: Source, chart: Path, access: Credentials) -> list[depending.Part]:
        """What a chart depends on and does not hold, as it is now.

        Raises:
            Problem, Problems: `source.*`, `chart.load`, `chart.dependency`.
        """
        absent = await self.renderer.absent(chart, source.shown)
        places = [depending.source_of(**each) for each in absent]
        if None in places:
            nowhere = (each for each, place in zip(absent, places, strict=True) if place is None)
            raise depending.lacking(f"{a['name']} {a['version']}".rstrip() for a in nowhere)
        parts = []
        for part in filter(None, places):
            if part.kind == "local":
                pin = Pin(part.version, "", part.url)  # it is of the tree, and pinned with it
            else:
                opened = depending.access_to(part, source, access)
                pin = await self.resolve(part, opened)
            parts.append(depending.Part(part, pin))
        return parts

    async def completed(
        self,
        source: Source,
        pin: Pin,
        root: Path,
        chart: Path,
        parts: Sequence[depending.Part],
        access: Credentials,
    ) -> Path:
        """A copy of a chart, which is in the tree at `root` or an archive, with what it needs in
        it.

        Raises:
            Problem: `source.*`, `chart.dependency`.
        """
        made_of = [pin.digest, str(chart.relative_to(root)), depending.dumped(parts)]
        digest = f"joined:{hashing.digest(made_of, 40)}"
        if kept := self.store.find(digest):
            return kept
        found = []
        for each in parts:
            name = each.source.name or each.source.url.rpartition("/")[2]
            if each.source.kind == "local":
                path = depending.neighbour(root, chart, each.pin.address, name)
            else:
                opened = depending.access_to(each.source, source, access)
                path = await self.chart(each.source, each.pin, opened)
            found.append((name, path))
        fill = partial(depending.joined, chart, found, shown=source.shown)
        return await anyio.to_thread.run_sync(self.store.keep_tree, digest, fill)

    async def tree(
        self, source: Source, pin: Pin, access: Credentials, directory: str = "."
    ) -> Path:
        """A directory with the files of the source, in which `directory` is looked for.

        Raises:
            Problem: `source.*`.
        """
        if source.kind == "local":
            return self._local_path(source)
        whole = source.kind in ("git", "bucket")  # fetched as a tree, and not as an archive of it
        if kept := self.store.find(pin.digest if whole else _tree_of(pin.digest)):
            return kept if whole else archives.root_of(kept, directory)
        if whole:
            with tempfile.TemporaryDirectory(prefix="lateen-tree-") as folder:
                work = Path(folder, "tree")
                await self._checkout(source, pin, access, work)
                return await anyio.to_thread.run_sync(
                    self.store.keep_tree, pin.digest, partial(_move, work)
                )
        archive, _, _ = await self._archive(source, pin, access)
        content = await anyio.to_thread.run_sync(archive.read_bytes)
        fill = partial(archives.unpack, content, shown=source.shown)
        kept = await anyio.to_thread.run_sync(
            self.store.keep_tree, _tree_of(pin.digest), lambda into: fill(into)
        )
        return archives.root_of(kept, directory)

    async def _checkout(self, source: Source, pin: Pin, access: Credentials, into: Path) -> None:
        if source.kind == "bucket":
            await buckets.checkout(source, pin, access, self.fetcher, into)
            return
        from lateen.sources import cloning

        await cloning.checkout(source, pin, access, into)

    async def _archive(
        self, source: Source, pin: Pin, access: Credentials
    ) -> tuple[Path, str, str]:
        """Where an archive is kept, and the addresses of it and of its signature."""
        if source.kind != "oci":
            kept = self.store.find(pin.digest)
            if kept is None:
                near = urlsplit(pin.address).netloc == source.host
                answer = await self.fetcher.get(pin.address, access if near else access.abroad())
                kept, _ = self.store.keep_file(answer.body, pin.digest)
            return kept, pin.address, ""
        if not access.keyring and (kept := self.store.find(_chart_of(pin.digest))):
            return kept, "", ""
        artifact = await oci.locate(source, pin, access, self.fetcher)
        kept = self.store.find(artifact.archive_digest)
        if kept is None:
            answer = await self.fetcher.get(artifact.archive, access, scope=oci.scope(source))
            kept, _ = self.store.keep_file(answer.body, artifact.archive_digest)
        # under the digest of the manifest as well: what is pinned needs no registry any more
        self.store.keep_tree(_chart_of(pin.digest), partial(_link, kept))
        return kept, artifact.archive, artifact.provenance

    async def _resolve_indexed(self, source: Source, access: Credentials) -> Pin:
        root = source.url.rstrip("/") + "/"
        answer = await self.fetcher.get(f"{root}index.yaml", access, limit=_INDEX)
        with tempfile.NamedTemporaryFile(prefix="lateen-index-") as file:
            file.write(answer.body)
            file.flush()
            shown = source.shown
            found = await self.renderer.pick_indexed(
                Path(file.name), source.name, source.version, shown
            )
        if not found.urls:
            message = f"the index does not say where {source.name} {found.version} is"
            raise Problem("source.index", message)
        address = urljoin(root, found.urls[0])
        if not found.digest:
            return await self._resolve_archive(source, address, found.version, access)
        return Pin(found.version, f"sha256:{found.digest.removeprefix('sha256:')}", address)

    async def _resolve_archive(
        self, source: Source, address: str, version: str, access: Credentials
    ) -> Pin:
        """An archive whose digest nobody says: it has to be fetched to know it."""
        answer = await self.fetcher.get(address, access)
        wanted = version if version.startswith("sha256:") else ""
        _, digest = self.store.keep_file(answer.body, wanted)
        said = "" if version == "latest" else version
        return Pin(said or digest, digest, address)

    def _local_path(self, source: Source) -> Path:
        path = Path(source.url.removeprefix("file://"))
        if not self.local:
            raise Problem(
                "source.local",
                f"{path} is on the machine of the control plane, and may not be read there",
                hint="put it into a registry, a repository or git; or allow it with the setting "
                "local_sources",
            )
        if not path.is_absolute():
            raise Problem("source.address", f"{path} is relative, and it is not known to what")
        if not path.exists():
            raise Problem("source.missing", f"there is no file or directory {path}", retry=True)
        return path

    def _resolve_local(self, source: Source) -> Pin:
        path = self._local_path(source)
        total = hashlib.sha256()
        files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
        for file in files:
            total.update(f"{file.relative_to(path.parent)}\0{file.stat().st_size}\0".encode())
            total.update(file.read_bytes())
        digest = f"sha256:{total.hexdigest()}"
        return Pin(digest, digest, str(path))

    async def _verify(
        self, source: Source, archive: Path, provenance: str, access: Credentials
    ) -> None:
        try:
            signed = await self.fetcher.get(
                provenance, access, scope=oci.scope(source) if source.kind == "oci" else ""
            )
        except Problem as problem:
            if problem.code != "source.missing":
                raise
            message = f"{source.shown} is not signed: there is no {provenance}"
            raise Problem("source.signature", message, retry=True) from problem
        with tempfile.TemporaryDirectory(prefix="lateen-sign-") as folder:
            proof, keys = Path(folder, "chart.prov"), Path(folder, "keys.gpg")
            proof.write_bytes(signed.body)
            keys.write_bytes(access.keyring)
            name = _signed_name(signed.body) or provenance.rpartition("/")[2]
            await self.renderer.verify(archive, proof, keys, name, source.shown)


def _signed_name(body: bytes) -> str:
    """What the archive is called in a provenance file: the one key of its `files`."""
    lines = body.decode(errors="replace").splitlines()
    if "files:" not in lines:
        return ""
    return lines[lines.index("files:") + 1].strip().partition(":")[0]


def _move(work: Path, into: Path) -> None:
    shutil.move(work, into)


def _link(kept: Path, into: Path) -> None:
    into.hardlink_to(kept)


def _tree_of(digest: str) -> str:
    """Trees are kept beside the archives they come from."""
    return f"tree-{digest}"


def _chart_of(digest: str) -> str:
    return f"manifest-{digest}"


@asynccontextmanager
async def sources(directory: Path, *, local: bool) -> AsyncIterator[Sources]:
    """Sources that keep what they fetch in a directory, over a connection pool of their own."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    async with (
        aiohttp.ClientSession(trust_env=True, cookie_jar=aiohttp.DummyCookieJar()) as session,
        Renderer() as renderer,
    ):
        yield Sources(Fetcher(session), Store(directory), renderer, local)

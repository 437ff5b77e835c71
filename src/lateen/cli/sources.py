"""What the user gives to read: a file, a directory, an address or standard input."""

from __future__ import annotations

import sys
import urllib.error
import urllib.request
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lateen.api import checking, names
from lateen.base import documents, paths, suggest
from lateen.base.documents import Document
from lateen.base.problem import Problem, Problems, every
from lateen.cli import problems

# which property of a component may be a path of this machine
_PATHS = {
    "helmchart": ("chart", "source"),
    "helm": ("url",),
    "kustomize": ("url",),
}
_SUFFIXES = (".yaml", ".yml", ".json")
_LIMIT = 16 * 2**20  # bytes; a manifest is never that big, a wrong address may be
_PATIENCE = 30.0  # seconds for an address to answer


def read(targets: Sequence[str]) -> list[Document]:
    """Every document of the targets, in order; each is a file, a directory, a URL or `-`.

    Raises:
        Problem: `input.*` when there is nothing to read.
        Blamed: the text is not YAML.
    """
    found = [document for target in targets for document in _read(target)]
    if not found:
        raise Problem(
            "input.empty",
            f"there is nothing in {' and '.join(_name(target) for target in targets)}",
            hint="write an application there, or give another file with -f",
        )
    return found


def checked(targets: Sequence[str]) -> list[Document]:
    """As `read`, and the form of every document is right.

    Raises:
        Blamed: what is wrong, in all documents at once.
    """
    found = read(targets)
    wrong = [(document, checking.check(document.data)) for document in found]
    if any(its for _, its in wrong):
        raise problems.blame(wrong)
    return [_anchored(document) for document in found]


def _anchored(document: Document) -> Document:
    """With paths of charts and directories that are relative to the file made absolute: where the
    control plane runs is another place.
    """
    home = Path(document.source)
    if not home.is_file() or not (isinstance(document.data, dict) and _listed(document.data)):
        return document
    spec = dict(document.data["spec"])
    spec["components"] = [_from(home.parent, each) for each in spec["components"]]
    return replace(document, data={**document.data, "spec": spec})


def _listed(data: dict[str, Any]) -> bool:
    spec = data.get("spec")
    listed = isinstance(spec, dict) and isinstance(spec.get("components"), list)
    return listed and data.get("kind") == "Application"


def _from(folder: Path, component: Any) -> Any:
    path = _PATHS.get(component.get("type", "")) if isinstance(component, dict) else None
    properties = component.get("properties") if path else None
    value = paths.lookup(properties, path, None) if path and properties else None
    if not isinstance(value, str) or not value.startswith(("./", "../")):
        return component
    assert path is not None
    anchored = paths.assign(properties, path, str((folder / value).resolve()))
    return {**component, "properties": anchored}


def applications(found: Iterable[Document]) -> list[Document]:
    """Those of the documents that are applications.

    Raises:
        Problem: `input.no-application` when none is.
    """
    every_document = list(found)
    apps = [document for document in every_document if is_application(document.data)]
    if not apps:
        kinds = ", ".join(sorted({str(document.data["kind"]) for document in every_document}))
        raise Problem(
            "input.no-application",
            f"there is no application in {every_document[0].source}, only {kinds}",
            hint=f"an application has `apiVersion: {names.V1BETA1}` and `kind: Application`",
        )
    return apps


def is_application(data: Any) -> bool:
    return bool(data["kind"] == "Application" and data["apiVersion"] == names.V1BETA1)


def _read(target: str) -> list[Document]:
    if target == "-":
        return _load(sys.stdin.buffer.read(), _name(target))
    if target.startswith(("http://", "https://")):
        return _load(_fetch(target), target)
    path = Path(target)
    if path.is_dir():
        inside = sorted(p for p in path.iterdir() if p.suffix in _SUFFIXES and p.is_file())
        return [document for file in inside for document in _load(_bytes(file), str(file))]
    return _load(_bytes(path), target)


def texts(target: str, suffixes: Sequence[str]) -> dict[str, str]:
    """What a file, a directory, a URL or `-` holds: name -> text, not yet read as anything.

    Of a directory the files with one of these suffixes, those of folders in it as well.

    Raises:
        Problem: `input.*` when there is nothing to read.
    """
    if target == "-":
        return {_name(target): _decoded(sys.stdin.buffer.read(), _name(target))}
    if target.startswith(("http://", "https://")):
        return {target: _decoded(_fetch(target), target)}
    path = Path(target)
    if not path.is_dir():
        return {target: _decoded(_bytes(path), target)}
    inside = (file for file in sorted(path.rglob("*")) if file.suffix in suffixes)
    seen = [f for f in inside if f.is_file() and not _hidden(f.relative_to(path))]
    if not seen:
        raise Problem("input.empty", f"there is no {' or '.join(suffixes)} file in {target}")
    return {str(file): _decoded(_bytes(file), str(file)) for file in seen}


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _name(target: str) -> str:
    return "standard input" if target == "-" else target


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        beside = path.parent.iterdir() if path.parent.is_dir() else ()
        near = suggest.nearest(path.name, [other.name for other in beside])
        raise Problem("input.missing", f"there is no file {path}", hint=near) from error
    except OSError as error:
        raise Problem("input.unreadable", f"{path} cannot be read: {error.strerror}") from error


def _fetch(url: str) -> bytes:
    try:
        # the scheme was checked by the caller
        with urllib.request.urlopen(url, timeout=_PATIENCE) as answer:  # noqa: S310
            content: bytes = answer.read(_LIMIT + 1)
            page = answer.headers.get_content_type() == "text/html"
    except urllib.error.HTTPError as error:
        error.close()  # it is the answer as well
        raise Problem("input.url", f"{url} answers {error.code} {error.reason}") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise Problem("input.url", f"{url} cannot be fetched: {reason}") from error
    if page:
        hint = "use the address of the raw file" if "github.com" in url else ""
        raise Problem("input.url", f"{url} is a web page, not a file", hint=hint)
    if len(content) > _LIMIT:
        raise Problem("input.url", f"{url} is larger than {_LIMIT // 2**20} MiB")
    return content


def _decoded(content: bytes, source: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Problem(
            "input.unreadable",
            f"{source} is not text: byte {error.start + 1} is not UTF-8",
            hint="save it as UTF-8",
        ) from error


def _load(content: bytes, source: str) -> list[Document]:
    text = _decoded(content, source)
    try:
        return documents.load(text, source)
    except (Problem, Problems) as error:
        raise problems.Blamed(every(error), {source: text}) from error

"""What the API server refused, and what never reached it.

One class, because callers ask the same questions of both: is it gone, is it a conflict, may the
world heal it? An answer carries its HTTP status; a request without an answer has status 0 and the
reason `Unreachable`, `Timeout`, `Broken` (an answer that cannot be read) or `Certificate`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from lateen.api.manifest import Key
from lateen.base.problem import Problem

LOOKS = 5  # at an object that others change between the look and the write, or its end
_TRANSIENT = frozenset({429, 500, 502, 503, 504})
_UNAVAILABLE = frozenset({502, 503, 504})
_HINTS = {
    "Unreachable": "is the control plane running? `lateen server status` shows it",
    "Timeout": "is it busy, or its disk full? `lateen server status` shows a local one",
    "Certificate": "the certificate-authority in the kubeconfig is not the server's",
    "Unauthorized": "the credentials in the kubeconfig are not valid, or no longer",
    "AlreadyExists": "choose another name, or delete the object that is there",
}


class ApiError(Exception):
    """A request to Kubernetes that failed.

    `details` is that of the Status body, `{}` when there is none; `key` is the object asked for,
    None for lists and other paths. `retry_after` is in seconds, 0 when the server gave none.
    """

    def __init__(
        self,
        status: int,
        reason: str,
        message: str,
        *,
        verb: str = "",
        key: Key | None = None,
        details: Mapping[str, Any] | None = None,
        retry_after: float = 0.0,
        sent: bool = True,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.verb = verb
        self.key = key
        self.details = dict(details or {})
        self.retry_after = retry_after
        self.sent = sent  # False: the server cannot have seen the request

    def __str__(self) -> str:
        what = f"{self.verb} {self.key}" if self.key else self.verb
        return f"{what}: {self.message}" if what else self.message

    @property
    def not_found(self) -> bool:
        """There is no such object: the API server says so, and names it."""
        return self.status == 404 and bool(self.details.get("name"))

    @property
    def unserved(self) -> bool:
        """Nobody knows the path: the kind is not served, or not in this version, or it was not the
        API server that answered. It says nothing of any object.
        """
        return self.status == 404 and not self.not_found

    @property
    def already_exists(self) -> bool:
        return self.status == 409 and self.reason == "AlreadyExists"

    @property
    def conflict(self) -> bool:
        """Somebody else was faster, or owns a field: not that the name is taken."""
        if self.status == 409:
            return self.reason != "AlreadyExists"
        # a write for one object met another of its name
        return self.status == 422 and any(
            each.get("field") == "metadata.uid" for each in self.causes
        )

    @property
    def forbidden(self) -> bool:
        return self.status == 403

    @property
    def doomed(self) -> bool:
        """The namespace is being deleted: nothing new can be there, for nobody."""
        return any(each.get("reason") == "NamespaceTerminating" for each in self.causes)

    @property
    def unprocessable(self) -> bool:
        return self.status == 422

    @property
    def gone(self) -> bool:
        """The resourceVersion asked for is compacted away: list again."""
        return self.status == 410

    @property
    def transient(self) -> bool:
        """The same request may succeed later without anybody changing anything."""
        if self.status == 0:
            return self.reason != "Certificate"
        return self.status in _TRANSIENT

    @property
    def unavailable(self) -> bool:
        """The server, or what stands before it, says that it cannot answer anybody now."""
        return self.status in _UNAVAILABLE

    @property
    def causes(self) -> list[dict[str, str]]:
        """`{reason, message, field}` for each field that was refused."""
        return list(self.details.get("causes") or ())

    @property
    def owned_fields(self) -> dict[str, str]:
        """Field path -> its owner, when a server-side apply met fields of another manager."""
        return {
            _field(cause): _manager(cause.get("message", ""))
            for cause in self.causes
            if cause.get("reason") == "FieldManagerConflict"
        }

    def problems(self) -> tuple[Problem, ...]:
        """The failure in the user's terms: one Problem for each refused field, or one for all.

        Paths are those of the refused object. Codes are `hub.` and the reason: `hub.not-found`.
        """
        code = "hub." + re.sub(r"(?<=[a-z])(?=[A-Z])", "-", self.reason or "error").lower()
        hint = _HINTS.get(self.reason, "")
        retry = self.transient or self.conflict
        fields = [cause for cause in self.causes if cause.get("field")]
        if not fields:
            return (Problem(code, self.message.rstrip("."), hint=hint, retry=retry),)
        return tuple(
            Problem(code, cause.get("message", self.message), _field(cause), hint=hint, retry=retry)
            for cause in fields
        )


def _field(cause: Mapping[str, str]) -> str:
    found = cause.get("field", "").removeprefix(".")
    return "" if found == "<nil>" else found


def _manager(message: str) -> str:
    found = re.search(r'conflicts? with "([^"]*)"', message)
    return found[1] if found else message


def read(
    status: int, body: bytes, *, verb: str, key: Key | None, retry_after: str | None = None
) -> ApiError:
    """The error in an answer: from its Status body, or from its text when it has none."""
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        parsed = None
    if not isinstance(parsed, dict) or parsed.get("kind") != "Status":
        text = body[:500].decode(errors="replace").strip()
        if text.startswith("<"):  # a page of what stands before the API server
            text = f"the server answered {status}, with a page and not as Kubernetes does"
        parsed = {"message": text or f"the server answered {status}"}
    return from_status({"code": status, **parsed}, verb=verb, key=key, retry_after=retry_after)


def from_status(
    body: Mapping[str, Any], *, verb: str, key: Key | None = None, retry_after: str | None = None
) -> ApiError:
    """The error in a Status object, as in the body of an answer or an ERROR event of a watch."""
    details = body.get("details") or {}
    wait = retry_after or details.get("retryAfterSeconds") or 0
    return ApiError(
        int(body.get("code") or 500),
        str(body.get("reason") or ""),
        str(body.get("message") or "the server gave no reason"),
        verb=verb,
        key=key,
        details=details,
        # may also be an HTTP date, which Kubernetes never sends and a proxy might
        retry_after=float(wait) if str(wait).isdecimal() else 0.0,
    )

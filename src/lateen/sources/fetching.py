"""HTTP for sources: with credentials, a deadline, a limit, and words for what goes wrong."""

from __future__ import annotations

import base64
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode, urlsplit

import aiohttp
import orjson
import yarl

from lateen.base import trust
from lateen.base.problem import Problem
from lateen.hub import connection
from lateen.sources.places import Credentials

LARGEST: Final = 64 * 2**20  # bytes of a chart or an archive
_TIMEOUT: Final = aiohttp.ClientTimeout(total=60.0, sock_connect=10.0, sock_read=20.0)
_CHALLENGE: Final = re.compile(r'(\w+)="([^"]*)"')
_REFUSED: Final = frozenset({401, 403})


@dataclass(frozen=True)
class Answer:
    body: bytes
    headers: Mapping[str, str]


class Fetcher:
    """Fetches over one pool of connections, which its owner closes."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._tokens: dict[tuple[str, str, Credentials], str] = {}

    async def get(
        self,
        url: str,
        access: Credentials,
        *,
        accept: str = "*/*",
        scope: str = "",
        limit: int = LARGEST,
    ) -> Answer:
        """What is at an address, up to `limit` bytes.

        `scope` is what a registry is asked a token for. Credentials go to the host of the address
        only, not to where it may redirect.

        Raises:
            Problem: `source.missing`, `source.refused`, `source.unreachable`, `source.too-large`,
                `source.tls`.
        """
        host = urlsplit(url).netloc
        headers = {"Accept": accept}
        token = self._tokens.get((host, scope, access)) or access.token
        user, password = access.user_for(host)
        if token:
            headers["Authorization"] = f"Bearer {token}"
        elif user or password:
            headers["Authorization"] = _basic(user, password)
        try:
            return await self._once(url, headers, access, limit)
        except _Challenge as challenge:
            if not challenge.realm or not scope:
                raise _refused(url, challenge.status, bool(user or token)) from challenge
            granted = await self._token(challenge, scope, access, host)
        self._tokens[host, scope, access] = granted
        try:
            headers["Authorization"] = f"Bearer {granted}"
            return await self._once(url, headers, access, limit)
        except _Challenge as again:
            self._tokens.pop((host, scope, access), None)
            raise _refused(url, again.status, bool(user)) from again

    async def signed(
        self, url: str, headers: Mapping[str, str], access: Credentials, limit: int
    ) -> Answer:
        """What is at an address that is asked for with these headers, to the letter.

        Raises:
            Problem: as `get`.
        """
        try:
            return await self._once(url, headers, access, limit, exactly=True)
        except _Challenge as challenge:
            raise _refused(url, challenge.status, bool(headers)) from challenge

    async def _token(
        self, challenge: _Challenge, scope: str, access: Credentials, host: str
    ) -> str:
        """A token from where the registry says one is to be had, for the user of that registry."""
        asked = {"scope": challenge.fields.get("scope") or scope}
        if service := challenge.fields.get("service"):
            asked["service"] = service
        url = f"{challenge.realm}?{urlencode(asked)}"
        user, password = access.user_for(host)
        headers = {"Accept": "application/json"}
        if user or password:
            headers["Authorization"] = _basic(user, password)
        try:
            answer = await self._once(url, headers, access, 2**20)
            given = orjson.loads(answer.body)
            return str(given.get("token") or given["access_token"])
        except _Challenge as again:
            raise _refused(url, again.status, bool(user)) from again
        except (ValueError, KeyError, AttributeError) as error:
            message = f"{challenge.realm} gives no token"
            raise Problem("source.unreachable", message, retry=True) from error

    async def _once(
        self,
        url: str,
        headers: Mapping[str, str],
        access: Credentials,
        limit: int,
        *,
        exactly: bool = False,
    ) -> Answer:
        target = yarl.URL(url, encoded=True) if exactly else url
        try:
            tls = trust.context(access.ca, access.certificate, access.key, verify=access.verify)
        except ValueError as error:
            raise Problem("source.tls", f"the certificates for {_said(url)} are no good") from error
        try:
            async with self._session.get(target, headers=headers, ssl=tls, timeout=_TIMEOUT) as got:
                _check(got, url)
                return Answer(await _body(got, url, limit), dict(got.headers))
        except TimeoutError as error:
            message = f"{_said(url)} does not answer in time"
            raise Problem("source.unreachable", message, retry=True) from error
        except aiohttp.InvalidURL as error:
            raise Problem("source.address", f'"{_said(url)}" is no address') from error
        except (aiohttp.ClientSSLError, ssl.SSLError) as error:
            message = f"{_said(url)} cannot be trusted: {error}"
            raise Problem("source.tls", message, retry=True) from error
        except (aiohttp.ClientError, OSError) as error:
            message = f"{_said(url)} cannot be reached: {_why(error)}"
            raise Problem("source.unreachable", message, retry=True) from error


def _why(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        return connection.why(error)
    return str(error) or type(error).__name__


class _Challenge(Exception):  # noqa: N818 - an invitation to say who we are
    def __init__(self, status: int, header: str) -> None:
        self.status = status
        self.fields = dict(_CHALLENGE.findall(header))
        self.realm = self.fields.get("realm", "") if header.lower().startswith("bearer") else ""
        super().__init__(header)


def _check(got: aiohttp.ClientResponse, url: str) -> None:
    if got.status in _REFUSED:
        raise _Challenge(got.status, got.headers.get("WWW-Authenticate", ""))
    if got.status in (404, 410):
        raise Problem("source.missing", f"there is nothing at {_said(url)}", retry=True)
    if got.status != 200:
        message = f"{_said(url)} answers {got.status} {got.reason}"
        raise Problem("source.unreachable", message, retry=True)


async def _body(got: aiohttp.ClientResponse, url: str, limit: int) -> bytes:
    body = bytearray()
    async for chunk in got.content.iter_chunked(2**16):
        body += chunk
        if len(body) > limit:
            message = f"what is at {_said(url)} is larger than {limit // 2**20} MiB"
            raise Problem("source.too-large", message)
    return bytes(body)


def _refused(url: str, status: int, known: bool) -> Problem:
    said = "does not accept these credentials" if known else "wants to know who asks"
    hint = "look at the Secret they come from" if known else "name a Secret with credentials"
    return Problem("source.refused", f"{_said(url)} {said} ({status})", hint=hint, retry=True)


def _basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def _said(url: str) -> str:
    """The address for people: a query may hold tokens, and so may what stands before the host."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()

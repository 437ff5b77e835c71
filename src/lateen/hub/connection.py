"""Requests to one API server: credentials, timeouts, retries, counting.

This module knows HTTP and nothing of objects; `client` knows objects and nothing of HTTP.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import anyio
import orjson
from multidict import CIMultiDict
from yarl import URL

from lateen.api.manifest import Key
from lateen.base.backoff import Backoff
from lateen.hub import errors
from lateen.hub.kubeconfig import Access

Reload = Callable[[], Awaitable[Access]]

_ATTEMPTS = 5
_PAUSES = Backoff(first=0.1, factor=2.0, ceiling=2.0)
_CONNECT = 5.0  # seconds; a server that is there accepts at once
_READ_BUFFER = 2**18


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `path` is escaped and holds the query; `verb` and `resource` are counted."""

    method: str
    path: str
    verb: str
    resource: str
    key: Key | None = None
    body: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()
    repeatable: bool = True  # sent twice, it does what it does once


@dataclass
class Connection:
    """A pool of connections to one API server. An async context manager; use inside it only.

    `timeout` is in seconds and for one attempt; no new attempt is begun after it, so a call ends
    within about twice of it.
    """

    access: Access
    reload: Reload | None = None  # gets new credentials when the server says 401
    timeout: float = 30.0
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    async def __aenter__(self) -> Connection:
        self._renewing = anyio.Lock()
        self._headers: dict[tuple[tuple[str, str], ...], CIMultiDict[str]] = {}
        self._timeouts: dict[float, aiohttp.ClientTimeout] = {}
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=100),
            cookie_jar=aiohttp.DummyCookieJar(),
            read_bufsize=_READ_BUFFER,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def request(self, call: Call, *, timeout: float | None = None, attempts: int = 0) -> Any:
        """Send and return the parsed JSON answer.

        429 is retried for every call, and so is a connection that could not be made; 5xx and a
        lost connection only for repeatable ones.

        Raises:
            ApiError: the last failure, when none of the attempts went well.
        """
        return _parse(await self.read(call, timeout=timeout, attempts=attempts), call)

    async def read(self, call: Call, *, timeout: float | None = None, attempts: int = 0) -> bytes:
        """Send and return the answer's body; otherwise as `request`."""
        limit = self.timeout if timeout is None else timeout
        last = anyio.current_time() + limit
        attempt = 0
        renewed = False
        while True:
            attempt += 1
            access = self.access
            try:
                return await self._once(call, access, limit)
            except errors.ApiError as error:
                if error.status == 401 and self.reload is not None and not renewed:
                    renewed = True
                    await self._renew(access)
                    continue
                pause = _pause(error, call, attempt)
                if attempt >= (attempts or _ATTEMPTS) or pause is None:
                    raise
                if anyio.current_time() + pause >= last:
                    raise
            await anyio.sleep(pause)

    async def _once(self, call: Call, access: Access, limit: float) -> bytes:
        timeout = self._timeouts.get(limit)
        if timeout is None:
            timeout = aiohttp.ClientTimeout(total=limit, sock_connect=min(_CONNECT, limit))
            self._timeouts[limit] = timeout
        with _translated(call):
            async with self._send(call, access, timeout) as response:
                body = await response.read()
                if response.status >= 300:
                    raise _refusal(response, body, call)
                return body

    @asynccontextmanager
    async def open(self, call: Call, *, silence: float) -> AsyncIterator[AsyncIterator[bytes]]:
        """Send and give the lines of the answer as they come, without their line ends.

        Ends as a lost connection when nothing comes for `silence` seconds. Not retried, for only
        the caller knows where to go on.

        Raises:
            ApiError: on opening, and from the iterator when the connection is lost.
        """
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT, sock_read=silence)
        access = self.access
        with _translated(call):
            response = await self._send(call, access, timeout)
            if response.status == 401 and self.reload is not None:
                response.release()
                await self._renew(access)
                response = await self._send(call, self.access, timeout)
        try:
            if response.status >= 300:
                with _translated(call):
                    raise _refusal(response, await response.read(), call)
            yield _lines(response, call)
        finally:
            response.close()  # not released: an endless answer cannot be read to its end

    def _send(self, call: Call, access: Access, timeout: aiohttp.ClientTimeout) -> Any:
        self.counts[(call.verb, call.resource)] += 1
        headers = self._headers.get(call.headers)
        if headers is None:
            headers = self._headers[call.headers] = _headers(access, call.headers)
        return self._session.request(
            call.method,
            URL(access.server + call.path, encoded=True),
            data=call.body,
            headers=headers,
            timeout=timeout,
            ssl=access.tls if access.tls is not None else True,
            server_hostname=access.tls_name or None,
            proxy=access.proxy or None,
            allow_redirects=False,
        )

    async def _renew(self, stale: Access) -> None:
        async with self._renewing:
            if self.access is stale and self.reload is not None:
                self.access = await self.reload()
                self._headers.clear()


def _headers(access: Access, extra: tuple[tuple[str, str], ...]) -> CIMultiDict[str]:
    headers = CIMultiDict({"Accept": "application/json", "User-Agent": "lateen"})
    # packing for the loopback interface costs both ends more than it saves
    headers["Accept-Encoding"] = "identity" if access.local else "gzip"
    if access.authorization:
        headers["Authorization"] = access.authorization
    given = CIMultiDict(extra)
    for name in given:
        headers.popall(name, None)
    headers.extend(given)
    return headers


def _pause(error: errors.ApiError, call: Call, attempt: int) -> float | None:
    """Seconds to wait before another attempt, None when there must not be one."""
    safe = call.repeatable or error.status == 429 or not error.sent
    if not (error.transient and safe):
        return None
    # spread, so that what failed together does not come back together
    spread = random.uniform(0.75, 1.25)  # noqa: S311
    return error.retry_after or _PAUSES.delay(attempt) * spread


def _parse(body: bytes, call: Call) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise errors.ApiError(
            0, "Broken", f"the answer is not JSON: {error}", verb=call.verb, key=call.key
        ) from error


def _refusal(response: aiohttp.ClientResponse, body: bytes, call: Call) -> errors.ApiError:
    return errors.read(
        response.status,
        body,
        verb=call.verb,
        key=call.key,
        retry_after=response.headers.get("Retry-After"),
    )


async def _lines(response: aiohttp.ClientResponse, call: Call) -> AsyncIterator[bytes]:
    """Lines of any length; the stream reader's own would stop at the size of its buffer."""
    rest = b""
    with _translated(call):
        async for chunk in response.content.iter_any():
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                yield line
    if rest:
        yield rest


@contextmanager
def _translated(call: Call) -> Iterator[None]:
    """aiohttp's errors as ours."""
    reason, sent = "Unreachable", True
    try:
        yield
        return
    except aiohttp.ClientConnectorCertificateError as error:
        reason, caught = "Certificate", error  # type: ignore[assignment]
    except aiohttp.ClientConnectorError as error:
        sent, caught = False, error  # type: ignore[assignment]
    except aiohttp.ServerTimeoutError as error:
        reason, caught = "Timeout", error  # type: ignore[assignment]
    except aiohttp.ClientPayloadError as error:
        reason, caught = "Broken", error  # type: ignore[assignment]
    except aiohttp.ClientError as error:
        caught = error  # type: ignore[assignment]
    except TimeoutError as error:
        reason, caught = "Timeout", error  # type: ignore[assignment]
    raise errors.ApiError(
        0,
        reason,
        _sentence(reason, caught),
        verb=call.verb,
        key=call.key,
        sent=sent,
    ) from caught


def _sentence(reason: str, error: Exception) -> str:
    if reason == "Timeout":
        return "the API server did not answer in time"
    if reason == "Broken":
        return "the API server's answer broke off"
    if reason == "Certificate":
        return f"the API server's certificate is not trusted: {error}"
    return f"the API server cannot be reached: {error or type(error).__name__}"


def encode(value: Mapping[str, Any] | list[Any]) -> bytes:
    """A body to send."""
    return orjson.dumps(value)

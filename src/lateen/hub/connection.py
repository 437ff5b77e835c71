"""Requests to one API server: credentials, timeouts, retries, counting.

This module knows HTTP and nothing of objects; `client` knows objects and nothing of HTTP.
"""

from __future__ import annotations

import logging
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import anyio
import anyio.lowlevel
import orjson
from multidict import CIMultiDict
from yarl import URL

from lateen.api.manifest import Key
from lateen.base.backoff import Backoff
from lateen.hub import errors
from lateen.hub.credentials import Access

_LOG = logging.getLogger(__name__)

Reload = Callable[[], Awaitable[Access]]

_ATTEMPTS = 5
_PAUSES = Backoff(first=0.1, factor=2.0, ceiling=2.0)
_CONNECT = 5.0  # seconds; a server that is there accepts at once
_READ_BUFFER = 2**18
_FAILURES = (aiohttp.ClientError, TimeoutError, orjson.JSONDecodeError)


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
    # seconds; the server sends a bookmark every minute: a watch without any is dead
    silence: float = 150.0
    # told when the server does not answer, or only to say that it cannot, or not to us
    on_silence: Callable[[], None] | None = None
    # told when the server turns out to be as it was earlier: restored from a backup
    on_restored: Callable[[], None] | None = None

    async def __aenter__(self) -> Connection:
        self._renewing = anyio.Lock()
        self._headers: dict[tuple[tuple[str, str], ...], CIMultiDict[str]] = {}
        self._timeouts: dict[float, aiohttp.ClientTimeout] = {}
        self._open: set[aiohttp.ClientResponse] = set()
        self._revived = anyio.Event()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=100),
            cookie_jar=aiohttp.DummyCookieJar(),
            read_bufsize=_READ_BUFFER,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()
        # what was cut goes in the next turn of the loop, which may be its last
        await anyio.lowlevel.cancel_shielded_checkpoint()

    async def pause(self, seconds: float) -> None:
        """Wait before trying again, or until the server is back."""
        with anyio.move_on_after(seconds):
            await self._revived.wait()

    def revive(self) -> None:
        """The server is back: who waits goes on at once, and what was open is opened anew.

        A connection that went silent tells nobody that the other end has forgotten it.
        """
        self._revived.set()
        self._revived = anyio.Event()
        for response in tuple(self._open):
            _cut(response)

    def restored(self, kind: str) -> None:
        """The server is as it was earlier, which objects of a kind show."""
        _LOG.warning("%s has gone back to an earlier state, as %s shows", self.access.server, kind)
        if self.on_restored is not None:
            self.on_restored()

    async def request(self, call: Call, *, timeout: float | None = None, attempts: int = 0) -> Any:
        """Send and return the parsed JSON answer.

        429 is retried for every call, and so is a connection that could not be made; 5xx and a
        lost connection only for repeatable ones.

        Raises:
            ApiError: the last failure, when none of the attempts went well.
        """
        return await self._persist(call, _parse, timeout, attempts)

    async def read(self, call: Call, *, timeout: float | None = None, attempts: int = 0) -> bytes:
        """Send and return the answer's body; otherwise as `request`."""
        body: bytes = await self._persist(call, _raw, timeout, attempts)
        return body

    async def _persist(
        self, call: Call, parse: Callable[[bytes], Any], timeout: float | None, attempts: int
    ) -> Any:
        limit = self.timeout if timeout is None else timeout
        last = anyio.current_time() + limit
        attempt = 0
        renewed = False
        while True:
            attempt += 1
            access = self.access
            try:
                return await self._once(call, parse, access, limit)
            except errors.ApiError as error:
                strange = error.status == 401
                if strange and self.reload is not None and not renewed:
                    renewed = True
                    await self._renew(access)
                    continue
                if (strange or error.unavailable) and self.on_silence is not None:
                    self.on_silence()
                pause = _pause(error, call, attempt)
                if attempt >= (attempts or _ATTEMPTS) or pause is None:
                    raise
                if anyio.current_time() + pause >= last:
                    raise
            await anyio.sleep(pause)

    async def _once(
        self, call: Call, parse: Callable[[bytes], Any], access: Access, limit: float
    ) -> Any:
        timeout = self._timeouts.get(limit)
        if timeout is None:
            timeout = aiohttp.ClientTimeout(total=limit, sock_connect=min(_CONNECT, limit))
            self._timeouts[limit] = timeout
        # who is told to stop still hears what became of a write that is on its way: else it is done
        # and nobody knows
        writes = call.method != "GET"
        try:
            with anyio.CancelScope(shield=writes):
                async with self._send(call, access, timeout) as response:
                    body = await response.read()
                    if response.status >= 300:
                        raise _refusal(response, body, call)
                    return parse(body)
        except _FAILURES as error:
            raise self._failure(error, call) from error
        except RuntimeError as error:
            self._parted(error, call)
            raise

    @asynccontextmanager
    async def open(
        self, call: Call, *, silence: float | None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Send and give the lines of the answer as they come, without their line ends.

        Ends as a lost connection when nothing comes for `silence` seconds (None: never). Not
        retried, for only the caller knows where to go on.

        Raises:
            ApiError: on opening, and from the iterator when the connection is lost.
        """
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT, sock_read=silence)
        access = self.access
        # what may never be silent begins to answer at once, too
        within = None if silence is None else self.timeout
        try:
            with anyio.fail_after(within):
                response = await self._send(call, access, timeout)
                if response.status == 401 and self.reload is not None:
                    response.close()
                    await self._renew(access)
                    response = await self._send(call, self.access, timeout)
        except _FAILURES as error:
            raise self._failure(error, call) from error
        except RuntimeError as error:
            self._parted(error, call)
            raise
        try:
            if response.status >= 300:
                raise _refusal(response, await self._rest(response, call), call)
            self._open.add(response)
            yield self._lines(response, call)
        finally:
            self._open.discard(response)
            _cut(response)

    @asynccontextmanager
    async def websocket(
        self, call: Call, protocols: tuple[str, ...]
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """Open a WebSocket; not retried.

        Raises:
            ApiError: on opening.
        """
        self.counts[(call.verb, call.resource)] += 1
        access = self.access
        headers = CIMultiDict(_headers(access, call.headers))
        headers.popall("Accept", None)
        try:
            socket = await self._session.ws_connect(
                URL(access.server + call.path, encoded=True),
                protocols=protocols,
                headers=headers,
                timeout=aiohttp.ClientWSTimeout(ws_close=5.0),
                ssl=access.tls if access.tls is not None else True,
                server_hostname=access.tls_name or None,
                proxy=access.proxy or None,
                max_msg_size=0,
            )
        except aiohttp.WSServerHandshakeError as error:
            raise errors.read(error.status, b"", verb=call.verb, key=call.key) from error
        except _FAILURES as error:
            raise self._failure(error, call) from error
        try:
            yield socket
        finally:
            await socket.close()

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

    async def _rest(self, response: aiohttp.ClientResponse, call: Call) -> bytes:
        try:
            return await response.read()
        except _FAILURES as error:
            raise self._failure(error, call) from error

    async def _lines(self, response: aiohttp.ClientResponse, call: Call) -> AsyncIterator[bytes]:
        """Lines of any length; the stream reader's own would stop at the size of its buffer."""
        rest = b""
        try:
            async for chunk in response.content.iter_any():
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    yield line
        except _FAILURES as error:
            raise self._failure(error, call) from error
        if rest:
            yield rest

    def _failure(self, error: Exception, call: Call) -> errors.ApiError:
        if self.on_silence is not None:
            self.on_silence()
        return _failure(error, call)

    def _parted(self, error: RuntimeError, call: Call) -> None:
        """Say it when the connection was closed under a request: its cluster has left."""
        if self._session.closed:
            said = "it is no longer connected to"
            raise errors.ApiError(0, "Unreachable", said, verb=call.verb, key=call.key) from error

    async def _renew(self, stale: Access) -> None:
        async with self._renewing:
            if self.access is stale and self.reload is not None:
                self.access = await self.reload()
                self._headers.clear()


def _cut(response: aiohttp.ClientResponse) -> None:
    """Close at once: an endless answer cannot be read to its end, and TLS would wait for it."""
    if response.connection is not None and response.connection.transport is not None:
        response.connection.transport.abort()
    response.close()


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


def _parse(body: bytes) -> Any:
    return orjson.loads(body)


def _raw(body: bytes) -> bytes:
    return body


def _refusal(response: aiohttp.ClientResponse, body: bytes, call: Call) -> errors.ApiError:
    return errors.read(
        response.status,
        body,
        verb=call.verb,
        key=call.key,
        retry_after=response.headers.get("Retry-After"),
    )


def why(error: aiohttp.ClientConnectorError) -> str:
    """Why somebody cannot be connected to, in the words of the system."""
    number = error.os_error.errno or 0
    # a name that is not found has a negative one, and words of its own
    said = os.strerror(number) if number > 0 else error.os_error.strerror or "no answer"
    return said.lower()


def _failure(error: Exception, call: Call) -> errors.ApiError:
    """The HTTP library's error as ours."""
    reason, message = "Unreachable", "the API server closed the connection"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        found = getattr(error.certificate_error, "verify_message", "") or error.certificate_error
        reason, message = "Certificate", f"the API server's certificate is not trusted: {found}"
    elif isinstance(error, aiohttp.ClientConnectorError):
        message = f"the API server at {error.host}:{error.port} cannot be reached: {why(error)}"
    elif isinstance(error, TimeoutError):
        reason, message = "Timeout", "the API server did not answer in time"
    elif isinstance(error, aiohttp.ClientPayloadError | orjson.JSONDecodeError):
        reason, message = "Broken", "the API server's answer broke off"
    return errors.ApiError(
        0,
        reason,
        message,
        verb=call.verb,
        key=call.key,
        sent=not isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError),
    )


def encode(value: Mapping[str, Any] | list[Any]) -> bytes:
    """A body to send."""
    return orjson.dumps(value)

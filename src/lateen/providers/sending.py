"""HTTP requests that leave the process for real."""

from __future__ import annotations

import ssl
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import aiohttp

from lateen.base import trust
from lateen.base.clock import Clock, SystemClock
from lateen.base.problem import Problem
from lateen.providers.ports import Request, Response

_LARGEST: Final = 16 * 2**20  # bytes of a body; it goes into a document and often into a status


class Sender:
    """Sends requests over one pool of connections. Remembers how many were sent, for their limits.

    Use it inside `sender`.
    """

    def __init__(self, session: aiohttp.ClientSession, clock: Clock) -> None:
        self._session = session
        self._clock = clock
        self._sent: dict[tuple[str, str], deque[float]] = {}

    async def send(self, request: Request) -> Response:
        """See `ports.Http`."""
        self._admit(request)
        tls = _tls(request)
        timeout = aiohttp.ClientTimeout(total=request.timeout)
        try:
            async with self._session.request(
                request.method,
                request.url,
                data=request.body.encode() if request.body else None,
                headers=dict(request.headers),
                timeout=timeout,
                ssl=tls,
            ) as answer:
                return await _read(answer, request)
        except TimeoutError as error:
            message = f"{_said(request)} got no answer within {request.timeout:g} s"
            raise Problem("http.timeout", message, retry=True) from error
        except aiohttp.InvalidURL as error:
            raise Problem("http.url", f'"{request.url}" is no address') from error
        except (aiohttp.ClientSSLError, ssl.SSLError) as error:
            raise Problem("http.tls", f"{_said(request)} failed: {error}") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            message = f"{_said(request)} failed: {error or type(error).__name__}"
            raise Problem("http.unreachable", message, retry=True) from error

    def _admit(self, request: Request) -> None:
        """Keep to the limit of requests of this method and address, whatever their query.

        Raises:
            Problem: `http.rate-limit`.
        """
        if request.limit is None:
            return
        most, period = request.limit
        sent = self._sent.setdefault((request.method, request.url.partition("?")[0]), deque())
        now = self._clock.monotonic()
        while sent and sent[0] <= now - period:
            sent.popleft()
        if len(sent) >= most:
            message = f"{_said(request)} exceeds its limit of {most} in {period:g} s"
            raise Problem("http.rate-limit", message, retry=True)
        sent.append(now)


@asynccontextmanager
async def sender(clock: Clock | None = None) -> AsyncIterator[Sender]:
    """A sender that uses the proxies of the environment, as other programs do."""
    async with aiohttp.ClientSession(
        trust_env=True, cookie_jar=aiohttp.DummyCookieJar()
    ) as session:
        yield Sender(session, clock or SystemClock())


async def _read(answer: aiohttp.ClientResponse, request: Request) -> Response:
    body = bytearray()
    async for chunk in answer.content.iter_chunked(2**16):
        body += chunk
        if len(body) > _LARGEST:
            message = f"the answer to {_said(request)} is larger than {_LARGEST // 2**20} MiB"
            raise Problem("http.too-large", message)
    headers: dict[str, list[str]] = {}
    for name, value in answer.headers.items():
        headers.setdefault(_canonical(name), []).append(value)
    return Response(answer.status, body.decode(errors="replace"), headers)


def _canonical(name: str) -> str:
    """`content-type` -> `Content-Type`, as definitions expect to find it."""
    return "-".join(part.capitalize() for part in name.split("-"))


def _said(request: Request) -> str:
    """The request for people; a query may hold tokens."""
    return f"{request.method} {request.url.partition('?')[0]}"


def _tls(request: Request) -> ssl.SSLContext | bool:
    """Raises: Problem: `http.tls` for certificates that cannot be read."""
    try:
        return trust.context(request.ca, request.certificate, request.key, verify=request.verify)
    except ValueError as error:
        raise Problem("http.tls", f"the certificates for {_said(request)} are no good") from error

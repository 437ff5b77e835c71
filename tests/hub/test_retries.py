"""What is sent again after a failure, and what must not be."""

from __future__ import annotations

import socket
import time

import pytest

from lateen import hub
from lateen.api.manifest import Key
from lateen.hub.client import Client
from lateen.hub.connection import Connection
from lateen.hub.credentials import Access
from tests.hub import servers

pytestmark = pytest.mark.anyio

KEY = Key("", "ConfigMap", "ns", "a", "v1")
MANIFEST = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "ns"}}

VERBS = {
    "get": lambda client: client.get(KEY),
    "list": lambda client: client.list("", "v1", "ConfigMap"),
    "create": lambda client: client.create(MANIFEST),
    "apply": lambda client: client.apply(MANIFEST),
    "replace": lambda client: client.replace(MANIFEST),
    "merge": lambda client: client.patch(KEY, {"data": {}}),
    "append": lambda client: client.patch(KEY, [{"op": "add", "path": "/a/-", "value": 1}]),
    "delete": lambda client: client.delete(KEY),
}
FINE = servers.says(200, MANIFEST)
BUSY = servers.says(429, {"kind": "Status", "code": 429, "reason": "TooManyRequests"})
ERROR = servers.refuses(500, "InternalError")
AWAY = servers.refuses(503, "ServiceUnavailable")


@pytest.mark.parametrize(
    ("verb", "answers", "attempts"),
    [
        pytest.param("get", [ERROR, AWAY, FINE], 3, id="a reading is repeated"),
        pytest.param("list", [ERROR, FINE], 2, id="a list is repeated"),
        pytest.param("apply", [ERROR, FINE], 2, id="applying twice is applying once"),
        pytest.param("merge", [ERROR, FINE], 2, id="merging twice is merging once"),
        pytest.param("replace", [AWAY, FINE], 2, id="the resourceVersion guards a replacement"),
        pytest.param("delete", [ERROR, FINE], 2, id="deleting twice is deleting once"),
        pytest.param("create", [BUSY, FINE], 2, id="429 has done nothing"),
        pytest.param("append", [BUSY, FINE], 2, id="429 has done nothing, for any verb"),
        pytest.param("get", [servers.drops, FINE], 2, id="a lost connection"),
        pytest.param("get", [servers.truncates, FINE], 2, id="an answer that broke off"),
        pytest.param("get", [servers.babbles, FINE], 2, id="half of a JSON text"),
        pytest.param("apply", [servers.truncates, FINE], 2, id="applied, but unheard"),
    ],
)
async def test_a_call_heals(verb, answers, attempts):
    script = servers.Script(*answers)
    async with servers.client_of(script) as client:
        await VERBS[verb](client)
    assert len(script.requests) == attempts


@pytest.mark.parametrize(
    ("verb", "answer", "status", "reason"),
    [
        pytest.param("create", ERROR, 500, "InternalError", id="it may have been created"),
        pytest.param("append", AWAY, 503, "ServiceUnavailable", id="it may have been appended"),
        pytest.param("create", servers.truncates, 0, "Broken", id="created, but unheard"),
        pytest.param("create", servers.drops, 0, "Unreachable", id="nobody knows"),
        pytest.param("apply", servers.refuses(409, "Conflict"), 409, "Conflict", id="a conflict"),
        pytest.param("apply", servers.refuses(422, "Invalid"), 422, "Invalid", id="bad input"),
        pytest.param("get", servers.refuses(404, "NotFound"), 404, "NotFound", id="not there"),
        pytest.param("get", servers.says(302, {}), 302, "", id="a redirect is no answer"),
        pytest.param(
            "get",
            servers.says(429, {"kind": "Status", "code": 429, "reason": "Busy"}, Retry_After="60"),
            429,
            "Busy",
            id="asked to wait for longer than the call may take",
        ),
    ],
)
async def test_a_call_is_sent_once(verb, answer, status, reason):
    script = servers.Script(answer)
    async with servers.client_of(script) as client:
        with pytest.raises(hub.ApiError) as caught:
            await VERBS[verb](client)
    assert (caught.value.status, caught.value.reason) == (status, reason)
    assert len(script.requests) == 1


async def test_retries_end_and_are_counted():
    script = servers.Script(ERROR)
    async with servers.client_of(script) as client:
        with pytest.raises(hub.ApiError) as caught:
            await client.get(KEY)
        assert client.counts[("get", "configmaps")] == len(script.requests) == 5
    assert caught.value.transient


async def test_the_server_says_how_long_to_wait():
    script = servers.Script(
        servers.says(429, {"kind": "Status", "code": 429}, Retry_After="1"), FINE
    )
    began = time.monotonic()
    async with servers.client_of(script) as client:
        await client.create(MANIFEST)
    assert time.monotonic() - began >= 1


async def test_a_slow_server_is_given_up():
    script = servers.Script(servers.sleeps)
    began = time.monotonic()
    async with servers.client_of(script, timeout=0.2) as client:
        with pytest.raises(hub.ApiError) as caught:
            await client.get(KEY)
    assert caught.value.reason == "Timeout"
    assert len(script.requests) == 1
    assert time.monotonic() - began < 20


async def test_nobody_listens():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    async with Connection(Access(url), timeout=5) as link:
        client = Client(link)
        with pytest.raises(hub.ApiError) as caught:
            await client.version()
        assert not await client.ready()
    error = caught.value
    assert (error.reason, error.sent, error.transient) == ("Unreachable", False, True)
    [problem] = error.problems()
    assert problem.code == "hub.unreachable"
    assert problem.message == f"the API server at {url[7:]} cannot be reached: connection refused"
    assert "lateen server status" in problem.hint


async def test_stale_credentials_are_renewed_once_for_all():
    renewals = []

    async def fresh():
        renewals.append(1)
        return Access(client.connection.access.server, "Bearer new")

    async def guard(request):
        if request.headers.get("Authorization") == "Bearer new":
            return await FINE(request)
        return await servers.refuses(401, "Unauthorized")(request)

    script = servers.Script(guard)
    async with servers.client_of(script, reload=fresh, token="Bearer old") as client:
        await client.get(KEY)
        await client.get(KEY)
    assert len(renewals) == 1
    assert len(script.requests) == 3


async def test_a_host_that_is_not_found():
    async with Connection(Access("http://none.invalid"), timeout=30) as link:
        with pytest.raises(hub.ApiError) as caught:
            await Client(link).version()
    assert "none.invalid:80 cannot be reached: " in caught.value.message
    assert "[Errno" not in caught.value.message


async def test_credentials_that_stay_refused():
    async def same():
        return Access(client.connection.access.server, "Bearer old")

    script = servers.Script(servers.refuses(401, "Unauthorized"))
    async with servers.client_of(script, reload=same) as client:
        with pytest.raises(hub.ApiError) as caught:
            await client.get(KEY)
    assert caught.value.status == 401
    assert len(script.requests) == 2


async def test_a_server_with_a_certificate_of_another(kube, tmp_path):
    path = tmp_path / "config"
    config = kube.kubeconfig.read_text()
    [line] = [line for line in config.splitlines() if "certificate-authority-data" in line]
    path.write_text(config.replace(f"{line}\n", ""))  # only what the machine trusts, then
    async with hub.connect(path) as client:
        with pytest.raises(hub.ApiError) as caught:
            await client.version()
    assert caught.value.reason == "Certificate"
    assert not caught.value.transient
    [problem] = caught.value.problems()
    assert "certificate is not trusted: " in problem.message
    assert "certificate-authority" in problem.hint

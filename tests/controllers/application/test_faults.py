"""The API server refuses, fails, falls silent: deliveries come to their end all the same, and
nobody is asked again without a pause.

A proxy misbehaves between the controller and the real API server. Each case goes through a
delivery, an update, a repair and a deletion. How much a fault may cost is counted, never timed: at
most another pass for each.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from aiohttp import web

from lateen import hub
from lateen.api.manifest import Key, Manifest
from lateen.base.clock import SystemClock
from lateen.controllers import control
from lateen.hub.connection import Call, Connection
from tests.controllers import proxies
from tests.controllers.application.test_objects import definition
from tests.controllers.apps import app, objects, settings, webservice
from tests.controllers.laboratory import Laboratory, Task
from tests.controllers.proxies import Fault, Moment, Proxy

READS = ("GET", "WATCH")
PATIENCE = 60.0
TIMEOUT = 2.0  # seconds that this controller waits where an answer is not to come in time

pytestmark = [pytest.mark.timeout(300), pytest.mark.slow]


@dataclass
class Bench:
    lab: Laboratory
    proxy: Proxy
    link: Connection
    client: hub.Client

    def go_through(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        """All that an application may go through; `meanwhile` happens between."""
        lab = self.lab
        lab.apply(app(settings("a", {"x": "1"}), settings("b"), webservice("web")))
        meanwhile()
        lab.running(within=PATIENCE)
        meanwhile()
        kept = lab.get("Deployment", "web")["metadata"]["uid"]
        lab.apply(app(settings("a", {"x": "2"}), settings("c"), webservice("web")))
        meanwhile()
        lab.running(within=PATIENCE)
        lab.eventually("cleaned up", lambda: lab.owned("ConfigMap") == {"a", "c"}, PATIENCE)
        lab.eventually("one inventory", lambda: len(lab.trackers()) == 1, PATIENCE)
        lab.delete("ConfigMap", "c")
        meanwhile()
        lab.patch("ConfigMap", "a", {"data": {"x": "by hand"}})
        lab.eventually("made again", lambda: lab.find("ConfigMap", "c"), PATIENCE)
        lab.eventually("put back", lambda: self._x() == "2", PATIENCE)
        assert lab.get("Deployment", "web")["metadata"]["uid"] == kept
        assert lab.revisions() == ["shop-v1", "shop-v2"]
        lab.delete("Application", "shop")
        meanwhile()
        lab.gone(within=PATIENCE)
        assert lab.owned("ConfigMap") == set()
        assert lab.owned("Deployment") == set()
        assert lab.trackers() == []

    def _x(self) -> str:
        return str(self.lab.get("ConfigMap", "a")["data"].get("x"))


def publishes(request: web.Request) -> bool:
    """Whether it is about the definitions, of which a new control plane publishes each."""
    return "/namespaces/vela-system/" in request.path and proxies.resource(request) != "secrets"


@pytest.fixture
def bench(lab: Laboratory) -> Iterator[Bench]:
    """A controller that reaches the API server through the proxy, in place of the usual one."""
    plane = lab.plane
    plane.stop()
    portal = plane.kube.portal
    with portal.wrap_async_context_manager(proxies.opened(plane.kube.kubeconfig)) as found:
        proxy, access = found
        proxy.overlooked = publishes
        link = Connection(access)
        with portal.wrap_async_context_manager(link):
            client = hub.Client(link)

            async def run(started: Callable[[], None]) -> None:
                controller = control.Controller(client, plane.engine, SystemClock())
                await controller.run(started=started)

            task = Task(portal, run)
            try:
                yield Bench(lab, proxy, link, client)
            finally:
                proxy.judge, proxy.silent, proxy.lag = (lambda request: None), False, 0.0
                for each in lab.list("Application"):
                    lab.delete("Application", each["metadata"]["name"])
                    lab.gone(each["metadata"]["name"])
                task.stop()
    plane.start()


FEW = ("configmaps", "applications/status", "resourcetrackers")  # where each costs seconds


def first(times: int, fault: Fault, lab: Laboratory) -> proxies.Judge:
    """The first so many requests of each kind that write go wrong."""
    met: Counter[tuple[str, str]] = Counter()

    def judge(request: web.Request) -> Fault | None:
        kind = (request.method, proxies.resource(request))
        if request.method in READS or lab.namespace not in request.raw_path:
            return None
        if (fault.delay or times > 4) and kind[1] not in FEW:
            return None
        met[kind] += 1
        return fault if met[kind] <= times else None

    return judge


ONCE = 60  # requests of a run in which nothing goes wrong, watches and lists apart, at most


def test_nothing_goes_wrong(bench):
    bench.go_through()
    assert sum(n for (verb, _), n in bench.proxy.seen.items() if verb not in READS) <= ONCE


WRONG = [
    pytest.param(Fault(409, "Conflict"), 1, id="a conflict"),
    pytest.param(Fault(409, "Conflict"), 3, id="conflicts in a row"),
    pytest.param(Fault(429, "TooManyRequests", {"Retry-After": "1"}), 1, id="too many requests"),
    pytest.param(Fault(500, "InternalError"), 1, id="an error"),
    pytest.param(Fault(500, "InternalError", moment=Moment.AFTER), 1, id="an error, yet done"),
    pytest.param(Fault(500, "InternalError"), 6, id="errors until the connection gives up"),
    pytest.param(Fault(503, "ServiceUnavailable"), 2, id="away"),
    pytest.param(Fault(), 2, id="a lost connection"),
    pytest.param(Fault(moment=Moment.AFTER), 2, id="done, and the connection lost"),
    pytest.param(Fault(delay=TIMEOUT * 1.5), 1, id="no answer in time"),
    pytest.param(Fault(delay=TIMEOUT * 1.5, moment=Moment.AFTER), 1, id="done, no answer in time"),
    pytest.param(Fault(403, "Forbidden"), 1, id="forbidden for a moment"),
]


@pytest.mark.parametrize(("fault", "times"), WRONG)
def test_requests_that_write_go_wrong(bench, fault, times):
    if fault.delay or times > 4:
        bench.link.timeout = TIMEOUT
    bench.proxy.judge = first(times, fault, bench.lab)
    bench.go_through()
    written = sum(n for (verb, _), n in bench.proxy.seen.items() if verb not in READS)
    assert bench.proxy.injected >= 4, "nothing went wrong"
    assert written <= ONCE * (1 + bench.proxy.injected)


def test_answers_are_slow(bench):
    bench.proxy.lag = 0.15
    bench.go_through()
    assert sum(n for (verb, _), n in bench.proxy.seen.items() if verb not in READS) <= ONCE


def test_watches_are_cut(bench):
    cuts: Counter[str] = Counter()

    def cut():
        bench.lab.plane.kube.portal.call(bench.proxy.cut)
        cuts["cut"] += 1

    before = bench.proxy.seen.copy()

    def opened() -> dict[str, int]:
        seen = bench.proxy.seen - before
        return {each: n for (verb, each), n in seen.items() if verb == "WATCH"}

    bench.go_through(cut)
    cut()  # some were opened after the last one
    bench.lab.eventually("each is opened anew", lambda: min(opened().values()) >= 2, PATIENCE)
    assert max(opened().values()) <= cuts["cut"] * 2 + 1


def test_watches_are_too_old(bench):
    def age():
        bench.proxy.forgetful = 20
        bench.lab.plane.kube.portal.call(bench.proxy.cut)

    bench.go_through(age)
    assert bench.proxy.injected >= 20
    listed = sum(n for (verb, _), n in bench.proxy.seen.items() if verb == "GET")
    assert listed <= 60 + 2 * bench.proxy.injected


def test_watches_fall_silent(bench):
    """Nothing says that they are: what they would have told is found out later."""
    lab, proxy = bench.lab, bench.proxy
    lab.apply(app(settings("a", {"x": "1"})))
    lab.running(within=PATIENCE)
    bench.link.silence = 1.0  # seconds; as if it were minutes
    proxy.silent = True
    lab.plane.kube.portal.call(proxy.cut)
    lab.delete("ConfigMap", "a")
    lab.eventually("dead watches are opened anew", lambda: proxy.seen["WATCH", "configmaps"] >= 4)
    proxy.silent = False
    lab.eventually("made again", lambda: lab.find("ConfigMap", "a"), PATIENCE)


def test_nothing_is_done_by_who_has_lost_sight_of_the_inventories(bench):
    """The API server may have been put back to an earlier state meanwhile."""
    lab, proxy = bench.lab, bench.proxy
    lab.apply(app(settings("a", {"x": "1"})))
    lab.running(within=PATIENCE)
    unlisted: Counter[str] = Counter()

    def judge(request: web.Request) -> Fault | None:
        if request.method != "GET" or proxies.resource(request) != "resourcetrackers":
            return None
        unlisted["lists"] += 1
        return Fault(503, "ServiceUnavailable")

    proxy.judge = judge
    before = proxy.seen["WATCH", "applications"]
    lab.plane.kube.portal.call(proxy.cut)
    lab.eventually("lost", lambda: unlisted["lists"], PATIENCE)
    written = proxy.seen["PATCH", "configmaps"]
    lab.apply(app(settings("a", {"x": "2"})))
    lab.eventually("heard of", lambda: proxy.seen["WATCH", "applications"] > before, PATIENCE)
    tries = unlisted["lists"]
    lab.eventually("lists are tried", lambda: unlisted["lists"] >= tries + 2, PATIENCE)
    assert proxy.seen["PATCH", "configmaps"] == written
    proxy.judge = lambda request: None
    lab.eventually("as declared", lambda: bench._x() == "2", PATIENCE)


@pytest.mark.parametrize(
    ("method", "kind", "fault"),
    [
        pytest.param("PATCH", "configmaps", Fault(500, "InternalError"), id="an object"),
        pytest.param("POST", "resourcetrackers", Fault(500, "InternalError"), id="the inventory"),
        pytest.param("PATCH", "applications/status", Fault(409, "Conflict"), id="the status"),
        pytest.param("PATCH", "applications", Fault(409, "Conflict"), id="the finalizer"),
        pytest.param("POST", "applicationrevisions", Fault(), id="the revision"),
        pytest.param("DELETE", "configmaps", Fault(403, "Forbidden"), id="a deletion"),
    ],
)
def test_what_goes_wrong_for_ever_is_not_asked_in_a_loop(bench, method, kind, fault):
    lab, proxy = bench.lab, bench.proxy
    if method == "DELETE":
        lab.apply(app(settings("a"), settings("b")))
        lab.running(within=PATIENCE)

    def judge(request):
        here = lab.namespace in request.raw_path or kind == "resourcetrackers"
        return (
            fault
            if here and (request.method, proxies.resource(request)) == (method, kind)
            else None
        )

    proxy.judge = judge
    lab.apply(app(settings("a")))
    lab.eventually("met", lambda: proxy.injected, PATIENCE)
    before, since = proxy.requests, time.monotonic()
    time.sleep(2)
    asked = proxy.requests - before
    assert asked <= 30 * (time.monotonic() - since), proxy.seen
    proxy.judge = lambda request: None
    lab.running(within=PATIENCE)
    lab.eventually("as declared", lambda: lab.owned("ConfigMap") == {"a"}, PATIENCE)


STARTING = Fault(500, body="[-]poststarthook/start-apiextensions-controllers failed")
SILENT = {"versions": [{"version": "v1", "freshness": "Stale"}]}


@pytest.mark.parametrize(
    ("ready", "instead", "why"),
    [
        pytest.param(
            STARTING,
            [],
            "the API server is not ready",
            id="it starts, and does not know of its kinds yet",
        ),
        pytest.param(
            None,
            [SILENT],
            "the server behind the API group test.lateen.dev does not answer",
            id="nobody answers behind an aggregated API",
        ),
    ],
)
def test_what_a_server_does_not_know_of_for_now_is_not_taken_for_gone(bench, ready, instead, why):
    lab, proxy, group = bench.lab, bench.proxy, "test.lateen.dev"
    kind = "Raft" + lab.namespace.removeprefix("test-")
    lab.apply(definition(kind.lower() + "s", kind))
    raft = {"apiVersion": f"{group}/v1", "kind": kind, "metadata": {"name": "a"}}
    lab.apply(app(objects("raft", raft), settings("b")))
    lab.running(within=PATIENCE)

    async def served() -> Manifest:
        accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
        call = Call("GET", "/apis", "get", "apis", headers=(("Accept", accept),))
        found: Manifest = await lab.plane.user.connection.request(call)
        return found

    known = lab.plane.call(served)
    others = [each for each in known["items"] if each["metadata"]["name"] != group]
    named = [{"metadata": {"name": group}, **each} for each in instead]
    less = Fault(200, body={**known, "items": [*others, *named]})
    proxy.judge = lambda request: {"/readyz": ready, "/apis": less}.get(request.path)

    async def look() -> None:
        bench.client.resources.forget()  # as when somebody asks for a kind that there is not

    lab.plane.call(look)
    lab.delete("Application", "shop")
    told = lab.until("told", lambda found: why in str(found["status"]), within=PATIENCE)
    assert told["status"]["status"] == "deleting"
    lab.eventually("the others go", lambda: lab.find("ConfigMap", "b") is None, PATIENCE)
    proxy.judge = lambda request: None
    lab.gone(within=PATIENCE)
    there = Key(group, kind, lab.namespace, "a", "v1")
    with pytest.raises(hub.ApiError) as caught:
        lab.plane.call(lab.plane.user.get, there)
    assert caught.value.not_found
    assert lab.trackers() == []

"""What tests of the controller do to a cluster and ask of it.

`Plane` is the controller, `Laboratory` the hands and eyes of a user in one namespace. Waiting is
driven by a watch where an application is concerned and by short polls for anything else; what does
not come in time fails with the status as it was.
"""

from __future__ import annotations

import io
import tempfile
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import anyio
import anyio.abc
from anyio.from_thread import BlockingPortal
from ruamel.yaml import YAML

from lateen import hub
from lateen.api import manifest, names
from lateen.api.manifest import Key, Manifest
from lateen.base.clock import SystemClock
from lateen.controllers import control, settings
from lateen.controllers.insight import meters, observed
from lateen.cue.engine import Engine
from lateen.cue.templates import Evaluation
from lateen.hub import connection, kubeconfig, restoring
from lateen.hub.credentials import Access
from lateen.sources import obtaining
from tests.conftest import Embedded
from tests.controllers.lateness import Carried, Late

T = TypeVar("T")
Manifests = list[Manifest]  # `list` is a method here
Texts = list[str]

PATIENCE = 60.0  # seconds; nothing takes as long, but on a machine that is busy with other things
_LOOK = 0.05  # seconds between two looks at whether the controller is at rest
READS = frozenset({"get", "list", "watch"})

# What the controllers would go on with; applications first, as they make others of them.
WORK = (
    "Application",
    "WorkflowRun",
    "Configuration",
    "ComponentDefinition",
    "TraitDefinition",
    "PolicyDefinition",
    "WorkflowStepDefinition",
)

CLUSTER_WIDE = frozenset(
    {"ClusterRole", "CustomResourceDefinition", "Namespace", "ResourceTracker"}
)
VERSIONS = {
    "Application": names.V1BETA1,
    "ApplicationRevision": names.V1BETA1,
    "ClusterRole": "rbac.authorization.k8s.io/v1",
    "ComponentDefinition": names.V1BETA1,
    "CustomResourceDefinition": "apiextensions.k8s.io/v1",
    "DefinitionRevision": names.V1BETA1,
    "Configuration": "terraform.core.oam.dev/v1beta2",
    "Deployment": "apps/v1",
    "Job": "batch/v1",
    "Lease": "coordination.k8s.io/v1",
    "Policy": names.V1ALPHA1,
    "Package": "cue.oam.dev/v1alpha1",
    "PolicyDefinition": names.V1BETA1,
    "Provider": "terraform.core.oam.dev/v1beta1",
    "ResourceTracker": names.V1BETA1,
    "TraitDefinition": names.V1BETA1,
    "RoleBinding": "rbac.authorization.k8s.io/v1",
    "Workflow": names.V1ALPHA1,
    "WorkflowRun": names.V1ALPHA1,
    "WorkflowStepDefinition": names.V1BETA1,
    "WorkloadDefinition": names.V1BETA1,
}


class Task:
    """Something that goes on in the loop of the embedded Kubernetes until it is stopped."""

    def __init__(
        self, portal: BlockingPortal, work: Callable[[Callable[[], None]], Awaitable[None]]
    ) -> None:
        """Returns once `work` has called what it is given."""
        self._portal = portal
        self._done, self._scope = portal.start_task(self._run, work)

    async def _run(
        self,
        work: Callable[[Callable[[], None]], Awaitable[None]],
        *,
        task_status: anyio.abc.TaskStatus[anyio.CancelScope],
    ) -> None:
        with anyio.CancelScope() as scope:
            await work(lambda: task_status.started(scope))

    @property
    def ended(self) -> bool:
        return self._done.done()

    def cancel(self) -> None:
        """Only in the loop itself."""
        self._scope.cancel()

    def join(self, within: float = 30) -> None:
        """Wait for its end; raises what it died of."""
        self._done.result(within)

    def stop(self) -> None:
        self._portal.call(self._scope.cancel)
        self.join()


class Mortal(observed.Link):
    """A connection whose owner can die on it: from then on nothing is sent any more.

    What is to happen to a request happens to one for a given namespace: the controller is still
    cleaning up those of other tests.
    """

    _left: int | None = None
    _unheard = True
    _counted = ""  # the namespace whose writes are
    _awaited: tuple[str, str, str] | None = None
    _late: Late | None = None

    async def __aenter__(self) -> Mortal:
        await super().__aenter__()
        self.sent: list[connection.Call] = []
        self.unanswered = 0  # of them, watches and those that are held left out
        return self

    def die_after(
        self, writes: int, die: Callable[[], None], namespace: str, *, unheard: bool = True
    ) -> None:
        """Die once that many more writes are done: before their last answer is heard, or only when
        the next write is about to be sent.
        """
        self._left, self._die, self._counted, self._unheard = writes, die, namespace, unheard

    def interrupt(
        self, verb: str, resource: str, first: Callable[[], Awaitable[None]], namespace: str
    ) -> None:
        """Let something else happen before the next request of that kind is sent."""
        self._awaited, self._first = (verb, resource, namespace), first

    def hold(self, late: Late) -> None:
        """Have the next request of its kind arrive late (see `Late`)."""
        self._late = late

    def _held(self, call: connection.Call, *, heard: bool) -> Late | None:
        late = self._late
        if late is None or late.heard is not heard or not _is(call, *late.what):
            return None
        self._late = None
        return late

    @property
    def doomed(self) -> bool:
        return self._left is not None

    def revive(self) -> None:
        self._left = None

    async def request(
        self, call: connection.Call, *, timeout: float | None = None, attempts: int = 0
    ) -> Any:
        if self._left == 0 and (self._unheard or call.verb not in READS):
            self._die()
            await anyio.sleep_forever()
        if self._awaited is not None and _is(call, *self._awaited):
            self._awaited = None
            await self._first()
        self.sent.append(call)
        if late := self._held(call, heard=False):
            return await late.carry(lambda: connection.Connection.request(self, call))
        self.unanswered += 1
        try:
            answer = await super().request(call, timeout=timeout, attempts=attempts)
        finally:
            self.unanswered -= 1
        if self._left and call.verb not in READS and concerns(call, self._counted):
            self._left -= 1
            if self._left == 0 and self._unheard:  # it is done, and nobody hears of it
                self._die()
                await anyio.sleep_forever()
        return answer

    def _send(self, call: connection.Call, access: Access, timeout: Any) -> Any:
        request = super()._send(call, access, timeout)
        late = self._held(call, heard=True)
        return request if late is None else Carried(late, request)


def concerns(call: connection.Call, namespace: str) -> bool:
    """Whether it is for an object of a namespace, for what names one of those, or a list of any."""
    return call.key is None or namespace in f"{call.path} {call.key} {call.body!r}"


def _is(call: connection.Call, verb: str, resource: str, namespace: str) -> bool:
    return (call.verb, call.resource) == (verb, resource) and concerns(call, namespace)


class Interruptible(Engine):
    """An engine on whose next evaluation for a namespace something else happens first."""

    unanswered = 0
    _first: Callable[[], Awaitable[None]] | None = None

    def interrupt(self, first: Callable[[], Awaitable[None]], namespace: str) -> None:
        self._first, self._space = first, namespace

    async def evaluate(self, *given: Any, **named: Any) -> Evaluation:
        if self._first is not None and self._space in repr(given):
            first, self._first = self._first, None
            await first()
        return await super().evaluate(*given, **named)

    async def ask(self, *given: Any, **named: Any) -> Any:
        self.unanswered += 1
        try:
            return await super().ask(*given, **named)
        finally:
            self.unanswered -= 1


@asynccontextmanager
async def connect(path: Path) -> AsyncIterator[Mortal]:
    async with Mortal(await kubeconfig.load(path), probe=meters.Meters()) as link:
        yield link


class Plane:
    """The controller: started, stopped and started again in the loop of the embedded Kubernetes.

    `link` is the controller's own, so that what it sends can be counted, and cut off.
    """

    _life: anyio.CancelScope  # of the controller that runs

    def __init__(self, kube: Embedded, link: Mortal, engine: Interruptible) -> None:
        self.kube = kube
        self.link = link
        self.client = hub.Client(link)
        self.user = hub.Client(kube.client.connection, manager="user")
        self.call = kube.call
        self.engine = engine
        self.settings = settings.DEFAULTS  # of the next controller that is started
        self.meters = meters.Meters()
        self.probe: meters.Probe = self.meters  # of the next controller, too
        self.running: control.Controller | None = None
        self._controller: Task | None = None
        self._applications = hub.Informer(kube.client, names.GROUP, "v1beta1", "Application")
        self._applications.on_change(self._notice)
        self._awaited: tuple[str, str] | None = None  # the application that somebody waits for
        self._news: deque[Manifest | None] = deque()  # its states since, each of them
        self._changed = anyio.Event()
        self._watching = Task(kube.portal, self._watch)

    async def _watch(self, started: Callable[[], None]) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._applications.run)
            await self._applications.wait_synced()
            started()

    def _notice(self, old: Manifest | None, new: Manifest | None) -> None:
        meta = ((new or old) or {})["metadata"]
        if (meta["namespace"], meta["name"]) == self._awaited:
            self._news.append(new)
            self._changed.set()

    def start(self) -> None:
        """Run a controller, unless one is running. Returns once it has listed what there is."""
        if self.dead:
            self.link.revive()
            self._begin()

    def _begin(self) -> None:
        self._controller = Task(self.kube.portal, self._control)

    def revive(self) -> None:
        """Run a controller that is not about to die, whatever was done to the last one."""
        if self.link.doomed:
            self.stop()
        self.start()

    async def _control(self, started: Callable[[], None]) -> None:
        self.link.probe = self.probe
        watcher = control.Watcher(self.probe, self.meters)
        with tempfile.TemporaryDirectory(prefix="lateen-sources-") as kept:
            async with obtaining.sources(Path(kept), local=True) as sources:
                self.running = control.Controller(
                    self.client, self.engine, SystemClock(), self.settings, watcher, sources
                )
                with anyio.CancelScope() as self._life, restoring.one_history(self.link):
                    await self.running.run(started=started)

    def stop(self) -> None:
        """As a process that is killed: nothing is finished, nothing is written any more."""
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    def die_after(self, writes: int, namespace: str, *, unheard: bool = True) -> None:
        """Let the controller die once that many more of its writes there are done (see `Mortal`).

        One is started where none runs; then it is its first writes that count.
        """
        self.link.die_after(writes, lambda: self._life.cancel(), namespace, unheard=unheard)
        if self.dead:
            self._begin()

    @property
    def dead(self) -> bool:
        return self._controller is None or self._controller.ended

    def await_death(self, within: float = PATIENCE) -> None:
        """Wait until a controller that is to die has died."""
        assert self._controller is not None
        self._controller.join(within)
        self._controller = None

    def restart(self) -> None:
        self.stop()
        self.start()

    @contextmanager
    def governed(self, chosen: settings.Settings) -> Iterator[None]:
        """A controller with these settings; one with those there were, afterwards."""
        before, self.settings = self.settings, chosen
        self.restart()
        try:
            yield
        finally:
            self.settings = before
            self.restart()

    def at_work(self) -> bool:
        """Whether the controller waits for an answer; asked of the API server, which is awake."""
        self.call(self.user.version)
        return bool(self.link.unanswered or self.engine.unanswered)

    def close(self) -> None:
        self.stop()
        self._watching.stop()

    def application(self, namespace: str, name: str) -> Manifest | None:
        return self.call(self._stored, namespace, name)

    async def _stored(self, namespace: str, name: str) -> Manifest | None:
        return self._applications.get(namespace, name)

    def until(
        self,
        namespace: str,
        name: str,
        accepts: Callable[[Manifest | None], bool],
        within: float = PATIENCE,
    ) -> tuple[bool, Manifest | None]:
        """Wait for the application to be acceptable; whether it became so, and what it is."""
        return self.call(self._until, namespace, name, accepts, within)

    async def _until(
        self,
        namespace: str,
        name: str,
        accepts: Callable[[Manifest | None], bool],
        within: float,
    ) -> tuple[bool, Manifest | None]:
        """It may be so for a moment only: each state the watch brought is judged, not the last."""
        self._awaited = (namespace, name)
        self._news.clear()
        found = self._applications.get(namespace, name)
        with anyio.move_on_after(within):
            while not accepts(found):
                while not self._news:
                    self._changed = anyio.Event()
                    await self._changed.wait()
                found = self._news.popleft()
        return accepts(found), found


class Laboratory:
    """A user of one namespace."""

    def __init__(self, plane: Plane, namespace: str) -> None:
        self.plane = plane
        self.namespace = namespace
        self._spaces = [namespace]
        self._applied = {"Application"}  # kinds
        self._seen = len(plane.link.sent)  # that many of the requests are counted, or of others
        self._sent: Counter[tuple[str, str]] = Counter()

    # what a user writes

    def apply(self, declared: str | Manifest, name: str = "") -> Manifest:
        """Apply objects, given as YAML documents or as a map; returns the last.

        `NAMESPACE` in a text is this namespace, where every object goes that names no other.
        """
        documents = [declared] if isinstance(declared, dict) else self._read(declared)
        applied: Manifest = {}
        for document in documents:
            self._applied.add(document["kind"])
            applied = self.plane.call(self._apply, self.placed(document, name))
        return applied

    def read(self, text: str) -> Manifest:
        """The one object of a YAML text, placed in this namespace."""
        [document] = self._read(text)
        return self.placed(document)

    def placed(self, document: Manifest, name: str = "") -> Manifest:
        meta = {**document.get("metadata", {})} | ({"name": name} if name else {})
        if document["kind"] not in CLUSTER_WIDE:
            meta.setdefault("namespace", self.namespace)
        return {**document, "metadata": meta}

    async def _apply(self, document: Manifest) -> Manifest:
        return await self.plane.user.apply(document, force=True)

    def _read(self, text: str) -> list[Manifest]:
        loader = YAML(typ="safe", pure=True)
        return list(loader.load_all(io.StringIO(text.replace("NAMESPACE", self.namespace))))

    def patch(self, kind: str, name: str, body: Any, subresource: str = "") -> Manifest:
        async def patch() -> Manifest:
            return await self.plane.user.patch(self.key(kind, name), body, subresource=subresource)

        return self.plane.call(patch)

    def delete(self, kind: str, name: str) -> None:
        self.plane.call(self.plane.user.delete, self.key(kind, name))

    def switch(self, lamp: str, *, on: bool) -> None:
        """Make a lamp healthy, or unhealthy."""
        self.patch("ConfigMap", lamp, {"data": {"lit": "yes" if on else "no"}})

    def steer(
        self, operation: Callable[..., dict[str, Any]], *arguments: Any, app: str = "shop"
    ) -> None:
        """Change the workflow of an application as `lateen workflow` does."""

        async def steer() -> None:
            user, key = self.plane.user, self.key("Application", app)
            while True:
                found = await user.get(key)
                workflow = operation(found["status"].get("workflow") or {}, *arguments)
                found["status"]["workflow"] = workflow
                try:
                    await user.replace(found, subresource="status")
                    return
                except hub.ApiError as error:
                    if not error.conflict:
                        raise

        self.plane.call(steer)

    def another_namespace(self) -> str:
        """The name of a second namespace."""
        name = f"{self.namespace}-{len(self._spaces)}"
        self._spaces.append(name)
        self.apply({"apiVersion": "v1", "kind": "Namespace"}, name)
        return name

    def leave(self) -> None:
        """Leave nothing that the controllers would go on with during other tests."""
        self.plane.call(self._leave)

    async def _leave(self) -> None:
        user = self.plane.user
        for kind in (each for each in WORK if each in self._applied):
            key = self.key(kind, "")
            for space in self._spaces:
                found, _ = await user.list(key.group, key.version, kind, namespace=space)
                for each in found:
                    await user.delete(manifest.key(each))

    # what a user sees

    def key(self, kind: str, name: str) -> Key:
        group, version = manifest.split_version(VERSIONS.get(kind, "v1"))
        namespace = "" if kind in CLUSTER_WIDE else self.namespace
        return Key(group, kind, namespace, name, version)

    def find(self, kind: str, name: str) -> Manifest | None:
        """The object, None when there is none."""
        try:
            return self.plane.call(self.plane.user.get, self.key(kind, name))
        except hub.ApiError as error:
            if error.not_found:
                return None
            raise

    def get(self, kind: str, name: str) -> Manifest:
        found = self.find(kind, name)
        assert found is not None, f"there is no {kind} {name}"
        return found

    def list(self, kind: str, **labels: str) -> Manifests:
        """Objects of this namespace; of a cluster-wide kind those of its applications."""
        key = self.key(kind, "")
        if not key.namespace:
            labels = {names.APP_NAMESPACE: self.namespace, **labels}
        selector = ",".join(f"{label}={value}" for label, value in labels.items())

        async def read() -> tuple[Manifests, str]:
            return await self.plane.user.list(
                key.group, key.version, kind, namespace=key.namespace, label_selector=selector
            )

        return self.plane.call(read)[0]

    def names(self, kind: str, **labels: str) -> set[str]:
        return {each["metadata"]["name"] for each in self.list(kind, **labels)}

    def owned(self, kind: str, app: str = "shop") -> set[str]:
        return self.names(kind, **{names.APP_NAME: app})

    def trackers(self, app: str = "shop") -> Manifests:
        return self.list("ResourceTracker", **{names.APP_NAME: app})

    def revisions(self, app: str = "shop") -> Texts:
        found = self.names("ApplicationRevision", **{names.APP_NAME: app})
        return sorted(found, key=lambda name: int(name.rpartition("-v")[2]))

    def app(self, name: str = "shop") -> Manifest:
        found = self.plane.application(self.namespace, name)
        return found or self.get("Application", name)  # the watch may not have brought it yet

    def status(self, name: str = "shop") -> dict[str, Any]:
        return self.app(name).get("status") or {}

    def condition(self, kind: str, name: str = "shop") -> dict[str, Any]:
        return condition(self.app(name), kind)

    # what the controller sends

    def sent(self) -> Counter[tuple[str, str]]:
        """Requests since it is there by verb and resource: those for this namespace, and for lists.

        Other namespaces are still being cleaned up after the tests that had them.
        """
        fresh = self.plane.link.sent[self._seen :]
        self._seen += len(fresh)
        self._sent.update(
            (call.verb, call.resource) for call in fresh if concerns(call, self.namespace)
        )
        return self._sent.copy()

    def settle(self, calm: float = 0.25, within: float = PATIENCE) -> Counter[tuple[str, str]]:
        """Wait until the controller sends nothing any more; what it has sent by then.

        Looks are counted, not seconds: time passes as well while the API server, the engine, or
        this process is kept from its work by others.
        """
        deadline = time.monotonic() + within
        before, calm_looks = self.sent(), 0
        while calm_looks * _LOOK < calm:
            assert time.monotonic() < deadline, f"the controller does not come to rest: {before}"
            time.sleep(_LOOK)
            at_work, now = self.plane.at_work(), self.sent()
            calm_looks = 0 if at_work or now != before else calm_looks + 1
            before = now
        return before

    # what happens to the controller

    def interrupt(self, verb: str, resource: str, first: Callable[[], Awaitable[None]]) -> None:
        """Let something else happen before its next such request for this namespace."""
        self.plane.link.interrupt(verb, resource, first, self.namespace)

    def interrupt_rendering(self, first: Callable[[], Awaitable[None]]) -> None:
        """Let something else happen before it next evaluates a template for this namespace."""
        self.plane.engine.interrupt(first, self.namespace)

    def hold(self, verb: str, resource: str, *, heard: bool) -> Late:
        """Have its next such request for this namespace arrive late (see `Late`)."""
        late = Late(verb, resource, self.namespace, heard=heard)
        self.plane.link.hold(late)
        return late

    def die_after(self, writes: int, *, unheard: bool = True) -> None:
        """Have it die once that many more writes in this namespace are done (see `Mortal`)."""
        self.plane.die_after(writes, self.namespace, unheard=unheard)

    # waiting

    def until(
        self,
        what: str,
        accepts: Callable[[Manifest], bool],
        name: str = "shop",
        within: float = PATIENCE,
    ) -> Manifest:
        """Wait for an application to be acceptable; `what` it was to be is said if it is not."""

        def judged(app: Manifest | None) -> bool:
            return app is not None and accepts({"status": {}, **app})

        done, found = self.plane.until(self.namespace, name, judged, within)
        assert done, f"{name} is not {what} after {within:g} s:\n{_shown(found)}"
        assert found is not None
        return {"status": {}, **found}

    def phase(self, phase: str, name: str = "shop", within: float = PATIENCE) -> Manifest:
        """Wait for a phase that speaks of the application as it is declared now."""
        generation = self.get("Application", name)["metadata"]["generation"]

        def reached(app: Manifest) -> bool:
            status = app.get("status") or {}
            current = int(status.get("observedGeneration") or 0) >= generation
            return current and status.get("status") == phase

        return self.until(phase, reached, name, within)

    def running(self, name: str = "shop", within: float = PATIENCE) -> Manifest:
        return self.phase("running", name, within)

    def gone(self, name: str = "shop", within: float = PATIENCE) -> None:
        done, found = self.plane.until(self.namespace, name, lambda app: app is None, within)
        assert done, f"{name} is still there after {within:g} s:\n{_shown(found)}"

    def eventually(self, what: str, question: Callable[[], T], within: float = PATIENCE) -> T:
        """Ask until the answer is true; returns it."""
        deadline = time.monotonic() + within
        while not (answer := question()):
            if time.monotonic() > deadline:
                apps = [_shown(each) for each in self.list("Application")]
                raise AssertionError("\n".join([f"not {what} after {within:g} s", *apps]))
            time.sleep(0.03)
        return answer

    def deliver(self, declared: str | Manifest, name: str = "") -> Manifest:
        """Apply an application and wait until it runs."""
        applied = self.apply(declared, name)
        return self.running(applied["metadata"]["name"])


def condition(app: Manifest, kind: str) -> dict[str, Any]:
    """A condition of an application, empty where it has none of that type."""
    found = (app.get("status") or {}).get("conditions") or ()
    return next((each for each in found if each["type"] == kind), {})


def steps(app: Manifest) -> dict[str, str]:
    """Phase of each workflow step, those of groups included, in the order of the status."""
    found = {}
    for step in (app.get("status") or {}).get("workflow", {}).get("steps") or ():
        found[step["name"]] = step["phase"]
        found |= {sub["name"]: sub["phase"] for sub in step.get("subSteps") or ()}
    return found


def step(app: Manifest, name: str) -> dict[str, Any]:
    found = (app.get("status") or {}).get("workflow", {}).get("steps") or ()
    return next((each for each in found if each["name"] == name), {})


def writes(counted: Counter[tuple[str, str]]) -> dict[tuple[str, str], int]:
    return {key: n for key, n in counted.items() if key[0] not in READS and n}


def _shown(app: Manifest | None) -> str:
    if app is None:
        return "there is no such application"
    text = io.StringIO()
    YAML(typ="safe", pure=True).dump(
        {"generation": app["metadata"]["generation"], "status": app.get("status")}, text
    )
    return text.getvalue()

"""What actions need of others, and what callers get back."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar

from lateen.api.manifest import Check, Key, Manifest
from lateen.api.placement import Placement
from lateen.api.tracker import Resource
from lateen.base.clock import Clock, SystemClock
from lateen.base.problem import Problem
from lateen.cue.engine import Engine
from lateen.providers.external import Shelf
from lateen.providers.packages import Flavour
from lateen.sources.obtaining import Sources

T = TypeVar("T")

_log = logging.getLogger("lateen.log")


class Objects(Protocol):
    """Kubernetes objects of a cluster, as whoever the application belongs to.

    `cluster` is "" or `local` for the control plane's own. All of them raise `ApiError` when the
    server refuses, and Problem `hub.unknown-kind` or `provider.cluster`.
    """

    async def get(self, cluster: str, key: Key) -> Manifest: ...

    async def list(
        self,
        cluster: str,
        api_version: str,
        kind: str,
        *,
        namespace: str = "",
        labels: Mapping[str, str] | None = None,
        fields: str = "",
    ) -> list[Manifest]: ...

    async def apply(self, cluster: str, manifest: Manifest, check: Check | None = None) -> Manifest:
        """Server-side apply. Where objects belong to an application: recorded, ownership checked.
        With a `check` only over what that was shown.

        Raises:
            Problem | Problems: the object is another application's, or what `check` raises.
        """
        ...

    async def patch(
        self, cluster: str, key: Key, body: Any, *, strategic: bool = False
    ) -> Manifest: ...

    async def delete(self, cluster: str, key: Key) -> None:
        """Delete, and mark it deleted where it is recorded. One that is gone is fine."""
        ...


class Logs(Protocol):
    """What containers wrote."""

    async def read(
        self, cluster: str, namespace: str, pod: str, options: Mapping[str, str]
    ) -> str: ...


@dataclass(frozen=True)
class Request:
    """An HTTP request. `timeout` is in seconds; `limit` is (requests, seconds) or None.

    `ca`, `certificate` and `key` are PEM texts, empty for what the system trusts and for none.
    """

    method: str
    url: str
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 3.0
    limit: tuple[int, float] | None = None
    ca: str = ""
    certificate: str = ""
    key: str = ""
    verify: bool = True


@dataclass(frozen=True)
class Response:
    status: int
    body: str
    headers: Mapping[str, Sequence[str]]


class Http(Protocol):
    async def send(self, request: Request) -> Response:
        """Any answer, whatever its status.

        Raises:
            Problem: `http.unreachable`, `http.timeout`, `http.rate-limit`, `http.tls`, `http.url`,
                `http.too-large`.
        """
        ...


@dataclass(frozen=True)
class Letter:
    host: str
    port: int
    sender: str
    alias: str
    password: str
    to: Sequence[str]
    subject: str
    body: str  # HTML


class Mail(Protocol):
    async def send(self, letter: Letter) -> None:
        """Returns when the server has taken it.

        Raises:
            Problem: `email.refused`, `email.unreachable`.
        """
        ...


class Variables(Protocol):
    """What the workflow remembers; `workflow.remembering.Memory` is one."""

    @property
    def variables(self) -> Mapping[str, Any]: ...

    def is_secret(self, name: str) -> bool: ...

    def put(self, name: str, value: Any) -> bool:
        """False, and nothing set, when it has another value already."""
        ...

    def value(self, key: str) -> str: ...
    def keep(self, key: str, value: str) -> None: ...


class Patching(Protocol):
    async def __call__(self, path: str, base: Any, patch: Any) -> Any:
        """`base` as the patch leaves it, by the marks that the text has at `path` (semantics B4).

        Raises:
            Problem | Problems: `patch.*`.
        """
        ...


@dataclass(frozen=True)
class Delivered:
    """How a delivery stands. `output` and `outputs` are live objects, or rendered ones."""

    healthy: bool
    message: str = ""
    output: Manifest | None = None
    outputs: Mapping[str, Manifest] = field(default_factory=dict)


@dataclass(frozen=True)
class Wanted:
    """A component to deliver or render. `patch_path` is where the text has the patch."""

    component: Mapping[str, Any]
    cluster: str
    namespace: str
    patch: Mapping[str, Any] | None
    patch_path: str


@dataclass(frozen=True)
class Deployment:
    policies: Sequence[str]
    inline: Sequence[Mapping[str, Any]]
    parallelism: int
    ignore_terraform: bool


class Delivery(Protocol):
    """The application being delivered, and others of its namespace.

    All of them raise Problem | Problems.
    """

    async def apply(self, wanted: Wanted) -> Delivered: ...
    async def render(self, wanted: Wanted) -> Delivered: ...
    async def deploy(self, deployment: Deployment) -> Delivered: ...

    async def components(
        self, app: str, override: Mapping[str, Any] | None = None
    ) -> Sequence[Mapping[str, Any]]:
        """As the application lists them, as data; "" is the application itself, whose components
        may be asked for as an override policy with these properties would leave them.
        """
        ...

    async def policies(self, app: str) -> Sequence[Mapping[str, Any]]: ...


class Clusters(Protocol):
    def names(self) -> Sequence[str]:
        """The joined clusters, without the control plane's own."""
        ...

    async def placements(self, policies: Sequence[str]) -> Sequence[Placement]:
        """Where topology policies of the application lead.

        Raises:
            Problem: `policy.*`.
        """
        ...


class Cloud(Protocol):
    """The Terraform components of the application."""

    async def components(self) -> Sequence[Mapping[str, Any]]: ...
    async def healthy(self, component: str) -> bool: ...


@dataclass(frozen=True)
class Entry:
    """One line of an application's inventory, and of which revision it is."""

    resource: Resource
    revision: str = ""
    publish_version: str = ""
    latest: bool = True


class Inventories(Protocol):
    async def entries(self, app: str, namespace: str) -> Sequence[Entry]:
        """What applications brought, read as the control plane; only names leave here.

        Raises:
            Problem: `query.application` for one that is not there.
        """
        ...


class Journal(Protocol):
    """Which side effects have been done, kept where a crash does not reach."""

    async def begin(self, key: str) -> Mapping[str, Any] | None:
        """Note that it begins; or the result, if it has been done.

        Raises:
            Problem: `provider.interrupted` if it was begun and never ended.
        """
        ...

    async def end(self, key: str, result: Mapping[str, Any]) -> None: ...


class Abilities(Protocol):
    async def abilities(self, cluster: str) -> tuple[str, Sequence[str]]:
        """The version of Kubernetes, and what is served: `apps/v1`, `apps/v1/Deployment`."""
        ...


class News(Protocol):
    """Whether what a component was rendered from has changed where it comes from."""

    def follow(
        self, component: str, token: str, interval: float, look: Callable[[], Awaitable[str]]
    ) -> None:
        """Look every `interval` seconds; what differs from `token`, as of now, is news."""
        ...

    def pending(self, component: str) -> bool:
        """Whether there is news that no rendering has taken in yet."""
        ...

    def taken(self, component: str) -> None:
        """A rendering has taken in what there is; it follows again what may change."""
        ...


class NoNews:
    """Implements `News` where nothing is rendered again."""

    def follow(
        self, component: str, token: str, interval: float, look: Callable[[], Awaitable[str]]
    ) -> None:
        pass

    def pending(self, component: str) -> bool:
        return False

    def taken(self, component: str) -> None:
        pass


@dataclass(frozen=True)
class Runtime:
    """What actions may use. One that needs what is not given fails with `provider.unavailable`.

    Attributes:
        namespace: of the application; Secrets are looked for there.
        labels: put on objects that actions apply.
        revision: of the application that is delivered.
        step_id, step_name: whose times and log are kept in `variables`.
        log: takes what `#Log` writes.
        unowned: the same objects, for what is to belong to no application; `objects` if not given.
        assess: whether a live object is healthy, and why not, for trees.
        goes_back: an earlier text of the application is delivered in the place of a later one.
    """

    flavour: Flavour
    namespace: str = "default"
    labels: Mapping[str, str] = field(default_factory=dict)
    revision: str = ""
    step_id: str = ""
    step_name: str = ""
    clock: Clock = field(default_factory=SystemClock)
    log: Callable[[str], None] = _log.info
    external: Shelf = field(default_factory=Shelf)
    engine: Engine | None = None
    objects: Objects | None = None
    unowned: Objects | None = None
    http: Http | None = None
    mail: Mail | None = None
    variables: Variables | None = None
    patching: Patching | None = None
    delivery: Delivery | None = None
    clusters: Clusters | None = None
    cloud: Cloud | None = None
    logs: Logs | None = None
    inventories: Inventories | None = None
    assess: Callable[[Manifest], tuple[bool, str]] | None = None
    journal: Journal | None = None
    sources: Sources | None = None
    abilities: Abilities | None = None
    news: News = field(default_factory=NoNews)
    goes_back: bool = False


@dataclass(frozen=True)
class Signal:
    """What an action wants of the step. `stops`: nothing after it runs in this pass.

    `duration` is in seconds, for a suspension that ends by itself.
    """

    kind: Literal["wait", "suspend", "break", "fail", "message"]
    message: str = ""
    stops: bool = True
    duration: float | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of an action.

    Attributes:
        fill: what to unify at the action's path; empty for nothing.
        secret: paths in `fill` whose values were read from Secrets, to be redacted wherever they
            are shown or stored.
    """

    fill: Mapping[str, Any] = field(default_factory=dict)
    signal: Signal | None = None
    secret: tuple[str, ...] = ()


class Asked(Protocol):
    """An action as the engine found it; `cue.engine.Action` is one."""

    @property
    def path(self) -> str: ...
    @property
    def provider(self) -> str: ...
    @property
    def do(self) -> str: ...
    @property
    def value(self) -> Any: ...
    @property
    def incomplete(self) -> tuple[Problem, ...]: ...


def need(value: T | None, what: str) -> T:
    """What the runtime was given of the kind.

    Raises:
        Problem: `provider.unavailable`.
    """
    if value is None:
        raise Problem(
            "provider.unavailable",
            f"{what} cannot be used here",
            hint="a dry run neither sends requests nor touches clusters",
        )
    return value

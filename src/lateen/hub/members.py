"""A joined cluster as its credential Secret describes it, in KubeVela's form (semantics D).

Pure: a Secret to what it says, a kubeconfig to a Secret, and back.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import orjson

from lateen.api import manifest, names
from lateen.api.manifest import Key, Manifest
from lateen.base import hashing
from lateen.base.problem import Problem
from lateen.hub import issuers

X509 = "X509Certificate"
TOKEN = "ServiceAccountToken"  # noqa: S105
DYNAMIC = "Dynamic"
OIDC = "OIDC"  # ours: a login at an issuer, which is refreshed
INTERNAL = "Internal"  # of the control plane's own cluster

_VERIFY = "verify"  # ours: `system` where the machine's authorities vouch for the server
# as in a kubeconfig; the second is ours
_PROXY, _TLS_NAME = "proxy-url", "tls-server-name"
_LOGIN, _REFRESHED = "oidc", "oidc-refreshed"  # as it was given, and what it has become since


@dataclass(frozen=True)
class Member:
    """A view of one credential Secret."""

    secret: Manifest

    @property
    def name(self) -> str:
        return str(manifest.metadata(self.secret)["name"])

    @property
    def key(self) -> Key:
        return key(self.name)

    @property
    def alias(self) -> str:
        return manifest.annotation(self.secret, names.CLUSTER_ALIAS)

    @property
    def credential(self) -> str:
        return manifest.labels(self.secret).get(names.CLUSTER_CREDENTIAL, "")

    @property
    def endpoint(self) -> str:
        return self._text("endpoint")

    @property
    def created(self) -> str:
        return str(manifest.metadata(self.secret).get("creationTimestamp") or "")

    @property
    def own_labels(self) -> dict[str, str]:
        """The labels its owner gave it."""
        found = manifest.labels(self.secret)
        return {k: v for k, v in found.items() if not k.startswith(names.CLUSTER_OWN)}

    @property
    def labels(self) -> dict[str, str]:
        """What `clusterLabelSelector` selects it by."""
        return {**self.own_labels, names.CONTROL_PLANE: "false"}

    @property
    def version(self) -> Mapping[str, Any] | None:
        """As its `/version` answered when it was last looked at; None for not yet."""
        try:
            found = orjson.loads(manifest.annotation(self.secret, names.CLUSTER_VERSION))
        except orjson.JSONDecodeError:
            return None
        return found if isinstance(found, dict) else None

    @property
    def healthy(self) -> bool | None:
        """As the controllers last found it; None for not looked at yet."""
        said = manifest.annotation(self.secret, names.CLUSTER_HEALTHY)
        return said == "true" if said else None

    @property
    def reason(self) -> str:
        return manifest.annotation(self.secret, names.CLUSTER_REASON)

    @property
    def seen(self) -> str:
        """When it last answered, as far as that was written down; "" for never."""
        return manifest.annotation(self.secret, names.CLUSTER_SEEN)

    @cached_property
    def digest(self) -> str:
        """Changes when it has to be connected to anew."""
        data = {k: v for k, v in (self.secret.get("data") or {}).items() if k != _REFRESHED}
        return hashing.digest([data, self.credential, self._tunnelled])

    @property
    def kubeconfig(self) -> dict[str, Any]:
        """A kubeconfig that leads to the cluster.

        Raises:
            Problem: `cluster.credentials` when the Secret holds none.
        """
        cluster, user = self._cluster(), self._user()
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": self.name, "cluster": cluster}],
            "users": [{"name": self.name, "user": user}],
            "contexts": [{"name": self.name, "context": {"cluster": self.name, "user": self.name}}],
            "current-context": self.name,
        }

    @property
    def _tunnelled(self) -> bool:
        return manifest.labels(self.secret).get(names.CLUSTER_ENDPOINT, "Const") != "Const"

    def _cluster(self) -> dict[str, Any]:
        if self._tunnelled:
            raise self._unusable("it is reached through a tunnel, which Lateen does not do")
        if not self.endpoint:
            raise self._unusable("it has no `endpoint`")
        cluster: dict[str, Any] = {"server": self.endpoint}
        authority = self._text("ca.crt") or self._text("ca")
        if authority:
            cluster["certificate-authority-data"] = _packed(authority)
        elif self._text(_VERIFY) != "system":
            cluster["insecure-skip-tls-verify"] = True
        for name in (_PROXY, _TLS_NAME):
            if value := self._text(name):
                cluster[name] = value
        return cluster

    def _user(self) -> dict[str, Any]:
        if self.credential == X509:
            pair = {"tls.crt": "client-certificate-data", "tls.key": "client-key-data"}
            return {field: _packed(self._needed(name)) for name, field in pair.items()}
        if self.credential == TOKEN:
            return {"token": self._needed("token").strip()}
        if self.credential == DYNAMIC:
            try:
                plugin = orjson.loads(self._needed("exec"))
            except orjson.JSONDecodeError as error:
                raise self._unusable("its `exec` is not JSON") from error
            return {"exec": plugin}
        if self.credential == OIDC:
            try:
                given = orjson.loads(self._needed(_LOGIN))
                since = orjson.loads(self._text(_REFRESHED) or "{}")
            except orjson.JSONDecodeError as error:
                raise self._unusable("its login is not JSON") from error
            return {"auth-provider": {"name": issuers.NAME, "config": {**given, **since}}}
        raise self._unusable(f"there are no credentials of type {self.credential}")

    def _needed(self, name: str) -> str:
        if found := self._text(name):
            return found
        raise self._unusable(f"it has no `{name}`")

    def _text(self, name: str) -> str:
        packed = (self.secret.get("data") or {}).get(name)
        try:
            return base64.b64decode(packed, validate=True).decode() if packed else ""
        except ValueError as error:  # also of a text that is none
            raise self._unusable(f"its `{name}` is not base64 of a text") from error

    def _unusable(self, why: str) -> Problem:
        message = f"the Secret of cluster {self.name} cannot be used: {why}"
        return Problem("cluster.credentials", message, hint="join the cluster again")


@dataclass(frozen=True)
class Roster:
    """The clusters there are, as their Secrets described them at one moment."""

    members: Mapping[str, Member] = field(default_factory=dict)
    local_version: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, secrets: Iterable[Manifest], local_version: Mapping[str, Any]) -> Roster:
        found = (Member(each) for each in secrets)
        return cls({member.name: member for member in found}, local_version)

    @property
    def labels(self) -> dict[str, Mapping[str, str]]:
        """Every cluster with its labels: `local`, then the newest first (semantics D)."""
        return labelled(self.members.values())

    def knows(self, name: str) -> bool:
        return name in ("", names.LOCAL) or name in self.members

    def version(self, name: str) -> Mapping[str, Any]:
        """What `/version` of the cluster answers; the control plane's where that is not known."""
        found = self.members.get(name)
        return (found.version if found else None) or self.local_version


ALONE = Roster()


class _Named(dict[str, Mapping[str, str]]):
    """Has every name that is asked for, and knows no labels but those of `local`."""

    def __contains__(self, name: object) -> bool:
        return True


class Hearsay(Roster):
    """Nobody to ask which clusters there are: each one that is named is taken for one."""

    @property
    def labels(self) -> dict[str, Mapping[str, str]]:
        return _Named(labelled(()))

    def knows(self, name: str) -> bool:
        return True


def labelled(members: Iterable[Member]) -> dict[str, Mapping[str, str]]:
    """Clusters with their labels: `local`, then the newest first (semantics D)."""
    newest = sorted(members, key=lambda each: (each.created, each.name), reverse=True)
    return {
        names.LOCAL: {names.CONTROL_PLANE: "true"},
        **{member.name: member.labels for member in newest},
    }


def key(name: str) -> Key:
    """The credential Secret of a cluster."""
    return Key("", "Secret", names.SYSTEM_NAMESPACE, name, "v1")


def secret(
    name: str,
    cluster: Mapping[str, Any],
    user: Mapping[str, Any],
    labels: Mapping[str, str],
) -> Manifest:
    """The credential Secret of a cluster to be joined.

    Args:
        cluster, user: entries of a kubeconfig, with data in place of files.

    Raises:
        Problem: `cluster.credentials` when the user has none that can be kept.
    """
    data = {"endpoint": str(cluster.get("server") or "").rstrip("/")}
    if authority := cluster.get("certificate-authority-data"):
        data["ca.crt"] = base64.b64decode(authority).decode()
    elif not cluster.get("insecure-skip-tls-verify") and data["endpoint"].startswith("https:"):
        data[_VERIFY] = "system"  # without it, KubeVela and we take any certificate
    data |= {name: str(cluster[name]) for name in (_PROXY, _TLS_NAME) if cluster.get(name)}
    credential, own = _kept(user)
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "namespace": names.SYSTEM_NAMESPACE,
            "labels": {
                **labels,
                names.CLUSTER_CREDENTIAL: credential,
                names.CLUSTER_ENDPOINT: "Const",
            },
        },
        "type": "Opaque",
        "data": {name: _packed(text) for name, text in {**data, **own}.items()},
    }


def _kept(user: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    if token := user.get("token"):
        return TOKEN, {"token": str(token)}
    if login := issuers.config_of(user):
        return OIDC, {_LOGIN: orjson.dumps(login).decode()}
    if plugin := user.get("exec"):
        return DYNAMIC, {"exec": orjson.dumps(plugin).decode()}
    if user.get("client-certificate-data") and user.get("client-key-data"):
        return X509, {
            "tls.crt": base64.b64decode(user["client-certificate-data"]).decode(),
            "tls.key": base64.b64decode(user["client-key-data"]).decode(),
        }
    raise Problem(
        "cluster.credentials",
        "the kubeconfig has neither a token, nor a client certificate, nor an exec plugin, nor a "
        "login at an OpenID issuer",
        hint="a password or a login of another auth provider cannot be kept; make a service "
        "account for Lateen and use its token",
    )


def refreshed(login: Mapping[str, str]) -> dict[str, Any]:
    """The merge patch of a credential Secret whose login has become this one."""
    kept = {name: login[name] for name in ("id-token", "refresh-token")}
    return {"data": {_REFRESHED: _packed(orjson.dumps(kept).decode())}}


def _packed(text: str) -> str:
    return base64.b64encode(text.encode()).decode()

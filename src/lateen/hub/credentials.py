"""Who we are to an API server, and how we know that it is the one: tokens, certificates, plugins.

What stands in the kubeconfig is read here, and a login at an OpenID issuer is kept valid in
`issuers`. What else must be fetched (exec plugins, GCP) is left to kubernetes-asyncio, imported
only then: that takes 0.3 s and 40 MB, and few kubeconfigs need it.
"""

from __future__ import annotations

import base64
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lateen.base.problem import Problem


@dataclass(frozen=True)
class Access:
    """Everything needed to send a request to one control plane."""

    server: str  # https://host:port, perhaps with a path, no slash at the end
    authorization: str = ""  # value of the header, "" for client certificates
    tls: ssl.SSLContext | None = None  # None for http
    tls_name: str = ""  # name expected in the server's certificate, where it is not the host
    proxy: str = ""
    local: bool = False  # on this machine


@dataclass(frozen=True)
class Credentials:
    authorization: str = ""
    certificate: bytes = b""  # PEM, as is the key
    key: bytes = b""


def read(user: Mapping[str, Any], base: Path) -> Credentials:
    """The credentials in a user entry; a token wins over a password, as in kubectl.

    Raises:
        OSError: a file it names cannot be read.
        ValueError: data in it is not base64.
    """
    authorization = ""
    if token := user.get("token") or _file(user, "tokenFile", base).decode().strip():
        authorization = f"Bearer {token}"
    elif user.get("username"):
        pair = f"{user['username']}:{user.get('password') or ''}"
        authorization = "Basic " + base64.b64encode(pair.encode()).decode()
    certificate = _data(user, "client-certificate", base)
    return Credentials(authorization, certificate, _data(user, "client-key", base))


def inlined(entry: Mapping[str, Any], base: Path) -> dict[str, Any]:
    """A cluster or user of a kubeconfig with what its files hold instead of their names.

    Raises:
        OSError: a file it names cannot be read.
    """
    found = dict(entry)
    for name in ("certificate-authority", "client-certificate", "client-key"):
        if path := found.pop(name, None):
            text = base64.b64encode((base / path).read_bytes()).decode()
            found.setdefault(f"{name}-data", text)
    if path := found.pop("tokenFile", None):
        found.setdefault("token", (base / path).read_text().strip())
    if provider := found.get("auth-provider"):
        config = dict(provider.get("config") or {})
        if path := config.pop("idp-certificate-authority", None):
            text = base64.b64encode((base / path).read_bytes()).decode()
            config.setdefault("idp-certificate-authority-data", text)
        found["auth-provider"] = {**provider, "config": config}
    return found


async def ask(path: str, context: str) -> Credentials:
    """The credentials that a plugin gives, which may take a while.

    Raises:
        Problem: `hub.credentials` when the plugin fails.
    """
    from kubernetes_asyncio import client, config

    found = client.Configuration()
    try:
        await config.load_kube_config(
            path, context=context, client_configuration=found, persist_config=False
        )
        return Credentials(
            found.api_key.get("BearerToken", ""),
            Path(found.cert_file).read_bytes() if found.cert_file else b"",
            Path(found.key_file).read_bytes() if found.key_file else b"",
        )
    # a plugin may be missing, refuse, or answer with anything
    except (config.ConfigException, OSError, ValueError, KeyError, TypeError) as error:
        raise Problem(
            "hub.credentials",
            f"the credentials of context {context} cannot be had: {error}",
            hint="run the plugin in the kubeconfig's `exec` by hand; it may ask for a login",
            retry=True,
        ) from error


def trust(cluster: Mapping[str, Any], base: Path, own: Credentials) -> ssl.SSLContext:
    """The TLS settings for a cluster entry, with our own certificate when we have one.

    Raises:
        OSError: a file cannot be read, or is no certificate.
        ValueError: data in it is not base64.
    """
    authority = _data(cluster, "certificate-authority", base)
    # None: the authorities the machine trusts
    context = ssl.create_default_context(cadata=authority.decode() if authority else None)
    # kubeadm's and k3s' certificates lack extensions that the strict mode of 3.13 asks for
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    # an authority may be given without the one that signed it
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if own.certificate:
        # the ssl module reads certificates of its own from files only
        with tempfile.NamedTemporaryFile(prefix="lateen-") as file:  # 0600
            file.write(own.certificate + b"\n" + own.key)
            file.flush()
            context.load_cert_chain(file.name)
    return context


def _data(entry: Mapping[str, Any], name: str, base: Path) -> bytes:
    if given := entry.get(f"{name}-data"):
        return base64.b64decode(given)
    return _file(entry, name, base)


def _file(entry: Mapping[str, Any], name: str, base: Path) -> bytes:
    return (base / entry[name]).read_bytes() if entry.get(name) else b""

"""Which control plane to talk to, and how: kubeconfig files, certificates, tokens, exec plugins."""

from __future__ import annotations

import ssl
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from lateen.base.problem import Problem

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True)
class Access:
    """Everything needed to send a request to one control plane."""

    server: str  # https://host:port, perhaps with a path, no slash at the end
    authorization: str = ""  # value of the header, "" for client certificates
    tls: ssl.SSLContext | None = None  # None for http
    tls_name: str = ""  # name expected in the server's certificate, where it is not the host
    proxy: str = ""

    @property
    def local(self) -> bool:
        return urlsplit(self.server).hostname in _LOOPBACK


def choose(
    explicit: str | Path | None,
    environ: Mapping[str, str],
    *,
    standalone: Path | None,
    home: Path,
) -> str:
    """The kubeconfig to use: `--kubeconfig`, `$KUBECONFIG`, a running standalone, `~/.kube/config`.

    `standalone` is the kubeconfig of the standalone control plane when one is running. The result
    may be several paths joined by `:`, as $KUBECONFIG may.

    Raises:
        Problem: `hub.no-control-plane` when there is none, `hub.kubeconfig` when the one asked for
            does not exist.
    """
    for origin, given in (("--kubeconfig", explicit), ("$KUBECONFIG", environ.get("KUBECONFIG"))):
        if given:
            return _existing(str(given), origin)
    if standalone is not None:
        return str(standalone)
    usual = home / ".kube" / "config"
    if usual.is_file():
        return str(usual)
    raise Problem(
        "hub.no-control-plane",
        "there is no control plane to talk to",
        hint="run `lateen start` to start one here, or name one with --kubeconfig",
    )


def _existing(given: str, origin: str) -> str:
    if any(Path(part).expanduser().is_file() for part in given.split(":") if part):
        return given
    raise Problem(
        "hub.kubeconfig",
        f"the kubeconfig {given} of {origin} does not exist",
        hint="check the path, or leave it out to use the running standalone control plane",
    )


async def load(path: str | Path, context: str | None = None) -> Access:
    """Read a kubeconfig and get its credentials, which may run an exec plugin.

    Raises:
        Problem: `hub.kubeconfig` when the file or the credentials in it cannot be used.
    """
    # imported here: it takes 0.3 s, which commands that talk to no cluster need not pay
    import yaml
    from kubernetes_asyncio import client, config

    found = client.Configuration()
    try:
        await config.load_kube_config(
            _existing(str(path), "this command"),
            context=context,
            client_configuration=found,
            persist_config=False,
        )
        tls = _tls(found) if found.host.startswith("https:") else None
    except (
        config.ConfigException,
        yaml.YAMLError,
        OSError,  # ssl.SSLError is one: a certificate that cannot be read
        ValueError,
        TypeError,
        AttributeError,  # the loader's way to say that a file is not a map
        KeyError,
    ) as error:
        raise Problem(
            "hub.kubeconfig",
            f"the kubeconfig {path} cannot be used: {error}",
            hint="`kubectl config view` shows what is in it",
        ) from error
    server = found.host.rstrip("/")
    return Access(
        server,
        found.api_key.get("BearerToken", ""),
        tls,
        found.tls_server_name or "",
        found.proxy or _environment_proxy(server),
    )


def _tls(found: object) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=getattr(found, "ssl_ca_cert", None))
    # kubeadm, k3s and our own certificates lack extensions that the strict mode of 3.13 asks for
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if certificate := getattr(found, "cert_file", None):
        context.load_cert_chain(certificate, keyfile=getattr(found, "key_file", None))
    if not getattr(found, "verify_ssl", True):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _environment_proxy(server: str) -> str:
    """The proxy of the environment, asked once: a question per request costs more than the rest."""
    parts = urlsplit(server)
    host = parts.hostname or ""
    if host in _LOOPBACK or urllib.request.proxy_bypass(host):
        return ""
    return urllib.request.getproxies().get(parts.scheme, "")

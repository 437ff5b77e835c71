"""What objects lean on while they go: it goes after them. Pure.

A Configuration of Terraform logs in once more to destroy what it has brought. Without its Provider,
or the Secret of that, what is in the cloud would stay there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from lateen.api import configuration as conf
from lateen.api.configuration import Configuration, Provider
from lateen.api.manifest import Key, Manifest

_REFERENCES: Final = {
    "gitCredentialsSecretReference": "Secret",
    "terraformCredentialsSecretReference": "Secret",
    "terraformRCConfigMapReference": "ConfigMap",
}


def leaned_on(going: Iterable[Manifest]) -> set[tuple[str, ...]]:
    """The identities of objects that others which are `going` need until they are gone."""
    theirs = [each for each in going if _group(each) == conf.GROUP]
    providers = [Provider(each) for each in theirs if each["kind"] == conf.PROVIDER]
    secrets = {each.key.identity: _named("Secret", "", each.secret) for each in providers}
    needed = {
        key.identity
        for each in theirs
        if each["kind"] == conf.KIND
        for key in _needs(Configuration(each))
    }
    return needed | {key.identity for who, key in secrets.items() if who in needed}


def _group(found: Manifest) -> str:
    return str(found["apiVersion"]).partition("/")[0]


def _needs(declared: Configuration) -> Iterator[Key]:
    if not declared.destroys:
        return
    namespace, name = declared.provider
    yield Key(conf.GROUP, conf.PROVIDER, namespace, name)
    for field, kind in _REFERENCES.items():
        if (reference := declared.spec.get(field) or {}).get("name"):
            yield _named(kind, declared.namespace, reference)


def _named(kind: str, namespace: str, reference: Mapping[str, Any]) -> Key:
    return Key("", kind, str(reference.get("namespace") or namespace), str(reference.get("name")))

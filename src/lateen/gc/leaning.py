"""What objects lean on while they go: it goes after them. Pure.

A Configuration of Terraform logs in once more to destroy what it has brought. Without its Provider,
or the Secret of that, what is in the cloud would stay there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lateen.api import configuration as conf
from lateen.api import manifest as manifests
from lateen.api.configuration import Configuration, Provider
from lateen.api.manifest import Key, Manifest


def leaned_on(going: Iterable[Manifest]) -> set[tuple[str, ...]]:
    """The identities of objects that others which are `going` need until they are gone."""
    theirs = [each for each in going if manifests.key(each).group == conf.GROUP]
    providers = [Provider(each) for each in theirs if each["kind"] == conf.PROVIDER]
    secrets = {each.key.identity: _secret(each) for each in providers}
    needed = {
        key.identity
        for each in theirs
        if each["kind"] == conf.KIND
        for key in _needs(Configuration(each))
    }
    return needed | {key.identity for who, key in secrets.items() if who in needed}


def _needs(declared: Configuration) -> Iterator[Key]:
    if not declared.destroys:
        return
    namespace, name = declared.provider
    yield Key(conf.GROUP, conf.PROVIDER, namespace, name)
    yield from filter(None, map(declared.reference, conf.REFERENCES))


def _secret(provider: Provider) -> Key:
    named = provider.secret
    return Key("", "Secret", str(named.get("namespace") or ""), str(named.get("name")), "v1")

"""What is to run before and after a component goes, such as the hooks of a chart for deletion.

Pure. It is one object of the component among the others: a Secret, for hooks may hold what others
are not to read. So it is delivered, recorded, kept and compared like all others, and it is still
there when the application's text and the chart are gone.
"""

from __future__ import annotations

import base64
import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from lateen.api import manifest as manifests
from lateen.api import names
from lateen.api.manifest import Manifest

_KEY: Final = "hooks.json.gz"
_TYPE: Final = "lateen.dev/farewell"
_DROPPED: Final = frozenset({names.RENDER_HASH, names.TRAIT_RESOURCE})
_SUCCEEDED: Final = "hook-succeeded"


@dataclass(frozen=True)
class Hook:
    """Something that runs to its end. `event` is what people know it by, such as pre-delete."""

    event: str
    manifest: Manifest
    after: bool = False  # everything else of the component is gone
    brief: bool = False  # it goes as soon as it has succeeded


@dataclass(frozen=True)
class Farewell:
    """`before` and `after` in their order; `done` of all of them have run to their end."""

    before: Sequence[Hook]
    after: Sequence[Hook]
    done: int = 0

    @property
    def hooks(self) -> Sequence[Hook]:
        return (*self.before, *self.after)

    @property
    def due(self) -> Hook | None:
        """The one that is to run next, None when all have."""
        return self.hooks[self.done] if self.done < len(self.hooks) else None


def written(name: str, namespace: str, hooks: Sequence[Hook]) -> Manifest:
    """The object that holds them."""
    listed = [
        {
            "event": each.event,
            "after": each.after,
            "brief": each.brief,
            "manifest": each.manifest,
        }
        for each in hooks
    ]
    packed = gzip.compress(orjson.dumps(listed, option=orjson.OPT_SORT_KEYS), mtime=0)
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "annotations": {names.FAREWELL: "true"},
        },
        "type": _TYPE,
        "data": {_KEY: base64.b64encode(packed).decode()},
    }


def holds(found: Mapping[str, Any]) -> bool:
    return manifests.annotation(found, names.FAREWELL) == "true"


def read(live: Manifest) -> Farewell:
    """What a live object holds, each hook as the object's application brings it, for this parting.

    Raises:
        ValueError, KeyError, OSError: somebody wrote something else into it.
    """
    listed = orjson.loads(gzip.decompress(base64.b64decode(live["data"][_KEY])))
    hooks = [
        Hook(each["event"], _owned(each, live), bool(each["after"]), bool(each["brief"]))
        for each in listed
    ]
    done = int(manifests.annotation(live, names.FAREWELL_DONE, "0"))
    before = [each for each in hooks if not each.after]
    return Farewell(before, [each for each in hooks if each.after], done)


def brief(policies: Sequence[str]) -> bool:
    """Whether a hook's own policies say that it goes when it has succeeded."""
    return _SUCCEEDED in policies


def _owned(hook: Mapping[str, Any], live: Manifest) -> Manifest:
    """The manifest of a hook with the labels of an application's object, to run once for this
    parting: what is brought back and goes again runs it again.
    """
    wanted = hook["manifest"]
    meta = wanted.get("metadata") or {}
    own = {k: v for k, v in manifests.labels(live).items() if k not in _DROPPED}
    run = f"{hook['event']}-0-{live['metadata']['uid'][:8]}"
    return {
        **wanted,
        "metadata": {
            **meta,
            "labels": {**(meta.get("labels") or {}), **own},
            "annotations": {**(meta.get("annotations") or {}), names.ONCE: run},
        },
    }

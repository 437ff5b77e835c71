"""ApplicationRevisions: an application and every definition it was rendered with (semantics C3)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from lateen.api import authors, compressing, manifest, metadata, names
from lateen.api import definition as definitions
from lateen.api.application import Application
from lateen.api.definition import Definition, DefinitionKind
from lateen.api.manifest import Manifest
from lateen.base import hashing

_SECTIONS = {
    DefinitionKind.COMPONENT: "componentDefinitions",
    DefinitionKind.TRAIT: "traitDefinitions",
    DefinitionKind.POLICY: "policyDefinitions",
    DefinitionKind.STEP: "workflowStepDefinitions",
}


def number(name: str) -> int:
    """The N of a name that ends in `-vN`; 0 where it does not (semantics B2)."""
    match = re.search(r"-v(\d+)$", name)
    return int(match[1]) if match else 0


@dataclass(frozen=True)
class Revision(metadata.View):
    """A view of one ApplicationRevision object."""

    raw: Manifest

    @property
    def number(self) -> int:
        return number(self.name)

    @property
    def hash(self) -> str:
        return str(self.labels.get(names.APP_REVISION_HASH, ""))

    @cached_property
    def spec(self) -> Manifest:
        """The spec, whatever form it is stored in."""
        spec: Manifest = self.raw["spec"]
        return compressing.unpacked(spec) or spec

    @property
    def application(self) -> Application:
        return Application(self.spec["application"])

    def of(self, app: Application) -> Application:
        """The application as this revision has it: its text, and what it was published as."""
        annotations = dict(app.annotations)
        annotations.pop(names.PUBLISH_VERSION, None)
        if self.publish_version:
            annotations[names.PUBLISH_VERSION] = self.publish_version
        meta = {**app.metadata, "annotations": annotations}
        return Application({**app.raw, "metadata": meta, "spec": self.application.spec})

    @property
    def publish_version(self) -> str:
        return self.application.publish_version

    @property
    def policies(self) -> dict[str, Manifest]:
        """External Policy objects, keyed `namespace/name`."""
        return self.spec.get("policies") or {}

    @property
    def scoped(self) -> dict[str, Manifest]:
        """What policies with the scope `Application` did, by policy (semantics F12)."""
        return self.spec.get("policyVersions") or {}

    @property
    def referred(self) -> tuple[Manifest, ...]:
        """Copies of what its `ref-objects` components refer to, each with its component."""
        return tuple(self.spec.get("referredObjects") or ())

    @property
    def written(self) -> str:
        """The hash of what its author wrote; empty where no policy has changed that."""
        return str(self.annotations.get(names.WRITTEN, ""))

    @property
    def workflow(self) -> Manifest | None:
        found: Manifest | None = self.spec.get("workflow")
        return found

    @property
    def status(self) -> Manifest:
        """`succeeded`, `workflow` and `workflowContext` of its last run; empty before that ends."""
        return self.raw.get("status") or {}

    @property
    def succeeded(self) -> bool:
        """Whether its last run ended well."""
        return bool(self.status.get("succeeded"))

    @property
    def ended(self) -> str:
        """When its last run ended, as Kubernetes writes times; empty before it does."""
        return str((self.status.get("workflow") or {}).get("endTime") or "")

    @property
    def definitions(self) -> list[Definition]:
        return [
            replace(
                Definition.of({"apiVersion": names.V1BETA1, "kind": kind.value, **raw}),
                asked=key if "@" in key else "",
            )
            for kind, section in _SECTIONS.items()
            for key, raw in (self.spec.get(section) or {}).items()
        ]


@dataclass(frozen=True)
class Snapshot:
    """What a revision is made of; two equal snapshots are the same revision."""

    application: Application
    definitions: tuple[Definition, ...]
    policies: Mapping[str, Manifest]
    workflow: Manifest | None
    scoped: Mapping[str, Manifest] = field(default_factory=dict)  # see `Revision.scoped`
    written: str = ""  # see `Revision.written`
    referred: tuple[Manifest, ...] = ()  # see `Revision.referred`

    def hash(self) -> str:
        """Changes with the spec, any definition's spec, any external policy or workflow, and what
        is referred to.
        """
        scoped = [{n: each.get("output") for n, each in self.scoped.items()}] if self.scoped else []
        return hashing.digest(
            [
                *scoped,
                *([self.referred] if self.referred else []),
                self.application.spec,
                sorted((d.kind, key, d.hash) for key, d in self.recorded()),
                {name: [p.get("type"), p.get("properties")] for name, p in self.policies.items()},
                (self.workflow or {}).get("steps"),
            ]
        )

    def recorded(self) -> Iterator[tuple[str, Definition]]:
        """Each definition with the key it is found by in a revision (semantics A4).

        That is its name; where the application uses several revisions of it, and for steps always,
        the type as it is written.
        """
        uses = Counter((d.kind, d.name) for d in self.definitions)
        for each in self.definitions:
            alone = uses[each.kind, each.name] == 1 and each.kind is not DefinitionKind.STEP
            yield each.name if alone else each.asked or each.name, each

    def same_intent(self, revision: Revision) -> bool:
        """Whether nothing its author wrote differs from `revision`; definitions may (C3, b)."""
        return (
            revision.application.spec == self.application.spec
            and {n: each.get("output") for n, each in revision.scoped.items()}
            == {n: each.get("output") for n, each in self.scoped.items()}
            and {n: p.get("properties") for n, p in revision.policies.items()}
            == {n: p.get("properties") for n, p in self.policies.items()}
            and (revision.workflow or {}).get("steps") == (self.workflow or {}).get("steps")
        )


def build(snapshot: Snapshot, revision_number: int) -> Revision:
    """The ApplicationRevision object for a snapshot, owned by its application."""
    app = snapshot.application
    annotations = {k: v for k, v in app.annotations.items() if k != names.KUBECTL_LAST_APPLIED}
    author = authors.author(app.raw)
    spec: dict[str, Any] = {
        "application": {
            "apiVersion": names.V1BETA1,
            "kind": "Application",
            "metadata": {
                "name": app.name,
                "namespace": app.namespace,
                "labels": app.labels,
                "annotations": annotations,
            },
            "spec": app.spec,
        }
    }
    for key, definition in snapshot.recorded():
        section = spec.setdefault(_SECTIONS[definition.kind], {})
        section[key] = definitions.trimmed(definition)
    if snapshot.policies:
        spec["policies"] = dict(snapshot.policies)
    if snapshot.workflow:
        spec["workflow"] = snapshot.workflow
    if snapshot.referred:
        spec["referredObjects"] = list(snapshot.referred)
    if snapshot.scoped:
        spec["policyVersions"] = dict(snapshot.scoped)
    if compressing.large(spec):
        readable = {**spec["application"], "spec": {"components": []}}
        spec = {"application": readable, "compression": compressing.packed(spec)}
    return Revision(
        {
            "apiVersion": names.V1BETA1,
            "kind": "ApplicationRevision",
            "metadata": {
                "name": f"{app.name}-v{revision_number}",
                "namespace": app.namespace,
                "labels": {
                    **app.labels,
                    names.APP_NAME: app.name,
                    names.APP_REVISION_HASH: snapshot.hash(),
                },
                "annotations": {
                    **annotations,
                    **({names.AUTHOR: author} if author else {}),
                    **({names.WRITTEN: snapshot.written} if snapshot.written else {}),
                },
                "ownerReferences": [
                    manifest.controller(names.V1BETA1, "Application", app.name, app.uid)
                ],
            },
            "spec": spec,
        }
    )


def newest(revisions: Iterable[Revision]) -> Revision | None:
    return max(revisions, key=lambda revision: revision.number, default=None)

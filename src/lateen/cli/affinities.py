"""`adopt --resource-topology-rule`: what belongs to a workload, as rules of the user say.

The rules are KubeVela's: CUE with a list `rules`, of which each names a kind and the
`peerResources` of its objects. `context.data` is the object that is looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from lateen import hub
from lateen.api import manifest as manifests
from lateen.api.manifest import Key, Manifest
from lateen.base.problem import Position, Problem
from lateen.cli import belongings
from lateen.cli.scripting import Found, Script
from lateen.cue.engine import Fill
from lateen.dispatch import writing
from lateen.hub.resources import Resource

_KINDS: Final = "$kinds"
# read after the rules of the user: what they may refer to, how they are written, and their kinds
_MORE: Final = f"""\
context: _
#LateenKind: {{
	group?:      string
	resource?:   string
	apiVersion?: string
	kind?:       string
}}
#LateenRule: {{
	#LateenKind
	subResources?: [...]
	peerResources: [...{{
		#LateenKind
		selectors: {{
			name?:           string | [...*"" | string]
			namespace?:      string
			labels?: [string]:      string
			annotations?: [string]: string
			ownerReference?: bool
			builtin?:        =~"(?i)^(service|ingress)$"
		}}
	}}]
}}
rules: [...#LateenRule]
{_KINDS}: [for rule in rules {{
	for field in ["group", "resource", "apiVersion", "kind"] if rule[field] != _|_ {{
		(field): rule[field]
	}}
}}]"""


@dataclass(frozen=True)
class Belonging:
    """What belongs to an object, and what the rules name that is not there."""

    objects: Sequence[Manifest] = ()
    missing: Sequence[Key] = ()


@dataclass(frozen=True)
class Rules:
    """Rules for objects of one cluster."""

    script: Script
    there: hub.Client

    async def about(self, first: Manifest) -> int | None:
        """Which rule is about the kind of an object; None where none is.

        Raises:
            Problem, Problems: what is wrong with the rules as they are: `cue.*`, `adopt.rule`,
                `hub.unknown-kind`.
        """
        if "rules" not in await self.script.fields():
            raise Problem(
                "adopt.rule",
                f"{self.script.source} has no list `rules`",
                positions=(Position(self.script.source, 1, 1),),
                hint='a rule is `{group: "apps", resource: "deployment", peerResources: [...]}`',
            )
        kinds = await self.script.evaluate(_MORE, _context(first), _KINDS)
        key = manifests.key(first)
        about = None
        for index, each in enumerate(kinds.value):
            kind = await self._kind(kinds, each, f"[{index}]")
            if (kind.group, kind.kind) == (key.group, key.kind):
                about = index  # of several for a kind the last one counts
        return about

    async def belonging(self, first: Manifest, rule: int, around: Sequence[Manifest]) -> Belonging:
        """What belongs to an object by a rule, of what is around it where Services and Ingresses
        are meant.

        Raises:
            Problem, Problems: what is wrong with the rule for this object: `cue.*`, `adopt.rule`,
                `hub.unknown-kind`.
        """
        path = f"rules[{rule}].peerResources"
        found = await self.script.evaluate(_MORE, _context(first), path)
        return await self._each(found, first, around)

    async def _each(self, found: Found, first: Manifest, around: Sequence[Manifest]) -> Belonging:
        objects: dict[tuple[str, ...], Manifest] = {}
        missing: list[Key] = []
        for index, peer in enumerate(found.value):
            kind = await self._kind(found, peer, f"[{index}]")
            chosen = peer["selectors"]
            if "builtin" in chosen:
                near = belongings.leading(first, around, chosen["builtin"].title())
            elif "name" in chosen:
                near, lost = await self._named(kind, chosen, first)
                missing += lost
            else:
                near = await self._listed(kind, chosen, first)
            objects |= {manifests.key(each).identity: each for each in near}
        return Belonging(list(objects.values()), missing)

    async def _kind(self, found: Found, rule: Mapping[str, Any], field: str) -> Resource:
        try:
            if "kind" in rule and "apiVersion" in rule:
                group, version = manifests.split_version(rule["apiVersion"])
                return await self.there.resources.find(group, version, rule["kind"])
            if "resource" in rule:
                name = ".".join(filter(None, (rule["resource"], rule.get("group"))))
                return await self.there.resources.named(name)
        except Problem as problem:
            raise replace(problem, positions=found.place(field)) from problem
        raise Problem(
            "adopt.rule",
            "a rule, or a peer of one, names no kind",
            positions=found.place(field),
            hint="write `group` and `resource`, or `apiVersion` and `kind`",
        )

    async def _named(
        self, kind: Resource, chosen: Mapping[str, Any], first: Manifest
    ) -> tuple[list[Manifest], list[Key]]:
        given = chosen["name"] if isinstance(chosen["name"], list) else [chosen["name"]]
        # a comprehension that finds nothing may leave a place empty, as in KubeVela's own rules
        names = [each for each in given if each]
        place = _place(kind, chosen, first)
        keys = [
            Key(kind.group, kind.kind, place, name, kind.version) for name in dict.fromkeys(names)
        ]
        seen = [(key, await writing.fetch(self.there, key)) for key in keys]
        return [live for _, live in seen if live], [key for key, live in seen if live is None]

    async def _listed(
        self, kind: Resource, chosen: Mapping[str, Any], first: Manifest
    ) -> list[Manifest]:
        found, _ = await self.there.list(
            kind.group,
            kind.version,
            kind.kind,
            namespace=_place(kind, chosen, first),
            label_selector=manifests.selector(chosen.get("labels") or {}),
        )
        noted = (chosen.get("annotations") or {}).items()
        return [
            each
            for each in found
            if noted <= (manifests.metadata(each).get("annotations") or {}).items()
            and (_owned(each, first) or not chosen.get("ownerReference"))
        ]


def _context(first: Manifest) -> Fill:
    return Fill("context.data", first, str(manifests.key(first)))


def _place(kind: Resource, chosen: Mapping[str, Any], first: Manifest) -> str:
    if not kind.namespaced:
        return ""
    return str(chosen.get("namespace") or manifests.key(first).namespace)


def _owned(each: Manifest, owner: Manifest) -> bool:
    owners = manifests.metadata(each).get("ownerReferences") or ()
    return manifests.metadata(owner).get("uid") in {one.get("uid") for one in owners}

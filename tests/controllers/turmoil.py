"""A small world that is thrown about, and what must be there when it comes to rest.

The model knows nothing of how the controller works: only what applications say (`Text`), what their
policies promise, and what people did by hand. What is said in a hurry may or may not have been
delivered before the next thing happened; where a policy makes that matter the model knows what must
be there and what may be.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from lateen import hub
from lateen.api import manifest, names
from lateen.api.manifest import Manifest
from tests.controllers.apps import app, configmap, objects, policy
from tests.controllers.laboratory import Laboratory

APPS = ("one", "two")
PARTS = ("a", "b", "c")
THEIRS = {"theirs": "yes"}

# what a policy says -> its type, its properties or the part its rule is for
RULES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "until it is deleted": ("garbage-collect", "a", {"strategy": "onAppDelete"}),
    "for ever": ("garbage-collect", "a", {"strategy": "never"}),
    "orphan": ("garbage-collect", "a", {"propagation": "orphan"}),
    "keep legacy": ("garbage-collect", "", {"keepLegacyResource": True}),
    "once": ("apply-once", "a", {"strategy": {"path": ["data.n"]}}),
    "all once": ("apply-once", "", {"enable": True}),
    "replace": ("resource-update", "b", {"strategy": {"op": "replace"}}),
    "anew": ("resource-update", "c", {"strategy": {"recreateFields": ["data.n"]}}),
    "take over": ("take-over", "wild", {}),
}
ROOTED = ("until it is deleted", "for ever")


@dataclass(frozen=True)
class Text:
    """What an application says."""

    parts: frozenset[str]
    n: int
    more: bool = False  # a second key
    common: bool = False  # shares an object with the other application
    reads: bool = False  # an object that is somebody else's
    rule: str = ""

    @property
    def components(self) -> set[str]:
        extra = {"common": self.common, "theirs": self.reads, "wild": self.rule == "take over"}
        return {*self.parts, *(name for name, there in extra.items() if there)}


# what may happen; `who` is an application, `what` an object


@dataclass(frozen=True)
class Edit:
    who: str
    text: Text


@dataclass(frozen=True)
class Back:
    """The text before the last one again."""

    who: str


@dataclass(frozen=True)
class Remove:
    who: str


@dataclass(frozen=True)
class Again:
    """The workflow starts over."""

    who: str


@dataclass(frozen=True)
class Delete:
    who: str
    what: str


@dataclass(frozen=True)
class Change:
    who: str
    what: str
    key: str


@dataclass(frozen=True)
class Intrude:
    """Somebody makes an object that the application may want to make."""

    who: str
    what: str


@dataclass(frozen=True)
class Kill:
    after: int


@dataclass(frozen=True)
class Restart:
    pass


@dataclass(frozen=True)
class Wait:
    """For a while, or until everything is at rest."""

    seconds: float | None


Event = Edit | Back | Remove | Again | Delete | Change | Intrude | Kill | Restart | Wait

_who = st.sampled_from(APPS)
_what = st.sampled_from(PARTS)
_object = st.sampled_from([*PARTS, "common"])
_rule = st.sampled_from(["", "", *RULES])
_parts = st.frozensets(_what, min_size=1)


@st.composite
def _texts(draw: st.DrawFn) -> Text:
    rule = draw(_rule)
    common = draw(st.booleans()) and rule != "all once"
    return Text(
        draw(_parts),
        draw(st.integers(0, 2)),
        draw(st.booleans()),
        common,
        draw(st.booleans()),
        rule,
    )


@st.composite
def _edits(draw: st.DrawFn) -> Edit:
    who, text = draw(_who), draw(_texts())
    if who != APPS[0] and text.rule == "take over":  # one of them, or they would fight for it
        who = APPS[0]
    return Edit(who, text)


_events: st.SearchStrategy[Event] = st.one_of(
    _edits(),
    _edits(),
    _edits(),
    st.builds(Back, _who),
    st.builds(Back, _who),
    st.builds(Delete, _who, _object),
    st.builds(Change, _who, _object, st.sampled_from(["n", "m", "mine"])),
    st.builds(Intrude, _who, _what),
    st.builds(Remove, _who),
    st.builds(Again, _who),
    st.builds(Kill, st.integers(1, 12)),
    st.just(Restart()),
    st.builds(Wait, st.sampled_from([0.02, 0.1, 0.3, None])),
)
scripts = st.builds(
    lambda first, rest: [first, *rest], _edits(), st.lists(_events, min_size=5, max_size=9)
)


@dataclass
class Life:
    """What is known of one application since it was made.

    `said` are its texts since it was last seen at rest, with the one it rested at.
    """

    said: list[Text] = field(default_factory=list)
    before: list[Text] = field(default_factory=list)  # all of its texts
    rooted: set[str] = field(default_factory=set)  # stays until the application goes
    perhaps: set[str] = field(default_factory=set)  # the same, if it was delivered at all
    deleted: set[str] = field(default_factory=set)  # by hand, ever
    changed: set[tuple[str, str]] = field(default_factory=set)  # by hand, ever
    rested: bool = False  # it has been at rest since it was made

    @property
    def text(self) -> Text:
        return self.said[-1]

    def say(self, text: Text) -> None:
        self.said.append(text)
        self.before.append(text)
        if text.rule in ROOTED and "a" in text.parts:
            self.perhaps.add("a")

    def left_alone(self, part: str) -> bool:
        """Whether nobody puts back what is done to it by hand."""
        return self.text.rule == "all once" or (self.text.rule == "once" and part == "a")


@dataclass(frozen=True)
class Sight:
    """Everything that is there at one moment."""

    objects: dict[str, Manifest]
    apps: dict[str, Manifest]
    trackers: dict[str, list[Manifest]]


def look(lab: Laboratory) -> Sight:
    trackers: dict[str, list[Manifest]] = {}
    for each in lab.list("ResourceTracker"):
        trackers.setdefault(manifest.labels(each)[names.APP_NAME], []).append(each)
    found = (lab.list("ConfigMap"), lab.list("Application"))
    by_name = [{each["metadata"]["name"]: each for each in kind} for kind in found]
    return Sight(by_name[0], by_name[1], trackers)


class World:
    """Two applications, what they share, and what is none of theirs."""

    def __init__(self, lab: Laboratory, prefix: str) -> None:
        self.lab = lab
        self.prefix = prefix
        self.lives: dict[str, Life] = {}
        self.foreign: dict[str, str] = {}  # name -> the version at which it is to stay
        self.wild = "free"  # or taken, perhaps, gone
        self.uids: dict[str, str] = {}  # of what was there when the world was last at rest
        self.doubtful: set[str] = set()  # may since have been made anew
        for what in ("theirs", "wild"):
            self._intrude(self.name(what))

    def name(self, what: str) -> str:
        return f"{self.prefix}-{what}"

    def object_name(self, who: str, what: str) -> str:
        """Parts are an application's own."""
        return self.name(f"{who}-{what}" if what in PARTS else what)

    # what happens

    def happen(self, event: Event) -> None:
        match event:
            case Edit(who, text):
                self._edit(who, text)
            case Back(who) if who in self.lives and len(self.lives[who].before) > 1:
                self._edit(who, self.lives[who].before[-2])
            case Remove(who) if who in self.lives:
                self.remove(who)
            case Delete(who, what):
                self._delete(who, what)
            case Change(who, what, key):
                self._change(who, what, key)
            case Intrude(who, what):
                self._intrude(self.object_name(who, what))
            case _:
                pass

    def _edit(self, who: str, text: Text) -> None:
        life = self.lives.setdefault(who, Life())
        life.say(text)
        self.lab.apply(self._rendered(who, text))
        if text.rule == "anew":
            self.doubtful.add(self.object_name(who, "c"))
        if text.rule == "take over" and self.wild == "free":
            self.wild = "perhaps"

    def _rendered(self, who: str, text: Text) -> Manifest:
        more = {"m": "1"} if text.more else {}
        data = {part: {"n": str(text.n), **more} for part in text.parts}
        data |= {each: {"n": f"{who}-{text.n}"} for each in text.components - text.parts}
        given = [
            objects(each, configmap(self.object_name(who, each), **data[each]))
            for each in sorted(data)
        ]
        policies = []
        if text.common:
            policies.append(self._ruled("shared-resource", "common", {}, who))
        if text.reads:
            policies.append(self._ruled("read-only", "theirs", {}, who))
        if text.rule:
            kind, part, more_of_it = RULES[text.rule]
            policies.append(
                self._ruled(kind, part, more_of_it, who)
                if part
                else policy(kind, kind, **more_of_it)
            )
        return app(*given, name=self.name(who), policies=policies)

    def _ruled(self, kind: str, part: str, more: dict[str, Any], who: str) -> Manifest:
        selector = {"resourceNames": [self.object_name(who, part)]}
        enable = {"enable": True} if kind == "apply-once" else {}
        return policy(kind, kind, rules=[{"selector": selector, **more}], **enable)

    def remove(self, who: str) -> None:
        """The application is deleted, and with it everything but what is to stay."""
        life = self.lives.pop(who)
        self.lab.delete("Application", self.name(who))
        deadline = time.monotonic() + 120
        while found := self.lab.find("Application", self.name(who)):
            assert time.monotonic() < deadline, f"{self.name(who)} does not go: {found['status']}"
            self.lab.plane.start()  # it may die over it
            time.sleep(0.05)
        for what in PARTS:
            self._inherit(life, self.object_name(who, what), what)
        if who == APPS[0] and self.wild in ("taken", "perhaps"):
            self.wild = "perhaps" if self.lab.find("ConfigMap", self.name("wild")) else "gone"
        if any(text.common for text in life.before):
            self.doubtful.add(self.name("common"))
        # one that comes late, from a controller that was killed, is retired when it does
        while books := self.lab.trackers(self.name(who)):
            there = [self.lab.find("ConfigMap", self.object_name(who, what)) for what in PARTS]
            told = f"{self.name(who)} is gone, and what lists it is not: {books}; there are {there}"
            assert time.monotonic() < deadline, told
            self.lab.plane.start()  # it may have died before it came to that
            time.sleep(0.05)

    def _inherit(self, life: Life, name: str, what: str) -> None:
        """What an application leaves behind is nobody's; its author tidies up."""
        left = self.lab.find("ConfigMap", name)
        self.uids.pop(name, None)
        if left is None or name in self.foreign:
            return
        assert manifest.owner(left) is None, f"{name} is still the application's"
        assert what == "a" and self._let_go(life), f"{name} was to go"  # noqa: PT018
        self.lab.delete("ConfigMap", name)

    def _delete(self, who: str, what: str) -> None:
        name = self.object_name(who, what)
        if name in self.foreign or self.lab.find("ConfigMap", name) is None:
            return
        self.lab.delete("ConfigMap", name)
        self.doubtful.add(name)
        for each in self.lives.values() if what == "common" else self._lives(who):
            each.deleted.add(what)

    def _change(self, who: str, what: str, key: str) -> None:
        name = self.object_name(who, what)
        if name in self.foreign:
            return
        try:
            self.lab.patch("ConfigMap", name, {"data": {key: "by hand"}})
        except hub.ApiError as error:
            if not error.not_found:
                raise
        for each in self.lives.values() if what == "common" else self._lives(who):
            each.changed.add((what, key))

    def _lives(self, who: str) -> Iterable[Life]:
        return [self.lives[who]] if who in self.lives else []

    def _intrude(self, name: str) -> None:
        where = {"name": name, "namespace": self.lab.namespace}
        given = {**configmap(name, **THEIRS), "metadata": where}

        async def create() -> Manifest | None:
            try:
                return await self.lab.plane.user.create(given)
            except hub.ApiError as error:
                if not error.already_exists:
                    raise
            return None

        if made := self.lab.plane.call(create):
            self.foreign[name] = made["metadata"]["resourceVersion"]

    # what is to be there

    def complaints(self, sight: Sight) -> list[str]:
        """What is not as it is to be at rest; empty when all of it is."""
        said: list[str] = []
        for who, life in self.lives.items():
            said += self._of_status(who, life, sight)
            said += self._of_parts(who, life, sight)
            said += self._of_trackers(who, life, sight)
        said += self._of_common(sight)
        said += self._of_wild(sight)
        for name, version in self.foreign.items():
            there = sight.objects.get(name)
            if name == self.name("wild"):
                continue
            if there is None or there["metadata"]["resourceVersion"] != version:
                said.append(f"{name} is not ours, and was touched: {there}, made at {version}")
        for name, uid in self.uids.items():
            there = sight.objects.get(name)
            lost = there is None or there["metadata"]["uid"] != uid
            if name not in self.doubtful and lost and self._wanted_throughout(name):
                said.append(f"{name} was lost, and made anew")
        return said

    def _of_status(self, who: str, life: Life, sight: Sight) -> list[str]:
        found = sight.apps.get(self.name(who))
        if found is None:
            return [f"{who} is not there"]
        status = found.get("status") or {}
        missing = any(life.left_alone(part) for part in life.deleted)
        phases = ("running", "unhealthy") if missing else ("running",)
        services = {each["name"] for each in status.get("services") or ()}
        said = []
        if status.get("observedGeneration") != found["metadata"]["generation"]:
            said.append(f"{who}: the status is not of its text")
        if status.get("status") not in phases:
            said.append(f"{who} is {status.get('status')}: {status.get('conditions')}")
        if services != life.text.components:
            said.append(f"{who}: the services are {services}")
        return said

    def _of_parts(self, who: str, life: Life, sight: Sight) -> list[str]:
        said = []
        for part in PARTS:
            name = self.object_name(who, part)
            there = sight.objects.get(name)
            if part in life.text.parts:
                if there is None:
                    if not (life.left_alone(part) and part in life.deleted):
                        said.append(f"{name} is missing")
                elif manifest.owner(there) != (self.lab.namespace, self.name(who)):
                    said.append(f"{name} is not the application's")
                else:
                    said += self._of_data(name, part, life, there)
            elif part in life.rooted and part not in life.deleted and there is None:
                said.append(f"{name} is missing, and was to stay")
            elif there is not None and name not in self.foreign:
                may = part in life.rooted | life.perhaps or life.text.rule == "keep legacy"
                freed = manifest.owner(there) is None and part == "a"
                if not may and not (freed and self._let_go(life)):
                    said.append(f"{name} was to go")
        return said

    def _let_go(self, life: Life) -> bool:
        """Whether a text said that what is left out, or goes with it, is not to be deleted."""
        return any(text.rule in ("orphan", "for ever") for text in life.before)

    def _of_data(self, name: str, part: str, life: Life, there: Manifest) -> list[str]:
        data = there.get("data") or {}
        said = []
        if data.get("n") != str(life.text.n) and not life.left_alone(part):
            said.append(f"{name} holds n={data.get('n')}, not {life.text.n}")
        if ("m" in data) != life.text.more and (part, "m") not in life.changed:
            said.append(f"{name} holds {data}, and m is wanted: {life.text.more}")
        if data.get("m", "1") != "1" and life.text.more and not life.left_alone(part):
            said.append(f"{name} holds m={data['m']}")
        return said

    def _of_trackers(self, who: str, life: Life, sight: Sight) -> list[str]:
        found = sight.trackers.get(self.name(who), [])
        listed = {
            entry["name"] for each in found for entry in each["spec"].get("managedResources") or ()
        }
        here = {each: self.object_name(who, each) for each in (*PARTS, "common", "theirs", "wild")}
        must = {
            here[each]
            for each in life.text.components | life.rooted
            if not (each in life.deleted and (life.left_alone(each) or each in life.rooted))
        }
        may = {here[each] for each in life.text.components | life.rooted | life.perhaps}
        if life.text.rule == "keep legacy":
            may |= {here[each] for text in life.before for each in text.components}
        elif len([each for each in found if each["spec"].get("type") != "root"]) > 1:
            return [f"{who} has {len(found)} trackers"]
        if must <= listed <= may:
            return []
        return [f"{who}: the trackers list {sorted(listed)}, wanted {sorted(must)}"]

    def _of_common(self, sight: Sight) -> list[str]:
        where = self.lab.namespace
        sharing = {f"{where}/{self.name(w)}" for w, life in self.lives.items() if life.text.common}
        legacy = {
            f"{where}/{self.name(w)}"
            for w, life in self.lives.items()
            if life.text.rule == "keep legacy" and any(text.common for text in life.before)
        }
        there = sight.objects.get(self.name("common"))
        if there is None:
            return ["the shared object is missing"] if sharing else []
        listed = manifest.annotation(there, names.SHARED_BY).split(",")
        if len(set(listed)) != len(listed) or not sharing <= set(listed) <= sharing | legacy:
            return [f"the shared object is shared by {listed}, not {sharing}"]
        owner = manifest.owner(there)
        if owner is None or "/".join(owner) not in sharing | legacy:
            return [f"the shared object is owned by {owner}"]
        who = owner[1].removeprefix(f"{self.prefix}-")
        wanted = f"{who}-{self.lives[who].text.n}"
        if "/".join(owner) in sharing and (there.get("data") or {}).get("n") != wanted:
            return [f"the shared object holds {there.get('data')}, not {wanted}"]
        return []

    def _of_wild(self, sight: Sight) -> list[str]:
        name, first = self.name("wild"), self.lives.get(APPS[0])
        there = sight.objects.get(name)
        text = first.text if first is not None else None
        if text is not None and text.rule == "take over":
            if there is None or manifest.owner(there) != (self.lab.namespace, self.name(APPS[0])):
                return ["what was to be taken over is not"]
            data = there["data"]
            return [] if data.get("n") == f"{APPS[0]}-{text.n}" else [f"taken over, with {data}"]
        if there is None:
            return ["what was not to be taken over is gone"] if self.wild == "free" else []
        if manifest.owner(there) is None:
            untouched = there["metadata"]["resourceVersion"] == self.foreign[name]
            return [] if untouched else ["what was not to be taken over was touched"]
        legacy = text is not None and text.rule == "keep legacy"
        return [] if legacy else ["what was taken over was to go"]

    def _wanted_throughout(self, name: str) -> bool:
        def said(who: str, what: str) -> bool:
            life = self.lives.get(who)
            if life is None or not life.rested:  # it came when nobody may have wanted it
                return False
            return all(what in text.components for text in life.said)

        if name == self.name("common"):
            return any(said(who, "common") for who in APPS)
        return any(
            said(who, what) and name == self.object_name(who, what)
            for who in APPS
            for what in PARTS
        )

    # people who mend what nobody else may

    def give_way(self, sight: Sight) -> bool:
        """Whoever is in an application's way goes; whether there was anybody."""
        gone = False
        for who, life in self.lives.items():
            for part in life.text.parts:
                name = self.object_name(who, part)
                there = sight.objects.get(name)
                if there is None or manifest.owner(there) is not None:
                    continue
                if name in self.foreign:
                    assert there["data"] == THEIRS, f"{name} was touched: {there}"
                    del self.foreign[name]
                self.lab.delete("ConfigMap", name)
                self.doubtful.add(name)
                gone = True
        return gone

    def rest(self, sight: Sight) -> None:
        """Everything is as it is to be: from here on it is known what was delivered."""
        for who, life in self.lives.items():
            text = life.text
            name = self.object_name(who, "a")
            if text.rule in ROOTED and "a" in text.parts:
                life.rooted.add("a")
            elif "a" not in text.parts and "a" in life.perhaps and text.rule != "keep legacy":
                there = sight.objects.get(name)
                owned = there is not None and manifest.owner(there) is not None
                (life.rooted.add if owned else life.perhaps.discard)("a")
            life.said = [text]
            life.rested = True
        if self.wild != "free":
            there = sight.objects.get(self.name("wild"))
            owned = there is not None and manifest.owner(there) is not None
            self.wild = "taken" if owned else "free" if there is not None else "gone"
        self.uids = {
            name: found["metadata"]["uid"]
            for name, found in sight.objects.items()
            if name.startswith(f"{self.prefix}-") and manifest.owner(found) is not None
        }
        self.doubtful.clear()

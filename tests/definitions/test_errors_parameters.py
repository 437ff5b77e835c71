"""What is wrong with parameters, of components, traits and "
"override policies, and how it is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.definitions import mistakes
from tests.definitions.mistakes import (
    OUTPUT,
    REPLICAS,
    THING,
    Case,
    app,
    component,
    declaring,
    using,
    with_override,
    with_trait,
)

CASES = {
    "a number for text": Case(
        app("{image: 5}"),
        "expected string, found number 5",
        "app.yaml:8:20  spec.components[0].properties.image",
        also="thing.cue:16:3",
        hint='put it in quotes: "5"',
    ),
    "text for a number": Case(
        app("{image: a, replicas: many}"),
        'expected int, found string "many"',
        "app.yaml:8:30  spec.components[0].properties.replicas",
        also="thing.cue:17:3",
    ),
    "a number in quotes": Case(
        app("{image: a, ports: [{port: '80'}]}"),
        'expected int, found string "80"',
        "app.yaml:8:39  spec.components[0].properties.ports[0].port",
        also="thing.cue:20:16",
        hint="write it without quotes: 80",
    ),
    "null is a value": Case(
        app("{image: null}"),
        "expected string, found null",
        "app.yaml:8:20  spec.components[0].properties.image",
        also="thing.cue:16:3",
    ),
    "a list for text": Case(
        app("{image: [a]}"),
        "expected string, found list",
        "app.yaml:8:20  spec.components[0].properties.image",
        also="thing.cue:16:3",
    ),
    "a map for a list": Case(
        app("{image: a, ports: {port: 80}}"),
        "expected list, found map",
        "app.yaml:8:30  spec.components[0].properties.ports",
        also="thing.cue:20:3",
    ),
    "text for a list": Case(
        app("{image: a, ports: http}"),
        'expected list, found string "http"',
        "app.yaml:8:30  spec.components[0].properties.ports",
        also="thing.cue:20:3",
        hint='write a list: ["http"]',
    ),
    "a scalar for a map": Case(
        app("{image: a, size: big}"),
        'expected map, found string "big"',
        "app.yaml:8:30  spec.components[0].properties.size",
        also="thing.cue:19:3",
    ),
    "true for a number": Case(
        app("{image: a, replicas: true}"),
        "expected int, found bool true",
        "app.yaml:8:30  spec.components[0].properties.replicas",
        also="thing.cue:17:3",
    ),
    "a fraction for a whole number": Case(
        app("{image: a, replicas: 1.5}"),
        "expected int, found number 1.5",
        "app.yaml:8:30  spec.components[0].properties.replicas",
        also="thing.cue:17:3",
    ),
    "the value of a map": Case(
        app("{image: a, labels: {tier: 1}}"),
        "expected string, found number 1",
        "app.yaml:8:39  spec.components[0].properties.labels.tier",
        also="thing.cue:22:12",
        hint='put it in quotes: "1"',
    ),
    "more than allowed": Case(
        app("{image: a, replicas: 50}"),
        "50 is not allowed: it must be at most 10",
        "app.yaml:8:30  spec.components[0].properties.replicas",
        also="thing.cue:17:30",
    ),
    "less than allowed": Case(
        app("{image: a, replicas: 0}"),
        "0 is not allowed: it must be at least 1",
        "app.yaml:8:30  spec.components[0].properties.replicas",
        also="thing.cue:17:24",
    ),
    "none of the values allowed": Case(
        app("{image: a, mode: c}"),
        'expected one of "a", "b", found string "c"',
        "app.yaml:8:30  spec.components[0].properties.mode",
        also="thing.cue:18:3",
    ),
    "text of another form": Case(
        app("{image: a, name: Web1}"),
        '"Web1" is not allowed: it must be text that matches "^[a-z]+$"',
        "app.yaml:8:30  spec.components[0].properties.name",
        also="thing.cue:21:10",
    ),
    "required and not there": Case(
        app("{}"),
        'required parameter "image" is not set',
        "app.yaml:8:7  spec.components[0].properties.image",
        also="thing.cue:16:3",
        hint="add image (string): What to run",
    ),
    "no properties at all": Case(
        app("{}").replace("      properties: {}\n", ""),
        'required parameter "image" is not set',
        "app.yaml:6:7  spec.components[0].properties.image",
        also="thing.cue:16:3",
        hint="add image (string): What to run",
    ),
    "required within another": Case(
        app("{image: a, size: {}}"),
        'required parameter "cpu" is not set',
        "app.yaml:8:30  spec.components[0].properties.size.cpu",
        also="thing.cue:19:11",
        hint="add cpu (string)",
    ),
    "required in an item": Case(
        app("{image: a, ports: [{port: 1}, {name: b}]}"),
        'required parameter "port" is not set',
        "app.yaml:8:49  spec.components[0].properties.ports[1].port",
        also="thing.cue:20:16",
        hint="add port (int)",
    ),
    "several at once, in the order of the file": Case(
        app("{image: 5, replicas: x, mode: q}"),
        "expected string, found number 5",
        "app.yaml:8:20  spec.components[0].properties.image",
        also="thing.cue:16:3",
        hint='put it in quotes: "5"',
        count=3,
    ),
    "a slip is a warning": Case(
        app("{image: a, imgae: b}"),
        'unknown parameter "imgae", it has no effect',
        "app.yaml:8:30  spec.components[0].properties.imgae",
        also="thing.cue:14:2",
        hint='did you mean "image"?',
        warning=True,
    ),
    "a slip under --strict": Case(
        app("{image: a, imgae: b}"),
        'unknown parameter "imgae"',
        "app.yaml:8:30  spec.components[0].properties.imgae",
        also="thing.cue:14:2",
        hint='did you mean "image"?',
        strict=True,
    ),
    "a slip in an item under --strict": Case(
        app("{image: a, ports: [{port: 1, nam: x}]}"),
        'unknown parameter "nam"',
        "app.yaml:8:48  spec.components[0].properties.ports[0].nam",
        also="thing.cue:20:15",
        hint='did you mean "name"?',
        strict=True,
    ),
    "a slip instead of what is required": Case(
        app("{imgae: a}"),
        'required parameter "image" is not set',
        "app.yaml:8:7  spec.components[0].properties.image",
        also="thing.cue:16:3",
        hint='is it what was meant by "imgae"?',
    ),
    "nothing near is known": Case(
        app("{image: a, zzz: b}"),
        'unknown parameter "zzz"',
        "app.yaml:8:30  spec.components[0].properties.zzz",
        also="thing.cue:14:2",
        hint="known are image, labels, mode, name, ports, replicas, size",
        strict=True,
    ),
    "a definition that allows no more": Case(
        app("{image: a, imgae: b}"),
        'unknown parameter "imgae"',
        "app.yaml:8:30  spec.components[0].properties.imgae",
        also="thing.cue:14:2",
        hint='did you mean "image"?',
        files={
            "thing.cue": component(
                f"{OUTPUT}\tparameter: #P\n\t#P: {{image: string, replicas: *1 | int}}\n"
            )
        },
    ),
    "none of the shapes": Case(
        app("{image: a, shape: {type: c}}"),
        'expected one of "a", "b", found string "c"',
        "app.yaml:8:38  spec.components[0].properties.shape.type",
        also="thing.cue:14:63",
        files={"thing.cue": declaring('shape: {type: "a", x: int} | {type: "b", y: int}')},
    ),
    "what is wrong with the shape that is meant": Case(
        app("{image: a, shape: {type: a, x: q}}"),
        'expected int, found string "q"',
        "app.yaml:8:47  spec.components[0].properties.shape.x",
        also="thing.cue:14:68",
        files={"thing.cue": declaring('shape: {type: "a", x: int} | {type: "b", y: int}')},
    ),
    "the shape lacks a field": Case(
        app("{image: a, shape: {type: b}}"),
        'required parameter "y" is not set',
        "app.yaml:8:30  spec.components[0].properties.shape.y",
        also="thing.cue:14:90",
        hint="add y (int)",
        files={"thing.cue": declaring('shape: {type: "a", x: int} | {type: "b", y: int}')},
    ),
    "fields of two shapes": Case(
        app("{image: a, shape: {x: 1, y: 2}}"),
        "x and y cannot be given together",
        "app.yaml:8:30  spec.components[0].properties.shape",
        also="thing.cue:14:49",
        hint="give x, or y",
        files={"thing.cue": declaring("shape: close({x: int}) | close({y: int})")},
    ),
    "empty text": Case(
        app('{image: a, who: ""}'),
        "it must not be empty",
        "app.yaml:8:30  spec.components[0].properties.who",
        also="thing.cue:14:54",
        files={"thing.cue": declaring('who: !=""')},
    ),
    "too few items": Case(
        app("{image: a, hosts: []}"),
        "it needs at least 2 items",
        "app.yaml:8:30  spec.components[0].properties.hosts",
        also="thing.cue:15:56",
        files={"thing.cue": 'import "list"\n' + declaring("hosts: list.MinItems(2)")},
    ),
    "too many items": Case(
        app("{image: a, hosts: [a, b]}"),
        "it may have at most 1 item",
        "app.yaml:8:30  spec.components[0].properties.hosts",
        also="thing.cue:15:56",
        files={"thing.cue": 'import "list"\n' + declaring("hosts: list.MaxItems(1)")},
    ),
    "the same item twice": Case(
        app("{image: a, hosts: [a, a]}"),
        "no item may be there twice",
        "app.yaml:8:30  spec.components[0].properties.hosts",
        also="thing.cue:15:70",
        files={
            "thing.cue": 'import "list"\n' + declaring("hosts: [...string] & list.UniqueItems()")
        },
    ),
    "text that is too short": Case(
        app('{image: a, who: "x"}'),
        "it needs at least 3 characters",
        "app.yaml:8:30  spec.components[0].properties.who",
        also="thing.cue:15:54",
        files={"thing.cue": 'import "strings"\n' + declaring("who: strings.MinRunes(3)")},
    ),
    "text that is too long": Case(
        app('{image: a, who: "long"}'),
        "it may have at most 3 characters",
        "app.yaml:8:30  spec.components[0].properties.who",
        also="thing.cue:15:54",
        files={"thing.cue": 'import "strings"\n' + declaring("who: strings.MaxRunes(3)")},
    ),
    "a bound that another parameter sets": Case(
        app("{image: a, min: 5, max: 2}"),
        "2 is not allowed: it must be at least 5",
        "app.yaml:8:38  spec.components[0].properties.max",
        also="thing.cue:14:70",
        files={"thing.cue": declaring("min: int, max: int & >=min")},
    ),
    "a fixed value": Case(
        app("{image: a, version: 3}"),
        "expected 2, found number 3",
        "app.yaml:8:30  spec.components[0].properties.version",
        also="thing.cue:14:58",
        files={"thing.cue": declaring("version: 2")},
    ),
    "either type, but neither is given": Case(
        app("{image: a, port: [80]}"),
        "expected string or int, found list",
        "app.yaml:8:30  spec.components[0].properties.port",
        also="thing.cue:14:49",
        files={"thing.cue": declaring("port: int | string")},
    ),
    "one word for a parameter used twice": Case(
        app("{image: a, tier: c}"),
        'expected one of "a", "b", found string "c"',
        "app.yaml:8:30  spec.components[0].properties.tier",
        also="thing.cue:18:3",
        files={"thing.cue": using("parameter.tier + parameter.tier").replace("mode?", "tier?")},
    ),
    "properties that are no map": Case(
        app("[a]"),
        "expected a map, found a list",
        "app.yaml:8:7  spec.components[0].properties",
        hint="remove the `- `: this is one map, not a list",
    ),
    "of a trait": Case(
        with_trait("{n: x}"),
        'expected int, found string "x"',
        "app.yaml:11:24  spec.components[0].traits[0].properties.n",
        also="knob.cue:7:13",
        files={"thing.cue": THING, "knob.cue": REPLICAS},
    ),
    "required by a trait": Case(
        with_trait("{}"),
        'required parameter "n" is not set',
        "app.yaml:11:11  spec.components[0].traits[0].properties.n",
        also="knob.cue:7:13",
        hint="add n (int)",
        files={"thing.cue": THING, "knob.cue": REPLICAS},
    ),
    "required by a trait without properties": Case(
        with_trait("{}").replace("          properties: {}\n", ""),
        'required parameter "n" is not set',
        "app.yaml:10:11  spec.components[0].traits[0].properties.n",
        also="knob.cue:7:13",
        hint="add n (int)",
        files={"thing.cue": THING, "knob.cue": REPLICAS},
    ),
    "a slip in a trait under --strict": Case(
        with_trait("{n: 1, m: 2}"),
        'unknown parameter "m"',
        "app.yaml:11:30  spec.components[0].traits[0].properties.m",
        also="knob.cue:7:2",
        hint="known are n",
        files={"thing.cue": THING, "knob.cue": REPLICAS},
        strict=True,
    ),
    "of a component and its trait": Case(
        with_trait("{n: x}", "{image: 4}"),
        "expected string, found number 4",
        "app.yaml:8:20  spec.components[0].properties.image",
        also="thing.cue:16:3",
        hint='put it in quotes: "4"',
        files={"thing.cue": THING, "knob.cue": REPLICAS},
        count=2,
    ),
    "of an override": Case(
        with_override("            properties: {replicas: many}\n"),
        'expected int, found string "many"',
        "app.yaml:15:26  spec.policies[0].properties.components[0].properties.replicas",
        also="thing.cue:17:3",
    ),
    "out of bounds in an override": Case(
        with_override("            properties: {replicas: 99}\n"),
        "99 is not allowed: it must be at most 10",
        "app.yaml:15:26  spec.policies[0].properties.components[0].properties.replicas",
        also="thing.cue:17:30",
    ),
    "a slip in an override": Case(
        with_override("            properties: {replcas: 3}\n"),
        'unknown parameter "replcas", it has no effect',
        "app.yaml:15:26  spec.policies[0].properties.components[0].properties.replcas",
        also="thing.cue:14:2",
        hint='did you mean "replicas"?',
        warning=True,
    ),
    "a slip in an override under --strict": Case(
        with_override("            properties: {replcas: 3}\n"),
        'unknown parameter "replcas"',
        "app.yaml:15:26  spec.policies[0].properties.components[0].properties.replcas",
        also="thing.cue:14:2",
        hint='did you mean "replicas"?',
        strict=True,
    ),
    "in a list an override replaces": Case(
        with_override("            properties: {ports: [{port: x}]}\n"),
        'expected int, found string "x"',
        "app.yaml:15:35  spec.policies[0].properties.components[0].properties.ports[0].port",
        also="thing.cue:20:16",
    ),
    "what an override supplies": Case(
        with_override("            properties: {image: 5}\n", "{}"),
        "expected string, found number 5",
        "app.yaml:15:26  spec.policies[0].properties.components[0].properties.image",
        also="thing.cue:16:3",
        hint='put it in quotes: "5"',
    ),
    "what no override supplies": Case(
        with_override("            properties: {replicas: 5}\n", "{}"),
        'required parameter "image" is not set',
        "app.yaml:8:7  spec.components[0].properties.image",
        also="thing.cue:16:3",
        hint="add image (string): What to run",
    ),
    "of a trait an override changes": Case(
        with_override(
            "            traits:\n              - type: knob\n                "
            "properties: {n: many}\n",
            traits="      traits:\n        - {type: knob, properties: {n: 1}}\n",
        ),
        'expected int, found string "many"',
        "app.yaml:19:30  spec.policies[0].properties.components[0].traits[0].properties.n",
        also="knob.cue:7:13",
        files={"thing.cue": THING, "knob.cue": REPLICAS},
    ),
    "of a trait an override adds": Case(
        with_override(
            "            traits:\n              - type: knob\n                "
            "properties: {n: many}\n"
        ),
        'expected int, found string "many"',
        "app.yaml:17:30  spec.policies[0].properties.components[0].traits[0].properties.n",
        also="knob.cue:7:13",
        files={"thing.cue": THING, "knob.cue": REPLICAS},
    ),
    "an override of another type": Case(
        with_override("            type: thingy\n            properties: {}\n"),
        'there is no component type "thingy" in default or vela-system',
        "app.yaml:15:13  spec.policies[0].properties.components[0].type",
        hint='did you mean "thing"?',
    ),
    "a pattern that cannot be read": Case(
        with_override("").replace("          - name: web", "          - name: 'we('"),
        'cannot use "we(" as a name pattern: missing ): we(',
        "app.yaml:14:13  spec.policies[0].properties.components[0].name",
        hint="an RE2 regular expression; `*` alone means anything",
    ),
    "an override for nobody": Case(
        with_override("            properties: {replicas: 2}\n").replace(
            "          - name: web", "          - name: wep"
        ),
        'no component matches "wep", and without a type none can be added',
        "app.yaml:14:13  spec.policies[0].properties.components[0].name",
        hint='did you mean "web"?',
    ),
    "a policy of the wrong type": Case(
        app(
            "{image: a}",
            more="  policies:\n    - {name: here, type: topology, properties: {clusters: local}}\n",
        ),
        'expected a list, found the text "local"',
        "app.yaml:10:49  spec.policies[0].properties.clusters",
    ),
    "in a port of webservice": Case(
        app("{image: a, ports: [{prot: 80}]}", "webservice"),
        'required parameter "port" is not set',
        "app.yaml:8:38  spec.components[0].properties.ports[0].port",
        also="builtin/webservice.cue",
        hint='is it what was meant by "prot"?',
        files={},
    ),
    "a slip in webservice under --strict": Case(
        app("{image: a, prt: 80}", "webservice"),
        'unknown parameter "prt"',
        "app.yaml:8:30  spec.components[0].properties.prt",
        also="builtin/webservice.cue",
        hint='did you mean "port"?',
        files={},
        strict=True,
    ),
    "a number in the environment": Case(
        app("{image: a, env: [{name: A, value: 5}]}", "webservice"),
        "expected string, found number 5",
        "app.yaml:8:46  spec.components[0].properties.env[0].value",
        also="builtin/webservice.cue",
        hint='put it in quotes: "5"',
        files={},
    ),
    "a number for cpu": Case(
        app("{image: a, cpu: 0.5}", "webservice"),
        "expected string, found number 0.5",
        "app.yaml:8:30  spec.components[0].properties.cpu",
        also="builtin/webservice.cue",
        hint='put it in quotes: "0.5"',
        files={},
    ),
    "one port instead of a list": Case(
        app("{image: a, ports: 80}", "webservice"),
        "expected list, found number 80",
        "app.yaml:8:30  spec.components[0].properties.ports",
        also="builtin/webservice.cue",
        hint="write a list: [80]",
        files={},
    ),
    "another case": Case(
        app("{image: a, exposeType: Nodeport}", "webservice"),
        'expected one of "ClusterIP", "NodePort", "LoadBalancer", found string "Nodeport"',
        "app.yaml:8:30  spec.components[0].properties.exposeType",
        also="builtin/webservice.cue",
        hint='did you mean "NodePort"?',
        files={},
    ),
    "deep in a probe": Case(
        app("{image: a, livenessProbe: {httpGet: {path: /, port: '80'}}}", "webservice"),
        'expected int, found string "80"',
        "app.yaml:8:65  spec.components[0].properties.livenessProbe.httpGet.port",
        also="builtin/webservice.cue",
        hint="write it without quotes: 80",
        files={},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_told(name: str, tmp_path: Path) -> None:
    mistakes.check(CASES[name], mistakes.say(CASES[name], tmp_path))


def test_a_policy_of_its_own_is_blamed_in_its_file(tmp_path: Path) -> None:
    shared = """\
apiVersion: core.oam.dev/v1alpha1
kind: Policy
metadata: {name: shared}
type: override
properties:
  components:
    - name: web
      properties: {replicas: many}
"""
    steps = "  workflow:\n    steps:\n      - {type: deploy, properties: {policies: [shared]}}\n"
    text = f"{app('{image: a}', more=steps)}---\n{shared}"
    at = "app.yaml:20:20  properties.components[0].properties.replicas"
    case = Case(text, 'expected int, found string "many"', at, also="thing.cue:17:3")
    mistakes.check(case, mistakes.say(case, tmp_path))


def test_what_an_input_sets_later_is_not_missing(tmp_path: Path) -> None:
    later = "      inputs: [{from: tag, parameterKey: image}]\n"
    steps = (
        "  workflow:\n    steps:\n      - name: one\n        type: apply-component\n"
        "        properties: {component: web}\n"
        "        outputs: [{name: tag, valueFrom: output.metadata.name}]\n"
    )
    case = Case(app("{replicas: 2}", more=later + steps), "", "", strict=True)
    assert 'required parameter "image"' not in mistakes.told(case, tmp_path).stderr

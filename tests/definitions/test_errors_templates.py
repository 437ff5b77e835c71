"""What is wrong with definitions and what they render to, and how it is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.definitions import mistakes
from tests.definitions.mistakes import (
    OUTPUT,
    PARAMETER,
    QUOTED,
    REPLICAS,
    THING,
    YAML,
    Case,
    app,
    component,
    trait,
    using,
    with_trait,
)

CASES = {
    "a parameter against a constant": Case(
        app("{image: a, replicas: 3}"),
        'component "thing": output.spec.replicas: it cannot be both 3 and 2',
        "app.yaml:8:30  spec.components[0].properties.replicas",
        also="thing.cue:10:14",
        files={"thing.cue": using("parameter.image", "\toutput: spec: replicas: 2\n")},
    ),
    "two constants": Case(
        app("{image: a}"),
        'component "thing": output.kind: it cannot be both "StatefulSet" and "Deployment"',
        "app.yaml:6:7  spec.components[0]",
        also="thing.cue:8:15",
        files={"thing.cue": using("parameter.image", '\toutput: kind: "StatefulSet"\n')},
    ),
    "a parameter of another type than its use": Case(
        app("{image: a, replicas: 3}"),
        'component "thing": output.spec.template.spec.containers[0].image: '
        "it cannot be both string and 3",
        "app.yaml:8:30  spec.components[0].properties.replicas",
        also="thing.cue:11:61",
        files={"thing.cue": using("parameter.replicas & string")},
    ),
    "text made of what is not declared": Case(
        app("{image: a}"),
        'component "thing": output.spec.template.spec.containers[0].image: there is no field "tag"',
        "app.yaml:6:7  spec.components[0]",
        also="thing.cue:11:61",
        files={"thing.cue": using('"\\(parameter.tag)"')},
    ),
    "an optional parameter that is used": Case(
        app("{image: a}"),
        'required parameter "mode" is not set',
        "app.yaml:8:7  spec.components[0].properties.mode",
        also="thing.cue:11:71",
        hint="add mode: the definition needs it",
        files={"thing.cue": using("parameter.mode")},
    ),
    "a misspelt root": Case(
        app("{image: a}"),
        'component "thing" cannot be used: '
        'output.spec.template.spec.containers.image: there is no "paramter"',
        "app.yaml:7:7  spec.components[0].type",
        also="thing.cue:11:61",
        hint='did you mean "parameter"?',
        files={"thing.cue": using("paramter.image")},
    ),
    "a parameter that is not declared": Case(
        app("{image: a}"),
        'component "thing" cannot be used: it reads parameter.imag, which it does not declare',
        "app.yaml:7:7  spec.components[0].type",
        also="thing.cue:11:71",
        hint='did you mean "image"?',
        files={"thing.cue": using("parameter.imag")},
    ),
    "a context field there is not": Case(
        app("{image: a}"),
        'component "thing": context.nam: there is no such field',
        "app.yaml:6:7  spec.components[0]",
        also="thing.cue:11:89",
        hint='did you mean "name"?',
        files={"thing.cue": using("parameter.image, n: context.nam")},
    ),
    "an item there is not": Case(
        app("{image: a, ports: []}"),
        'component "thing": output.spec.template.spec.containers[0].p: '
        "there is no item [0], the list has 0",
        "app.yaml:6:7  spec.components[0]",
        also="thing.cue:11:97",
        files={"thing.cue": using("parameter.image, p: parameter.ports[0].port")},
    ),
    "no output": Case(
        app("{image: a}"),
        'component "thing" gives no object: its definition sets no field "output"',
        "app.yaml:6:7  spec.components[0]",
        also="thing.cue:6:1",
        files={"thing.cue": component(PARAMETER)},
    ),
    "an object without a kind": Case(
        app("{image: a}"),
        '"output" is no Kubernetes object: it needs apiVersion and kind',
        "app.yaml:6:7  spec.components[0]",
        also="thing.cue:6:2",
        files={"thing.cue": component(OUTPUT.replace('kind:       "Deployment"', "") + PARAMETER)},
    ),
    "an auxiliary without a kind": Case(
        app("{image: a}"),
        '"outputs.cfg" is no Kubernetes object: it needs apiVersion and kind',
        "app.yaml:6:7  spec.components[0]",
        also="thing.cue:24:2",
        files={
            "thing.cue": using(
                "parameter.image",
                '\toutputs: cfg: {apiVersion: "v1", data: {a: parameter.image}}\n',
            )
        },
    ),
    "a value that is only a type": Case(
        app("{image: a}"),
        'component "thing": output.spec.template.spec.containers[0].image: '
        "has no value, only the type string",
        "app.yaml:6:7  spec.components[0]",
        also="thing.cue:11:61",
        files={"thing.cue": using("string")},
    ),
    "what the template says itself": Case(
        app("{image: a}"),
        "image must have a tag",
        "app.yaml:6:7  spec.components[0]",
        also="thing.cue:24:2",
        files={
            "thing.cue": using(
                "parameter.image", '\terrs: [if parameter.image == "a" {"image must have a tag"}]\n'
            )
        },
    ),
    "everything the template says itself": Case(
        app("{image: a}"),
        "one",
        "app.yaml:6:7  spec.components[0]",
        also="thing.cue:24:2",
        files={"thing.cue": using("parameter.image", '\terrs: ["one", "two"]\n')},
        count=2,
    ),
    "a division by zero": Case(
        app("{image: a}"),
        'component "thing": output.spec.template.spec.containers[0].n: div: division by zero',
        "app.yaml:6:7  spec.components[0]",
        also="thing.cue:11:81",
        files={"thing.cue": using("parameter.image, n: div(10, parameter.replicas - 1)")},
    ),
    "fields that need each other": Case(
        app("{image: a}"),
        'component "thing": _b: needs _a, which needs it in turn',
        "app.yaml:6:7  spec.components[0]",
        also="thing.cue:25:6",
        files={"thing.cue": using("parameter.image, n: _a", "\t_a: _b + 1\n\t_b: _a - 1\n")},
    ),
    "a struct within itself": Case(
        app("{image: a}"),
        'component "thing": #T.next: contains itself without end',
        "app.yaml:6:7  spec.components[0]",
        also="thing.cue:24:7",
        files={"thing.cue": using("parameter.image", "\t#T: {next: #T}\n\toutput: spec: t: #T\n")},
    ),
    "lists of two lengths": Case(
        app("{image: a}"),
        'component "thing": output.spec.template.spec.containers: it '
        "cannot have both 1 item and 2 items",
        "app.yaml:6:7  spec.components[0]",
        also="thing.cue:24:44",
        files={
            "thing.cue": using(
                "parameter.image", "\toutput: spec: template: spec: containers: [{}, {}]\n"
            )
        },
    ),
    "an argument of the wrong type": Case(
        app("{image: a}"),
        'component "thing": output.spec.template.spec.containers[0].image: '
        "strings.ToUpper takes string, found int 1",
        "app.yaml:6:7  spec.components[0]",
        also="thing.cue:18:14",
        files={"thing.cue": 'import "strings"\n' + using("strings.ToUpper(parameter.replicas)")},
    ),
    "a function there is not": Case(
        app("{image: a}"),
        'component "thing": output.spec.template.spec.containers[0].image: '
        "there is no function strings.Upper",
        "app.yaml:6:7  spec.components[0]",
        also="thing.cue:12:61",
        files={"thing.cue": 'import "strings"\n' + using("strings.Upper(parameter.image)")},
    ),
    "text and a number added": Case(
        app("{image: a}"),
        'component "thing": output.spec.template.spec.containers[0].image: '
        'string "a" + int 1 is not possible',
        "app.yaml:8:20  spec.components[0].properties.image",
        also="thing.cue:11:61",
        files={"thing.cue": using("parameter.image + 1")},
    ),
    "a parameter only an auxiliary needs": Case(
        app("{image: a}"),
        'required parameter "mode" is not set',
        "app.yaml:8:7  spec.components[0].properties.mode",
        also="thing.cue:18:3",
        hint="add mode (string)",
        files={
            "thing.cue": component(
                OUTPUT
                + PARAMETER.replace("mode?", "mode")
                + '\toutputs: cfg: {apiVersion: "v1", kind: "ConfigMap", '
                + "data: {a: parameter.mode}}\n"
            )
        },
    ),
    "a type that is misspelt": Case(
        app("{image: a}"),
        'component "thing" cannot be used: parameter.image: there is no "strng"',
        "app.yaml:7:7  spec.components[0].type",
        also="thing.cue:16:10",
        hint='did you mean "string"?',
        files={"thing.cue": component(OUTPUT + PARAMETER.replace("image: string", "image: strng"))},
    ),
    "a parameter declared as two types": Case(
        app("{image: a}"),
        'component "thing" cannot be used: parameter.image: it cannot be both string and int',
        "app.yaml:7:7  spec.components[0].type",
        also="thing.cue:16:10",
        files={"thing.cue": component(OUTPUT + PARAMETER + "\tparameter: image: int\n")},
    ),
    "an import that is not used": Case(
        app("{image: a}"),
        'component "thing" cannot be used: "strings" is imported and not used',
        "app.yaml:7:7  spec.components[0].type",
        also="thing.cue:1:8",
        hint='remove the import of "strings"',
        files={"thing.cue": 'import "strings"\n' + THING},
    ),
    "a package there is not": Case(
        app("{image: a}"),
        'component "thing" cannot be used: unknown package "vela/kubes"',
        "app.yaml:7:7  spec.components[0].type",
        also="thing.cue:1:8",
        hint='did you mean "vela/kube"?',
        files={"thing.cue": 'import "vela/kubes"\n' + THING},
    ),
    "a misspelt package": Case(
        app("{image: a}"),
        'component "thing" cannot be used: unknown package "strngs"',
        "app.yaml:7:7  spec.components[0].type",
        also="thing.cue:1:8",
        hint='did you mean "strings"?',
        files={"thing.cue": 'import "strngs"\n' + using("strngs.ToUpper(parameter.image)")},
    ),
    "no package of that name": Case(
        app("{image: a}"),
        'component "thing" cannot be used: unknown package "example.com/own"',
        "app.yaml:7:7  spec.components[0].type",
        also="thing.cue:1:8",
        files={"thing.cue": 'import "example.com/own"\n' + THING},
    ),
    "a comma too many": Case(
        app("{image: a}"),
        "a value is missing before ,",
        "thing.cue:16:17",
        files={"thing.cue": THING.replace("image: string\n", "image: string,,\n")},
    ),
    "a brace that is not closed": Case(
        app("{image: a}"),
        "} is missing at the end of the text",
        "thing.cue:23:4",
        files={"thing.cue": THING.rstrip()[:-1]},
    ),
    "a quote that is not closed": Case(
        app("{image: a}"),
        "the quote is not closed",
        "thing.cue:7:15",
        files={"thing.cue": THING.replace('"apps/v1"\n', '"apps/v1\n')},
    ),
    "no header": Case(
        app("{image: a}"),
        "the field that names the definition is missing",
        "thing.cue:1:1",
        hint="a definition file is one field with type and description, and a template",
        files={"thing.cue": "template: {}\n"},
    ),
    "no template": Case(
        app("{image: a}"),
        "template: {...} is missing",
        "thing.cue:2:1",
        hint="a definition file is one field with type and description, and a template",
        files={"thing.cue": 'thing: {type: "component"}\n'},
    ),
    "two templates": Case(
        app("{image: a}"),
        "template: {...} is given twice",
        "thing.cue:25:1",
        hint="a definition file is one field with type and description, and a template",
        files={"thing.cue": THING + "template: {}\n"},
    ),
    "a kind of definition there is not": Case(
        app("{image: a}"),
        '"componet" is not a kind of definition',
        "thing.cue:2:2  type",
        hint='did you mean "component"?',
        files={"thing.cue": THING.replace('"component"', '"componet"')},
    ),
    "an attribute there is not": Case(
        app("{image: a}"),
        'a component definition has no attribute "wrkload"',
        "thing.cue:3:14  attributes.wrkload",
        hint='did you mean "workload"?',
        files={"thing.cue": THING.replace("attributes: workload", "attributes: wrkload")},
    ),
    "a YAML object of another kind": Case(
        app("{image: a}"),
        "Componentdefinition is not a definition",
        "thing.yaml:2:1  kind",
        hint=(
            "one of ComponentDefinition, TraitDefinition, PolicyDefinition, WorkflowStepDefinition"
        ),
        files={"thing.yaml": YAML.replace("ComponentDefinition", "Componentdefinition")},
    ),
    "in a template in YAML": Case(
        app("{image: a}"),
        'component "thing" cannot be used: output.apiVersion: there is no "v1"',
        "app.yaml:7:7  spec.components[0].type",
        also="thing.yaml:11:23",
        hint='if it is text, put it in quotes: "v1"',
        files={"thing.yaml": YAML},
    ),
    "in a template in YAML in quotes": Case(
        app("{image: a}"),
        'component "thing" cannot be used: output.kind: there is no "Pod"',
        "app.yaml:7:7  spec.components[0].type",
        also="thing.yaml:9 template",
        hint='if it is text, put it in quotes: "Pod"',
        files={"thing.yaml": QUOTED},
    ),
    "a type nobody has": Case(
        app("{image: a}", "thin"),
        'there is no component type "thin" in default or vela-system',
        "app.yaml:7:7  spec.components[0].type",
        hint='did you mean "thing"?',
    ),
    "a revision that is not there": Case(
        app("{image: a}", "thing@v7"),
        'component type "thing" has no revision v7',
        "app.yaml:7:7  spec.components[0].type",
        hint='"thing" without @v... is the current one',
    ),
    "a type that cannot be read": Case(
        app("{image: a}", "thing@"),
        '"thing@" is not a type',
        "app.yaml:7:7  spec.components[0].type",
        hint="write a name, or a name and a revision such as webservice@v2",
    ),
    "a patch of what a parameter set": Case(
        with_trait("{n: 5}", "{image: a, replicas: 3}"),
        'trait "knob" cannot be applied: output.spec.replicas: it is 3, the patch says 5',
        "app.yaml:11:24  spec.components[0].traits[0].properties.n",
        also="knob.cue:6:15",
        hint="mark the field with // +patchStrategy=retainKeys to override what is there",
        files={"thing.cue": THING, "knob.cue": REPLICAS},
    ),
    "a patch of a constant": Case(
        with_trait("{}"),
        'trait "knob" cannot be applied: output.kind: it is "Deployment", '
        'the patch says "StatefulSet"',
        "app.yaml:10:11  spec.components[0].traits[0]",
        also="knob.cue:6:9",
        hint="mark the field with // +patchStrategy=retainKeys to override what is there",
        files={
            "thing.cue": THING,
            "knob.cue": trait('\tpatch: kind: "StatefulSet"\n\tparameter: {}\n'),
        },
    ),
    "a patch of two constants": Case(
        with_trait("{}"),
        'trait "knob" cannot be applied: output.apiVersion: it is "apps/v1", the patch says "v1"',
        "app.yaml:10:11  spec.components[0].traits[0]",
        also="knob.cue:8:3",
        hint="mark the field with // +patchStrategy=retainKeys to override what is there",
        files={
            "thing.cue": THING,
            "knob.cue": trait(
                '\tpatch: {\n\t\tkind: "Pod"\n\t\tapiVersion: "v1"\n\t}\n\tparameter: {}\n'
            ),
        },
        count=2,
    ),
    "a patch of an item by its place": Case(
        with_trait("{i: b}"),
        'trait "knob" cannot be applied: '
        'output.spec.template.spec.containers[0].image: it is "nginx", the patch says "b"',
        "app.yaml:11:24  spec.components[0].traits[0].properties.i",
        also="knob.cue:6:45",
        hint="mark the field with // +patchStrategy=retainKeys to override what is there",
        files={
            "thing.cue": THING,
            "knob.cue": trait(
                "\tpatch: spec: template: spec: containers: [{image: "
                "parameter.i}]\n\tparameter: i: string\n"
            ),
        },
    ),
    "a patch of an item by its name": Case(
        with_trait("{i: b}"),
        'trait "knob" cannot be applied: '
        'output.spec.template.spec.containers[0].image: it is "nginx", the patch says "b"',
        "app.yaml:11:24  spec.components[0].traits[0].properties.i",
        also="knob.cue:8:37",
        hint="mark the field with // +patchStrategy=retainKeys to override what is there",
        files={
            "thing.cue": THING,
            "knob.cue": trait(
                "\tpatch: spec: template: spec: {\n\t\t// "
                "+patchKey=name\n"
                "\t\tcontainers: [{name: context.name, image: parameter.i}]\n"
                "\t}\n\tparameter: i: string\n"
            ),
        },
    ),
    "a patch with a shorter list": Case(
        with_trait("{}"),
        'trait "knob" cannot be applied: '
        "output.spec.template.spec.containers: it has 1 item, the patch only 0 items",
        "app.yaml:10:11  spec.components[0].traits[0]",
        also="knob.cue:6:31",
        hint="mark the field with // +patchStrategy=retainKeys to override what is there",
        files={
            "thing.cue": THING,
            "knob.cue": trait("\tpatch: spec: template: spec: containers: []\n\tparameter: {}\n"),
        },
    ),
    "a JSON patch of what is not there": Case(
        with_trait("{}"),
        'trait "knob" cannot be applied: patch.operations[0]: failed to '
        "apply json patch: there is no 'nope' in /spec/nope",
        "app.yaml:10:11  spec.components[0].traits[0]",
        also="knob.cue:8:17",
        files={
            "thing.cue": THING,
            "knob.cue": trait(
                "\t// +patchStrategy=jsonPatch\n\tpatch: {\n\t\toperations: [{op: "
                '"remove", path: "/spec/nope"}]\n\t}\n\tparameter: {}\n'
            ),
        },
    ),
    "a JSON patch with an unknown operation": Case(
        with_trait("{}"),
        'trait "knob" cannot be applied: patch.operations[0]: failed to '
        "apply json patch: unknown operation 'rename', expected one of add, "
        "remove, replace, move, copy, test",
        "app.yaml:10:11  spec.components[0].traits[0]",
        also="knob.cue:8:17",
        files={
            "thing.cue": THING,
            "knob.cue": trait(
                "\t// +patchStrategy=jsonPatch\n\tpatch: {\n\t\toperations: [{op: "
                '"rename", path: "/spec"}]\n\t}\n\tparameter: {}\n'
            ),
        },
    ),
    "a JSON patch without operations": Case(
        with_trait("{}"),
        'trait "knob" cannot be applied: patch.operations: a JSON patch needs a list of operations',
        "app.yaml:10:11  spec.components[0].traits[0]",
        also="knob.cue:7:2",
        files={
            "thing.cue": THING,
            "knob.cue": trait(
                "\t// +patchStrategy=jsonPatch\n\tpatch: {\n\t\tspec: x: 1\n\t}\n\tparameter: {}\n"
            ),
        },
    ),
    "two traits that disagree": Case(
        app(
            "{image: a}",
            more=(
                "      traits:\n        - {type: knob, properties: {n: 2}}\n       "
                " - {type: dial, properties: {n: 3}}\n"
            ),
        ).replace("{image: a}", "{image: a, replicas: 2}"),
        'trait "dial" cannot be applied: output.spec.replicas: it is 2, the patch says 3',
        "app.yaml:11:37  spec.components[0].traits[1].properties.n",
        also="dial.cue:6:15",
        hint="mark the field with // +patchStrategy=retainKeys to override what is there",
        files={
            "thing.cue": THING,
            "knob.cue": REPLICAS,
            "dial.cue": trait(
                "\tpatch: spec: replicas: parameter.n\n\tparameter: n: int\n", "dial"
            ),
        },
    ),
    "a trait that reads what the object has not": Case(
        with_trait("{}"),
        'trait "knob": context.output.spec.nope: there is no such field',
        "app.yaml:10:11  spec.components[0].traits[0]",
        also="knob.cue:6:81",
        files={
            "thing.cue": THING,
            "knob.cue": trait(
                '\toutputs: x: {apiVersion: "v1", kind: "ConfigMap", data: n: '
                "context.output.spec.nope}\n\tparameter: {}\n"
            ),
        },
    ),
    "an object of a trait without a version": Case(
        with_trait("{}"),
        '"outputs.x" is no Kubernetes object: it needs apiVersion and kind',
        "app.yaml:10:11  spec.components[0].traits[0]",
        also="knob.cue:6:2",
        files={
            "thing.cue": THING,
            "knob.cue": trait('\toutputs: x: {kind: "ConfigMap"}\n\tparameter: {}\n'),
        },
    ),
    "a patch of an auxiliary": Case(
        with_trait("{}"),
        'trait "knob" cannot be applied: outputs.cfg.data.a: it is "nginx", the patch says "other"',
        "app.yaml:10:11  spec.components[0].traits[0]",
        also="knob.cue:6:27",
        hint="mark the field with // +patchStrategy=retainKeys to override what is there",
        files={
            "thing.cue": using(
                "parameter.image",
                '\toutputs: cfg: {apiVersion: "v1", kind: "ConfigMap", data: {a: '
                "parameter.image}}\n",
            ),
            "knob.cue": trait('\tpatchOutputs: cfg: data: a: "other"\n\tparameter: {}\n'),
        },
    ),
    "what a trait says itself": Case(
        with_trait("{}"),
        "never use it",
        "app.yaml:10:11  spec.components[0].traits[0]",
        also="knob.cue:7:2",
        files={
            "thing.cue": THING,
            "knob.cue": trait('\tpatch: {}\n\terrs: ["never use it"]\n\tparameter: {}\n'),
        },
    ),
    "a template of a trait against its parameter": Case(
        with_trait("{n: 5}"),
        'trait "knob": patch.spec.replicas: 5 is not allowed: it must be less than 3',
        "app.yaml:11:24  spec.components[0].traits[0].properties.n",
        also="knob.cue:6:39",
        files={
            "thing.cue": THING,
            "knob.cue": trait("\tpatch: spec: replicas: parameter.n & <3\n\tparameter: n: int\n"),
        },
    ),
    "a trait there is not": Case(
        with_trait("{}").replace("knob", "knop"),
        'there is no trait type "knop" in default or vela-system',
        "app.yaml:10:11  spec.components[0].traits[0].type",
        hint='did you mean "knob"?',
        files={"thing.cue": THING, "knob.cue": REPLICAS},
    ),
    "a component and a trait that are both broken": Case(
        with_trait("{n: 1}"),
        'component "thing" cannot be used: '
        'output.spec.template.spec.containers.image: there is no "paramter"',
        "app.yaml:7:7  spec.components[0].type",
        also="thing.cue:11:61",
        hint='did you mean "parameter"?',
        files={
            "thing.cue": using("paramter.image"),
            "knob.cue": trait("\tpatch: spec: replicas: parametr.n\n\tparameter: n: int\n"),
        },
        count=2,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_told(name: str, tmp_path: Path) -> None:
    mistakes.check(CASES[name], mistakes.say(CASES[name], tmp_path))

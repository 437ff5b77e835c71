"""Applications and definitions with a mistake, and what the command line says to them.

A case is the files a user has, run through `lateen dry-run --offline` in this process, and what is
to be told: the message, the place in the user's file with the field, the place in the definition it
has to do with, and what to do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from typer.testing import CliRunner, Result

from lateen.cli import main

HEAD = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop}
spec:
  components:
    - name: web
      type: %s
      properties: %s
"""

OUTPUT = """\
	output: {
		apiVersion: "apps/v1"
		kind:       "Deployment"
		spec: {
			replicas: parameter.replicas
			template: spec: containers: [{name: context.name, image: parameter.image}]
		}
	}
"""
PARAMETER = """\
	parameter: {
		// +usage=What to run
		image: string
		replicas: *1 | int & >=1 & <=10
		mode?: "a" | "b"
		size?: {cpu: string, memory?: string}
		ports?: [...{port: int, name?: string}]
		name?: =~"^[a-z]+$"
		labels?: [string]: string
	}
"""


def app(properties: str, kind: str = "thing", more: str = "") -> str:
    return HEAD % (kind, properties) + more


def with_trait(properties: str, base: str = "{image: nginx}") -> str:
    return app(
        base, more=f"      traits:\n        - type: knob\n          properties: {properties}\n"
    )


def with_override(changes: str, base: str = "{image: a}", traits: str = "") -> str:
    """An override policy for `web`; its changes stand in line 15 unless there are traits."""
    policy = "  policies:\n    - name: prod\n      type: override\n      properties:\n"
    return app(base, more=f"{traits}{policy}        components:\n          - name: web\n{changes}")


def component(template: str) -> str:
    """The file of `thing`. Its template begins in line 6."""
    workload = '{apiVersion: "apps/v1", kind: "Deployment"}'
    return (
        f'thing: {{\n\ttype: "component"\n\tattributes: workload: definition: {workload}\n}}\n'
        f"template: {{\n{template}}}\n"
    )


def declaring(fields: str) -> str:
    """A `thing` that takes an image, replicas and these."""
    given = f"image: string, replicas: *1 | int, {fields}"
    return component(f"{OUTPUT}\tparameter: {{{given}}}\n")


def using(image: str, more: str = "") -> str:
    """A `thing` whose image is this expression, in line 11."""
    return component(OUTPUT.replace("parameter.image", image) + PARAMETER + more)


def trait(template: str, name: str = "knob") -> str:
    """The file of a trait. Its template begins in line 6."""
    return f'{name}: {{\n\ttype: "trait"\n\tattributes: {{}}\n}}\ntemplate: {{\n{template}}}\n'


THING = component(OUTPUT + PARAMETER)
REPLICAS = trait("\tpatch: spec: replicas: parameter.n\n\tparameter: n: int\n")


@dataclass(frozen=True)
class Case:
    """`at` is the place in the user's file, with the field after it; `also` the first place in a
    definition, of a built-in one without its line. `count` is how many problems there are in all.
    """

    app: str
    message: str
    at: str
    also: str = ""
    hint: str = ""
    files: dict[str, str] = field(default_factory=lambda: {"thing.cue": THING})
    count: int = 1
    strict: bool = False
    warning: bool = False


def say(case: Case, folder: Path) -> str:
    """What `dry-run` says to the files of a case; paths as a user in that folder sees them."""
    result = told(case, folder)
    assert result.exit_code == (0 if case.warning else 2), result.stderr
    return result.stderr.replace(f"{folder}/", "")


def told(case: Case, folder: Path) -> Result:
    """The end of a `dry-run` of the files of a case."""
    arguments = ["dry-run", "--offline", "-f", str(folder / "app.yaml")]
    (folder / "app.yaml").write_text(case.app)
    for name, text in case.files.items():
        (folder / name).write_text(text)
        arguments += ["-d", str(folder / name)]
    if case.strict:
        arguments.append("--strict")
    return CliRunner().invoke(main.build(), arguments, env={"COLUMNS": "400"})


# what belongs to the evaluator, to Go or to Python, and to no message
_JARGON = re.compile(
    r"_\|_|mismatched types|out of bound|empty disjunction|conflicting values|non-function|"
    r"incomplete value|invalid interpolation|reference \"|nil|0x[0-9a-f]{6}|goroutine|Traceback|"
    r"KeyError|NoneType|dict|\bstruct\b|schematic"
)


def check(case: Case, said: str) -> None:
    """Assert that a case is told whole, and nothing besides."""
    word = "warning" if case.warning else "error"
    blocks = said.split("\n\n")
    block = next((each for each in blocks if f"--> {case.at}" in f"{each}\n"), "")
    assert block.startswith(f"{word}: {case.message}\n"), said
    assert re.search(rf"--> {re.escape(case.at)}(  |\n|$)", block), said
    if case.also:
        assert re.search(rf"::: {re.escape(case.also)}[:\d]*(  |\n|$)", block), said
    if case.hint:
        assert f" = {case.hint}" in block, said
    assert said.count(f"{word}: ") == case.count, said
    heads = [line for line in said.splitlines() if line.startswith(f"{word}: ")]
    assert not [head for head in heads if _JARGON.search(head)], heads


YAML = """\
apiVersion: core.oam.dev/v1beta1
kind: ComponentDefinition
metadata:
  name: thing
spec:
  workload: {definition: {apiVersion: v1, kind: Pod}}
  schematic:
    cue:
      template: |
        output: {
          apiVersion: v1
          kind: "Pod"
        }
"""
QUOTED = (
    f"""{YAML.partition("|")[0]}"output: {{\\n  apiVersion: \\"v1\\"\\n  kind: Pod\\n}}\\n"\n"""
)

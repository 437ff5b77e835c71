"""`def init`: a first draft of a definition, from answers, a Kubernetes object or parameters.

Where a text of the object holds `${name}` and there is a parameter of that name, the parameter
stands there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import typer

from lateen.api import checking
from lateen.api.definition import DefinitionKind
from lateen.base.documents import Document
from lateen.base.problem import Problem
from lateen.cli import printing, problems, sources
from lateen.cli.defs import taking
from lateen.cue.engine import Engine
from lateen.definitions import texts, writing
from lateen.definitions.writing import Code

_DECLARED = re.compile(r"([A-Za-z_]\w*)(\?)?\s*:\s*(\S.*)")
_REFERENCE = re.compile(r"\$\{([A-Za-z_]\w*)\}")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_KINDS: Final = {kind.word: kind for kind in DefinitionKind}
_EXAMPLES: Final[Mapping[DefinitionKind, dict[str, Any]]] = {
    DefinitionKind.COMPONENT: {
        "output": {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": Code("context.name")},
            "data": {"example": "value"},
        }
    },
    DefinitionKind.TRAIT: {
        "patch": {"metadata": {"annotations": {"example.com/component": Code("context.name")}}}
    },
    DefinitionKind.POLICY: {},
    DefinitionKind.STEP: {
        "say": Code('builtin.#Message & {\n\t$params: message: "\\(context.name) was here"\n}')
    },
}


@dataclass(frozen=True)
class Parameter:
    """One parameter, its type and default as CUE."""

    name: str
    type: str = "string"
    optional: bool = False
    default: str = ""
    usage: str = ""

    @property
    def lines(self) -> Iterator[str]:
        if self.usage:
            yield f"// +usage={self.usage}"
        mark = "?" if self.optional else ""
        value = f"*{self.default} | {self.type}" if self.default else self.type
        yield f"{self.name}{mark}: {value}"


@dataclass(frozen=True)
class Order:
    """What the user asked for. `kind` None and `ask`: the rest is asked for."""

    name: str
    kind: DefinitionKind | None
    description: str
    template: str
    parameters: Sequence[Parameter]
    to: Path | None
    ask: bool


@dataclass
class _Sketch:
    """A definition while it is put together."""

    order: Order
    kind: DefinitionKind
    parameters: Sequence[Parameter]
    attributes: dict[str, Any] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)
    imports: list[str] = field(default_factory=list)


def parameter(text: str) -> Parameter:
    """`image: string`, `replicas: int = 1`, `debug?: bool // Say more` -> a parameter.

    Raises:
        typer.BadParameter: it is not of that form.
    """
    head, _, usage = text.strip().partition(" // ")
    declared, _, default = head.partition(" = ")
    found = _DECLARED.fullmatch(declared.strip())
    if found is None:
        raise typer.BadParameter(
            f'"{text}" is no parameter: write `name: type = default // what it is for`',
            param_hint="--parameter",
        )
    name, optional, kind = found.groups()
    default = default.strip()
    if default and kind.strip() == "string" and not default.startswith('"'):
        default = texts.quoted(default)
    return Parameter(name, kind.strip(), bool(optional), default, usage.strip())


async def init(order: Order) -> None:
    """Write a first draft that is right already.

    Raises:
        Blamed: what it would be made from makes no definition.
        Problem: `input.*`.
    """
    check_name(order.name)
    order = _asked(order) if order.ask else order
    assert order.kind is not None  # asked for, or refused by the command
    sketch = _Sketch(order, order.kind, order.parameters)
    _fill(sketch, _objects(order.template) if order.template else [])
    text = _text(sketch)
    async with Engine() as engine:
        source = str(order.to) if order.to else f"{order.name}.cue"
        taken = await taking.examine(source, text, engine)
        if not taken.problems:
            text = await engine.format(text, source=source)
    if taken.problems:
        raise taking.blamed([taken])
    put(order.to, text)


def check_name(name: str) -> None:
    """Raises: Problem: `input.name`."""
    if not _NAME.fullmatch(name):
        raise Problem(
            "input.name",
            f'"{name}" is no name for a definition',
            hint='lower-case letters, digits and "-", as in my-service',
        )


def put(to: Path | None, text: str) -> None:
    """Write a draft to a file that is not there yet, or to the screen.

    Raises:
        Problem: `input.output`.
    """
    if to is None:
        printing.line_out(text.rstrip("\n"))
        return
    if to.exists():
        raise Problem("input.output", f"{to} is there already", hint="give another -o")
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Problem("input.output", f"{to} cannot be written: {error.strerror}") from error
    printing.line_out(f"{to} written")


def _asked(order: Order) -> Order:
    """The order with what was missing, as the user answers."""
    word = order.kind.word if order.kind else ""
    while word not in _KINDS:
        word = typer.prompt(f"Type ({', '.join(_KINDS)})", default="component", err=True)
    said = order.description or typer.prompt("What is it for?", default="", err=True)
    template = order.template or typer.prompt(
        "YAML file of the object it makes (empty for an example)",
        default="",
        show_default=False,
        err=True,
    )
    found = list(order.parameters)
    while answer := typer.prompt(
        "Parameter, as in `replicas: int = 1 // How many` (empty to end)",
        default="",
        show_default=False,
        err=True,
    ):
        try:
            found.append(parameter(answer))
        except typer.BadParameter as error:
            printing.stderr().print(error.message)
    return Order(order.name, _KINDS[word], said, template, found, order.to, ask=False)


def _objects(target: str) -> list[Document]:
    found = sources.read([target])
    wrong = [(each, its) for each in found if (its := checking.check(each.data))]
    if wrong:
        raise problems.blame(wrong)
    return found


def _fill(sketch: _Sketch, documents: Sequence[Document]) -> None:
    """Put the objects where the kind of definition has them, or an example."""
    objects = [_referring(document.data, sketch.parameters) for document in documents]
    if sketch.kind is DefinitionKind.COMPONENT:
        sketch.attributes["workload"] = _workload(documents[0].data if documents else {})
    if not objects:
        sketch.body = dict(_EXAMPLES[sketch.kind])
        sketch.imports = ["vela/builtin"] if sketch.kind is DefinitionKind.STEP else []
        return
    keys = _keys([document.data for document in documents])
    if sketch.kind is DefinitionKind.STEP:
        sketch.imports = ["vela/kube"]
        sketch.body = {
            key: Code(f"kube.#Apply & {{\n\t$params: value: {writing.value(each)}\n}}")
            for key, each in zip(keys, objects, strict=True)
        }
        return
    if sketch.kind is not DefinitionKind.TRAIT:
        # two components of one type are two objects
        main = {**objects.pop(0)}
        main["metadata"] = {**main["metadata"], "name": Code("context.name")}
        sketch.body["output"] = main
        keys = keys[1:]
    if objects:
        sketch.body["outputs"] = dict(zip(keys, objects, strict=True))


def _workload(data: Mapping[str, Any]) -> dict[str, Any]:
    if not (data.get("apiVersion") and data.get("kind")):
        return {"type": "autodetects.core.oam.dev"}
    return {"definition": {"apiVersion": data["apiVersion"], "kind": data["kind"]}}


def _keys(objects: Sequence[Mapping[str, Any]]) -> list[str]:
    """A name for each object: its kind, with a number where there are several of it."""
    found: list[str] = []
    for each in objects:
        kind = str(each.get("kind") or "object")
        name, number = kind[:1].lower() + kind[1:], 2
        key = name
        while key in found:
            key, number = f"{name}{number}", number + 1
        found.append(key)
    return found


def _referring(given: Any, parameters: Sequence[Parameter]) -> Any:
    """The object with parameters where its texts name them."""
    known = {each.name for each in parameters}
    if isinstance(given, Mapping):
        return {key: _referring(value, parameters) for key, value in given.items()}
    if isinstance(given, list):
        return [_referring(value, parameters) for value in given]
    if not isinstance(given, str) or not known & set(_REFERENCE.findall(given)):
        return given
    whole = _REFERENCE.fullmatch(given)
    if whole:
        return Code(f"parameter.{whole[1]}")
    made = "".join(
        f"\\(parameter.{part})"
        if at % 2 and part in known
        else texts.quoted(f"${{{part}}}" if at % 2 else part)[1:-1]
        for at, part in enumerate(_REFERENCE.split(given))
    )
    return Code(f'"{made}"')


def _text(sketch: _Sketch) -> str:
    imports = "".join(f'import "{path}"\n' for path in sketch.imports)
    header = {
        "type": sketch.kind.word,
        "description": sketch.order.description,
        "annotations": {},
        "labels": {},
        "attributes": sketch.attributes,
    }
    lines = [f"{key}: {writing.value(value)}" for key, value in sketch.body.items()]
    inner = "\n".join(line for each in sketch.parameters for line in each.lines)
    lines.append(f"parameter: {{\n{texts.indent(inner)}\n}}" if inner else "parameter: {}")
    body = texts.indent("\n\n".join(lines))
    name = texts.label(sketch.order.name)
    return "\n".join(
        [
            *([imports] if imports else []),
            f"{name}: {writing.value(header)}\n",
            f"template: {{\n{body}\n}}\n",
        ]
    )

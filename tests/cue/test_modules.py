"""Terraform modules: what can be given to them, and what is wrong with them."""

from __future__ import annotations

import pytest

from lateen.base.problem import Problem, Problems, every
from lateen.cue.engine import Engine

pytestmark = pytest.mark.anyio

HCL = """\
variable "name" {
  description = "What it is called"
  type        = string
}
variable "size" {
  type    = number
  default = 3
}
variable "rules" {
  type = list(object({
    port  = number
    proto = optional(string, "tcp")
  }))
  default = []
}
variable "tags" {
  type    = map(string)
  default = null
}
variable "secret" {
  sensitive = true
}
resource "aws_s3_bucket" "b" {}
output "PASSWORD" {
  value     = var.secret
  sensitive = true
}
output "NAME" {
  value = var.name
}
"""


async def test_variables_are_parameters(engine: Engine) -> None:
    module = await engine.module(HCL, source="definition bucket")
    found = {each.name: each for each in module.parameter.fields}
    assert list(found) == ["name", "size", "rules", "tags", "secret"]
    assert found["name"].usage == "What it is called"
    assert {name for name, each in found.items() if each.required} == {"name", "secret"}
    assert (found["size"].default, found["size"].type.split(" | ")[0]) == (3, "number")
    assert found["tags"].type == "map | null"
    assert found["secret"].type == "any"
    rule = found["rules"].items
    assert rule is not None
    assert {each.name: each.required for each in rule.fields} == {"port": True, "proto": False}
    assert next(each.default for each in rule.fields if each.name == "proto") == "tcp"
    assert str(found["size"].position) == "definition bucket:5:1"


async def test_what_it_gives_and_needs(engine: Engine) -> None:
    module = await engine.module(HCL, source="m")
    assert module.outputs == ("NAME", "PASSWORD")
    assert module.sensitive == {"PASSWORD", "secret"}
    assert (module.providers, module.calls) == (("aws",), False)


async def test_an_empty_module(engine: Engine) -> None:
    module = await engine.module("", source="m")
    assert (module.parameter.fields, module.outputs, module.providers) == ((), (), ())


async def test_files_are_one_module(engine: Engine) -> None:
    files = {
        "a.tf": 'variable "x" {}\n',
        "b.tf.json": '{"output": {"y": {"value": 1}}}',
        "c.tf": 'module "m" {\n  source = "./m"\n}\n',
    }
    module = await engine.module(files, source="m")
    assert [each.name for each in module.parameter.fields] == ["x"]
    assert (module.outputs, module.calls) == (("y",), True)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        pytest.param('variable "x" {\n  type = \n}\n', "m:2:10", id="a value is missing"),
        pytest.param('variable "x" {\n', "m:1:14", id="not closed"),
    ],
)
async def test_what_is_wrong_has_its_place(engine: Engine, text: str, place: str) -> None:
    with pytest.raises((Problem, Problems)) as caught:
        await engine.module(text, source="m")
    assert isinstance(caught.value, Problem | Problems)
    [first, *_] = every(caught.value)
    assert first.code == "cue.hcl"
    assert str(first.positions[0]).startswith(place)

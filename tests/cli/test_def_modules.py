"""`lateen def init` from a Terraform module: in files of this machine, or in a repository."""

from __future__ import annotations

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from lateen.cli.exits import Exit
from tests.sources import servers

VARIABLES = """\
variable "text" {
  description = "What to remember"
  type        = string
}
variable "size" {
  type    = number
  default = 3
}
"""
MAIN = """\
resource "terraform_data" "note" {
  input = "${var.text} ${var.size}"
}
output "NOTE" {
  value = terraform_data.note.output
}
"""
SAID = """\
# Parameters, besides those of every type of Terraform:
#   text (string | number | bool): What to remember
#   size (number | string, optional)
# Keys of the Secret that writeConnectionSecretToRef names:
#   NOTE
"""


@pytest.fixture
def write(tmp_path):
    def written(**files):
        (tmp_path / "note").mkdir()
        for name, text in files.items():
            (tmp_path / "note" / f"{name}.tf").write_text(text)

    return written


def schematic(text):
    return YAML(typ="safe").load(text)["spec"]["schematic"]["terraform"]


def test_a_directory_becomes_one_text(alone, write):
    write(variables=VARIABLES, main=MAIN)
    made = alone("def", "init", "note", "--local", "note", "-d", "A text", "-o", "note.yaml")
    assert (made.exit_code, made.stdout) == (Exit.OK, "note.yaml written\n"), made.output
    assert alone("def", "vet", "note.yaml").stdout == "note.yaml: component note is right\n"
    shown = alone("show", "note", "-d", "note.yaml").stdout
    assert "A text" in shown
    assert "What to remember" in shown
    text = Path("note.yaml").read_text()
    assert text.startswith(SAID)
    assert schematic(text) == {"configuration": f"# main.tf\n{MAIN}\n# variables.tf\n{VARIABLES}"}


@pytest.mark.parametrize(
    ("name", "cloud", "expected", "provider"),
    [
        pytest.param("note", "aws", "aws-note", "aws", id="the cloud begins the name"),
        pytest.param("aws-note", "aws", "aws-note", "aws", id="and does so once"),
        pytest.param("note", "alibaba", "alibaba-note", None, id="a Provider found by itself"),
    ],
)
def test_a_cloud_has_its_provider(alone, name, cloud, expected, provider):
    made = alone("def", "init", name, "--provider", cloud, "--local", "-", given=VARIABLES + MAIN)
    assert made.exit_code == Exit.OK, made.output
    assert YAML(typ="safe").load(made.stdout)["metadata"]["name"] == expected
    found = schematic(made.stdout).get("providerRef")
    assert found == (provider and {"name": provider, "namespace": "default"})
    assert made.stdout.startswith(SAID)


def test_a_repository_is_named(alone, tmp_path):
    with servers.git(tmp_path / "repository") as repository:
        repository.commit({"aws/note/main.tf": VARIABLES + MAIN})
        made = alone("def", "init", "note", "--git", repository.url, "--path", "aws/note")
        assert made.exit_code == Exit.OK, made.output
        assert made.stdout.startswith(SAID)
        expected = {"type": "remote", "configuration": repository.url, "path": "aws/note"}
        assert schematic(made.stdout) == expected
        wrong = alone("def", "init", "note", "--git", repository.url, "--path", "nix")
        assert wrong.exit_code == Exit.FAILED, wrong.output
        assert "there is no Terraform module in nix" in wrong.stderr


def test_a_repository_is_kept_at_what_is_asked_for(alone, tmp_path):
    with servers.git(tmp_path / "repository") as repository:
        first = repository.commit({"main.tf": VARIABLES + MAIN}, tag="v1")
        repository.commit({"main.tf": MAIN.replace("var.", "local.")})  # another module by now

        def reference(ref):
            made = alone("def", "init", "note", "--git", repository.url, "--git-ref", ref)
            assert made.exit_code == Exit.OK, made.output
            return made.stdout.startswith(SAID), schematic(made.stdout)["gitRef"]

        assert reference("v1") == (True, {"tag": "v1"})
        assert reference(first) == (True, {"commit": first})
        assert reference("main") == (False, {"branch": "main"})
        assert reference("branch:main") == (False, {"branch": "main"})
        wrong = alone("def", "init", "note", "--git", repository.url, "--git-ref", "v2")
        assert wrong.exit_code == Exit.FAILED, wrong.output
        assert "has no tag and no branch v2" in wrong.stderr
        assert "its branches are main" in wrong.stderr


def test_a_reference_that_nobody_can_look_for_says_what_it_is(alone):
    arguments = ["def", "init", "note", "--git", "http://127.0.0.1:1/x.git", "--git-ref"]
    vague = alone(*arguments, "v1")
    assert vague.exit_code == Exit.FAILED, vague.output
    assert "write tag:v1 or branch:v1" in vague.stderr
    made = alone(*arguments, "tag:v1")
    assert made.exit_code == Exit.OK, made.output
    assert schematic(made.stdout)["gitRef"] == {"tag": "v1"}


def test_a_repository_that_cannot_be_read_from_here_is_named_all_the_same(alone):
    made = alone("def", "init", "note", "--git", "http://127.0.0.1:1/x.git")
    assert made.exit_code == Exit.OK, made.output
    assert "warning: http://127.0.0.1:1/x.git cannot be fetched" in made.stderr
    assert schematic(made.stdout)["configuration"] == "http://127.0.0.1:1/x.git"


@pytest.mark.parametrize(
    ("main", "message"),
    [
        pytest.param('variable "a" {', "note/main.tf:1:14", id="no HCL"),
        pytest.param('module "x" {\n  source = "../y"\n}', "note/main.tf:2:1", id="a module"),
        pytest.param(
            '# path.module\noutput "A" {\n  value = file("${path.module}/x")\n}',
            "note/main.tf:3:1",
            id="a file",
        ),
    ],
)
def test_what_no_definition_can_hold_is_told_with_its_place(alone, write, main, message):
    write(main=main)
    result = alone("def", "init", "note", "--local", "note")
    assert result.exit_code == Exit.INPUT, result.output
    assert message in result.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(["--provider", "aws"], "is in --local, or in --git", id="no module"),
        pytest.param(["--local", "a", "--git", "b"], "is in --local, or in --git", id="two"),
        pytest.param(["--local", "a", "--path", "b"], "is in --local, or in --git", id="a path"),
        pytest.param(["--local", "a", "--git-ref", "b"], "is in --local, or in --git", id="a ref"),
        pytest.param(["--local", "a", "-t", "trait"], "makes a component", id="no component"),
        pytest.param(["--local", "none"], "there is no file none", id="nothing there"),
    ],
)
def test_options_that_do_not_go_together(alone, options, message):
    result = alone("def", "init", "note", *options)
    assert result.exit_code == Exit.INPUT, result.output
    assert message in result.stderr

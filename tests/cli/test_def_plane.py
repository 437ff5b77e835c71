"""`lateen def` with a real API server: apply, get, list, edit, del. Controllers are not needed."""

from __future__ import annotations

import json
import os
import pty
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from lateen import hub
from lateen.api.definition import Definition, revise
from lateen.api.manifest import Key
from lateen.cli import completing
from lateen.cli.exits import Exit

MARK = """\
mark: {
	type: "trait"
	description: "Marks"
	annotations: team: "a"
	attributes: podDisruptive: true
}
template: {
	// a comment
	patch: metadata: labels: mark: parameter.mark
	parameter: mark: *"x" | string
}
"""
APP = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop}
spec:
  components:
    - name: web
      type: worker
      properties: {image: nginx}
      traits: [{type: mark}]
"""


@pytest.fixture
def run(shell, namespace, monkeypatch):
    """Runs `lateen def` in a namespace of its own."""
    monkeypatch.setattr(tempfile, "tempdir", str(shell.folder))

    def called(verb, *arguments, given=None):
        return shell.run("def", verb, *arguments, "-n", namespace, given=given)

    return called


@pytest.fixture
def mark(shell, run):
    """A published trait and its file."""
    file = shell.write(MARK, "mark.cue")
    result = run("apply", file)
    assert result.exit_code == Exit.OK, result.output
    return file


@pytest.fixture
def live(plane, namespace):
    def read(name="mark", kind="TraitDefinition"):
        key = Key("core.oam.dev", kind, namespace, name, "v1beta1")

        async def ask():
            try:
                return await plane.client.get(key)
            except hub.ApiError as error:
                if error.not_found:
                    return None
                raise

        return plane.call(ask)

    return read


def write(plane, manifest):
    plane.call(lambda: plane.client.apply(manifest, force=True))


def test_apply_says_what_it_did(shell, run, live, namespace):
    file = shell.write(MARK, "mark.cue")
    for text, word in (
        (MARK, "created"),
        (MARK, "unchanged"),
        (MARK.replace('"x"', '"y"'), "updated"),
    ):
        shell.write(text, "mark.cue")
        result = run("apply", file)
        assert result.exit_code == Exit.OK, result.output
        assert result.stdout == f"TraitDefinition mark {word} in namespace {namespace}\n"
    assert '*"y" | string' in live()["spec"]["schematic"]["cue"]["template"]


def test_apply_keeps_what_others_say(plane, shell, run, mark, live):
    """And forgets what the file said and does not say any more (semantics A5)."""
    found = live()
    found["metadata"]["annotations"]["owner"] = "somebody"
    found["metadata"]["labels"] = {"custom.definition.oam.dev/old": "1", "tier": "b"}
    del found["metadata"]["managedFields"]
    plane.call(plane.client.replace, found)
    shell.write(MARK.replace('team: "a"', 'crew: "b"').replace('"Marks"', '"Marks it"'), "mark.cue")
    assert run("apply", mark).exit_code == Exit.OK
    meta = live()["metadata"]
    assert meta["annotations"] == {
        "owner": "somebody",
        "custom.definition.oam.dev/crew": "b",
        "definition.oam.dev/description": "Marks it",
    }
    assert meta["labels"] == {"tier": "b"}


def test_apply_dry_run_writes_nothing(shell, run, live):
    file = shell.write(MARK, "mark.cue")
    result = run("apply", file, "--dry-run", "-o", "json")
    assert json.loads(result.stdout)[0]["result"] == "created"
    assert live() is None


def test_apply_writes_nothing_when_one_of_several_is_wrong(shell, run, live):
    good = shell.write(MARK, "mark.cue")
    bad = shell.write(MARK.replace("mark:", "other:", 1).replace("trait", "trai"), "other.cue")
    result = run("apply", good, bad)
    assert result.exit_code == Exit.INPUT
    assert "other.cue:2:2" in result.stderr
    assert live() is None


def test_a_version_is_never_changed(plane, shell, run, live, namespace):
    versioned = MARK.replace("podDisruptive: true", 'version: "1.2.0"')
    file = shell.write(versioned, "mark.cue")
    other = shell.write(MARK.replace("mark:", "other:", 1), "other.cue")
    run("apply", file)
    write(plane, revise(Definition.of(live()), "1.2.0", 1).raw)  # the controller's part
    shell.write(versioned.replace('"x"', '"y"'), "mark.cue")
    before = live()["metadata"]["resourceVersion"]
    result = run("apply", other, file)
    assert result.exit_code == Exit.INPUT
    assert "version 1.2.0 exists with another spec" in result.stderr
    assert "mark.cue:5:" in result.stderr
    assert live()["metadata"]["resourceVersion"] == before
    assert live("other") is None, "nothing is written before all of them may be"


def test_a_component_without_a_workload_is_of_any_kind(shell, run, live):
    text = 'any: type: "component"\ntemplate: output: {apiVersion: "v1", kind: "ConfigMap"}\n'
    assert run("apply", shell.write(text, "any.cue")).exit_code == Exit.OK
    assert live("any", "ComponentDefinition")["spec"]["workload"] == {
        "type": "autodetects.core.oam.dev"
    }


def test_apply_to_a_namespace_there_is_none_of(shell):
    file = shell.write(MARK, "mark.cue")
    result = shell.run("def", "apply", file, "-n", "nowhere")
    assert result.exit_code != Exit.OK
    assert "nowhere" in result.stderr


def test_get_gives_back_the_file(run, mark):
    result = run("get", "mark")
    assert result.exit_code == Exit.OK
    assert "// a comment" in result.stdout
    assert 'team: "a"' in result.stdout
    again = run("apply", "-", given=result.stdout)
    assert " updated " in again.stdout  # its empty alias is new
    assert " unchanged " in run("apply", "-", given=run("get", "mark").stdout).stdout


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_get_gives_an_object_that_can_be_applied(shell, run, mark, form):
    text = run("get", "mark", "-o", form).stdout
    assert "resourceVersion" not in text
    assert " unchanged " in run("apply", shell.write(text, f"mark.{form}")).stdout


def test_revisions(plane, run, mark, live):
    first = live()
    write(plane, revise(Definition.of(first), "1", 1).raw)
    first["spec"]["podDisruptive"] = False
    write(plane, revise(Definition.of(first), "2", 2).raw)
    listed = run("get", "mark", "--revisions").stdout.splitlines()
    assert [line.split()[0] for line in listed] == ["TYPE", "mark@v2", "mark@v1"]
    assert "podDisruptive: false" in run("get", "mark", "-r", "v2").stdout
    assert json.loads(run("get", "mark", "-r", "mark@v1", "-o", "json").stdout)["spec"][
        "podDisruptive"
    ]
    unknown = run("get", "mark", "-r", "v9")
    assert unknown.exit_code == Exit.NOT_FOUND
    assert "there are: v1, v2" in unknown.stderr


def test_a_name_of_several_kinds(shell, run, mark):
    run(
        "apply",
        shell.write(
            MARK.replace("trait", "policy").replace("podDisruptive: true", "{}"), "policy.cue"
        ),
    )
    result = run("get", "mark")
    assert result.exit_code == Exit.INPUT
    assert "--type trait" in result.stderr
    assert 'type:        "policy"' in run("get", "mark", "--type", "policy").stdout


def test_a_name_nobody_has(run, mark, shell):
    result = run("get", "mrak")
    assert result.exit_code == Exit.NOT_FOUND
    assert 'did you mean "mark"?' in result.stderr
    elsewhere = shell.run("def", "get", "mark")
    assert "add -n test-" in elsewhere.stderr


def test_list(shell, run, mark, namespace):
    shown = run("list").stdout.splitlines()
    assert shown[1].split() == ["mark", "trait", namespace, "-", "Marks"]
    assert run("list", "--type", "component").stdout == ""
    every = json.loads(shell.run("def", "list", "-A", "-o", "json").stdout)
    assert {each["metadata"]["name"] for each in every} > {"mark", "webservice"}


def test_show(run, mark):
    assert "mark        string" in run("show", "mark").stdout


def test_del_refuses_while_applications_use_it(shell, run, mark, live, namespace):
    up = shell.run("up", "-f", shell.write(APP), "-n", namespace, "--no-wait")
    assert up.exit_code == Exit.OK, up.output
    refused = run("del", "mark")
    assert refused.exit_code == Exit.INPUT
    assert f"used by {namespace}/shop" in refused.stderr
    assert live() is not None
    forced = run("del", "mark", "--force", "--yes")
    assert forced.exit_code == Exit.OK
    assert f"used by {namespace}/shop" in forced.stderr
    assert live() is None


def test_del(run, mark, live):
    result = run("del", "mark", "--yes")
    assert (result.exit_code, result.stdout) == (Exit.OK, "TraitDefinition mark deleted\n")
    assert live() is None
    assert run("del", "mark", "--yes").exit_code == Exit.NOT_FOUND


def editor(shell, *edits):
    """An editor that makes one change each time it is opened."""
    script = shell.folder / "editor"
    count = shell.folder / "count"
    count.write_text("0")
    script.write_text(
        f"#!{sys.executable}\n"
        "import pathlib, sys\n"
        f"count, edits = pathlib.Path({str(count)!r}), {edits!r}\n"
        "at = int(count.read_text())\n"
        "count.write_text(str(at + 1))\n"
        "file = pathlib.Path(sys.argv[1])\n"
        "text = file.read_text()\n"
        "assert edits[at][0] in text, text\n"
        "file.write_text(text.replace(*edits[at]))\n"
    )
    script.chmod(script.stat().st_mode | stat.S_IEXEC)
    return script


def test_edit(shell, run, mark, live, monkeypatch):
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", str(editor(shell, ('*"x"', '*"z"'), ('*"z"', '*"z"'))))
    result = run("edit", "mark")
    assert result.exit_code == Exit.OK, result.output
    assert " updated " in result.stdout
    assert '*"z" | string' in live()["spec"]["schematic"]["cue"]["template"]
    assert "Nothing was changed." in run("edit", "mark").stderr


def test_a_wrong_edit_is_kept(shell, run, mark, monkeypatch):
    monkeypatch.setenv("VISUAL", str(editor(shell, ("parameter.mark", "parmeter.mark"))))
    result = run("edit", "mark")
    assert result.exit_code == Exit.INPUT
    assert '"parmeter"' in result.stderr
    kept = Path(result.stderr.rpartition("kept in ")[2].strip())
    assert "parmeter.mark" in kept.read_text()


@pytest.mark.parametrize("command", ["no-such-editor", "false"])
def test_an_editor_that_fails(run, mark, live, monkeypatch, command):
    monkeypatch.setenv("VISUAL", command)
    before = live()["metadata"]["resourceVersion"]
    result = run("edit", "mark")
    assert result.exit_code == Exit.INPUT
    assert command in result.stderr
    assert "Your edit is kept in" in result.stderr
    assert live()["metadata"]["resourceVersion"] == before


def test_a_wrong_edit_leads_back_to_the_editor(plane, shell, mark, live, namespace):
    """On a terminal: the mistake is shown, and the same file opened again."""
    script = editor(
        shell,
        ("parameter.mark", "parmeter.mark"),
        ("parmeter.mark", "parameter.mark+1"),
        ("parameter.mark+1", '"fixed"'),
    )
    leader, follower = pty.openpty()
    environment = {
        **os.environ,
        "KUBECONFIG": str(plane.kubeconfig),
        "LATEEN_DATA_DIR": str(shell.folder / "data"),
        "VISUAL": str(script),
    }
    lateen = [str(Path(sys.executable).with_name("lateen")), "def", "edit", "mark", "-n", namespace]
    with subprocess.Popen(
        lateen, stdin=follower, stdout=follower, stderr=follower, env=environment
    ) as process:
        os.close(follower)
        said = _talk(leader, process, "Edit it again? [Y/n]:")
    os.close(leader)
    assert process.returncode == Exit.OK, said
    assert '"parmeter"' in said
    assert '"fixed"' in live()["spec"]["schematic"]["cue"]["template"]


def _talk(leader, process, question):
    """Say yes to every question until the process ends; what it said."""
    said, answered, until = "", 0, time.monotonic() + 90
    os.set_blocking(leader, False)
    while time.monotonic() < until:
        ended = process.poll() is not None
        try:
            said += os.read(leader, 65536).decode(errors="replace")
        except BlockingIOError:
            time.sleep(0.05)
        except OSError:  # Linux says so when the other side is closed
            break
        else:
            ended = False
        if said.count(question) > answered:
            answered += 1
            os.write(leader, b"y\n")
        if ended:
            break
    process.wait(30)
    return said


def test_names_are_completed(plane, mark, namespace):
    given = str(plane.kubeconfig)
    assert completing.definitions(given, namespace, "ma") == ["mark"]
    assert completing.definitions(given, namespace, "x") == []
    assert completing.definitions("/nowhere", namespace, "ma") == []

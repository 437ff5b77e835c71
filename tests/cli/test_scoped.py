"""A dry run shows the application as its policies leave it."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from lateen.cli import main

POLICY = """\
"more-colours": {
	type: "policy"
	description: "Give every application a second set of settings"
	attributes: scope: "Application"
}
template: {
	output: components: [
		for each in context.appComponents {each},
		{
			name: "extra"
			type: "k8s-objects"
			properties: objects: [{apiVersion: "v1", kind: "ConfigMap", metadata: name: "extra"}]
		},
	]
	parameter: {}
}
"""
APP = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop}
spec:
  components:
    - name: own
      type: k8s-objects
      properties: {objects: [{apiVersion: v1, kind: ConfigMap, metadata: {name: own}}]}
  policies:
    - {name: colours, type: more-colours, properties: {}}
"""


def test_a_dry_run_shows_what_policies_make_of_an_application(tmp_path):
    (tmp_path / "more.cue").write_text(POLICY)
    (tmp_path / "app.yaml").write_text(APP)
    arguments = ["dry-run", "--offline", "-d", tmp_path / "more.cue", "-f", tmp_path / "app.yaml"]
    said = CliRunner().invoke(main.build(), list(map(str, arguments)))
    assert said.exit_code == 0, said.output
    assert "Component(own)" in said.stdout
    assert "Component(extra)" in said.stdout
    assert "name: extra" in said.stdout


def policy(*arguments):
    return CliRunner().invoke(
        main.build(), ["policy", *map(str, arguments)], env={"COLUMNS": "200"}
    )


def test_a_dry_run_of_policies_tells_what_each_would_do(tmp_path):
    (tmp_path / "more.cue").write_text(POLICY)
    (tmp_path / "app.yaml").write_text(APP)
    wanted = ["dry-run", "--offline", "-d", tmp_path / "more.cue", "-f", tmp_path / "app.yaml"]
    said = policy(*wanted)
    assert said.exit_code == 0, said.output
    [_, row] = said.stdout.splitlines()
    assert row.split() == ["colours", "more-colours", "explicit", "true", "components", "-"]
    outcome = policy(*wanted, "--outcome")
    assert "name: extra" in outcome.stdout
    [told] = json.loads(policy(*wanted, "-o", "json").stdout)
    assert [each["name"] for each in told["policies"]] == ["colours"]
    wrong = policy(*wanted, "-p", "nosuch")
    assert wrong.exit_code == 2
    assert "no policy nosuch has the scope Application" in wrong.stderr
    assert "there are colours" in wrong.stderr


def test_an_application_without_such_policies_says_so(tmp_path):
    (tmp_path / "app.yaml").write_text(APP[: APP.index("  policies:")])
    said = policy("dry-run", "--offline", "-f", tmp_path / "app.yaml")
    assert said.exit_code == 0, said.output
    assert "No policy with the scope Application changes shop." in said.stderr

"""`lateen delete --orphan`: the application goes, what it brought stays and is nobody's."""

from __future__ import annotations

from typer.testing import CliRunner

from lateen.api import manifest as manifests
from lateen.cli import main
from lateen.cli.exits import Exit
from tests.controllers.apps import app, configmap, objects


def test_what_it_brought_stays_and_may_be_brought_by_another(lab):
    lab.deliver(app(objects("words", configmap("words", a="b"))))
    done = CliRunner().invoke(
        main.build(),
        ["delete", "shop", "--orphan", "-n", lab.namespace],
        env={"KUBECONFIG": str(lab.plane.kube.kubeconfig)},
    )
    assert (done.exit_code, done.stdout) == (Exit.OK, "application shop deleted\n"), done.output
    assert "application shop goes, 1 object stays" in done.stderr
    kept = lab.get("ConfigMap", "words")
    assert (kept["data"], manifests.owner(kept)) == ({"a": "b"}, None)
    assert lab.trackers() == []

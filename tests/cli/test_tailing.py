"""Lines of logs say where they come from."""

from __future__ import annotations

from lateen.cli import tailing

POD = {
    "metadata": {"namespace": "n", "name": "web-1"},
    "status": {"containerStatuses": [{"name": "main", "state": {"running": {}}}]},
}


def test_a_line_names_its_cluster_where_it_is_a_joined_one():
    [here] = tailing.containers(POD)
    [there] = tailing.containers(POD, "east")
    assert tailing.marked(here).plain == "web-1 main | "
    assert tailing.marked(there).plain == "east web-1 main | "
    assert here != there  # namesakes in two clusters are two

"""Where topology policies lead (semantics F2)."""

import pytest

from lateen.api.application import Policy
from lateen.api.placement import Placement
from lateen.base.problem import Problem, Problems, every
from lateen.policies import placements

CLUSTERS = {
    "local": {"cluster.core.oam.dev/control-plane": "true"},
    "c9": {"region": "eu"},
    "c2": {"region": "eu", "tier": "gold"},
    "c1": {"region": "us"},
}


def topology(properties, name="tp"):
    return placements.decode(Policy(name, "topology", properties, "spec.policies[0]"))


def place(*properties):
    found = placements.place([topology(each) for each in properties], CLUSTERS)
    return [str(each) for each in found]


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        pytest.param([], ["local"], id="no topology is the control plane itself"),
        pytest.param([{}], ["local"], id="neither clusters nor labels is local"),
        pytest.param([{"namespace": "prod"}], ["local/prod"], id="a namespace alone is local"),
        pytest.param([{"clusters": ["c2", "c1"]}], ["c2", "c1"], id="in the order they are named"),
        pytest.param(
            [{"clusterLabelSelector": {"region": "eu"}}],
            ["c9", "c2"],
            id="selected in the order clusters are listed",
        ),
        pytest.param(
            [{"clusterLabelSelector": {"region": "eu", "tier": "gold"}}],
            ["c2"],
            id="every label must match",
        ),
        pytest.param(
            [{"clusterLabelSelector": {}}],
            ["local", "c9", "c2", "c1"],
            id="an empty selector selects all",
        ),
        pytest.param(
            [{"clusters": ["c1"], "clusterLabelSelector": {"region": "eu"}}],
            ["c1"],
            id="names win over labels",
        ),
        pytest.param(
            [
                {"clusters": ["c1", "c2"], "namespace": "prod"},
                {"clusterLabelSelector": {"region": "eu"}},
            ],
            ["c1/prod", "c2/prod", "c9", "c2"],
            id="several are a union: another namespace is another placement",
        ),
        pytest.param(
            [{"clusters": ["c1", "c1"]}, {"clusters": ["c1"]}], ["c1"], id="nothing twice"
        ),
        pytest.param(
            [{"clusterLabelSelector": {"region": "mars"}, "allowEmpty": True}],
            [],
            id="nowhere, where that is allowed",
        ),
    ],
)
def test_a_topology_leads_to_placements(policies, expected):
    assert place(*policies) == expected


def test_an_unknown_cluster_is_blamed_with_what_there_is():
    with pytest.raises(Problem) as raised:
        place({"clusters": ["c1", "lokal"]})
    problem = raised.value
    assert problem.code == "cluster.unknown"
    assert problem.path == "spec.policies[0].properties.clusters[1]"
    assert problem.hint == 'did you mean "local"? known clusters: local, c9, c2, c1'
    assert problem.retry


def test_labels_that_match_nothing_are_an_error_by_default():
    with pytest.raises(Problem, match="failed to find any cluster matches given labels"):
        place({"clusterLabelSelector": {"region": "mars"}})


@pytest.mark.parametrize(
    ("properties", "path", "code"),
    [
        pytest.param({"cluster": ["a"]}, "cluster", "policy.unknown-field", id="a misspelt field"),
        pytest.param({"clusters": "a"}, "clusters", "policy.type", id="one name is no list"),
        pytest.param({"clusters": [1]}, "clusters[0]", "policy.type", id="a number is no name"),
        pytest.param({"allowEmpty": "yes"}, "allowEmpty", "policy.type", id="text is no boolean"),
        pytest.param(
            {"clusterLabelSelector": {"a": 1}},
            'clusterLabelSelector["a"]',
            "policy.type",
            id="labels are text",
        ),
    ],
)
def test_decoding_is_strict(properties, path, code):
    with pytest.raises(Problem) as raised:
        topology(properties)
    assert raised.value.code == code
    assert raised.value.path == f"spec.policies[0].properties.{path}"


def test_a_misspelt_field_is_guessed():
    with pytest.raises(Problem) as raised:
        topology({"cluster": ["a"]})
    assert raised.value.hint == 'did you mean "clusters"?'


def test_everything_wrong_is_told_at_once():
    with pytest.raises(Problems) as raised:
        topology({"foo": 1, "namespace": 2})
    assert len(every(raised.value)) == 2


def test_a_placement_is_written_as_cluster_and_namespace():
    assert str(Placement("c1", "")) == "c1"
    assert str(Placement("c1", "prod")) == "c1/prod"

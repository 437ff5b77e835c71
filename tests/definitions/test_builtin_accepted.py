"""A real API server takes what the built-in components and traits render; it knows every field."""

from __future__ import annotations

import pytest

from lateen import testing
from lateen.testing import Rendering
from tests.conftest import Embedded
from tests.definitions.test_builtin_examples import ELSEWHERE, rendered
from tests.definitions.test_builtin_parameters import PARAMETERS
from tests.definitions.test_builtin_rendering import COMPONENTS
from tests.definitions.test_builtin_traits import CASES, WORKLOAD

OTHER_KINDS = {"k8s-update-strategy-statefulset", "k8s-update-strategy-daemonset"}


def accepted(kube: Embedded, found: Rendering) -> None:
    assert found.manifests
    for manifest in found.manifests:
        kube.call(lambda wanted: kube.client.apply(wanted, dry_run=True), manifest)


@pytest.mark.parametrize("name", sorted(set(PARAMETERS) - set(ELSEWHERE)))
def test_examples(kube: Embedded, name: str):
    accepted(kube, rendered(name))


@pytest.mark.parametrize("case", sorted(set(CASES) - OTHER_KINDS))
def test_traits(kube: Embedded, case: str):
    name, parameters = CASES[case]
    accepted(kube, testing.builtin(name).render(parameters, on=WORKLOAD))


@pytest.mark.parametrize("case", sorted(COMPONENTS))
def test_components(kube: Embedded, case: str):
    name, parameters = COMPONENTS[case]
    accepted(kube, testing.builtin(name).render(parameters))

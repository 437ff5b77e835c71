"""Whatever parameters a built-in component or trait accepts, it renders, or says itself why not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import strategies as st

from lateen import testing
from tests.definitions.test_builtin_parameters import PARAMETERS

NAMES = st.text("abc", min_size=1, max_size=3)
OBJECTS = st.lists(
    st.fixed_dictionaries(
        {
            "apiVersion": st.just("v1"),
            "kind": st.just("ConfigMap"),
            "metadata": st.fixed_dictionaries({"name": NAMES}),
        }
    ),
    min_size=1,
    max_size=3,
)
ADD = st.fixed_dictionaries(
    {"op": st.just("add"), "path": NAMES.map(lambda n: f"/spec/{n}"), "value": st.integers(0, 9)}
)
# where the schema says less than what has to be
OVERRIDES: Mapping[str, Mapping[str, st.SearchStrategy[Any]]] = {
    "k8s-objects": {"objects": OBJECTS},
    "ref-objects": {"objects": OBJECTS},
    "raw": {"apiVersion": st.just("v1"), "kind": st.just("ConfigMap")},
    "json-patch": {"operations": st.lists(ADD, max_size=3)},
    # a container, a claim of the same name and another form is a conflict, rightly
    "sidecar": {"name": st.just("helper")},
    "storage": {"pvc": st.just([]), "configMap": st.just([]), "secret": st.just([])},
}
ELSEWHERE = {"helmchart", "helm", "kustomize"}  # needs what renders charts


@pytest.mark.parametrize("name", sorted(set(PARAMETERS) - ELSEWHERE))
def test_nothing_it_accepts_breaks_it(name: str):
    testing.breaks_nothing(testing.builtin(name), examples=25, overrides=OVERRIDES.get(name))

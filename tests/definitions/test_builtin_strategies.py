"""No parameters that fit the schema of a built-in definition break its template.

What breaks one anyway stands here with its reason, and is kept from being tried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import resources
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from lateen import testing

EXAMPLES = 15
NAMES = sorted(
    file.name.removesuffix(".cue")
    for file in (resources.files("lateen.definitions") / "builtin").iterdir()
    if file.name.endswith(".cue")
)
ELSEWHERE = {
    "helmchart",
    "helm",
    "kustomize",
}  # rendering a chart is the work of a provider, which has its own tests

OBJECTS = st.lists(
    st.fixed_dictionaries(
        {"apiVersion": st.just("v1"), "kind": st.sampled_from(["ConfigMap", "Secret"])},
        optional={"data": st.dictionaries(st.text("ab"), st.text("ab"), max_size=2)},
    ),
    max_size=3,
)
OPERATIONS: SearchStrategy[list[dict[str, Any]]] = st.lists(
    st.sampled_from(
        [
            {"op": "add", "path": "/spec/replicas", "value": 2},
            {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "b"},
            {"op": "remove", "path": "/spec/selector"},
        ]
    ),
    max_size=2,
    unique_by=lambda operation: str(operation["path"]),
)
# a schema of CUE cannot say these
OVERRIDES: Mapping[str, Mapping[str, SearchStrategy[Any]]] = {
    "json-patch": {"operations": OPERATIONS},  # what an operation needs depends on its `op`
    "k8s-objects": {"objects": OBJECTS.filter(bool)},  # Kubernetes objects have a kind
    "ref-objects": {"objects": OBJECTS.filter(bool)},
    "raw": {"apiVersion": st.just("v1"), "kind": st.just("ConfigMap")},
    "sidecar": {"name": st.sampled_from(["side", "a"])},  # another name than the main container's
}


def _names(value: Any) -> Iterator[str]:
    for each in value if isinstance(value, list) else ():
        yield each.get("name", "") if isinstance(each, dict) else ""


def _distinct(parameters: Mapping[str, Any]) -> bool:
    lists = [list(_names(value)) for value in parameters.values()]
    return all(len(names) == len(set(names)) for names in lists)


FILTERS: Mapping[str, Callable[[Mapping[str, Any]], bool]] = {
    "storage": _distinct,  # two claims of one name are one object, and cannot be different
}


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ELSEWHERE])
def test_a_builtin_takes_what_its_schema_accepts(name: str):
    subject = testing.builtin(name)
    given = testing.parameters(subject, OVERRIDES.get(name))
    if name in FILTERS:
        given = given.filter(FILTERS[name])
    testing.breaks_nothing(subject, parameters=given, examples=EXAMPLES)


def test_every_exception_is_a_builtin():
    assert {*ELSEWHERE, *OVERRIDES, *FILTERS} <= set(NAMES)

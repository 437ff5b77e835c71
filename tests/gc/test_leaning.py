"""What a Configuration needs to be destroyed stays until it is gone."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.gc import leaning

GROUP = "terraform.core.oam.dev"
DEFAULT = (GROUP, "Provider", "default", "default")


def configuration(**spec: Any) -> dict[str, Any]:
    meta = {"namespace": "n", "name": "db"}
    return {
        "apiVersion": f"{GROUP}/v1beta2",
        "kind": "Configuration",
        "metadata": meta,
        "spec": spec,
    }


def provider(namespace: str = "n") -> dict[str, Any]:
    secret = {"namespace": "n", "name": "login", "key": "k"}
    return {
        "apiVersion": f"{GROUP}/v1beta1",
        "kind": "Provider",
        "metadata": {"namespace": namespace, "name": "aws"},
        "spec": {"provider": "aws", "credentials": {"source": "Secret", "secretRef": secret}},
    }


MINE = {"providerRef": {"namespace": "n", "name": "aws"}}


@pytest.mark.parametrize(
    ("going", "expected"),
    [
        pytest.param([], set(), id="nothing"),
        pytest.param([provider()], set(), id="a Provider that nobody needs any more"),
        pytest.param([configuration()], {DEFAULT}, id="the Provider it has if it names none"),
        pytest.param(
            [configuration(**MINE), provider()],
            {(GROUP, "Provider", "n", "aws"), ("", "Secret", "n", "login")},
            id="a Provider and its Secret",
        ),
        pytest.param(
            [configuration(**MINE), provider("other")],
            {(GROUP, "Provider", "n", "aws")},
            id="another Provider of that name",
        ),
        pytest.param(
            [configuration(gitCredentialsSecretReference={"name": "git"})],
            {DEFAULT, ("", "Secret", "n", "git")},
            id="what opens its repository",
        ),
        pytest.param(
            [configuration(deleteResource=False, **MINE), provider()],
            set(),
            id="nothing is destroyed",
        ),
    ],
)
def test_what_is_leaned_on(going: list[dict[str, Any]], expected: set[tuple[str, ...]]) -> None:
    assert leaning.leaned_on(going) == expected

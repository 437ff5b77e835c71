"""Logins of clouds."""

from __future__ import annotations

import pytest

from lateen.base.problem import Problem
from lateen.controllers.terraform import clouds


@pytest.mark.parametrize(
    ("cloud", "text", "expected"),
    [
        pytest.param(
            "aws",
            "awsAccessKeyID: a\nawsSecretAccessKey: b\n",
            {
                "AWS_ACCESS_KEY_ID": "a",
                "AWS_SECRET_ACCESS_KEY": "b",
                "AWS_DEFAULT_REGION": "eu",
            },
            id="what is optional is left out",
        ),
        pytest.param(
            "alibaba",
            'accessKeyID: 0123\naccessKeySecret: "true"\nsecurityToken: t',
            {
                "ALICLOUD_ACCESS_KEY": "0123",
                "ALICLOUD_SECRET_KEY": "true",
                "ALICLOUD_SECURITY_TOKEN": "t",
                "ALICLOUD_REGION": "eu",
            },
            id="digits are no number",
        ),
        pytest.param("ec", "ecApiKey: k", {"EC_API_KEY": "k"}, id="no region"),
        pytest.param(
            "gcp",
            'gcpCredentialsJSON: |\n  {"a": 1}\ngcpProject: p',
            {"GOOGLE_CREDENTIALS": '{"a": 1}\n', "GOOGLE_PROJECT": "p", "GOOGLE_REGION": "eu"},
            id="JSON inside",
        ),
        pytest.param("custom", "A: b\nC: d", {"A": "b", "C": "d"}, id="as they are"),
    ],
)
def test_environment(cloud: str, text: str, expected: dict[str, str]) -> None:
    assert clouds.environment(cloud, text, "eu") == expected


@pytest.mark.parametrize("text", ["awsAccessKeyID: geheim", "- geheim", "geheim", "a: [geheim", ""])
def test_what_is_refused_is_not_repeated(text: str) -> None:
    with pytest.raises(Problem) as caught:
        clouds.environment("aws", text, "eu")
    assert caught.value.code == "terraform.credentials"
    assert "geheim" not in str(caught.value)

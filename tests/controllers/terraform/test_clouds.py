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
        pytest.param(
            "gcp",
            "gcpCredentialsJSON: j",
            {"GOOGLE_CREDENTIALS": "j", "GOOGLE_REGION": "eu"},
            id="a module may say which project it is",
        ),
        pytest.param(
            "azure",
            "armClientID: i\narmClientSecret: s\narmSubscriptionID: u\narmTenantID: t",
            {
                "ARM_CLIENT_ID": "i",
                "ARM_CLIENT_SECRET": "s",
                "ARM_SUBSCRIPTION_ID": "u",
                "ARM_TENANT_ID": "t",
            },
            id="azure",
        ),
        pytest.param(
            "baidu",
            "accessKey: a\nsecretKey: s",
            {
                "BAIDUCLOUD_ACCESS_KEY": "a",
                "BAIDUCLOUD_SECRET_KEY": "s",
                "BAIDUCLOUD_REGION": "eu",
            },
            id="baidu",
        ),
        pytest.param(
            "huawei",
            "accessKey: a\nsecretKey: s",
            {"HW_ACCESS_KEY": "a", "HW_SECRET_KEY": "s", "HW_REGION_NAME": "eu"},
            id="huawei",
        ),
        pytest.param(
            "tencent",
            "secretID: a\nsecretKey: s\nnotes: {mine: not read}",
            {
                "TENCENTCLOUD_SECRET_ID": "a",
                "TENCENTCLOUD_SECRET_KEY": "s",
                "TENCENTCLOUD_REGION": "eu",
            },
            id="what is not asked for may be anything",
        ),
        pytest.param(
            "ucloud",
            "publicKey: a\nprivateKey: s\nprojectID: p\nregion: us",
            {
                "UCLOUD_PUBLIC_KEY": "a",
                "UCLOUD_PRIVATE_KEY": "s",
                "UCLOUD_PROJECT_ID": "p",
                "UCLOUD_REGION": "eu",
            },
            id="the region of the Provider counts",
        ),
        pytest.param(
            "vsphere",
            "vSphereUser: a\nvSpherePassword: s\nvSphereServer: h",
            {"VSPHERE_USER": "a", "VSPHERE_PASSWORD": "s", "VSPHERE_SERVER": "h"},
            id="vsphere",
        ),
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


def test_an_environment_is_made_of_texts_only() -> None:
    with pytest.raises(Problem, match="no map of names to texts"):
        clouds.environment("custom", "A: {b: geheim}", "")

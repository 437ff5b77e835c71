"""What the providers of each cloud want in their environment, of what a Secret holds. Pure.

Source: inventory 9. A Secret has a text of YAML under one key; its names are those of KubeVela.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from lateen.base import suggest
from lateen.base.problem import Problem

CUSTOM: Final = "custom"  # environment variables as they are
REGION: Final = "region"  # of the Provider, or of the Configuration

# cloud -> environment variable -> name in the Secret
VARIABLES: Final[Mapping[str, Mapping[str, str]]] = {
    "alibaba": {
        "ALICLOUD_ACCESS_KEY": "accessKeyID",
        "ALICLOUD_SECRET_KEY": "accessKeySecret",
        "ALICLOUD_SECURITY_TOKEN": "securityToken",
        "ALICLOUD_REGION": REGION,
    },
    "aws": {
        "AWS_ACCESS_KEY_ID": "awsAccessKeyID",
        "AWS_SECRET_ACCESS_KEY": "awsSecretAccessKey",
        "AWS_SESSION_TOKEN": "awsSessionToken",
        "AWS_DEFAULT_REGION": REGION,
    },
    "azure": {
        "ARM_CLIENT_ID": "armClientID",
        "ARM_CLIENT_SECRET": "armClientSecret",
        "ARM_SUBSCRIPTION_ID": "armSubscriptionID",
        "ARM_TENANT_ID": "armTenantID",
    },
    "baidu": {
        "BAIDUCLOUD_ACCESS_KEY": "accessKey",
        "BAIDUCLOUD_SECRET_KEY": "secretKey",
        "BAIDUCLOUD_REGION": REGION,
    },
    "ec": {"EC_API_KEY": "ecApiKey"},
    "gcp": {
        "GOOGLE_CREDENTIALS": "gcpCredentialsJSON",
        "GOOGLE_PROJECT": "gcpProject",
        "GOOGLE_REGION": REGION,
    },
    "huawei": {
        "HW_ACCESS_KEY": "accessKey",
        "HW_SECRET_KEY": "secretKey",
        "HW_REGION_NAME": REGION,
    },
    "tencent": {
        "TENCENTCLOUD_SECRET_ID": "secretID",
        "TENCENTCLOUD_SECRET_KEY": "secretKey",
        "TENCENTCLOUD_REGION": REGION,
    },
    "ucloud": {
        "UCLOUD_PUBLIC_KEY": "publicKey",
        "UCLOUD_PRIVATE_KEY": "privateKey",
        "UCLOUD_PROJECT_ID": "projectID",
        "UCLOUD_REGION": REGION,
    },
    "vsphere": {
        "VSPHERE_USER": "vSphereUser",
        "VSPHERE_PASSWORD": "vSpherePassword",
        "VSPHERE_SERVER": "vSphereServer",
        "VSPHERE_ALLOW_UNVERIFIED_SSL": "vSphereAllowUnverifiedSSL",
    },
}
# a module may say which project it is about
OPTIONAL: Final = frozenset(
    {"securityToken", "awsSessionToken", "vSphereAllowUnverifiedSSL", "gcpProject", "projectID"}
)
CLOUDS: Final = (*VARIABLES, CUSTOM)

# Terraform's own names of the providers that want a login of one of these clouds
NEEDED: Final = frozenset(
    {
        "alicloud",
        "aws",
        "azurerm",
        "azuread",
        "baiducloud",
        "ec",
        "google",
        "google-beta",
        "huaweicloud",
        "tencentcloud",
        "ucloud",
        "vsphere",
    }
)


def check(cloud: str) -> None:
    """Raise `terraform.cloud` for one that is not known."""
    if cloud not in CLOUDS:
        hint = suggest.nearest(cloud, CLOUDS) or f"there are {', '.join(CLOUDS)}"
        raise Problem("terraform.cloud", f'no cloud "{cloud}" is known', "spec.provider", (), hint)


def environment(cloud: str, text: str, region: str) -> dict[str, str]:
    """The environment variables of a login; those without a value are left out.

    Raises:
        Problem: `terraform.cloud`; `terraform.credentials` for a text that is no map of texts, or
            has not what the cloud wants. Nothing of the text is repeated in it.
    """
    check(cloud)
    found = _read(text)
    if cloud == CUSTOM:
        return _texts(found)
    wanted = VARIABLES[cloud]
    given = _texts({name: found[name] for name in wanted.values() if name in found})
    known = {**given, REGION: region or given.get(REGION, "")}
    missing = [
        name
        for name in wanted.values()
        if name != REGION and name not in OPTIONAL and not known.get(name)
    ]
    if missing:
        said = f"the Secret has no {' and no '.join(missing)}"
        raise Problem("terraform.credentials", said, "spec.credentials.secretRef", retry=True)
    return {variable: known[name] for variable, name in wanted.items() if known.get(name)}


def _read(text: str) -> dict[str, object]:
    """A map of texts, as they are written: a key made of digits is no number."""
    try:
        found = YAML(typ="base", pure=True).load(text)
    except YAMLError:
        found = None
    if not isinstance(found, Mapping):
        raise _unreadable()
    return {str(name): value for name, value in found.items()}


def _texts(found: Mapping[str, object]) -> dict[str, str]:
    texts = {name: value for name, value in found.items() if isinstance(value, str)}
    if len(texts) < len(found):
        raise _unreadable()
    return texts


def _unreadable() -> Problem:
    return Problem(
        "terraform.credentials",
        "what the Secret has under its key is no map of names to texts in YAML",
        "spec.credentials.secretRef",
        retry=True,
    )

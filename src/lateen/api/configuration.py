"""Configurations of Terraform and the Providers they log in with, as typed views (inventory 9)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from lateen.api import metadata
from lateen.api.manifest import Key, Manifest

GROUP: Final = "terraform.core.oam.dev"
VERSION, PROVIDER_VERSION = "v1beta2", "v1beta1"
KIND, PROVIDER = "Configuration", "Provider"
FINALIZER: Final = "configuration.finalizers.terraform-controller"

# on what a Configuration writes: whose it is
CREATED_BY: Final = f"{GROUP}/created-by"
CREATOR: Final = "terraform-controller"
OWNED_BY, OWNED_NAMESPACE = f"{GROUP}/owned-by", f"{GROUP}/owned-namespace"

# `status.apply.state`, as health rules read it
NOT_FOUND, NOT_READY = "ProviderNotFound", "ProviderNotReady"
INVALID: Final = "ConfigurationSpecNotValid"
PROVISIONING, AVAILABLE = "ProvisioningAndChecking", "Available"
FAILED, INIT_FAILED = "ApplyFailed", "TerraformInitError"
GENERATING: Final = "GeneratingTerraformOutputs"
BAD_GIT: Final = "InvalidGitCredentialsSecretReference"
BAD_LOGIN: Final = "InvalidTerraformCredentialsSecretReference"
BAD_RC: Final = "InvalidTerraformRCConfigMapReference"
BAD_HELPER: Final = "InvalidTerraformCredentialsHelperConfigMapReference"
# `status.destroy.state`
DESTROYING, DESTROY_FAILED = "Destroying", "DestroyFailed"
# `status.state` of a Provider
READY: Final = "ready"

GIT_LOGIN: Final = "gitCredentialsSecretReference"
LOGINS: Final = "terraformCredentialsSecretReference"
RC: Final = "terraformRCConfigMapReference"
REFERENCES: Final = {GIT_LOGIN: "Secret", LOGINS: "Secret", RC: "ConfigMap"}
"""Fields that name what Terraform is run with, and its kind."""


@dataclass
class Configuration(metadata.View):
    """A Configuration as the server has it; who writes to it sets `raw` to the answer."""

    raw: Manifest

    @property
    def key(self) -> Key:
        return Key(GROUP, KIND, self.namespace, self.name, VERSION)

    @property
    def held(self) -> bool:
        return FINALIZER in self.finalizers

    @property
    def state(self) -> str:
        return str((self.status.get("apply") or {}).get("state") or "")

    @property
    def settled(self) -> bool:
        """What is declared now has been brought."""
        observed = int(self.status.get("observedGeneration") or 0)
        return self.state == AVAILABLE and observed == self.generation

    @property
    def failing(self) -> bool:
        """What is declared now has been tried, in vain."""
        observed = int(self.status.get("observedGeneration") or 0)
        return observed == self.generation and self.state not in ("", PROVISIONING, AVAILABLE)

    @property
    def provisioned(self) -> bool:
        """Something may have been brought for it."""
        return bool(self.status.get("provisioned")) or self.state == AVAILABLE

    @property
    def remembered(self) -> bool:
        """There is a state of it: where that is not found, it has been lost."""
        return bool(self.status.get("stateKept"))

    @property
    def undestroyed(self) -> str:
        """Why what was brought for it could not be destroyed; empty where that has not failed."""
        destroy = self.status.get("destroy") or {}
        return self.parting if destroy.get("state") == DESTROY_FAILED else ""

    @property
    def parting(self) -> str:
        """What there is to say of its deletion; empty for nothing."""
        return str((self.status.get("destroy") or {}).get("message") or "")

    @property
    def variables(self) -> Mapping[str, Any]:
        return self.spec.get("variable") or {}

    @property
    def region(self) -> str:
        return str(self.spec.get("customRegion") or self.spec.get("region") or "")

    @property
    def destroys(self) -> bool:
        """Its cloud resources go when it does."""
        return bool(self.spec.get("deleteResource", True)) and not self.forced

    @property
    def forced(self) -> bool:
        """It is let go when it is deleted, whatever is under way."""
        return bool(self.spec.get("forceDelete"))

    @property
    def provider(self) -> tuple[str, str]:
        """Namespace and name of the Provider it refers to, or would."""
        given = self.spec.get("providerRef") or {}
        return str(given.get("namespace") or "default"), str(given.get("name") or "default")

    def reference(self, field: str) -> Key | None:
        """The object of Kubernetes that a field of `REFERENCES` names, None where it names none."""
        given = self.spec.get(field) or {}
        if not given.get("name"):
            return None
        space = str(given.get("namespace") or self.namespace)
        return Key("", REFERENCES[field], space, str(given["name"]), "v1")

    @property
    def connection(self) -> tuple[str, str] | None:
        """Namespace and name of the Secret for its outputs."""
        given = self.spec.get("writeConnectionSecretToRef") or {}
        if not given.get("name"):
            return None
        return str(given.get("namespace") or self.namespace), str(given["name"])

    @property
    def marks(self) -> dict[str, str]:
        """Labels of an object that it writes."""
        return {CREATED_BY: CREATOR, OWNED_BY: self.name, OWNED_NAMESPACE: self.namespace}


@dataclass(frozen=True)
class Provider:
    """A Provider as the server has it."""

    raw: Manifest

    @property
    def key(self) -> Key:
        meta = self.raw["metadata"]
        return Key(GROUP, PROVIDER, meta["namespace"], meta["name"], PROVIDER_VERSION)

    @property
    def cloud(self) -> str:
        return str((self.raw.get("spec") or {}).get("provider") or "")

    @property
    def region(self) -> str:
        return str((self.raw.get("spec") or {}).get("region") or "")

    @property
    def source(self) -> str:
        return str(self._credentials.get("source") or "")

    @property
    def secret(self) -> Mapping[str, Any]:
        """`namespace`, `name` and `key` of where its credentials are."""
        return self._credentials.get("secretRef") or {}

    @property
    def ready(self) -> bool:
        return (self.raw.get("status") or {}).get("state") == READY

    @property
    def message(self) -> str:
        return str((self.raw.get("status") or {}).get("message") or "")

    @property
    def _credentials(self) -> Mapping[str, Any]:
        return (self.raw.get("spec") or {}).get("credentials") or {}

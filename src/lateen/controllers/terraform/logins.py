"""The config templates `terraform-<cloud>`: from a cloud's credentials to a Provider. Pure.

`apply-terraform-provider` makes its Provider with them. Names and parameters are those of the
addons of KubeVela; the texts follow from the table of clouds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from lateen.api import names
from lateen.api.manifest import Manifest
from lateen.controllers.terraform import clouds
from lateen.providers import configs

_TEXT: Final = """\
import "encoding/json"

metadata: {{
	name:        "terraform-{cloud}"
	alias:       "Terraform Provider for {cloud}"
	description: "Credentials of {cloud}, and a Terraform Provider that logs in with them"
	sensitive:   true
	scope:       "system"
}}

template: {{
	parameter: {{
		// +usage=Name of the Provider
		name: *"{cloud}" | string
{parameters}
	}}

	output: {{
		apiVersion: "v1"
		kind:       "Secret"
		metadata: {{
			name:      context.name
			namespace: context.namespace
		}}
		type: "Opaque"
		stringData: credentials: json.Marshal({{
{credentials}
		}})
	}}

	// a Provider that is not named by namespace is looked for in `default`
	let home = [if context.namespace == "{system}" {{"default"}}, context.namespace][0]
	outputs: provider: {{
		apiVersion: "terraform.core.oam.dev/v1beta1"
		kind:       "Provider"
		metadata: {{
			name:      parameter.name
			namespace: home
		}}
		spec: {{
			provider: "{cloud}"
{region}
			credentials: {{
				source: "Secret"
				secretRef: {{
					name:      context.name
					namespace: context.namespace
					key:       "credentials"
				}}
			}}
		}}
	}}
}}
"""


def templates() -> list[Manifest]:
    """The ConfigMaps of all clouds."""
    return [_stored(cloud, text(cloud, wanted)) for cloud, wanted in clouds.VARIABLES.items()]


def text(cloud: str, wanted: Mapping[str, str]) -> str:
    """The CUE text for one cloud; `wanted` is what its Secret calls each environment variable."""
    region = next((name for name, key in wanted.items() if key == clouds.REGION), "")
    kept = {name: key for name, key in wanted.items() if key != clouds.REGION}
    return _TEXT.format(
        cloud=cloud,
        system=names.SYSTEM_NAMESPACE,
        parameters="\n".join(_parameters(wanted)),
        credentials="\n".join(f"\t\t\t{key}: parameter.{name}" for name, key in kept.items()),
        region=f"\t\t\tregion: parameter.{region}" if region else "",
    )


def _parameters(wanted: Mapping[str, str]) -> Iterator[str]:
    for name, key in wanted.items():
        yield f"\t\t// +usage=What Terraform has as {name} in its environment"
        yield f"\t\t{name}: " + ('*"" | string' if key in clouds.OPTIONAL else "string")


def _stored(cloud: str, content: str) -> Manifest:
    name = f"terraform-{cloud}"
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": f"{configs.PREFIX}{name}",
            "namespace": names.SYSTEM_NAMESPACE,
            "labels": {configs.CATALOG: configs.CORE, configs.SCOPE: "system"},
            "annotations": {
                configs.SENSITIVE: "true",
                configs.ALIAS: f"Terraform Provider for {cloud}",
                configs.DESCRIPTION: f"Credentials of {cloud}, and a Provider that uses them",
            },
        },
        "data": {"template": content},
    }

"""Actions on the application itself: deliver, render, load; where clusters and policies lead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from lateen.base.problem import Problem
from lateen.providers.calls import Answer, Call
from lateen.providers.ports import Delivered, Deployment, Signal, Wanted, need

_STEPWISE: Final = ("inputs", "outputs")  # are the steps' business, and theirs are other ones


async def apply_component(call: Call) -> Answer:
    """Deliver a component. Unhealthy is a wait that what follows does not wait for."""
    found = await need(call.runtime.delivery, "the application").apply(_wanted(call))
    waits = call.flag("waitHealthy", default=True) and not found.healthy
    signal = Signal("wait", "wait healthy", stops=False) if waits else None
    return Answer(_objects(found), signal)


async def render_component(call: Call) -> Answer:
    found = await need(call.runtime.delivery, "the application").render(_wanted(call))
    return Answer(_objects(found))


async def load(call: Call) -> Answer:
    return Answer({"value": {str(each["name"]): each for each in await _components(call)}})


async def load_in_order(call: Call) -> Answer:
    return Answer({"value": await _components(call)})


async def load_policies(call: Call) -> Answer:
    delivery = need(call.runtime.delivery, "the application")
    found = await delivery.policies(call.text("app", default=""))
    return Answer({"value": {str(each["name"]): dict(each) for each in found}})


async def deploy(call: Call) -> Answer:
    """Deliver as policies say; unhealthy is a wait with the reasons.

    Raises:
        Problem: `provider.input` for less than one at a time.
    """
    parallelism = call.whole("parallelism")
    if parallelism < 1:
        where = f"{call.inputs_path}.parallelism"
        raise Problem("provider.input", "parallelism cannot be smaller than 1", where)
    found = await need(call.runtime.delivery, "the application").deploy(
        Deployment(
            policies=[str(each) for each in call.items("policies")],
            inline=call.items("inlinePolicies", default=[]),
            parallelism=parallelism,
            ignore_terraform=call.flag("ignoreTerraformComponent"),
        )
    )
    return Answer(signal=None if found.healthy else Signal("wait", found.message, stops=False))


async def list_clusters(call: Call) -> Answer:
    clusters = need(call.runtime.clusters, "clusters")
    return Answer({"outputs": {"clusters": list(clusters.names())}})


async def placements(call: Call) -> Answer:
    clusters = need(call.runtime.clusters, "clusters")
    found = await clusters.placements([str(each) for each in call.items("policies")])
    return Answer({"placements": [{"cluster": p.cluster, "namespace": p.namespace} for p in found]})


async def terraform_components(call: Call) -> Answer:
    found = await need(call.runtime.cloud, "Terraform components").components()
    return Answer({"outputs": {"components": [dict(each) for each in found]}})


async def connection_status(call: Call) -> Answer:
    name = call.text("inputs", "componentName")
    if not name:
        where = f"{call.inputs_path}.inputs.componentName"
        raise Problem("provider.input", "componentName is required", where)
    healthy = await need(call.runtime.cloud, "Terraform components").healthy(name)
    return Answer({"outputs": {"healthy": healthy}})


def _wanted(call: Call) -> Wanted:
    patch = call.given("patch")
    return Wanted(
        component=call.map("value"),
        cluster=call.text("cluster", default=""),
        namespace=call.text("namespace", default=""),
        patch=patch if isinstance(patch, Mapping) else None,
        patch_path=f"{call.inputs_path}.patch",
    )


async def _components(call: Call) -> list[dict[str, Any]]:
    delivery = need(call.runtime.delivery, "the application")
    found = await delivery.components(call.text("app", default=""))
    return [{k: v for k, v in each.items() if k not in _STEPWISE} for each in found]


def _objects(found: Delivered) -> dict[str, Any]:
    outputs = {"outputs": dict(found.outputs)} if found.outputs else {}
    return {**({"output": found.output} if found.output is not None else {}), **outputs}


OAM: Final = {
    "component-apply": apply_component,
    "component-render": render_component,
    "load": load,
    "load-comps-in-order": load_in_order,
    "load-policies": load_policies,
}
MULTICLUSTER: Final = {
    "deploy": deploy,
    "list-clusters": list_clusters,
    "get-placements-from-topology-policies": placements,
}
TERRAFORM: Final = {
    "load-terraform-components": terraform_components,
    "get-connection-status": connection_status,
}

"""Packages that users bring: their CUE is imported, their server answers."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from aiohttp import web

from lateen.api import manifest as manifests
from lateen.api import schemas
from lateen.base.problem import Problem
from lateen.cue.engine import Engine
from lateen.providers import external
from lateen.providers.external import Package, Shelf
from lateen.providers.objects import Direct
from lateen.providers.packages import Flavour
from lateen.providers.ports import Runtime
from lateen.providers.sending import Sender
from tests.providers.worlds import run, served

pytestmark = pytest.mark.anyio

TEXT = """
package checks

#Sum: {
	#do:       "sum"
	#provider: "checks"
	$params: {x: number, y: number}
	$returns?: {result: number, ...}
	...
}
"""
STEP = """
import "ext/checks"
a: checks.#Sum & {$params: {x: 1, y: 2}}
out: a.$returns.result
"""


def package(endpoint: str = "", **spec: Any) -> dict[str, Any]:
    provider = {"protocol": "http", "endpoint": endpoint, "header": {"X-Key": "k"}}
    return {
        "apiVersion": "cue.oam.dev/v1alpha1",
        "kind": "Package",
        "metadata": {"name": "checks", "namespace": "vela-system"},
        "spec": {
            "path": "ext/checks",
            "templates": {"checks.cue": TEXT},
            **({"provider": provider} if endpoint else {}),
            **spec,
        },
    }


async def adder(request: web.Request) -> web.Response:
    given = await request.json()
    if request.path != "/sum" or request.headers["X-Key"] != "k":
        return web.Response(status=500, text=f"no {request.path}")
    return web.json_response({"result": given["x"] + given["y"]})


@pytest.mark.parametrize("flavour", Flavour)
async def test_its_server_answers(engine: Engine, http: Sender, flavour: Flavour) -> None:
    async with served(adder) as url:
        runtime = Runtime(flavour, http=http, external=Shelf([package(url)]))
        assert (await run(engine, STEP, runtime, "out")).values["out"] == 3


async def test_an_endpoint_may_leave_out_its_protocol(engine: Engine, http: Sender) -> None:
    async with served(adder) as url:
        shelf = Shelf([package(url.removeprefix("http://") + "/")])
        runtime = Runtime(Flavour.STEP, http=http, external=shelf)
        assert (await run(engine, STEP, runtime, "out")).values["out"] == 3


async def refusing(request: web.Request) -> web.Response:
    return web.Response(status=500, text="out of numbers")


async def rambling(request: web.Request) -> web.Response:
    return web.Response(text="three")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        pytest.param(refusing, "checks answered 500: out of numbers", id="it refuses"),
        pytest.param(rambling, "something else than JSON", id="no JSON"),
    ],
)
async def test_a_server_that_fails(engine: Engine, http: Sender, answer: Any, message: str) -> None:
    async with served(answer) as url:
        runtime = Runtime(Flavour.STEP, http=http, external=Shelf([package(url)]))
        with pytest.raises(Problem, match=message) as raised:
            await run(engine, STEP, runtime)
    assert (raised.value.code, raised.value.path) == ("package.failed", "a")


async def test_a_package_without_a_server_is_only_text(engine: Engine) -> None:
    runtime = Runtime(Flavour.STEP, external=Shelf([package()]))
    with pytest.raises(Problem, match="provider checks not found"):
        await run(engine, STEP, runtime)


async def test_packages_come_and_go(engine: Engine) -> None:
    shelf = Shelf()
    bare = shelf.texts(Flavour.STEP)
    assert "ext/checks" not in bare
    shelf.put(package())
    filled = shelf.texts(Flavour.STEP)
    assert "ext/checks" in filled
    assert "vela/op" in filled
    assert shelf.texts(Flavour.STEP) is filled, "nothing changed: templates stay compiled"
    shelf.put(package(templates={"checks.cue": "package checks\n#Other: {}\n"}))
    assert "#Other" in shelf.texts(Flavour.STEP)["ext/checks"]["checks.cue"]
    shelf.drop(package())
    assert shelf.texts(Flavour.STEP) == bare


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        pytest.param({"path": "vela/kube"}, "package.path", id="it would hide one of ours"),
        pytest.param({"path": ""}, "package.path", id="no path"),
        pytest.param(
            {"provider": {"protocol": "grpc", "endpoint": "h:1"}}, "package.protocol", id="grpc"
        ),
    ],
)
async def test_a_package_that_cannot_be_used(spec: dict[str, Any], code: str) -> None:
    """One such keeps nobody from using the others."""
    manifest = package(**spec)
    with pytest.raises(Problem) as raised:
        Package.of(manifest)
    assert raised.value.code == code
    shelf = Shelf([manifest])
    assert shelf.faults[("vela-system", "checks")].code == code
    assert shelf.find("checks") is None


async def test_packages_are_objects_of_the_cluster(objects: Direct, namespace: str) -> None:
    client = await objects.client("local")
    [crd] = [each for each in schemas.crds() if each["spec"]["names"]["kind"] == "Package"]
    await client.apply(crd)
    await client.resources.wait("cue.oam.dev", "v1alpha1", "Package", timeout=60)
    manifest = package("http://127.0.0.1:1")
    manifest["metadata"]["namespace"] = namespace
    with anyio.fail_after(90):
        stored = await client.apply(manifest)
    assert Package.of(stored) == Package.of(manifest)
    shelf = await external.load(client)
    assert shelf.find("checks") == Package.of(manifest)
    await objects.delete("", manifests.key(stored))

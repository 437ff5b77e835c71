"""The config system, on a real API server."""

from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest
from aiohttp import web

from lateen.api.manifest import Key, Manifest
from lateen.base.problem import Problem, Problems, every
from lateen.cue.engine import Engine
from lateen.hub.errors import ApiError
from lateen.providers.objects import Direct
from lateen.providers.packages import Flavour
from lateen.providers.ports import Runtime
from lateen.providers.sending import Sender
from tests.providers.worlds import run, served

pytestmark = pytest.mark.anyio

DATABASE = """
metadata: {name: "database", alias: "Database", sensitive: false, scope: "system"}
template: {
	output: {
		apiVersion: "v1"
		kind:       "Secret"
		metadata: {
			name:      context.name
			namespace: context.namespace
			labels: "config.oam.dev/sub-type": "sql"
		}
		type: "example.org/database"
		stringData: url: "sql://\\(parameter.host):\\(parameter.port)"
	}
	outputs: settings: {
		apiVersion: "v1"
		kind:       "ConfigMap"
		metadata: name: "\\(context.name)-settings"
		data: host: parameter.host
	}
	parameter: {
		// +usage=Where it is
		host: string
		port: *5432 | int
	}
}
"""
CHARTS = """
import "vela/config"

template: {
	validation: config.#HelmRepository & {$params: {url: parameter.url}}
	parameter: url: string
}
"""


def stored(namespace: str, name: str, text: str, sensitive: str = "false") -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": f"config-template-{name}",
            "namespace": namespace,
            "labels": {
                "config.oam.dev/catalog": "velacore-config",
                "config.oam.dev/scope": "system",
            },
            "annotations": {"config.oam.dev/sensitive": sensitive},
        },
        "data": {"template": text},
    }


def create(namespace: str, config: str, template: str = "", name: str = "db") -> str:
    chosen = f', template: "{template}"' if template else ""
    return f"""
import "vela/config"
a: config.#CreateConfig & {{$params: {{
	name: "{name}", namespace: "{namespace}", config: {{{config}}}{chosen}
}}}}
"""


def secret(namespace: str, name: str = "db") -> Key:
    return Key("", "Secret", namespace, name, "v1")


def decoded(manifest: Manifest) -> dict[str, str]:
    return {k: base64.b64decode(v).decode() for k, v in manifest["data"].items()}


async def test_a_config_by_its_template(engine: Engine, objects: Direct, namespace: str) -> None:
    await objects.apply("", stored(namespace, "database", DATABASE))
    text = create(namespace, 'host: "h"', f"{namespace}/database")
    for _ in range(2):  # done again it changes nothing
        await run(engine, text, Runtime(Flavour.STEP, objects=objects))
    found = await objects.get("", secret(namespace))
    assert found["type"] == "example.org/database"
    assert found["metadata"]["labels"] == {
        "config.oam.dev/catalog": "velacore-config",
        "config.oam.dev/type": "database",
        "config.oam.dev/scope": "system",
        "config.oam.dev/sub-type": "sql",
    }
    annotations = found["metadata"]["annotations"]
    assert annotations["config.oam.dev/template-namespace"] == namespace
    assert annotations["config.oam.dev/sensitive"] == "false"
    data = decoded(found)
    assert data["url"] == "sql://h:5432"
    assert orjson.loads(data["input-properties"]) == {"host": "h"}
    [reference] = orjson.loads(data["objects-reference"])
    assert (reference["kind"], reference["name"]) == ("ConfigMap", "db-settings")
    settings = await objects.get("", Key("", "ConfigMap", namespace, "db-settings", "v1"))
    assert settings["data"] == {"host": "h"}


async def test_a_config_without_a_template(engine: Engine, objects: Direct, namespace: str) -> None:
    text = create(namespace, "any: [1, 2]")
    await run(engine, text, Runtime(Flavour.STEP, objects=objects))
    found = await objects.get("", secret(namespace))
    assert found["metadata"]["labels"]["config.oam.dev/type"] == ""
    assert orjson.loads(decoded(found)["input-properties"]) == {"any": [1, 2]}


async def refusals(engine: Engine, text: str, runtime: Runtime) -> list[tuple[str, str, str]]:
    with pytest.raises((Problem, Problems)) as raised:
        await run(engine, text, runtime)
    assert isinstance(raised.value, Problem | Problems)
    return [(each.code, each.path, each.message) for each in every(raised.value)]


@pytest.mark.parametrize(
    ("config", "code", "path"),
    [
        pytest.param("host: 5", "config.invalid", "a.$params.config.host", id="another type"),
        pytest.param("port: 5", "config.invalid", "a.$params.config.host", id="missing"),
        pytest.param(
            'host: "h", port: "x"', "config.invalid", "a.$params.config.port", id="not a number"
        ),
    ],
)
async def test_properties_that_the_template_does_not_take(
    engine: Engine, objects: Direct, namespace: str, config: str, code: str, path: str
) -> None:
    await objects.apply("", stored(namespace, "database", DATABASE))
    text = create(namespace, config, f"{namespace}/database")
    found = await refusals(engine, text, Runtime(Flavour.STEP, objects=objects))
    assert (code, path) in [each[:2] for each in found]
    with pytest.raises(ApiError, match="not found"):
        await objects.get("", secret(namespace))


async def test_a_template_that_is_not_there(
    engine: Engine, objects: Direct, namespace: str
) -> None:
    text = create(namespace, 'host: "h"', "nowhere")
    [(code, path, message)] = await refusals(engine, text, Runtime(Flavour.STEP, objects=objects))
    assert (code, path) == ("config.template", "a.$params.template")
    assert message == "there is no config template nowhere in vela-system"


async def test_a_config_keeps_its_template(engine: Engine, objects: Direct, namespace: str) -> None:
    runtime = Runtime(Flavour.STEP, objects=objects)
    await objects.apply("", stored(namespace, "database", DATABASE))
    await run(engine, create(namespace, 'host: "h"'), runtime)
    text = create(namespace, 'host: "h"', f"{namespace}/database")
    [(code, _, message)] = await refusals(engine, text, runtime)
    assert code == "config.exists"
    assert "another template" in message


async def index(request: web.Request) -> web.Response:
    if request.path == "/good/index.yaml":
        return web.Response(text="apiVersion: v1\nentries:\n  nginx: []\n")
    return web.Response(status=404)


async def test_a_template_may_ask_before_it_agrees(
    engine: Engine, objects: Direct, http: Sender, namespace: str
) -> None:
    await objects.apply("", stored(namespace, "charts", CHARTS))
    runtime = Runtime(Flavour.STEP, objects=objects, http=http)
    async with served(index) as url:
        good = create(namespace, f'url: "{url}/good"', f"{namespace}/charts")
        await run(engine, good, runtime)
        assert (await objects.get("", secret(namespace)))["type"] == "/charts"
        bad = create(namespace, f'url: "{url}/bad"', f"{namespace}/charts", "other")
        [(code, _, message)] = await refusals(engine, bad, runtime)
    assert code == "config.invalid"
    assert "answered 404" in message


@pytest.mark.parametrize(
    ("package", "wrap", "result"), [("config", "$params: {%s}", "$returns."), ("op", "%s", "")]
)
async def test_reading_listing_deleting(
    engine: Engine, objects: Direct, namespace: str, package: str, wrap: str, result: str
) -> None:
    runtime = Runtime(Flavour.STEP, objects=objects)
    await objects.apply("", stored(namespace, "database", DATABASE))
    for name in ("db", "other"):
        text = create(namespace, f'host: "{name}"', f"{namespace}/database", name)
        await run(engine, text, runtime)
    chosen = wrap % f'name: "db", namespace: "{namespace}"'
    listed = wrap % f'template: "database", namespace: "{namespace}"'
    text = f"""
import "vela/{package}"
read: {package}.#ReadConfig & {{{chosen}}}
list: {package}.#ListConfig & {{{listed}}}
out: {{
	one:  read.{result}config.host
	many: [for each in list.{result}configs {{"\\(each.name)=\\(each.config.host)"}}]
}}
"""
    found = await run(engine, text, runtime, "out")
    assert found.values["out"] == {"one": "db", "many": ["db=db", "other=other"]}
    assert found.outcomes["read"].secret == (f"{result}config",)
    assert found.outcomes["list"].secret == (f"{result}configs",)
    removal = f'import "vela/{package}"\na: {package}.#DeleteConfig & {{{chosen}}}\n'
    await run(engine, removal, runtime)
    for key in (secret(namespace), Key("", "ConfigMap", namespace, "db-settings", "v1")):
        with pytest.raises(ApiError, match="not found"):
            await objects.get("", key)
    [(code, *_)] = await refusals(engine, removal, runtime)
    assert code == "config.missing"


async def test_what_is_sensitive_is_not_read(
    engine: Engine, objects: Direct, namespace: str
) -> None:
    runtime = Runtime(Flavour.STEP, objects=objects)
    await objects.apply("", stored(namespace, "database", DATABASE, "true"))
    await run(engine, create(namespace, 'host: "h"', f"{namespace}/database"), runtime)
    where = f'name: "db", namespace: "{namespace}"'
    read = f'import "vela/config"\na: config.#ReadConfig & {{$params: {{{where}}}}}\n'
    [(code, *_)] = await refusals(engine, read, runtime)
    assert code == "config.sensitive"
    listed = f"""
import "vela/config"
a: config.#ListConfig & {{$params: {{template: "database", namespace: "{namespace}"}}}}
out: a.$returns.configs[0].config
"""
    assert (await run(engine, listed, runtime, "out")).values["out"] == {}


async def test_a_secret_that_is_no_config_is_not_deleted(
    engine: Engine, objects: Direct, namespace: str
) -> None:
    manifest: dict[str, Any] = {"apiVersion": "v1", "kind": "Secret"}
    await objects.apply("", {**manifest, "metadata": {"name": "db", "namespace": namespace}})
    where = f'name: "db", namespace: "{namespace}"'
    text = f'import "vela/config"\na: config.#DeleteConfig & {{$params: {{{where}}}}}\n'
    [(code, *_)] = await refusals(engine, text, Runtime(Flavour.STEP, objects=objects))
    assert code == "config.foreign"
    assert await objects.get("", secret(namespace))


async def test_a_secret_that_is_no_config_is_not_written_over(
    engine: Engine, objects: Direct, namespace: str
) -> None:
    """One without a template has no type, and neither has what is somebody's."""
    runtime = Runtime(Flavour.STEP, objects=objects)
    key = Key("", "Secret", namespace, "db", "v1")
    await run(engine, create(namespace, 'host: "h"'), runtime)
    await objects.patch("", key, {"metadata": {"labels": {"config.oam.dev/catalog": None}}})
    [(code, _, message)] = await refusals(engine, create(namespace, 'host: "other"'), runtime)
    assert (code, "somebody else's" in message) == ("config.exists", True)

"""Templates that ask for work while they are rendered (semantics B1, E5, E8)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from lateen.cue.engine import Engine
from lateen.definitions import acting
from lateen.providers import external, packages, ports, sending
from tests.definitions import shops

pytestmark = pytest.mark.anyio

CONFIG = 'output: {apiVersion: "v1", kind: "ConfigMap", data: %s}\n'


@pytest.fixture
async def site() -> AsyncIterator[str]:
    """A server that says what it was sent, and answers the actions of user packages."""

    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"path": request.path, "body": await request.text()})

    async def act(request: web.Request) -> web.Response:
        sent = await request.json()
        return web.json_response({"greeting": f"hello {sent['name']}"})

    app = web.Application()
    app.router.add_post("/greet", act)
    app.router.add_route("*", "/{tail:.*}", answer)
    async with shops.served(app) as url:
        yield url


@pytest.fixture
async def runtime() -> AsyncIterator[ports.Runtime]:
    async with sending.sender() as http:
        yield ports.Runtime(packages.Flavour.TEMPLATE, http=http)


async def test_what_needs_nobody_else_works_anywhere(engine: Engine) -> None:
    body = (
        'import "vela/base64"\n'
        "encoded: base64.#Encode & {$params: parameter.text}\n"
        + CONFIG % "{text: encoded.$returns}"
        + "parameter: text: string"
    )
    rendered = await shops.Shop(engine, body).render({"text": "hello"})
    assert rendered.workload["data"] == {"text": "aGVsbG8="}


async def test_an_action_sees_the_answers_before_it(
    engine: Engine, site: str, runtime: ports.Runtime
) -> None:
    body = (
        'import ("vela/http", "encoding/json")\n'
        'first: http.#Get & {$params: url: "\\(parameter.site)/one"}\n'
        "path: json.Unmarshal(first.$returns.body).path\n"
        'if path == "/one" {second: http.#Post & {$params: {\n'
        '\turl: "\\(parameter.site)/two"\n\trequest: body: path\n}}\n'
        "output: data: got: second.$returns.body\n}\n"
        + CONFIG % "{got: string}"
        + "parameter: site: string"
    )
    rendered = await shops.Shop(engine, body, runtime=runtime).render({"site": site})
    assert rendered.workload["data"] == {"got": '{"path": "/two", "body": "/one"}'}


async def test_a_trait_may_ask_as_well(engine: Engine, site: str, runtime: ports.Runtime) -> None:
    trait = (
        'import "vela/http"\n'
        "ask: http.#Get & {$params: url: parameter.url}\n"
        "patch: data: got: ask.$returns.body"
    )
    shop = shops.Shop(engine, CONFIG % "{}", {"asking": trait}, runtime=runtime)
    rendered = await shop.render(asking={"url": f"{site}/x"})
    assert rendered.workload["data"] == {"got": '{"path": "/x", "body": ""}'}


async def test_a_package_of_the_user_is_served_over_http(
    engine: Engine, site: str, runtime: ports.Runtime
) -> None:
    text = 'package hi\n#Greet: {#do: "greet", #provider: "hi", $params: name: string, ...}'
    spec = {"path": "ext/hi", "templates": {"hi.cue": text}, "provider": {"endpoint": site}}
    own = external.Shelf([{"metadata": {"name": "hi"}, "spec": spec}])
    body = (
        'import "ext/hi"\n'
        'who: hi.#Greet & {$params: name: "you"}\n' + CONFIG % "{said: who.$returns.greeting}"
    )
    able = ports.Runtime(packages.Flavour.TEMPLATE, http=runtime.http, external=own)
    rendered = await shops.Shop(engine, body, runtime=able, own=own).render()
    assert rendered.workload["data"] == {"said": "hello you"}


async def test_patches_are_laid_by_the_marks_of_the_template(engine: Engine) -> None:
    body = (
        'import "vela/cue"\n'
        "one: cue.#StrategyUnify & {$params: {\n"
        '\tvalue: env: [{name: "a", value: "1"}, {name: "b", value: "2"}]\n'
        '\tpatch: {\n\t\t// +patchKey=name\n\t\tenv: [{name: "b", more: "3"}]\n\t}\n}}\n'
        + CONFIG
        % "one.$returns"
    )
    rendered = await shops.Shop(engine, body).render()
    assert rendered.workload["data"] == {
        "env": [{"name": "a", "value": "1"}, {"name": "b", "value": "2", "more": "3"}]
    }


@pytest.mark.parametrize(
    ("text", "properties", "expected"),
    [
        pytest.param(
            'ask: http.#Get & {$params: url: "http://127.0.0.1:1"}',
            {},
            ("provider.unavailable", "spec.components[0]", "ask: "),
            id="nothing to send requests with",
        ),
        pytest.param(
            "ask: http.#Get & {$params: url: parameter.url}\nparameter: url: string",
            {},
            ("parameter.missing", "spec.components[0].properties.url", '"url" is not set'),
            id="inputs that nobody gave",
        ),
        pytest.param(
            "ask: http.#Get & {$params: url: parameter.url}\nparameter: url: string",
            {"url": 1},
            ("parameter.type", "spec.components[0].properties.url", "expected string"),
            id="inputs of the wrong type",
        ),
        pytest.param(
            'ask: http.#Get & {$params: url: "u"}\nx: {#do: "no", #provider: "none"}',
            {},
            ("provider.unavailable", "spec.components[0]", ""),
            id="the first of two ends it",
        ),
        pytest.param(
            'x: {#do: "no", #provider: "none"}\nask: http.#Get & {$params: url: "u"}',
            {},
            ("provider.unknown", "spec.components[0]", "x: provider none not found"),
            id="a provider nobody knows",
        ),
    ],
)
async def test_an_action_that_fails_is_told_where_it_belongs(
    engine: Engine, text: str, properties: dict[str, Any], expected: tuple[str, str, str]
) -> None:
    shop = shops.Shop(engine, f'import "vela/http"\n{text}\n' + CONFIG % "{}")
    [problem] = await shop.problems(properties)
    code, path, said = expected
    assert (problem.code, problem.path) == (code, path)
    assert said in problem.message


async def test_nothing_is_asked_when_it_cannot_help(engine: Engine, runtime: ports.Runtime) -> None:
    body = (
        'import "vela/http"\nask: http.#Get & {$params: url: "http://127.0.0.1:1/"}\n'
        'clash: "a" & parameter.x\n' + CONFIG % "{}" + "parameter: x: string"
    )
    [problem] = await shops.Shop(engine, body, runtime=runtime).problems({"x": "b"})
    assert (problem.code, problem.path) == (
        "template.error",
        "spec.components[0].properties.x",
    )


async def test_what_was_read_from_a_secret_is_not_quoted(engine: Engine) -> None:
    class Secrets:
        """Of the cluster, one object of a kind that holds secrets."""

        async def get(self, cluster: str, key: Any) -> dict[str, Any]:
            return {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": key.name},
                "data": {"password": "aHVudGVyMg=="},
            }

    body = (
        'import "vela/kube"\n'
        "read: kube.#Get & {$params: resource: {\n"
        '\tapiVersion: "v1"\n\tkind: "Secret"\n\tmetadata: name: "db"\n}}\n'
        "wrong: read.$returns.data.password & int\n" + CONFIG % "{}"
    )
    able: Any = ports.Runtime(packages.Flavour.TEMPLATE, objects=Secrets())  # type: ignore[arg-type]
    found = await shops.Shop(engine, body, runtime=able).problems()
    assert found
    assert not [each for each in found if "aHVudGVyMg" in str(each)]


def test_only_what_is_imported_is_sent_along() -> None:
    known = {
        "vela/a": {"a.cue": 'package a\nimport "vela/b"'},
        "vela/b": {"b.cue": "package b"},
        "vela/c": {"c.cue": "package c"},
    }
    assert set(acting.needed('import "vela/a"\nx: a.b', known)) == {"vela/a", "vela/b"}
    assert set(acting.needed('import x "vela/c:c"', known)) == {"vela/c"}
    assert acting.needed('text: "vela/a"', known) == {}

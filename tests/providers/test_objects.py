"""Objects straight from API servers: as whom they are read, and what "no answer" means."""

from __future__ import annotations

import pytest

from lateen import hub
from lateen.api.manifest import Key
from lateen.base.problem import Problem
from lateen.cue.engine import Engine
from lateen.hub.errors import ApiError
from lateen.providers.objects import Direct
from lateen.providers.packages import Flavour
from lateen.providers.ports import Runtime
from tests.hub import servers
from tests.providers.worlds import run

pytestmark = pytest.mark.anyio


async def test_everything_is_asked_as_the_author(objects: Direct, namespace: str) -> None:
    """Somebody without any rights gets nothing, whichever way they ask."""
    stranger = Direct(objects.clients, hub.Identity("stranger"))
    key = Key("", "ConfigMap", namespace, "c", "v1")
    manifest = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c", "namespace": namespace},
    }
    for ask in (
        lambda: stranger.get("", key),
        lambda: stranger.list("", "v1", "ConfigMap", namespace=namespace),
        lambda: stranger.apply("", manifest),
        lambda: stranger.patch("", key, {"data": {}}),
        lambda: stranger.delete("", key),
        lambda: stranger.read("", namespace, "pod", {}),
    ):
        with pytest.raises(ApiError) as raised:
            await ask()
        assert raised.value.forbidden
        assert 'User "stranger"' in raised.value.message


@pytest.mark.parametrize("pod", ["web/proxy/admin", "..", "web?x=", ""])
async def test_a_name_cannot_lead_to_another_path(
    objects: Direct, namespace: str, pod: str
) -> None:
    with pytest.raises(Problem) as raised:
        await objects.read("", namespace, pod, {})
    assert raised.value.code == "provider.input"


async def test_no_answer_is_not_taken_for_not_there(engine: Engine) -> None:
    """A definition that creates what it does not find would create it over and over."""
    script = servers.Script(servers.refuses(503, "ServiceUnavailable", "back soon"))
    text = """
import "vela/kube"
a: kube.#Read & {$params: value: {apiVersion: "v1", kind: "ConfigMap", metadata: name: "c"}}
"""
    async with servers.client_of(script, timeout=0.5) as client:
        runtime = Runtime(Flavour.STEP, objects=Direct({"local": client}))
        with pytest.raises(Problem) as raised:
            await run(engine, text, runtime)
    assert raised.value.retry

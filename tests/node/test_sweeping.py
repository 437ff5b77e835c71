"""Images that nothing uses are removed from a real engine, and nothing that is somebody else's."""

from __future__ import annotations

import base64
import json
from contextlib import asynccontextmanager

import anyio
import pytest

from lateen.node import engines, networks
from lateen.node.containers import Containers
from lateen.node.drivers import Launch
from lateen.node.images import Images, Thrift
from tests.node.conftest import settings_at
from tests.node.engine import IMAGE

pytestmark = [pytest.mark.slow, pytest.mark.anyio]

USER = "reader:secret"
NEVER = 2.0  # no disk is so full
ALWAYS = 0.0
LONG = 3600.0


@pytest.fixture(scope="module")
def registry(podman):
    podman.serve_registry(*USER.split(":"))
    return podman.registry


@pytest.fixture
def publish(podman, registry):
    """Puts an image into the registry by a name; it is not on the machine then."""
    made = []

    def publish(name):
        made.append(f"{registry}/{name}")
        podman.publish(made[-1], USER)
        return made[-1]

    yield publish
    for image in [*made, "localhost/named:1"]:
        if podman.has(image):
            podman.run("rmi", image)


def secrets(registry):
    auths = {registry: {"auth": base64.b64encode(USER.encode()).decode()}}
    return [{".dockerconfigjson": json.dumps({"auths": auths})}]


async def test_unused_images_go_when_it_is_time_and_not_before(podman, registry, publish, tmp_path):
    image = publish("sweep/one:1")

    async def sweep(thrift):
        """By a node that has just started; whether the image is there after that."""
        await Images(file, thrift).sweep(engine, set(), tmp_path)
        return podman.has(image)

    file = tmp_path / "pulled.json"
    async with engines.connect([podman.socket]) as engine:
        for late in (Thrift(0, NEVER, 0), Thrift(LONG, ALWAYS, 0)):
            await Images(file, late).obtain(engine, image, "IfNotPresent", secrets(registry))
            assert await sweep(Thrift(LONG, NEVER, 0)), "neither for long, nor is the disk full"
            assert await sweep(Thrift(0, ALWAYS, LONG)), "a container may be made from it just now"
            assert not await sweep(late)
        assert podman.has(IMAGE)


async def test_what_somebody_else_has_a_part_in_stays(podman, registry, publish, tmp_path):
    theirs, named, used, spare = (publish(f"sweep/{n}:1") for n in ("theirs", "named", "used", "x"))
    podman.run("pull", f"--creds={USER}", theirs)
    async with driving(podman, tmp_path) as driver:
        pods = {i: await run(driver, i, secrets(registry)) for i in (theirs, named, used, spare)}
        podman.run("tag", named, "localhost/named:1")
        for image in (theirs, named, spare):
            await driver.discard(pods[image])
        await driver.sweep(driver.engine)
        found = [podman.has(image) for image in (theirs, named, used, spare, IMAGE)]
        assert found == [True, True, True, False, True]
        # one that it has let go is not its own any more
        podman.run("rmi", "localhost/named:1")
        await driver.sweep(driver.engine)
        assert podman.has(named)


async def test_an_image_of_several_names_of_ours_goes_with_all_of_them(
    podman, registry, publish, tmp_path
):
    first = publish("sweep/many:1")
    second = f"{registry}/sweep/many:2"
    podman.run("pull", f"--creds={USER}", first)
    podman.run("tag", first, second)
    podman.run("push", f"--creds={USER}", second)
    podman.run("rmi", first, second)
    images = Images(tmp_path / "pulled.json", Thrift(0, NEVER, 0))
    async with engines.connect([podman.socket]) as engine:
        for name in (first, second, second):
            await images.obtain(engine, name, "Always", secrets(registry))
        await images.sweep(engine, set(), tmp_path)
    assert not podman.has(first)
    assert not podman.has(second)


@asynccontextmanager
async def driving(podman, tmp_path):
    """A driver that keeps no image that nothing uses, when it is told to sweep."""
    thrift = Thrift(LONG, ALWAYS, 0)
    settings = settings_at(tmp_path, container_engine=str(podman.socket), thrift=thrift)
    network = await networks.choose(settings, settings.directory / "pods")
    here = anyio.Event()
    driver = Containers(settings, network, lambda uid: None, here.set)
    async with anyio.create_task_group() as group:
        group.start_soon(driver.run)
        try:
            with anyio.fail_after(60):
                await here.wait()
            yield driver
        finally:
            for uid in driver.known():
                await driver.discard(uid)
            driver.close()  # nothing else ends it


async def run(driver, image, pull_secrets):
    """A pod, called as its image is."""
    spec = {"name": "main", "image": image, "imagePullPolicy": "Always"}
    uid = image.rpartition("/")[2].partition(":")[0]
    pod = {"metadata": {"uid": uid, "name": uid}, "spec": {"containers": [spec]}}
    pod["spec"]["hostNetwork"] = True
    box = await driver.open(pod)
    rest = {"pod": pod, "spec": spec, "pull_secrets": pull_secrets}
    await box.start(Launch("main", 0, ["sleep", "1000"], {"PATH": "/bin"}, "", 1.0, **rest))
    assert not box.attempts()[0].ended
    return uid

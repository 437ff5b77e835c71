"""What is written only where a check lets it, as copies for environments are, side by side."""

from __future__ import annotations

import anyio

from lateen.api import names, tracker
from lateen.api.application import Application
from lateen.base.problem import Problem
from lateen.controllers import observing
from lateen.dispatch import applying, recording
from tests.controllers.apps import app, configmap, settings


class Here:
    def __init__(self, owned):
        self.owned = owned

    def at(self, cluster):
        return self.owned

    def knows(self, cluster):
        return True


def test_of_two_steps_side_by_side_the_second_is_refused_before_it_is_recorded(lab):
    stored = Application(lab.apply(app(settings("z"), labels={names.PAUSE: "true"})))
    hub = lab.plane.client
    ledger = recording.Ledger(
        hub, tracker.fresh(stored, "shop-v1"), tracker.root([], stored, "shop-v1"), lambda _: None
    )
    refused = []

    async def step(dispatcher, origin):
        def check(there):
            if there["data"]["of"] != origin:
                raise Problem("test.taken", there["data"]["of"])

        wanted = lab.placed(configmap("copy", of=origin))
        wanted["metadata"]["labels"] = {
            names.APP_NAME: stored.name,
            names.APP_NAMESPACE: stored.namespace,
            names.APP_CLUSTER: names.LOCAL,
        }
        try:
            await dispatcher.dispatch([applying.Desired(wanted, "", check=check)])
        except Problem as problem:
            refused.append((origin, problem.code, problem.message))

    async def steps():
        async with anyio.create_task_group() as tasks:
            sites = Here(observing.Owned(hub, tasks, lambda *_: None))
            dispatcher = applying.Dispatcher(sites, ledger, stored.owner)
            async with anyio.create_task_group() as both:
                for origin in ("first", "second", "first"):
                    both.start_soon(step, dispatcher, origin)
            tasks.cancel_scope.cancel()

    lab.plane.call(steps)
    assert refused == [("second", "test.taken", "first")]
    assert lab.get("ConfigMap", "copy")["data"] == {"of": "first"}
    [entry] = ledger.resources
    assert (entry.raw or {})["data"] == {"of": "first"}

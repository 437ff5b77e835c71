"""A thousand objects and a megabyte of manifests are one application like any other."""

from __future__ import annotations

import orjson

from lateen.api.tracker import Tracker
from tests.controllers.apps import app, configmap, objects

COUNT = 1000
LIMIT = 1_500_000  # bytes: the largest object that Kubernetes stores


def large(count, size):
    found = [configmap(f"n{i}", text=f"{i}" + "x" * size) for i in range(count)]
    parts = [found[at : at + 100] for at in range(0, count, 100)]
    components = (objects(f"part-{i}", *part) for i, part in enumerate(parts))
    return app(*components, annotations={"lateen.dev/deletion-limit": str(COUNT)})


def test_a_large_application(lab):
    lab.apply(large(COUNT, 800))
    lab.running(within=120)
    assert len(lab.owned("ConfigMap")) == COUNT
    [stored] = lab.trackers()
    assert len(Tracker(stored).resources) == COUNT
    for kind in ("ResourceTracker", "ApplicationRevision", "Application"):
        for each in lab.list(kind):
            assert len(orjson.dumps(each)) < LIMIT, kind

    lab.delete("ConfigMap", "n17")
    lab.eventually("restored", lambda: lab.find("ConfigMap", "n17"))
    lab.apply(large(100, 800))
    lab.running(within=120)
    lab.eventually("collected", lambda: len(lab.owned("ConfigMap")) == 100, within=120)
    lab.delete("Application", "shop")
    lab.gone()
    assert lab.owned("ConfigMap") == set()

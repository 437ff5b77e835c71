"""Large inventories and revisions are stored compressed (semantics C3)."""

from __future__ import annotations

import base64
import gzip

import orjson
import pytest
import zstandard

from lateen.api import compressing, revision, tracker
from lateen.api.application import Application
from lateen.api.revision import Revision, Snapshot
from lateen.api.tracker import Resource, Tracker

APP = Application({"metadata": {"name": "shop", "namespace": "ns", "uid": "1", "generation": 1}})


def resources(count, size):
    return [
        Resource("v1", "ConfigMap", "ns", f"n{i}", raw={"data": {"x": str(i) * size}})
        for i in range(count)
    ]


@pytest.mark.parametrize(
    ("found", "compressed"),
    [
        pytest.param(resources(10, 10), False, id="a small one stays readable"),
        pytest.param(resources(1000, 1000), True, id="a thousand objects, a megabyte"),
    ],
)
def test_a_tracker_holds_what_is_recorded(found, compressed):
    stored = tracker.recording(tracker.fresh(APP, "shop-v1"), found)
    assert ("compression" in stored.raw["spec"]) is compressed
    assert Tracker(orjson.loads(orjson.dumps(stored.raw))).resources == tuple(found)
    assert len(orjson.dumps(stored.raw)) < compressing.LIMIT


def test_a_tracker_that_grows_small_again_is_readable_again():
    big = tracker.recording(tracker.fresh(APP, "shop-v1"), resources(1000, 1000))
    small = tracker.without(big, {each.identity for each in big.resources[1:]})
    assert "compression" not in small.raw["spec"]
    assert small.resources == big.resources[:1]


def test_a_revision_holds_its_application():
    spec = {"components": [{"name": "a", "properties": {"x": "y" * compressing.LIMIT}}]}
    made = revision.build(Snapshot(APP.with_spec(spec), (), {}, None), 1)
    assert made.raw["spec"]["application"]["spec"] == {"components": []}
    assert Revision(made.raw).application.spec == spec
    assert Revision(made.raw).application.name == "shop"


@pytest.mark.parametrize(
    ("kind", "pack"),
    [
        pytest.param("gzip", gzip.compress, id="gzip"),
        # as Go writes it: a stream, without its size in front
        pytest.param(
            "zstd", zstandard.ZstdCompressor(write_content_size=False).compress, id="zstd"
        ),
        pytest.param("zstd", zstandard.ZstdCompressor().compress, id="zstd with its size"),
    ],
)
def test_what_kubevela_compressed_is_read(kind, pack):
    data = base64.b64encode(pack(b'[{"kind": "ConfigMap", "name": "n"}]')).decode()
    found = Tracker({"spec": {"compression": {"type": kind, "data": data}}})
    assert [each.name for each in found.resources] == ["n"]


@pytest.mark.parametrize(
    "field", [{"type": "brotli", "data": ""}, {"type": "zstd", "data": "eHg="}]
)
def test_what_cannot_be_read_is_an_error(field):
    with pytest.raises(ValueError, match=r"is no compression|not zstd"):
        compressing.unpacked({"compression": field})

"""Volumes of processes are directories that they are told of."""

from __future__ import annotations

import pytest

from lateen.base.problem import Problem
from lateen.node import volumes
from lateen.node.environment import Reference, Sources

SOURCES = Sources({Reference("Secret", "s"): {"k": "v", "l": "w"}})
TOKEN = {
    "name": "kube-api-access-x",
    "projected": {
        "sources": [{"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}}]
    },
}


def place(volume, directory, **rest):
    where = volumes.Place(directory, SOURCES, **rest)
    return volumes.place({"spec": {"volumes": [volume]}}, where)


def test_an_empty_directory_keeps_what_is_written_to_it(tmp_path):
    volume = {"name": "data", "emptyDir": {}}
    (tmp_path / "volumes" / "data").mkdir(parents=True)
    (tmp_path / "volumes" / "data" / "file").write_text("kept")
    placed = place(volume, tmp_path)
    assert placed == {"data": str(tmp_path / "volumes" / "data")}
    assert (tmp_path / "volumes" / "data" / "file").read_text() == "kept"


def test_a_host_path_is_itself(tmp_path):
    assert place({"name": "h", "hostPath": {"path": "/srv"}}, tmp_path) == {"h": "/srv"}


def test_a_secret_is_files_for_the_owner_only(tmp_path):
    place({"name": "s", "secret": {"secretName": "s"}}, tmp_path)
    file = tmp_path / "volumes" / "s" / "k"
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("v", 0o600)


def test_items_choose_and_rename(tmp_path):
    items = [{"key": "l", "path": "sub/name"}]
    place({"name": "s", "secret": {"secretName": "s", "items": items}}, tmp_path)
    found = [p for p in (tmp_path / "volumes" / "s").rglob("*") if p.is_file()]
    assert [str(p.relative_to(tmp_path / "volumes" / "s")) for p in found] == ["sub/name"]


@pytest.mark.parametrize(
    ("spec", "given"),
    [
        pytest.param({"runtimeClassName": "process"}, False, id="a process that did not ask"),
        pytest.param(
            {"runtimeClassName": "process", "serviceAccountName": "default"}, False, id="by name"
        ),
        pytest.param(
            {"runtimeClassName": "process", "serviceAccountName": "mine"},
            True,
            id="its own account",
        ),
        pytest.param(
            {"runtimeClassName": "process", "automountServiceAccountToken": True}, True, id="asked"
        ),
        pytest.param({}, True, id="a container"),
    ],
)
def test_who_gets_a_token(spec, given, tmp_path):
    pod = {"spec": {**spec, "volumes": [TOKEN]}}
    assert volumes.tokens(pod) == ({("", 3607)} if given else set())
    where = volumes.Place(tmp_path, SOURCES, tokens={("", 3607): "secret"})
    file = tmp_path / "volumes" / "kube-api-access-x" / "token"
    assert set(volumes.place(pod, where)) == ({"kube-api-access-x"} if given else set())
    assert file.exists() is given
    if given:
        assert (file.read_text(), file.stat().st_mode & 0o777) == ("secret", 0o600)


def test_files_follow_what_they_are_taken_from(tmp_path):
    volume = {"name": "c", "configMap": {"name": "c"}}
    reference = Reference("ConfigMap", "c")

    def put(**values):
        where = volumes.Place(tmp_path, Sources({reference: values}))
        volumes.place({"spec": {"volumes": [volume]}}, where)
        folder = tmp_path / "volumes" / "c"
        return {file.name: (file.read_text(), file.stat().st_ino) for file in folder.iterdir()}

    before = put(same="1", changed="1", gone="1")
    after = put(same="1", changed="2")
    assert {name: text for name, (text, _) in after.items()} == {"same": "1", "changed": "2"}
    assert before["same"] == after["same"]
    # another file in its place, so that nobody reads half of it, and subPath mounts keep the old
    assert before["changed"][1] != after["changed"][1]


@pytest.mark.parametrize(
    ("volume", "message"),
    [
        ({"name": "p", "nfs": {"server": "s"}}, "volume p is a nfs"),
        ({"name": "p", "secret": {"secretName": "none"}}, "Secret none does not exist"),
        (
            {"name": "p", "secret": {"secretName": "s", "items": [{"key": "k", "path": "../x"}]}},
            "leads out of the volume",
        ),
    ],
)
def test_what_cannot_be_had_is_named(volume, message, tmp_path):
    with pytest.raises(Problem, match=message):
        place(volume, tmp_path)

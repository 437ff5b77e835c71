"""Git over SSH: with a key, from a host that is known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from lateen.base.problem import Problem
from lateen.sources.obtaining import Sources
from lateen.sources.places import NOBODY, Credentials, Source, credentials
from tests.sources import tunnels
from tests.sources.servers import Git
from tests.sources.tunnels import Shell

pytestmark = pytest.mark.anyio


@pytest.fixture
def shell() -> Iterator[Shell]:
    with tunnels.opened() as found:
        yield found


def access(shell: Shell) -> Credentials:
    given = {"identity": shell.identity, "known_hosts": shell.known_hosts()}
    return credentials({"metadata": {"name": "key"}, "stringData": given})


async def test_a_branch_is_found_and_its_files_are_fetched(
    sources: Sources, repository: Git, shell: Shell
):
    commit = repository.commit({"deploy/a.yaml": "a: 1\n"})
    source = Source("git", shell.url(repository.directory), reference="branch:main")
    pin = await sources.resolve(source, access(shell))
    assert pin.digest == f"sha1:{commit}"
    tree = await sources.tree(source, pin, access(shell))
    assert (tree / "deploy/a.yaml").read_text() == "a: 1\n"


@pytest.mark.parametrize(
    ("identity", "known_hosts", "code"),
    [
        pytest.param("stranger", "", "source.refused", id="a key it does not accept"),
        pytest.param("no key", "", "source.secret", id="no key that can be read"),
        pytest.param("none", "", "source.secret", id="no key"),
        pytest.param("", "none", "source.host", id="a host that nobody knows"),
        pytest.param("", "stranger", "source.host", id="a host with another key"),
        pytest.param("", "damaged", "source.host", id="a line that cannot be read"),
    ],
)
async def test_what_is_refused(
    sources: Sources, repository: Git, shell: Shell, identity: str, known_hosts: str, code: str
):
    repository.commit({"a.yaml": "a: 1\n"})
    other = Shell(shell.port)
    keys = {"": shell.identity, "stranger": other.identity, "none": ""}
    known = shell.known_hosts()
    damaged = known.rstrip()[:-1]
    hosts = {"": known, "stranger": other.known_hosts(), "none": "", "damaged": damaged}
    given = replace(NOBODY, identity=keys.get(identity, identity), known_hosts=hosts[known_hosts])
    source = Source("git", shell.url(repository.directory), reference="branch:main")
    with pytest.raises(Problem) as caught:
        await sources.resolve(source, given)
    assert caught.value.code == code


async def test_a_host_that_does_not_answer(sources: Sources):
    source = Source("git", "git@127.0.0.1:1/shop.git", reference="branch:main")
    with pytest.raises(Problem) as caught:
        await sources.resolve(source, replace(NOBODY, identity=Shell(1).identity))
    assert caught.value.code == "source.unreachable"

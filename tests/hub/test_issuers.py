"""A login at an OpenID issuer in a kubeconfig: used while it is valid, refreshed, kept."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from lateen.base import documents
from lateen.base.problem import Problem
from lateen.hub import kubeconfig
from tests.hub import issuer as issuers
from tests.hub.issuer import Issuer, token

pytestmark = pytest.mark.anyio

CONFIG = """\
# made by hand
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: 'http://10.0.0.1:80'}}]
users: [{name: other, user: {token: x}}, {name: u, user: USER}]
contexts: [{name: here, context: {cluster: c, user: u}}]
current-context: here
"""


@pytest.fixture
def issuer():
    with issuers.running() as made:
        yield made


def write(tmp_path: Path, user: object) -> Path:
    path = tmp_path / "config"
    path.write_text(CONFIG.replace("USER", json.dumps(user)))
    return path


def kept(path: Path) -> dict[str, str]:
    [loaded] = documents.load(path.read_text(), "config")
    return dict(loaded.data["users"][1]["user"]["auth-provider"]["config"])


async def test_a_token_that_is_valid_is_used_as_it_is(tmp_path, issuer: Issuer):
    given = token("mary")
    path = write(tmp_path, issuer.login(given))
    before = path.read_text()
    access = await kubeconfig.load(path)
    assert access.authorization == f"Bearer {given}"
    assert (issuer.asked, path.read_text()) == ([], before)


@pytest.mark.parametrize(
    "old",
    [
        pytest.param(token("mary", -1), id="one that has ended"),
        pytest.param(token("mary", 5), id="one that is about to end"),
        pytest.param("", id="none"),
        pytest.param("no-token", id="one that nobody can read"),
    ],
)
async def test_another_is_got_and_kept(tmp_path, issuer: Issuer, old: str):
    issuer.gives = token("mary")
    path = write(tmp_path, issuer.login(old))
    path.chmod(0o600)
    access = await kubeconfig.load(path)
    assert access.authorization == f"Bearer {issuer.gives}"
    [(form, _)] = issuer.asked
    wanted = {"grant_type": "refresh_token", "refresh_token": "refresh-0", "client_id": "lateen"}
    assert form == wanted
    # the refresh-token that was used is good no longer
    assert (kept(path)["id-token"], kept(path)["refresh-token"]) == (issuer.gives, "refresh-1")
    assert path.read_text().startswith("# made by hand\n")
    assert path.stat().st_mode & 0o777 == 0o600
    assert (await kubeconfig.load(path)).authorization == f"Bearer {issuer.gives}"
    assert len(issuer.asked) == 1


async def test_a_refresh_token_that_stays_good_is_kept_too(tmp_path, issuer: Issuer):
    issuer.gives, issuer.rotates = token("mary"), False
    path = write(tmp_path, issuer.login())
    await kubeconfig.load(path)
    assert kept(path)["refresh-token"] == "refresh-0"


@pytest.mark.parametrize(
    ("methods", "in_header"),
    [
        pytest.param(None, True, id="an issuer that does not say how"),
        pytest.param(["client_secret_basic", "client_secret_post"], True, id="either way"),
        pytest.param(["client_secret_post"], False, id="in the form only"),
    ],
)
async def test_the_secret_of_the_client(
    tmp_path, issuer: Issuer, methods: list[str] | None, in_header: bool
):
    issuer.gives, issuer.methods = token("mary"), methods
    await kubeconfig.load(write(tmp_path, issuer.login(**{"client-secret": "a:b"})))
    [(form, authorization)] = issuer.asked
    if in_header:
        pair = base64.b64encode(b"lateen:a%3Ab").decode()
        assert (authorization, "client_secret" in form) == (f"Basic {pair}", False)
    else:
        assert (authorization, form["client_secret"]) == ("", "a:b")


async def test_several_files_as_kubectl_has_them(tmp_path, issuer: Issuer):
    """What is refreshed is kept in the file that has the user."""
    issuer.gives = token("mary")
    path = write(tmp_path, issuer.login())
    first = tmp_path / "first"
    first.write_text("apiVersion: v1\nkind: Config\ncurrent-context: here\n")
    await kubeconfig.load(f"{first}:{path}")
    assert kept(path)["id-token"] == issuer.gives


@pytest.mark.parametrize(
    ("answer", "said", "hint"),
    [
        pytest.param(
            (400, {"error": "invalid_grant", "error_description": "revoked"}),
            "invalid_grant: revoked",
            "log in again",
            id="a refresh-token that is no longer good",
        ),
        pytest.param((401, {"error": "invalid_client"}), "invalid_client", "", id="the client"),
        pytest.param(
            (200, {"access_token": "x"}), "it gave no id_token", "openid", id="no id-token"
        ),
        pytest.param((503, {}), "it answers 503", "", id="out of order"),
    ],
)
async def test_what_the_issuer_refuses_is_told(tmp_path, issuer: Issuer, answer, said, hint):
    issuer.answer = answer
    path = write(tmp_path, issuer.login())
    before = path.read_text()
    with pytest.raises(Problem) as caught:
        await kubeconfig.load(path)
    assert caught.value.code == "hub.credentials"
    assert f"the login at {issuer.url} cannot be refreshed: {said}" in caught.value.message
    assert hint in caught.value.hint
    assert path.read_text() == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({"refresh-token": ""}, "it has no refresh-token", id="no refresh-token"),
        pytest.param(
            {"idp-issuer-url": "", "client-id": ""},
            "no idp-issuer-url and no client-id",
            id="no issuer",
        ),
        pytest.param({"idp-issuer-url": "http://127.0.0.1:1"}, "Cannot connect", id="nobody there"),
        pytest.param({"idp-issuer-url": "ISSUER/other"}, "it answers 404", id="another address"),
        pytest.param({"idp-issuer-url": "not-a-url"}, "not-a-url", id="no address"),
    ],
)
async def test_a_login_that_cannot_be_refreshed(tmp_path, issuer: Issuer, change, said):
    given = {name: value.replace("ISSUER", issuer.url) for name, value in change.items()}
    with pytest.raises(Problem) as caught:
        await kubeconfig.load(write(tmp_path, issuer.login(token("mary", -60), **given)))
    assert caught.value.code == "hub.credentials"
    assert said in caught.value.message


async def test_the_authority_of_an_issuer_is_checked(tmp_path, issuer: Issuer):
    (tmp_path / "ca.pem").write_text("nonsense")
    login = issuer.login(**{"idp-certificate-authority": "ca.pem"})
    with pytest.raises(Problem) as caught:
        await kubeconfig.load(write(tmp_path, login))
    assert caught.value.code == "hub.kubeconfig"

"""What proves that a call comes from whom it says."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from lateen.controllers import hooking

BODY = b'{"ref": "refs/heads/main"}'
SUM = hmac.new(b"open", BODY, hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    ("headers", "proven"),
    [
        pytest.param({"X-Hub-Signature-256": f"sha256={SUM}"}, True, id="GitHub signs the body"),
        pytest.param({"X-Gitea-Signature": SUM}, True, id="so does Gitea"),
        pytest.param({"X-Gitlab-Token": "open"}, True, id="GitLab says the token"),
        pytest.param({"Authorization": "Bearer open"}, True, id="a bearer does"),
        pytest.param({"X-Hub-Signature-256": "sha256=00"}, False, id="another signature"),
        pytest.param({"X-Hub-Signature-256": "sha256=\u00e9"}, False, id="no signature at all"),
        pytest.param({"X-Gitlab-Token": "close"}, False, id="another token"),
        pytest.param({}, False, id="nothing"),
        pytest.param(
            {"X-Gitea-Signature": "00", "X-Gitlab-Token": "open"},
            False,
            id="a wrong signature, whatever else is said",
        ),
    ],
)
def test_a_call_proves_that_it_knows_the_token(headers, proven):
    assert hooking.proven(headers, BODY, b"open") is proven


@pytest.mark.anyio
async def test_who_knows_no_applications_yet_refuses_nobody():
    """The caller may be right: it is to ask again, or the controllers that work."""

    async def read(key):
        raise AssertionError("nothing is read")

    receiver = hooking.Receiver(lambda: False, lambda *_: None, read, lambda *_: None)
    found = await receiver.receive("default", "shop", {"X-Gitlab-Token": "open"}, BODY)
    assert found.status == 503

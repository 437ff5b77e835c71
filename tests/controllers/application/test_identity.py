"""An application acts as the service account it names, never as the controller."""

from __future__ import annotations

from tests.controllers.apps import app, configmap, objects, settings
from tests.controllers.laboratory import step

ACCOUNT = """\
apiVersion: v1
kind: ServiceAccount
metadata: {name: clerk}
"""
RIGHTS = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: clerk}
rules: [{apiGroups: [""], resources: [configmaps], verbs: ["*"]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: clerk}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: clerk}
subjects: [{kind: ServiceAccount, name: clerk, namespace: NAMESPACE}]
"""
AS_CLERK = {"app.oam.dev/service-account-name": "clerk"}


def allowed(lab, verb):
    """Whether the API server lets the account do that to ConfigMaps by now."""
    asked = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "metadata": {},
        "spec": {
            "user": f"system:serviceaccount:{lab.namespace}:clerk",
            "resourceAttributes": {
                "namespace": lab.namespace,
                "verb": verb,
                "resource": "configmaps",
            },
        },
    }
    return lab.plane.call(lab.plane.user.create, asked)["status"]["allowed"]


def test_without_rights_it_may_not_and_with_them_it_may(lab):
    lab.apply(ACCOUNT)
    lab.apply(app(settings("a"), annotations=AS_CLERK))
    found = lab.until("refused", lambda found: step(found, "a").get("phase") == "failed")
    message = step(found, "a")["message"]
    assert "forbidden" in message
    assert f"system:serviceaccount:{lab.namespace}:clerk" in message
    assert lab.owned("ConfigMap") == set()

    lab.apply(RIGHTS)
    lab.running()
    assert lab.owned("ConfigMap") == {"a"}


def test_it_may_do_what_its_account_may_and_no_more(lab):
    lab.apply(ACCOUNT)
    lab.apply(RIGHTS)
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "b"}}
    lab.apply(app(objects("both", configmap("a"), secret), annotations=AS_CLERK))
    refused = 'cannot create resource "secrets"'  # once its rights are known to be those
    lab.until("refused", lambda found: refused in step(found, "both").get("message", ""))
    assert lab.owned("ConfigMap") == set()


def test_it_repairs_and_removes_as_its_account(lab):
    lab.apply(ACCOUNT)
    lab.apply(RIGHTS)
    lab.deliver(app(settings("a"), settings("b"), annotations=AS_CLERK))
    lab.delete("ConfigMap", "a")
    lab.eventually("restored", lambda: lab.find("ConfigMap", "a"))
    lab.deliver(app(settings("a"), annotations=AS_CLERK))
    lab.eventually("removed", lambda: lab.owned("ConfigMap") == {"a"})
    lab.delete("Application", "shop")
    lab.gone()
    assert lab.owned("ConfigMap") == set()


def test_an_account_that_lost_its_rights_says_so_when_it_cannot_clean_up(lab):
    lab.apply(ACCOUNT)
    lab.apply(RIGHTS)
    lab.deliver(app(settings("a"), annotations=AS_CLERK))
    lab.patch("RoleBinding", "clerk", {"subjects": None})
    lab.eventually("without rights", lambda: not allowed(lab, "delete"))
    lab.delete("Application", "shop")
    found = lab.until(
        "complaining", lambda found: "forbidden" in str(found["status"]["conditions"])
    )
    assert found["status"]["status"] == "deleting"
    lab.apply(RIGHTS)
    lab.gone()

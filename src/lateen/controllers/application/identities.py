"""Whom an application acts as (semantics D; design, decision 8)."""

from __future__ import annotations

from lateen.api import names
from lateen.api.application import Application
from lateen.hub.client import Identity


def of(app: Application) -> Identity | None:
    """A service account of its namespace, when it names one; None for the control plane itself."""
    account = app.annotations.get(names.SERVICE_ACCOUNT, "")
    if not account:
        return None
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{app.namespace}")
    return Identity(f"system:serviceaccount:{app.namespace}:{account}", groups)

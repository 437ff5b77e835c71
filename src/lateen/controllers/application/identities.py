"""Whom an application or a WorkflowRun acts as (semantics D; design, decision 8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from lateen.api import names
from lateen.hub.client import Identity


class Declared(Protocol):
    """What somebody declared; `api.application.Application` and `api.workflowrun.WorkflowRun`."""

    @property
    def namespace(self) -> str: ...
    @property
    def annotations(self) -> Mapping[str, str]: ...


def of(declared: Declared) -> Identity | None:
    """A service account of its namespace, when it names one; None for the control plane itself."""
    account = declared.annotations.get(names.SERVICE_ACCOUNT, "")
    if not account:
        return None
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{declared.namespace}")
    return Identity(f"system:serviceaccount:{declared.namespace}:{account}", groups)

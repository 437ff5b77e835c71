"""Releases in the form in which Helm stores them."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

from lateen.api.manifest import Manifest

Values = dict[str, Any]


def stored(
    name: str,
    manifest: str,
    *,
    number: int = 1,
    status: str = "deployed",
    version: str = "1.0.0",
    values: Values | None = None,
) -> Manifest:
    """The Secret of one revision of a release of the chart `demo`."""
    release = {
        "name": name,
        "info": {"status": status, "description": "Install complete"},
        "chart": {"metadata": {"apiVersion": "v2", "name": "demo", "version": version}},
        "config": values,
        "manifest": manifest,
        "version": number,
    }
    packed = base64.b64encode(gzip.compress(json.dumps(release).encode()))
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": f"sh.helm.release.v1.{name}.v{number}",
            "labels": {"owner": "helm", "name": name, "status": status, "version": str(number)},
        },
        "type": "helm.sh/release.v1",
        "data": {"release": base64.b64encode(packed).decode()},
    }

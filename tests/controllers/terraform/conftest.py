"""The Terraform controller at work on the embedded Kubernetes, with the library of the wheel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.controllers.laboratory import Laboratory
from tests.controllers.terraform.sites import Site


@pytest.fixture
def site(lab: Laboratory, tmp_path: Path) -> Iterator[Site]:
    """A namespace with a Terraform controller that looks after it."""
    here = Site(lab, tmp_path / "terraform")
    here.start()
    yield here
    here.leave()

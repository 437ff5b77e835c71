"""The pytest plugin: the fixture `lateen`, and `--lateen-update`.

Every run of pytest loads this module where Lateen is installed, so it imports nothing but pytest.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lateen.testing.kits import Kit


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("lateen").addoption(
        "--lateen-update",
        action="store_true",
        default=False,
        help="Write the goldens of Lateen definitions anew instead of comparing with them.",
    )


@pytest.fixture
def lateen(request: pytest.FixtureRequest) -> Kit:
    """Loads definitions, and compares what they render with goldens; see `lateen.testing`."""
    # imported here: most runs test no definitions
    from lateen.testing.kits import Kit

    update = bool(request.config.getoption("--lateen-update"))
    return Kit(request.path, request.node.name, update=update)


def pytest_unconfigure() -> None:
    """Stop the engine, where a test started one."""
    benches = sys.modules.get("lateen.testing.benches")
    if benches is not None:
        benches.shared().close()

"""What is a warning unless the operator wants it to be an error."""

from __future__ import annotations

import pytest

from lateen.controllers import settings
from tests.controllers.apps import app, webservice
from tests.controllers.laboratory import condition


@pytest.fixture
def strict(lab):
    """The controller of an operator who wants no slips."""
    with lab.plane.governed(settings.Settings(strict_parameters=True)):
        yield lab


def test_an_unknown_parameter_is_taken(lab):
    lab.deliver(app(webservice("web", imge="x")))


def test_an_unknown_parameter_is_refused_on_demand(strict):
    strict.apply(app(webservice("web", imge="x")))
    found = strict.until(
        "refused",
        lambda found: (
            "imge" in str((found["status"].get("workflow") or {}).get("steps"))
            or "imge" in condition(found, "Workflow").get("message", "")
        ),
    )
    assert "spec.components[0].properties.imge" in str(found["status"])
    assert strict.owned("Deployment") == set()

"""Helm charts: rendering them comes with the charts themselves."""

from __future__ import annotations

from typing import Final

from lateen.base.problem import Problem
from lateen.providers.calls import Answer, Call


async def render(call: Call) -> Answer:
    """Raises: Problem: `helm.unavailable`, always."""
    source = call.text("chart", "source")
    raise Problem("helm.unavailable", f"charts such as {source} cannot be rendered yet", call.path)


ACTIONS: Final = {"render": render}

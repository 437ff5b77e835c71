"""Which run of the workflow a pass is part of: the last one, another one, or one taken up again.

Pure. Source: semantics C5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lateen.api.application import Application
from lateen.api.revision import Revision
from lateen.controllers.application import returning

_NEWS = "-vf-"  # between the name of a revision and what changed elsewhere


@dataclass(frozen=True)
class Run:
    """Attributes:
    name: what the workflow is a run of, as `status.workflow.appRevision` says it.
    goes_on: it has begun in an earlier pass.
    resumes: what its revision had delivered is put back, without running its steps again.
    """

    name: str
    goes_on: bool = False
    resumes: bool = False

    @property
    def news(self) -> str:
        """A digest of what changed where the application is rendered from; empty for nothing."""
        return self.name.partition(_NEWS)[2]


def run(
    app: Application,
    published: str,
    revision: Revision,
    status: Mapping[str, Any],
    stored: list[Revision],
    news: Callable[[], str],
) -> Run:
    """The run that is due.

    What changed where the application is rendered from leads to another run, unless a published
    version says when things go out.

    Args:
        published: the version that its author publishes, empty for none.
        status: of the application, as this pass has it by now.
        news: what changed elsewhere and no run was started for yet; asked at most once.
    """
    last = str((status.get("workflow") or {}).get("appRevision") or "")
    found = _due(published, revision, last, news)
    # one that was restarted is to run, wherever it came from
    comes_back = bool(last) and not found.goes_on and not found.news
    resumes = comes_back and returning.resumes(app, revision, stored)
    return Run(found.name, found.goes_on, resumes)


def _due(published: str, revision: Revision, last: str, news: Callable[[], str]) -> Run:
    if published:
        return Run(published, last == published)
    goes_on = last == revision.name or last.startswith(f"{revision.name}{_NEWS}")
    if changed := news() if goes_on else "":
        return Run(f"{revision.name}{_NEWS}{changed}")
    return Run(last if goes_on else revision.name, goes_on)

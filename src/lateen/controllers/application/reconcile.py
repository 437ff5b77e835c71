"""One pass over one application: the spine. What is not on this page is in the stage it names."""

from __future__ import annotations

import anyio

from lateen.api.application import Application
from lateen.base.clock import Clock
from lateen.base.problem import Problem, Problems
from lateen.controllers.application.report import Next, Report
from lateen.controllers.application.stages import Stages
from lateen.hub import errors


async def reconcile(app: Application, stages: Stages, clock: Clock) -> Next:
    """Bring one application a step nearer to what it declares. Status leaves in `commit`.

    One that is settled needs no pass. Returns when to look again if nothing changes meanwhile.
    Source: semantics C1.
    """
    if not app.deleting:
        app = await stages.schedule(app)
    report = Report(app, clock)
    try:
        if app.deleting:
            return await stages.finalise(app, report)
        app = await stages.claim(app)
        revision = await stages.revise(app, report)
        result = await stages.run(app, revision, report)
        await stages.keep(app, result, report)
        result = await stages.judge(app, result, report)
        again = await stages.collect(app, result, report)
        return result.next.within(stages.due(app, report.status)).within(again)
    except (Problem, Problems) as problem:
        return report.fail(problem)
    except errors.ApiError as error:
        if error.conflict:  # somebody else was faster, which is no news to anybody
            raise
        return report.fail(Problems(error.problems()))
    except anyio.get_cancelled_exc_class():
        report.abandon()  # half a pass is no news: who is told to stop begins no write
        raise
    finally:
        await stages.commit(app, report)

"""Run Terraform's commands for one Configuration, with its state in our hands before, while and
after they run.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import anyio

from lateen.api import configuration as conf
from lateen.api.configuration import Configuration
from lateen.base.clock import Clock
from lateen.base.problem import Problem, raise_any
from lateen.controllers.terraform import (
    authorizing,
    equipping,
    launching,
    logbooks,
    readings,
    sourcing,
    states,
    tooling,
    turns,
    workspaces,
)
from lateen.controllers.terraform.workspaces import Workspace
from lateen.cue.engine import Engine
from lateen.definitions import parameters
from lateen.hub import client, errors
from lateen.sources.obtaining import Sources
from lateen.workflow.redacting import Secrets

_LOG = logging.getLogger(__name__)

Outputs = Mapping[str, Mapping[str, Any]]
Tell = Callable[[], Awaitable[None]]

_BEAT: Final = 1.0  # seconds between two copies of a state and a log that change
_LOCK_WAIT: Final = "-lock-timeout=90s"  # for what a run that was cut off still writes
_CHANGES: Final = 2  # how a plan ends that has any


class Failed(Exception):  # noqa: N818 - becomes a state of the Configuration
    """A command did not do what it was to do: the `state` of `status.apply`, and why."""

    def __init__(self, state: str, message: str) -> None:
        self.state = state
        super().__init__(message)


@dataclass(frozen=True)
class Limits:
    """`runs` at once, each command for `minutes` at most; a look for drift every `drift` minutes,
    0 for never. `program` and `rc` are what the settings name.
    """

    runs: int = 4
    minutes: float = 60
    drift: float = 30
    program: str = ""
    rc: str = ""


@dataclass(frozen=True)
class Site:
    """What all runs of a control plane share. `directory` is where they work."""

    hub: client.Client
    engine: Engine
    clock: Clock
    limits: Limits
    directory: Path
    states: states.States
    sources: Sources
    initialising: anyio.Lock  # the cache of plugins is for one at a time

    def workspace(self, declared: Configuration) -> Workspace:
        name = f"{declared.namespace}.{declared.name}.{declared.uid[:8]}"
        return Workspace(self.directory / name, self.directory)

    @asynccontextmanager
    async def run(
        self, declared: Configuration, operation: str, turn: turns.Turn, tell: Tell
    ) -> AsyncIterator[Run]:
        """Everything that commands need; afterwards the state is kept again. While one runs, `tell`
        is called every second.

        Raises:
            Problem, Problems: what is wrong with the Configuration, as its parts have it.
            Refused: there is no login.
        """
        ready = await self._ready(declared, operation, logbooks.Logbook)
        run = replace(ready, turn=turn, tell=tell)
        async with run.state(operation):
            yield run

    @asynccontextmanager
    async def rehearsal(self, declared: Configuration) -> AsyncIterator[Run]:
        """The same for a plan that is only looked at: nothing is locked, nothing is kept.

        Raises:
            Problem, Problems, Refused: as above.
        """
        run = await self._ready(declared, "plan", logbooks.Unkept)
        try:
            noted = states.Place.of(str(declared.status.get("backend") or ""))
            if (place := noted or run.place) is not None:
                run.workspace.keep(await self.states.read(place))
            yield replace(run, place=None, locking=("-lock=false",))
        finally:
            run.workspace.remove()

    async def _ready(
        self, declared: Configuration, operation: str, book: type[logbooks.Logbook]
    ) -> Run:
        tool = tooling.find(self.limits.program)
        backend, workspace = workspaces.Backend.of(declared), self.workspace(declared)
        workspace.prepare()
        brought = await sourcing.bring(declared, workspace, self.sources, self.hub)
        module = await self.engine.module(brought.texts, source=declared.name)
        findings = parameters.check(declared.variables, module.parameter, "spec.variable")
        raise_any(findings.problems)
        login = await authorizing.login(self.hub, declared, module.providers)
        secrets = Secrets()
        secrets.learn({k: v for k, v in login.environment.items() if "REGION" not in k})
        secrets.learn([v for k, v in declared.variables.items() if k in module.sensitive])
        wanted = declared.spec.get("JobEnv") or {}
        environment = workspace.environment(
            {
                **login.environment,
                **{str(name): readings.written(value) for name, value in wanted.items()},
                **workspace.configure(brought.directory, declared, module, backend),
            }
        )
        equipment = await equipping.equip(self.hub, declared, self.limits.rc)
        secrets.learn(list(equipment.tokens))
        workspace.settings.touch(mode=0o600)
        workspace.settings.write_text(equipment.text, encoding="utf-8")
        launch = launching.Launch(
            tool, brought.directory, environment, workspace.output, self.limits.minutes * 60
        )
        log = book(self.hub, declared, self.clock, secrets)
        log.write(f"--- {operation} of generation {declared.generation}")
        for each in (*findings.warnings, *equipment.warnings):
            log.write(f"Warning: {each}")
        return Run(
            self,
            declared,
            workspace,
            backend.place,
            launch,
            secrets,
            log,
            login.region,
            brought.note,
            (_LOCK_WAIT,) if backend.place else (),
            turns.Turn(declared),
        )


@dataclass(frozen=True)
class Run:
    """What the commands of one pass have in common."""

    site: Site
    declared: Configuration
    workspace: Workspace
    place: states.Place | None  # of its state, where that is ours to keep
    launch: launching.Launch
    secrets: Secrets
    log: logbooks.Logbook
    region: str
    note: Mapping[str, str] | None  # of where the module came from
    locking: tuple[str, ...]  # options of commands that work on the state
    turn: turns.Turn
    tell: Tell | None = None  # how it is going

    async def init(self) -> None:
        """Fetch providers and modules, unless that has been done for these very files."""
        made = self.workspace.contents(self.launch.directory)
        if self.workspace.initialised == made:
            return
        async with self.site.initialising:
            arguments = ("init", "-input=false", "-no-color", "-reconfigure")
            await self._command(arguments, conf.INIT_FAILED)
        self.workspace.note_initialised(made)

    async def _validate(self) -> None:
        """Raise `terraform.hcl` for what is wrong with it whatever the cloud says."""
        found: list[str] = []
        await launching.run(self.launch, ("validate", "-json", "-no-color"), found.append)
        wrong = readings.invalid("\n".join(found))
        remote = bool(self.declared.spec.get("remote"))  # where it may be mended
        raise_any(Problem("terraform.hcl", each, retry=remote) for each in wrong)

    async def plan(self) -> readings.Reading | None:
        """The changes there are to make; None for none.

        Raises:
            Failed: there is no saying, now.
            Problem, Problems: `terraform.hcl` where that is for what is declared.
        """
        options = ("-json", "-input=false", "-detailed-exitcode", *self.locking)
        arguments = ("plan", *options, f"-out={self.workspace.plan}")
        try:
            reading, code = await self._command(arguments, conf.FAILED, (0, _CHANGES))
        except Failed:
            await self._validate()  # only now: it starts every provider once more
            raise
        return reading if code == _CHANGES else None

    async def apply(self) -> None:
        """Carry out what has been planned."""
        arguments = ("apply", "-json", "-input=false", *self.locking, str(self.workspace.plan))
        await self.turn.change(self.site.clock.now())
        await self._command(arguments, conf.FAILED)

    async def destroy(self) -> None:
        arguments = ("destroy", "-json", "-input=false", "-auto-approve", *self.locking)
        await self.turn.change(self.site.clock.now())
        await self._command(arguments, conf.DESTROY_FAILED)

    async def outputs(self) -> Outputs:
        """What the module tells, from its state; Terraform is asked only where that is not ours."""
        if self.place is not None:
            return readings.kept_outputs(self.workspace.read())
        found: list[str] = []
        ended = await launching.run(self.launch, ("output", "-json", "-no-color"), found.append)
        if ended.code:
            raise Failed(conf.FAILED, "\n".join(found))
        return readings.outputs("\n".join(found))

    async def _command(
        self, arguments: tuple[str, ...], state: str, fine: tuple[int, ...] = (0,)
    ) -> tuple[readings.Reading, int]:
        """Run one command.

        Raises:
            Failed: it ended otherwise than `fine`; with `state` and what it said.
            Problem, Problems: `terraform.value` where that is for fields of the Configuration.
        """
        where = functools.partial(workspaces.field_of, self.launch.directory)
        reading, clock = readings.Reading(where), self.site.clock
        self.turn.begin(clock.now(), clock.now() + timedelta(seconds=self.launch.deadline))

        def take(line: str) -> None:
            self.turn.heard(clock.now())
            for each in reading.take(line):
                self.log.write(each)

        ended = launching.Ended(-1)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._keep)
            ended = await launching.run(self.launch, arguments, take, self.turn.stop)
            tasks.cancel_scope.cancel()
        reading.end()
        if ended.code not in fine and (why := self._cut(ended)):
            said = f"{arguments[0]} was interrupted {why}"
            raise Failed(state, self.secrets.hide("\n".join(filter(None, (said, reading.error)))))
        if ended.code not in fine:
            self._blame(reading.faults)
            message = reading.error or "\n".join(reading.lines[-5:])
            message = message or f"{arguments[0]} ended with status {ended.code}"
            raise Failed(state, self.secrets.hide(message))
        return reading, ended.code

    def _cut(self, ended: launching.Ended) -> str:
        """Why it did not go to its end; empty where it did."""
        if ended.late:
            return f"after {self.site.limits.minutes:g} minutes"
        return "because something else is wanted by now" if ended.stopped else ""

    def _blame(self, faults: Iterable[readings.Fault]) -> None:
        """Raise what is wrong with fields of the Configuration. Only an edit mends the value of a
        variable, if it is for a module that is not mended elsewhere.
        """
        hide, elsewhere = self.secrets.hide, bool(self.declared.spec.get("remote"))
        raise_any(
            Problem(
                "terraform.value",
                hide(each.message),
                each.path,
                retry=elsewhere or each.path == workspaces.BACKEND,
            )
            for each in faults
        )

    @asynccontextmanager
    async def state(self, operation: str) -> AsyncIterator[None]:
        """Lay down the state before, keep what has become of it after; its log as well."""
        if self.place is None:
            try:
                yield
            finally:
                await self._flush()
            return
        known = self.site.states
        async with known.locked(self.place, operation):
            kept = await known.read(self.place)
            newest = states.newer(self.workspace.read(), kept)
            self.workspace.keep(states.found(self.declared, self.place, newest))
            try:
                yield
            finally:
                await self._flush()
                with anyio.CancelScope(shield=True):
                    found = self.workspace.read()
                    if found is not None and found != kept:
                        await known.write(self.place, found)

    async def _flush(self) -> None:
        """A log that cannot be stored must not keep the state from being."""
        with anyio.CancelScope(shield=True):
            try:
                await self.log.flush()
            except errors.ApiError as error:
                _LOG.warning("%s: its log is not kept: %s", self.declared.key, error)

    async def _keep(self) -> None:
        """While a command runs: copy its state and its log as they grow, renew the lock."""
        before, beats = self.workspace.read(), 0
        while True:
            await anyio.sleep(_BEAT)
            beats += 1
            await self._flush()
            if self.tell is not None:
                await self.tell()
            if self.place is None:
                continue
            try:
                if beats % round(states.RENEW / _BEAT) == 0:
                    await self.site.states.renew(self.place)
                found = self.workspace.read()
                if found is not None and found != before:
                    await self.site.states.write(self.place, found)
                    before = found
            except errors.ApiError as error:  # it is tried again, and at the end
                _LOG.warning("%s: its state is not kept yet: %s", self.declared.key, error)

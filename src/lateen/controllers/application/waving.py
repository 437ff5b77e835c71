"""Objects of one component in waves: each goes out when the one before it is done.

Most components are one wave. Objects say which they belong to (`lateen.dev/wave`), and that they
run once (`lateen.dev/once`), as the hooks of a chart do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from lateen.api import manifest, names
from lateen.api.manifest import Manifest
from lateen.base.problem import Problem
from lateen.dispatch.applying import Desired
from lateen.health import rollouts

_AGAIN: Final = 10.0  # seconds after which what failed is run again, when it is looked at again
_SUCCEEDED: Final = "hook-succeeded"
_FAILED: Final = "hook-failed"


class Target(Protocol):
    """Where objects go, and what is there; `deliver.Dispatch` is one."""

    async def dispatch(self, wanted: Sequence[Desired]) -> list[Manifest]: ...
    async def find(self, wanted: Manifest) -> Manifest | None: ...
    async def remove(self, wanted: Manifest) -> None: ...


def sorted_waves(wanted: Iterable[Desired]) -> list[list[Desired]]:
    """The waves in their order, each as given.

    Raises:
        Problem: `dispatch.wave` for one that is no number.
    """
    waves: dict[int, list[Desired]] = {}
    for each in wanted:
        waves.setdefault(_number(each.manifest), []).append(each)
    return [waves[number] for number in sorted(waves)]


def once(wanted: Iterable[Desired]) -> list[Manifest]:
    """The manifests of what runs once."""
    return [each.manifest for each in wanted if _run(each.manifest)]


@dataclass(frozen=True)
class Waves:
    """Sends waves out. `patient`: each wave has to be healthy, not only there."""

    target: Target
    now: datetime
    patient: bool = False
    again: float = _AGAIN

    async def advance(self, wanted: Sequence[Desired]) -> str:
        """Send out what is due; returns what is waited for, empty when everything is out.

        Raises:
            Problem | Problems: `dispatch.once` when something that runs once failed, and what
                dispatch has against an object.
        """
        waves = sorted_waves(wanted)
        for wave in waves[:-1]:
            if waiting := await self.finish(wave):
                return waiting
        for wave in waves[-1:]:  # nothing comes after it that would wait
            await self._send(wave)
        return ""

    async def finish(self, wave: Sequence[Desired]) -> str:
        """Send one wave out; returns what of it is waited for.

        Raises:
            Problem | Problems: as `advance`.
        """
        await self._send(wave)
        return await self._waits_for(wave)

    async def _send(self, wave: Sequence[Desired]) -> None:
        for each in once(wave):
            await self._clear(each)
        await self.target.dispatch(wave)

    async def clean(self, wanted: Sequence[Desired]) -> None:
        """Remove what ran to its end and asked to go then."""
        for each in once(wanted):
            if _SUCCEEDED in manifest.annotation(each, names.ONCE_DELETE):
                await self.target.remove(each)

    async def _clear(self, wanted: Manifest) -> None:
        """Make room for a run: what is there is of another one, or failed a while ago."""
        found = await self.target.find(wanted)
        if found is None:
            return
        run = rollouts.run(found)
        stale = _run(found) != _run(wanted)
        if stale or (run.failure and self._age(run) > self.again):
            await self.target.remove(found)

    def _age(self, run: rollouts.Run) -> float:
        return (self.now - run.ended).total_seconds() if run.ended else self.again + 1

    async def _waits_for(self, wave: Sequence[Desired]) -> str:
        for each in wave:
            found = await self.target.find(each.manifest)
            key = manifest.key(each.manifest)
            if _run(each.manifest):
                run = rollouts.run(found) if found else rollouts.Run()
                if run.failure:
                    await self._fail(each.manifest, run)
                if not run.done:
                    return f"waiting for {key} to end ({_event(each.manifest)})"
            elif self.patient:
                healthy, why = rollouts.rolled_out(found) if found else (False, "not there yet")
                if not healthy:
                    return f"waiting for {key}: {why}"
        return ""

    async def _fail(self, wanted: Manifest, run: rollouts.Run) -> None:
        key = manifest.key(wanted)
        if _FAILED in manifest.annotation(wanted, names.ONCE_DELETE):
            await self.target.remove(wanted)
        raise Problem(
            "dispatch.once",
            f"{key} failed ({_event(wanted)}): {run.failure}",
            hint="it is run again after a while, and when the application changes",
            retry=True,
        )


def _number(wanted: Manifest) -> int:
    text = manifest.annotation(wanted, names.WAVE, "0")
    try:
        return int(text)
    except ValueError as error:
        message = f'{manifest.key(wanted)}: {names.WAVE} is "{text}", which is no whole number'
        raise Problem("dispatch.wave", message) from error


def _run(found: Manifest) -> str:
    return manifest.annotation(found, names.ONCE)


def _event(wanted: Manifest) -> str:
    """pre-install-3-1f2e... -> pre-install: what people know it by."""
    return _run(wanted).rsplit("-", 2)[0]

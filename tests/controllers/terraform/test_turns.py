"""What is said of a pass that is under way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from lateen.api.configuration import Configuration
from lateen.controllers.terraform.turns import QUIET, Turn

pytestmark = pytest.mark.anyio

BEGAN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LATER = BEGAN + timedelta(minutes=5)


def declared(generation: int, deleting: bool = False, **spec: object) -> Configuration:
    meta: dict[str, object] = {"uid": "u", "name": "x", "namespace": "n", "generation": generation}
    if deleting:
        meta["deletionTimestamp"] = "2026-01-02T03:04:06Z"
    return Configuration({"metadata": meta, "spec": spec})


async def changing(began: Configuration) -> Turn:
    turn = Turn(began)
    await turn.change(BEGAN)
    return turn


APPLY = "the apply of generation 1 began at 2026-01-02T03:04:05Z, and goes to its end"
CUT = "which began at 2026-01-02T03:04:05Z, is being interrupted"


@pytest.mark.parametrize(
    ("began", "newest", "part", "said"),
    [
        pytest.param(
            declared(1), declared(2), "apply", f"Generation 2 waits: {APPLY}", id="an edit waits"
        ),
        pytest.param(
            declared(1),
            declared(2, deleting=True),
            "destroy",
            f"It is to be destroyed: the apply of generation 1, {CUT}",
            id="what is to be destroyed is brought no further",
        ),
        pytest.param(
            declared(1),
            declared(2, deleting=True, deleteResource=False),
            "destroy",
            f"Its deletion waits: {APPLY}",
            id="what is to stay is brought to its end",
        ),
        pytest.param(
            declared(1),
            declared(2, deleting=True, deleteResource=False, forceDelete=True),
            "destroy",
            f"It is to be let go: the apply of generation 1, {CUT}",
            id="what is let go by force does not wait",
        ),
        pytest.param(
            declared(2, deleting=True),
            declared(3, deleting=True, forceDelete=True),
            "destroy",
            f"It is to be let go: the destroy of generation 2, {CUT}",
            id="what is let go is destroyed no further",
        ),
        pytest.param(
            declared(2, deleting=True),
            declared(3, deleting=True),
            "destroy",
            "Generation 3 waits: the destroy of generation 2 began at 2026-01-02T03:04:05Z, and "
            "goes to its end",
            id="another text for what is destroyed",
        ),
    ],
)
async def test_what_changes_something_is_told_to_who_wants_another(
    began: Configuration, newest: Configuration, part: str, said: str
) -> None:
    turn = await changing(began)
    turn.notice(newest)
    assert (turn.part, turn.message("usual", LATER)) == (part, said)
    assert turn.stop.is_set() == ("interrupted" in said)


async def test_what_changes_nothing_is_given_up_for_another_text() -> None:
    turn = Turn(declared(1))
    turn.notice(declared(1))
    assert not turn.scope.cancel_called
    turn.notice(declared(2))
    assert turn.scope.cancel_called


async def test_silence_is_told_until_it_ends() -> None:
    turn = Turn(declared(1))
    turn.begin(BEGAN, BEGAN + timedelta(hours=1))
    assert turn.message("usual", BEGAN + QUIET / 2) == "usual"
    said = turn.message("usual", BEGAN + QUIET)
    assert said == (
        "usual\nTerraform has said nothing since 2026-01-02T03:04:05Z, as when a cloud does not "
        "answer; it is interrupted at 2026-01-02T04:04:05Z"
    )
    turn.heard(BEGAN + QUIET)
    assert turn.message(said, BEGAN + QUIET * 1.5) == "usual"

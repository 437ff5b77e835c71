"""A backend that is changed: the state goes along, or it is said how; it is never left behind."""

from __future__ import annotations

from lateen.api.configuration import Configuration
from lateen.base.problem import Problem
from lateen.controllers.terraform.states import Place, States, empty, serial
from lateen.controllers.terraform.workspaces import Backend

_PATH = "spec.backend"


async def follow(known: States, declared: Configuration, backend: Backend) -> None:
    """Bring the state from where it was noted to be to where it is to be now.

    Between Secrets it is moved: written there before it is deleted here, under both locks. Killed
    in between, it is moved again.

    Raises:
        Problem: `terraform.backend` for a state that cannot be moved, or has no room.
    """
    noted = str(declared.status.get("backend") or "")
    if not noted or noted == backend.name:
        return
    origin = Place.of(noted)
    if origin is None or backend.place is None:
        raise Problem(
            "terraform.backend",
            f"the state is in {noted}, and {backend.name} is another backend: it is not moved",
            _PATH,
            hint="put the backend back. To move the state, save it with `terraform state pull`, "
            "delete the Configuration with deleteResource: false, `terraform state push` it to the "
            "new backend, and make the Configuration again with that",
        )
    async with known.locked(origin, "move"), known.locked(backend.place, "move"):
        state, there = await known.read(origin), await known.read(backend.place)
        if state is None:
            return
        if there is not None and not empty(there) and serial(there)[0] != serial(state)[0]:
            message = f"{backend.name} has the state of something else already"
            raise Problem("terraform.backend", message, _PATH, hint="name another Secret")
        await known.write(backend.place, state)
        await known.delete(origin)

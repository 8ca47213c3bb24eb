"""Control endpoints under `/control` for tests of a client; TONE3000 has no equivalent."""

from typing import Any, Final

from litestar import Controller, get, post, put
from litestar.datastructures import State
from msgspec import Struct

from tone_shootout.fake_tone3000.oauth import device_of
from tone_shootout.fake_tone3000.people import PEOPLE
from tone_shootout.fake_tone3000.tones import Visibility
from tone_shootout.fake_tone3000.world import CLIENT_ID, SECRET_KEY, Fault, Options, RefusedError, Request, World


class UserRef(Struct, kw_only=True, forbid_unknown_fields=True):
    """Reference to a user."""

    user: str = "lab_rat"


class DeviceDecision(Struct, kw_only=True, forbid_unknown_fields=True):
    """Decision of a user about a device."""

    user_code: str | None = None
    """Code of the device; null: the most recent device."""
    allow: bool | None = True
    """Allow or deny; null: expire the code."""
    user: str = "lab_rat"


class ToneUpdate(Struct, kw_only=True, forbid_unknown_fields=True):
    """New visibility of a tone."""

    visibility: Visibility


class Control(Controller):
    """Endpoints to inspect and change the state of the stand-in."""

    path = "/control"

    @get("/")
    async def configuration(self) -> dict[str, Any]:
        """Return the configuration for a client."""
        return {"client_id": CLIENT_ID, "secret_key": SECRET_KEY, "people": list(PEOPLE)}

    @post("/reset", status_code=204)
    async def reset(self, state: State) -> None:
        """Restore the initial state."""
        state["world"].reset()

    @put("/options", status_code=204)
    async def set_options(self, state: State, data: Options) -> None:
        """Replace the options; omitted fields get their defaults."""
        state["world"].options = data

    @post("/faults", status_code=204)
    async def add_fault(self, state: State, data: Fault) -> None:
        """Add a fault."""
        state["world"].faults.append(data)

    @post("/tokens", status_code=200)
    async def issue(self, state: State, data: UserRef) -> dict[str, Any]:
        """Issue tokens of a user without a sign-in."""
        return world_with(state, data.user).issue(data.user)

    @post("/revoke", status_code=204)
    async def revoke(self, state: State, data: UserRef) -> None:
        """Revoke all tokens of a user."""
        world_with(state, data.user).revoke(data.user)

    @post("/expire", status_code=204)
    async def expire(self, state: State, data: UserRef) -> None:
        """Expire the access tokens of a user; refresh tokens stay valid."""
        world_with(state, data.user).expire(data.user)

    @post("/devices", status_code=204)
    async def decide(self, state: State, data: DeviceDecision) -> None:
        """Allow, deny or expire a device."""
        world: World = state["world"]
        last = next(reversed(world.devices.values()), None)
        device = device_of(world, data.user_code or (last.user_code if last else ""))
        if data.allow is None:
            device.expires_at = 0.0
        else:
            device.user, device.is_denied = data.user, not data.allow

    @put("/tones/{tone_id:int}", status_code=204)
    async def update_tone(self, state: State, tone_id: int, data: ToneUpdate) -> None:
        """Set the visibility of a tone: public, private or gone."""
        state["world"].tones[tone_id].visibility = data.visibility

    @get("/requests")
    async def requests(self, state: State) -> list[Request]:
        """List all requests since the last reset, except those to the control endpoints."""
        found: list[Request] = state["world"].requests
        return found


def world_with(state: State, user: str) -> World:
    """Return the state after a check that the user exists.

    Raises:
        RefusedError: 404, the user does not exist.
    """
    if user not in PEOPLE:
        raise RefusedError(404, {"error": "No such person"})
    world: World = state["world"]
    return world


HANDLERS: Final = (Control,)

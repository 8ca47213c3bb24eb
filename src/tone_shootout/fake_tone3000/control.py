"""Switches under `/control`: what real TONE3000 has not, and whoever tests a client wants."""

from typing import Any, Final

from litestar import Controller, get, post, put
from litestar.datastructures import State
from msgspec import Struct

from tone_shootout.fake_tone3000.oauth import device_of
from tone_shootout.fake_tone3000.people import PEOPLE
from tone_shootout.fake_tone3000.tones import Visibility
from tone_shootout.fake_tone3000.world import CLIENT_ID, SECRET_KEY, Fault, Options, RefusedError, Request, World


class Whose(Struct, kw_only=True, forbid_unknown_fields=True):
    """A person."""

    user: str = "lab_rat"


class DeviceDecision(Struct, kw_only=True, forbid_unknown_fields=True):
    """What somebody decides about a device; null: its code expires."""

    user_code: str | None = None
    """Null: the one that came last."""
    allow: bool | None = True
    user: str = "lab_rat"


class Shown(Struct, kw_only=True, forbid_unknown_fields=True):
    """Who sees a tone from now on."""

    visibility: Visibility


class Control(Controller):
    """What can be switched and looked at."""

    path = "/control"

    @get("/")
    async def what_there_is(self) -> dict[str, Any]:
        """Say what a client has to be configured with."""
        return {"client_id": CLIENT_ID, "secret_key": SECRET_KEY, "people": list(PEOPLE)}

    @post("/reset", status_code=204)
    async def reset(self, state: State) -> None:
        """Forget everything that has happened."""
        state["world"].reset()

    @put("/options", status_code=204)
    async def set_options(self, state: State, data: Options) -> None:
        """Behave in another way; what is left out is as at the start."""
        state["world"].options = data

    @post("/faults", status_code=204)
    async def add_fault(self, state: State, data: Fault) -> None:
        """Let something go wrong."""
        state["world"].faults.append(data)

    @post("/tokens", status_code=200)
    async def issue(self, state: State, data: Whose) -> dict[str, Any]:
        """Return tokens of a person without a sign-in."""
        return world_with(state, data.user).issue(data.user)

    @post("/revoke", status_code=204)
    async def revoke(self, state: State, data: Whose) -> None:
        """Let none of a person's tokens count any more."""
        world_with(state, data.user).revoke(data.user)

    @post("/expire", status_code=204)
    async def expire(self, state: State, data: Whose) -> None:
        """Let a person's access tokens expire, not the refresh tokens."""
        world_with(state, data.user).expire(data.user)

    @post("/devices", status_code=204)
    async def decide(self, state: State, data: DeviceDecision) -> None:
        """Decide about a device."""
        world: World = state["world"]
        last = next(reversed(world.devices.values()), None)
        device = device_of(world, data.user_code or (last.user_code if last else ""))
        if data.allow is None:
            device.expires_at = 0.0
        else:
            device.user, device.is_denied = data.user, not data.allow

    @put("/tones/{tone_id:int}", status_code=204)
    async def show(self, state: State, tone_id: int, data: Shown) -> None:
        """Let a tone be public, private or gone."""
        state["world"].tones[tone_id].visibility = data.visibility

    @get("/requests")
    async def requests(self, state: State) -> list[Request]:
        """List all requests since the last reset, those to the switches left out."""
        found: list[Request] = state["world"].requests
        return found


def world_with(state: State, user: str) -> World:
    """Return the state.

    Raises:
        RefusedError: there is no such person in it.
    """
    if user not in PEOPLE:
        raise RefusedError(404, {"error": "No such person"})
    world: World = state["world"]
    return world


HANDLERS: Final = (Control,)

"""Users of the stand-in."""

from typing import Final

from msgspec import Struct

JOINED: Final = "2025-11-02T08:15:00.5+00:00"


class Person(Struct, kw_only=True, frozen=True):
    """A user account."""

    id: str
    username: str
    display_name: str | None = None
    is_verified: bool = False
    has_picture: bool = False

    def embedded(self, base: str) -> dict[str, object]:
        """Return the JSON of the user inside a tone."""
        return {
            "id": self.id,
            "username": self.username,
            "display_name": self.display_name,
            "is_verified": self.is_verified,
            "avatar_url": f"{base}/img/{self.username}.png" if self.has_picture else None,
            "url": f"{base}/{self.username}",
        }

    def account(self, base: str) -> dict[str, object]:
        """Return the JSON of the full account."""
        return {
            **self.embedded(base),
            "bio": None,
            "links": None,
            "created_at": JOINED,
            "updated_at": "2026-08-19T21:00:11.482911+00:00",
        }


LAB_RAT: Final = Person(id="5b0d1c7e-6a43-4f0e-9a5b-2f6c1e77aa01", username="lab_rat")
VALVE_SHED: Final = Person(
    id="c2f4a9d0-1111-4c22-8d33-0a0b0c0d0e01",
    username="valve-shed",
    display_name="Valve Shed",
    is_verified=True,
    has_picture=True,
)
BOX_MIKER: Final = Person(id="d7aa0000-2222-4b33-9c44-1a1b1c1d1e02", username="box.miker")

PEOPLE: Final = {person.username: person for person in (LAB_RAT, VALVE_SHED, BOX_MIKER)}

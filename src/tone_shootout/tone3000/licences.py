"""The licences under which creators publish at TONE3000, and what follows from each.

Their wire strings are TONE3000's own. A licence that is not known, or not stated, is treated as the strictest: credit
is given, the file stays with whoever fetched it, and nothing commercial is taken for granted.
"""

from typing import Final

from msgspec import Struct

POWERED_BY: Final = "Powered by TONE3000"
HOME: Final = "https://www.tone3000.com"
_COMMONS: Final = "https://creativecommons.org/share-your-work/cclicenses/"


class Licence(Struct, frozen=True, kw_only=True):
    """A licence.

    Attributes:
        code: TONE3000's word for it.
        name: what people call it.
        url: where it can be read; empty where nobody knows. TONE3000 states no version of the Creative Commons' ones,
            so neither do we.
        commercial: whether what is made with the file may be used commercially; None: not known.
    """

    code: str
    name: str
    url: str
    commercial: bool | None


_KNOWN: Final = {
    licence.code: licence
    for licence in (
        Licence(code="t3k", name="TONE3000 licence", url=f"{HOME}/terms", commercial=True),
        Licence(code="cc-by", name="CC BY", url=_COMMONS, commercial=True),
        Licence(code="cc-by-sa", name="CC BY-SA", url=_COMMONS, commercial=True),
        Licence(code="cc-by-nc", name="CC BY-NC", url=_COMMONS, commercial=False),
        Licence(code="cc-by-nc-sa", name="CC BY-NC-SA", url=_COMMONS, commercial=False),
        Licence(code="cc-by-nd", name="CC BY-ND", url=_COMMONS, commercial=True),
        Licence(code="cc-by-nc-nd", name="CC BY-NC-ND", url=_COMMONS, commercial=False),
        Licence(code="cc0", name="CC0", url="https://creativecommons.org/public-domain/cc0/", commercial=True),
    )
}
_KNOWN["cco"] = _KNOWN["cc0"]


def licence_of(code: str) -> Licence:
    """Return what is known of a licence by TONE3000's word for it."""
    found = _KNOWN.get(code.strip().lower())
    if found is not None:
        return found
    name = f"an unknown licence ({code})" if code else "an unstated licence"
    return Licence(code=code, name=name, url="", commercial=None)

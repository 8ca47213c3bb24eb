"""Licenses of tones at TONE3000.

The codes are TONE3000's own. An unknown or missing license is treated as the strictest: the creator is credited, the
file is not shared, and commercial use is not assumed to be allowed.
"""

from typing import Final

from msgspec import Struct

POWERED_BY: Final = "Powered by TONE3000"
HOME: Final = "https://www.tone3000.com"
_COMMONS: Final = "https://creativecommons.org/share-your-work/cclicenses/"


class License(Struct, frozen=True, kw_only=True):
    """A license.

    Attributes:
        code: code at TONE3000.
        name: display name.
        url: URL of the text; empty if unknown. TONE3000 states no version of Creative Commons licenses, so the URL is
            that of their overview.
        commercial: whether commercial use of audio made with the file is allowed; None: unknown.
    """

    code: str
    name: str
    url: str
    commercial: bool | None


_KNOWN: Final = {
    known.code: known
    for known in (
        License(code="t3k", name="TONE3000 license", url=f"{HOME}/terms", commercial=True),
        License(code="cc-by", name="CC BY", url=_COMMONS, commercial=True),
        License(code="cc-by-sa", name="CC BY-SA", url=_COMMONS, commercial=True),
        License(code="cc-by-nc", name="CC BY-NC", url=_COMMONS, commercial=False),
        License(code="cc-by-nc-sa", name="CC BY-NC-SA", url=_COMMONS, commercial=False),
        License(code="cc-by-nd", name="CC BY-ND", url=_COMMONS, commercial=True),
        License(code="cc-by-nc-nd", name="CC BY-NC-ND", url=_COMMONS, commercial=False),
        License(code="cc0", name="CC0", url="https://creativecommons.org/public-domain/cc0/", commercial=True),
    )
}
_KNOWN["cco"] = _KNOWN["cc0"]


def get_license(code: str) -> License:
    """Return the license with a code of TONE3000, ignoring case; an unknown code gives a license of unknown terms."""
    found = _KNOWN.get(code.strip().lower())
    if found is not None:
        return found
    name = f"an unknown license ({code})" if code else "an unstated license"
    return License(code=code, name=name, url="", commercial=None)

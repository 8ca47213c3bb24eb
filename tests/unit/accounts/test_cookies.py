from datetime import timedelta
from uuid import UUID

import pytest

from tone_shootout.accounts.cookies import expired_session_cookies, session_cookies
from tone_shootout.accounts.services import SessionTokens
from tone_shootout.kit.settings import SecuritySettings

TOKENS = SessionTokens(UUID(int=1), "access", timedelta(minutes=15), "refresh", timedelta(days=30))


@pytest.mark.parametrize("secure", [True, False])
def test_cookies_are_secure_if_the_settings_say_so(secure: bool) -> None:
    settings = SecuritySettings(cookie_secure=secure)
    for cookie in session_cookies(TOKENS, settings) + expired_session_cookies(settings):
        header = cookie.to_header()
        assert ("; Secure" in header) is secure
        assert "; HttpOnly" in header
        assert "; SameSite=lax" in header


def test_expired_cookies_have_the_names_and_paths_of_session_cookies() -> None:
    settings = SecuritySettings()
    expected = {(cookie.key, cookie.path, cookie.domain) for cookie in session_cookies(TOKENS, settings)}
    assert {(cookie.key, cookie.path, cookie.domain) for cookie in expired_session_cookies(settings)} == expected
    assert all((cookie.value, cookie.max_age) == ("", 0) for cookie in expired_session_cookies(settings))

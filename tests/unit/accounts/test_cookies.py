from datetime import timedelta

import pytest

from tone_shootout.accounts.cookies import expired_session_cookies, session_cookies
from tone_shootout.accounts.services import SessionTokens
from tone_shootout.kit.settings import SecuritySettings

GRANT = SessionTokens("access", timedelta(minutes=15), "refresh", timedelta(days=30))


@pytest.mark.parametrize("secure", [True, False])
def test_cookies_go_over_https_only_where_the_settings_say(secure: bool) -> None:
    settings = SecuritySettings(cookie_secure=secure)
    for cookie in session_cookies(GRANT, settings) + expired_session_cookies(settings):
        header = cookie.to_header()
        assert ("; Secure" in header) is secure
        assert "; HttpOnly" in header
        assert "; SameSite=lax" in header


def test_removal_names_every_cookie_where_it_was_set() -> None:
    settings = SecuritySettings()
    made = {(cookie.key, cookie.path, cookie.domain) for cookie in session_cookies(GRANT, settings)}
    assert {(cookie.key, cookie.path, cookie.domain) for cookie in expired_session_cookies(settings)} == made
    assert all((cookie.value, cookie.max_age) == ("", 0) for cookie in expired_session_cookies(settings))

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from tone_shootout.accounts.cookies import ACCESS_COOKIE, expired_session_cookies, find_session_cookie, session_cookies
from tone_shootout.accounts.sessions import SessionTokens
from tone_shootout.kit.settings import SecuritySettings, ServerSettings, Settings

TOKENS = SessionTokens(UUID(int=1), "access", timedelta(minutes=15), "refresh", timedelta(days=30))
SETTINGS = Settings(data=Path("data"))


@pytest.mark.parametrize("secure", [True, False])
def test_cookies_are_secure_if_the_settings_say_so(secure: bool) -> None:
    settings = replace(SETTINGS, security=SecuritySettings(cookie_secure=secure))
    for cookie in session_cookies(TOKENS, settings) + expired_session_cookies(settings):
        header = cookie.to_header()
        assert ("; Secure" in header) is secure
        assert "; HttpOnly" in header
        assert "; SameSite=lax" in header


def test_expired_cookies_have_the_names_and_paths_of_session_cookies() -> None:
    settings = SETTINGS
    expected = {(cookie.key, cookie.path, cookie.domain) for cookie in session_cookies(TOKENS, settings)}
    assert {(cookie.key, cookie.path, cookie.domain) for cookie in expired_session_cookies(settings)} == expected
    assert all((cookie.value, cookie.max_age) == ("", 0) for cookie in expired_session_cookies(settings))


def test_two_services_on_one_host_have_cookies_of_their_own() -> None:
    services = [replace(SETTINGS, server=ServerSettings(port=port)) for port in (8000, 8001)]
    jar = {cookie.key: str(service.server.port) for service in services for cookie in session_cookies(TOKENS, service)}
    assert len(jar) == 4
    assert [find_session_cookie(jar, ACCESS_COOKIE, service) for service in services] == ["8000", "8001"]


def test_a_service_with_a_public_url_has_cookies_without_a_port() -> None:
    service = replace(SETTINGS, server=ServerSettings(public_url="https://tones.example"))
    assert {cookie.key for cookie in session_cookies(TOKENS, service)} == {"shootout_access", "shootout_refresh"}


def test_programs_can_send_the_name_without_a_port() -> None:
    assert find_session_cookie({"shootout_access": "a"}, ACCESS_COOKIE, SETTINGS) == "a"
    assert find_session_cookie({}, ACCESS_COOKIE, SETTINGS) is None

import base64
import dataclasses
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest

from tone_shootout.accounts.credentials import (
    MAX_CREDENTIAL_LENGTH,
    AccessTokens,
    RefreshTokens,
    digest,
    new_api_token,
)
from tone_shootout.kit.settings import SecuritySettings, SettingsError

SETTINGS = SecuritySettings(secret="a" * 16 + "b" * 16 + "c" * 16)
OTHER_SECRET = "x" * 48
USER, SESSION = uuid4(), uuid4()
REFRESH_TOKENS = RefreshTokens(SETTINGS)
REFRESH_TOKEN = REFRESH_TOKENS.issue(SESSION)


@pytest.fixture
def access_tokens() -> AccessTokens:
    return AccessTokens(SETTINGS)


def claims(access_tokens: AccessTokens, **changes: Any) -> dict[str, Any]:
    """Return the claims of a valid token with changes; None removes a claim."""
    token = access_tokens.issue(user_id=USER, session_id=SESSION, now=datetime.now(UTC))
    valid: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return {name: value for name, value in (valid | changes).items() if value is not None}


def signed(claims: dict[str, Any], *, secret: str = SETTINGS.secret, algorithm: str = "HS256") -> str:
    return jwt.encode(claims, secret, algorithm=algorithm)


def unsigned(header: dict[str, Any], claims: dict[str, Any], signature: str = "") -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, claims)]
    return ".".join([*parts, signature])


def test_an_access_token_contains_its_user_and_session(access_tokens: AccessTokens) -> None:
    token = access_tokens.issue(user_id=USER, session_id=SESSION, now=datetime.now(UTC))
    assert access_tokens.verify(token) == (USER, SESSION)
    assert access_tokens.verify(signed(claims(access_tokens))) == (USER, SESSION)
    assert len(token) < MAX_CREDENTIAL_LENGTH


def test_an_access_token_expires_after_the_configured_lifetime(access_tokens: AccessTokens) -> None:
    lifetime = timedelta(minutes=SETTINGS.access_minutes)
    now = datetime.now(UTC)
    valid = access_tokens.issue(user_id=USER, session_id=SESSION, now=now - lifetime + timedelta(minutes=1))
    expired = access_tokens.issue(user_id=USER, session_id=SESSION, now=now - lifetime - timedelta(minutes=1))
    assert access_tokens.verify(valid) == (USER, SESSION)
    assert access_tokens.verify(expired) is None


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", ""])
def test_an_unsigned_token_is_refused(access_tokens: AccessTokens, algorithm: str) -> None:
    assert access_tokens.verify(unsigned({"alg": algorithm, "typ": "JWT"}, claims(access_tokens))) is None


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_another_algorithm_with_the_right_secret_is_refused(access_tokens: AccessTokens, algorithm: str) -> None:
    secret = "s" * 64
    pinned = AccessTokens(dataclasses.replace(SETTINGS, secret=secret))
    assert pinned.verify(signed(claims(access_tokens), secret=secret)) == (USER, SESSION)
    assert pinned.verify(signed(claims(access_tokens), secret=secret, algorithm=algorithm)) is None


def test_a_token_signed_with_another_secret_is_refused(access_tokens: AccessTokens) -> None:
    assert access_tokens.verify(signed(claims(access_tokens), secret=OTHER_SECRET)) is None


def test_a_key_in_the_token_header_is_ignored(access_tokens: AccessTokens) -> None:
    key = {"kty": "oct", "k": base64.urlsafe_b64encode(OTHER_SECRET.encode()).decode()}
    token = jwt.encode(claims(access_tokens), OTHER_SECRET, headers={"jwk": key, "kid": "/dev/null"})
    assert access_tokens.verify(token) is None


def test_claims_can_not_be_swapped_under_a_signature(access_tokens: AccessTokens) -> None:
    header, _, signature = signed(claims(access_tokens)).split(".")
    _, others, _ = signed(claims(access_tokens, sub=str(uuid4()))).split(".")
    assert access_tokens.verify(".".join([header, others, signature])) is None


@pytest.mark.parametrize(
    "change",
    [
        {"aud": "another-service"},
        {"aud": ["tone-shootout-api-2"]},
        {"iss": "somebody-else"},
        {"nbf": 32503680000},
        {"iat": 32503680000},
        {"exp": 0},
        {"exp": "never"},
        {"sub": "root"},
        {"sid": 7},
        {"sid": "'; DROP TABLE user_session; --"},
    ],
    ids=str,
)
def test_a_signed_token_with_a_wrong_claim_is_refused(access_tokens: AccessTokens, change: dict[str, Any]) -> None:
    assert access_tokens.verify(signed(claims(access_tokens, **change))) is None


@pytest.mark.parametrize("name", ["iss", "aud", "exp", "iat", "jti", "sub", "sid"])
def test_a_signed_token_that_lacks_a_claim_is_refused(access_tokens: AccessTokens, name: str) -> None:
    assert access_tokens.verify(signed(claims(access_tokens, **{name: None}))) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "a.b.c",
        "é.ü.ß",
        "\x00",
        "eyJhbGciOiJIUzI1NiJ9..",
        pytest.param(new_api_token(), id="an API token"),
        pytest.param(REFRESH_TOKEN, id="a refresh token"),
        base64.urlsafe_b64encode(b"[" * 100_000).decode() + ".e30.e30",
    ],
    ids=lambda text: text[:12],
)
def test_other_text_is_not_an_access_token(access_tokens: AccessTokens, text: str) -> None:
    assert access_tokens.verify(text) is None


def test_a_short_signing_secret_is_refused() -> None:
    with pytest.raises(SettingsError, match="SHOOTOUT_SECURITY_SECRET: expected at least 32 characters"):
        AccessTokens(SecuritySettings(secret="short"))


def test_a_refresh_token_contains_its_session() -> None:
    first, second = REFRESH_TOKENS.issue(SESSION), REFRESH_TOKENS.issue(SESSION)
    assert REFRESH_TOKENS.parse(first) == REFRESH_TOKENS.parse(second) == (SESSION, True)
    assert digest(first) != digest(second)
    assert RefreshTokens(SecuritySettings(secret=OTHER_SECRET)).parse(first) == (SESSION, False)


@pytest.mark.parametrize("index", [0, 15, 16, 47, 48, 65])
def test_a_changed_refresh_token_has_an_invalid_signature(index: int) -> None:
    content = bytearray(base64.urlsafe_b64decode(REFRESH_TOKEN.removeprefix("tsr_")))
    content[index] ^= 1
    parsed = REFRESH_TOKENS.parse("tsr_" + base64.urlsafe_b64encode(content).decode())
    assert parsed is not None
    assert parsed[1] is False


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tsr_",
        pytest.param(new_api_token(), id="an API token"),
        pytest.param(REFRESH_TOKEN[:-4], id="too short"),
        pytest.param(REFRESH_TOKEN + "AAAA", id="too long"),
        pytest.param(REFRESH_TOKEN.replace("tsr_", "tst_"), id="another prefix"),
        "tsr_" + "é" * 88,
        "tsr_" + "!" * 88,
        "tsr_" + "A" * 1_000_000,
    ],
    ids=lambda text: text[:12],
)
def test_other_text_is_not_a_refresh_token(text: str) -> None:
    assert REFRESH_TOKENS.parse(text) is None


def test_api_tokens_are_unique_and_have_256_random_bits() -> None:
    tokens = {new_api_token() for _ in range(100)}
    assert len(tokens) == 100
    assert all(len(base64.urlsafe_b64decode(token.removeprefix("tst_") + "=")) == 32 for token in tokens)

"""Settings are read once, typed, and refused when unsafe."""

import inspect
from dataclasses import fields, is_dataclass

import pytest

from tone_shootout.kit.settings import Settings, SettingsError, load_settings, new_encryption_key, new_secret

SAFE = {
    "SHOOTOUT_ENVIRONMENT": "production",
    "SHOOTOUT_DATA": "/srv/shootout",
    "SHOOTOUT_SECURITY_SECRET": new_secret(),
    "SHOOTOUT_SECURITY_ENCRYPTION_KEYS": f'["{new_encryption_key()}"]',
    "SHOOTOUT_SECURITY_COOKIE_SECURE": "true",
    "SHOOTOUT_SERVER_PUBLIC_URL": "https://shootout.example.org",
}


def test_without_anything_set_development_is_assumed() -> None:
    assert load_settings({}).environment == "development"


def test_values_are_converted_to_the_types_of_their_fields() -> None:
    found = load_settings(
        {
            "SHOOTOUT_SERVER_PORT": "9000",
            "SHOOTOUT_SERVER_ALLOWED_ORIGINS": '["https://a.example"]',
            "SHOOTOUT_STORAGE_OPTIONS": '{"aws_region": "eu-central-1"}',
            "SHOOTOUT_LIMITS_DI_SECONDS": "30",
            "SHOOTOUT_SECURITY_COOKIE_SECURE": "true",
        }
    )
    assert found.server.port == 9000
    assert found.server.allowed_origins == ["https://a.example"]
    assert found.storage.options == {"aws_region": "eu-central-1"}
    assert found.limits.di_seconds == 30.0
    assert found.security.cookie_secure is True


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SHOOTOUT_SERVER_PORT", "eighty"),
        ("SHOOTOUT_SERVER_ALLOWED_ORIGINS", "a.example"),
        ("SHOOTOUT_LOG_LEVEL", "LOUD"),
        ("SHOOTOUT_SERVER_PUBLIC_URL", "https://a.example/shootout"),
        ("SHOOTOUT_SERVER_PUBLIC_URL", "a.example"),
        ("SHOOTOUT_SERVER_PUBLIC_URL", "https://a.example:port"),
        ("SHOOTOUT_SERVER_ALLOWED_ORIGINS", '["*"]'),
        ("SHOOTOUT_LIMITS_REQUESTS_PER_MINUTE", "-1"),
        ("SHOOTOUT_SECURITY_ACCESS_MINUTES", "-15"),
        ("SHOOTOUT_LIMITS_DI_SECONDS", "nan"),
        ("SHOOTOUT_WORKER_BACKOFF_S", "inf"),
        ("SHOOTOUT_WEBHOOKS_ALLOWED_NETWORKS", '["10.0.0.1/8"]'),
        ("SHOOTOUT_WEBHOOKS_ALLOWED_NETWORKS", '["everything"]'),
        ("SHOOTOUT_ENVIRONMENT", "staging"),
        ("SHOOTOUT_SERVER_PROT", "8000"),
        ("SHOOTOUT_TONE3000_CLIENT_ID", "t3k_cs_some-secret"),
        ("SHOOTOUT_TONE3000_BASE_URL", "http://tone3000.example"),
        ("SHOOTOUT_TONE3000_BASE_URL", "https://user@www.tone3000.com"),
        ("SHOOTOUT_TONE3000_BASE_URL", "https://www.tone3000.com/api"),
        ("SHOOTOUT_TONE3000_BASE_URL", "www.tone3000.com"),
        ("SHOOTOUT_TONE3000_BASE_URL", "https://[www.tone3000.com"),
    ],
)
def test_a_setting_that_can_not_be_used_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        load_settings({name: value})


def test_safe_values_start_in_production() -> None:
    assert load_settings(SAFE).environment == "production"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SHOOTOUT_SECURITY_SECRET", ""),
        ("SHOOTOUT_SECURITY_SECRET", "short"),
        ("SHOOTOUT_SECURITY_SECRET", "a" * 64),
        ("SHOOTOUT_SECURITY_ENCRYPTION_KEYS", "[]"),
        ("SHOOTOUT_SECURITY_COOKIE_SECURE", "false"),
        ("SHOOTOUT_SERVER_PUBLIC_URL", "http://shootout.example.org"),
        ("SHOOTOUT_TONE3000_BASE_URL", "http://127.0.0.1:8300"),
        ("SHOOTOUT_DATABASE_ECHO", "true"),
    ],
)
def test_an_unsafe_value_refuses_to_start_in_production(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        load_settings({**SAFE, name: value})


def test_the_secrets_are_not_in_what_is_printed_of_the_settings() -> None:
    settings = load_settings(SAFE)
    for secret in (settings.security.secret, *settings.security.encryption_keys):
        assert secret not in repr(settings)


def test_a_secret_key_of_tone3000_is_refused_without_being_repeated() -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings({"SHOOTOUT_TONE3000_CLIENT_ID": "t3k_cs_some-secret"})
    assert "some-secret" not in str(refused.value)


@pytest.mark.parametrize("url", ["https://www.tone3000.com", "http://127.0.0.1:8300", "http://[::1]:8300"])
def test_tone3000_may_be_the_real_one_or_one_on_this_machine(url: str) -> None:
    assert load_settings({"SHOOTOUT_TONE3000_BASE_URL": url}).tone3000.base_url == url


def test_tone3000_sends_people_back_to_the_public_address_unless_set() -> None:
    public = {"SHOOTOUT_SERVER_PUBLIC_URL": "https://shootout.example.org"}
    back = "https://shootout.example.org/api/v1/auth/callback"
    assert load_settings(public).tone3000_redirect_url == back
    other = {**public, "SHOOTOUT_TONE3000_REDIRECT_URL": "http://localhost:1234/back"}
    assert load_settings(other).tone3000_redirect_url == "http://localhost:1234/back"


def test_storage_is_a_folder_of_the_data_folder_unless_set() -> None:
    assert load_settings({"SHOOTOUT_DATA": "/srv/x"}).storage_url == "file:///srv/x/objects"
    assert load_settings({"SHOOTOUT_STORAGE_URL": "s3://b/p"}).storage_url == "s3://b/p"


def test_every_field_has_a_docstring_of_its_own() -> None:
    for group in (Settings, *(f.default_factory for f in fields(Settings))):
        if not (isinstance(group, type) and is_dataclass(group)):
            continue
        body = inspect.getsource(group)
        for field in fields(group):
            after = body.split(f"\n    {field.name}: ")[1].split("\n", 1)[1]
            documented = field.name in {g.name for g in fields(Settings)} and is_dataclass(field.type)
            assert documented or after.lstrip().startswith('"""') or group is Settings, f"{group.__name__}.{field.name}"

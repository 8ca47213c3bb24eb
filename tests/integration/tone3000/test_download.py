"""Downloads come only from allowed hosts, are complete and limited in size, and do not leak the token."""

from pathlib import Path

import pytest
from redis.asyncio import Redis

from tests.support.tone3000 import StandIn
from tone_shootout.demo import bundled_capture
from tone_shootout.tone3000.client import Tone3000
from tone_shootout.tone3000.download import Downloads
from tone_shootout.tone3000.errors import (
    BadAnswerError,
    DownloadTooLargeError,
    ForeignAddressError,
    NotAvailableError,
    TokenRefusedError,
    Tone3000Error,
    UnreachableError,
)
from tone_shootout.tone3000.http_client import HttpClient
from tone_shootout.tone3000.types import Model

CLEAN, ONLY_OF_BOX_MIKER = 910001, 910041


def _model(url: str) -> Model:
    return Model(id=1, model_url=url)


async def test_a_file_is_downloaded_unchanged(
    downloads: Downloads, client: Tone3000, token: str, tmp_path: Path
) -> None:
    size = await downloads.fetch(token, await client.model(token, CLEAN), tmp_path / "file")
    expected = bundled_capture("clean.nam")
    assert (tmp_path / "file").read_bytes() == expected
    assert size == len(expected)


async def test_a_download_requires_access_to_the_tone(
    downloads: Downloads, client: Tone3000, tone3000: StandIn, tmp_path: Path
) -> None:
    hidden = await client.model(tone3000.token("box.miker"), ONLY_OF_BOX_MIKER)
    with pytest.raises(NotAvailableError):
        await downloads.fetch(tone3000.token("lab_rat"), hidden, tmp_path / "file")
    with pytest.raises(TokenRefusedError):
        await downloads.fetch("nonsense", hidden, tmp_path / "file")


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.example/api/v1/models/1/download/a.nam",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "//elsewhere.example/a.nam",
        "http://user:secret@127.0.0.1/a.nam",
        "http://127.0.0.1:1/a.nam",
        "http://localhost/a.nam",
        "http://[::1",
        "javascript:alert(1)",
    ],
)
async def test_a_url_on_another_host_gets_no_request(
    downloads: Downloads, tone3000: StandIn, token: str, tmp_path: Path, url: str
) -> None:
    with pytest.raises(ForeignAddressError):
        await downloads.fetch(token, _model(url), tmp_path / "file")
    assert not tone3000.requests()


async def test_relative_and_absolute_urls_resolve_to_the_same_file(downloads: Downloads, tone3000: StandIn) -> None:
    path = "/api/v1/models/910001/download/q1w2e3.nam"
    assert downloads.resolve_url(path) == f"{tone3000.url}{path}"
    assert downloads.resolve_url(f"{tone3000.url}{path}") == f"{tone3000.url}{path}"


@pytest.mark.parametrize("path", ["/a\x01b.nam", "/" + "x" * 70_000, "/a\x7f.nam"], ids=["control", "long", "delete"])
async def test_an_invalid_url_is_a_bad_answer(
    downloads: Downloads, client: Tone3000, tone3000: StandIn, token: str, tmp_path: Path, path: str
) -> None:
    with pytest.raises(BadAnswerError):
        await downloads.fetch(token, _model(path), tmp_path / "file")
    assert not tone3000.requests()


@pytest.mark.parametrize("host", ["localhost", "elsewhere.example"])
async def test_a_redirect_to_an_unknown_host_is_refused(
    downloads: Downloads, client: Tone3000, tone3000: StandIn, token: str, tmp_path: Path, host: str
) -> None:
    model = await client.model(token, CLEAN)
    port = tone3000.url.rpartition(":")[2]
    tone3000.fault("redirect", "/download/", location=f"http://{host}:{port}/elsewhere/clean.nam")
    with pytest.raises(ForeignAddressError):
        await downloads.fetch(token, model, tmp_path / "file")
    assert not tone3000.requests("/elsewhere/")


async def test_a_redirect_to_an_allowed_host_is_followed_without_the_token(
    client: Tone3000, tone3000: StandIn, token: str, tmp_path: Path
) -> None:
    model = await client.model(token, CLEAN)
    store = f"localhost:{tone3000.url.rpartition(':')[2]}"
    tone3000.fault("redirect", "/download/", location=f"http://{store}/elsewhere/clean.nam")
    async with HttpClient(tone3000.settings(file_hosts=[store]), None) as http_client:
        await Downloads(http_client).fetch(token, model, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == bundled_capture("clean.nam")
    assert [(request["host"], request["authorized"]) for request in tone3000.requests("/elsewhere/")] == [
        (store, False)
    ]


async def test_a_redirect_back_to_tone3000_does_not_restore_the_token(
    client: Tone3000, tone3000: StandIn, token: str, tmp_path: Path
) -> None:
    model = await client.model(token, CLEAN)
    store = f"localhost:{tone3000.url.rpartition(':')[2]}"
    tone3000.fault("redirect", "/download/", location=f"http://{store}/elsewhere/clean.nam")
    tone3000.fault("redirect", "/elsewhere/", location=f"{tone3000.url}/elsewhere/crunch.nam")
    async with HttpClient(tone3000.settings(file_hosts=[store]), None) as http_client:
        await Downloads(http_client).fetch(token, model, tmp_path / "file")
    assert [request["authorized"] for request in tone3000.requests("/elsewhere/")] == [False, False]


async def test_a_redirect_within_tone3000_is_followed_with_the_token(
    downloads: Downloads, client: Tone3000, tone3000: StandIn, token: str, tmp_path: Path
) -> None:
    model = await client.model(token, CLEAN)
    tone3000.fault("redirect", "/download/", location="/elsewhere/clean.nam")
    await downloads.fetch(token, model, tmp_path / "file")
    assert [request["authorized"] for request in tone3000.requests("/elsewhere/")] == [True]


async def test_endless_redirects_are_stopped(
    downloads: Downloads, client: Tone3000, tone3000: StandIn, token: str, tmp_path: Path
) -> None:
    model = await client.model(token, CLEAN)
    tone3000.fault("redirect", "/download/", location=model.model_url, times=0)
    with pytest.raises(Tone3000Error):
        await downloads.fetch(token, model, tmp_path / "file")
    assert len(tone3000.requests("/download/")) == 4


async def test_a_too_large_content_length_is_refused_before_the_download(
    downloads: Downloads, client: Tone3000, token: str, tmp_path: Path
) -> None:
    with pytest.raises(DownloadTooLargeError):
        await downloads.fetch(token, await client.model(token, CLEAN), tmp_path / "file", max_bytes=1000)
    assert not (tmp_path / "file").exists()


async def test_an_endless_file_is_stopped_at_the_limit(
    downloads: Downloads, client: Tone3000, tone3000: StandIn, token: str, tmp_path: Path
) -> None:
    model = await client.model(token, CLEAN)
    tone3000.fault("oversized", "/download/")
    with pytest.raises(DownloadTooLargeError):
        await downloads.fetch(token, model, tmp_path / "file", max_bytes=200_000)
    assert (tmp_path / "file").stat().st_size <= 200_000


@pytest.mark.parametrize("kind", ["status", "truncated"])
async def test_a_failed_download_is_retried(
    downloads: Downloads, client: Tone3000, tone3000: StandIn, token: str, tmp_path: Path, kind: str
) -> None:
    model = await client.model(token, CLEAN)
    tone3000.fault(kind, "/download/", status=503)
    await downloads.fetch(token, model, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == bundled_capture("clean.nam")
    assert len(tone3000.requests("/download/")) == 2


async def test_a_slow_download_times_out(
    tone3000: StandIn, redis: Redis, client: Tone3000, token: str, tmp_path: Path
) -> None:
    model = await client.model(token, CLEAN)
    tone3000.fault("slow_body", "/download/", delay_s=0.2, times=0)
    async with HttpClient(tone3000.settings(download_timeout_s=0.5, attempts=1), redis) as http_client:
        with pytest.raises(UnreachableError):
            await Downloads(http_client).fetch(token, model, tmp_path / "file")


async def test_a_compressed_file_is_refused(
    downloads: Downloads, client: Tone3000, tone3000: StandIn, token: str, tmp_path: Path
) -> None:
    model = await client.model(token, CLEAN)
    tone3000.fault("gzip", "/download/")
    with pytest.raises(Tone3000Error, match="compressed"):
        await downloads.fetch(token, model, tmp_path / "file")

"""Files come from TONE3000's own addresses, whole and bounded, and no token goes anywhere else."""

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


async def test_a_file_arrives_byte_for_byte(downloads: Downloads, client: Tone3000, token: str, tmp_path: Path) -> None:
    size = await downloads.fetch(token, await client.model(token, CLEAN), tmp_path / "file")
    expected = bundled_capture("clean.nam")
    assert (tmp_path / "file").read_bytes() == expected
    assert size == len(expected)


async def test_a_file_needs_a_token_that_may_see_it(
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
async def test_an_address_elsewhere_is_not_even_asked(
    downloads: Downloads, tone3000: StandIn, token: str, tmp_path: Path, url: str
) -> None:
    with pytest.raises(ForeignAddressError):
        await downloads.fetch(token, _model(url), tmp_path / "file")
    assert not tone3000.requests()


async def test_an_address_that_names_the_same_place_in_another_way_is_the_same_place(
    downloads: Downloads, tone3000: StandIn
) -> None:
    path = "/api/v1/models/910001/download/q1w2e3.nam"
    assert downloads.resolve_url(path) == f"{tone3000.url}{path}"
    assert downloads.resolve_url(f"{tone3000.url}{path}") == f"{tone3000.url}{path}"


@pytest.mark.parametrize("path", ["/a\x01b.nam", "/" + "x" * 70_000, "/a\x7f.nam"], ids=["control", "long", "delete"])
async def test_an_address_that_nobody_can_ask_is_a_bad_answer(
    downloads: Downloads, client: Tone3000, tone3000: StandIn, token: str, tmp_path: Path, path: str
) -> None:
    with pytest.raises(BadAnswerError):
        await downloads.fetch(token, _model(path), tmp_path / "file")
    assert not tone3000.requests()


@pytest.mark.parametrize("host", ["localhost", "elsewhere.example"])
async def test_being_sent_on_to_a_place_that_is_not_known_is_refused(
    downloads: Downloads, client: Tone3000, tone3000: StandIn, token: str, tmp_path: Path, host: str
) -> None:
    model = await client.model(token, CLEAN)
    port = tone3000.url.rpartition(":")[2]
    tone3000.fault("redirect", "/download/", location=f"http://{host}:{port}/elsewhere/clean.nam")
    with pytest.raises(ForeignAddressError):
        await downloads.fetch(token, model, tmp_path / "file")
    assert not tone3000.requests("/elsewhere/")


async def test_being_sent_on_to_a_store_of_tone3000_s_is_followed_without_the_token(
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


async def test_a_store_can_not_send_the_token_back_to_itself_by_way_of_tone3000(
    client: Tone3000, tone3000: StandIn, token: str, tmp_path: Path
) -> None:
    model = await client.model(token, CLEAN)
    store = f"localhost:{tone3000.url.rpartition(':')[2]}"
    tone3000.fault("redirect", "/download/", location=f"http://{store}/elsewhere/clean.nam")
    tone3000.fault("redirect", "/elsewhere/", location=f"{tone3000.url}/elsewhere/crunch.nam")
    async with HttpClient(tone3000.settings(file_hosts=[store]), None) as http_client:
        await Downloads(http_client).fetch(token, model, tmp_path / "file")
    assert [request["authorized"] for request in tone3000.requests("/elsewhere/")] == [False, False]


async def test_being_sent_on_within_tone3000_is_followed_with_the_token(
    downloads: Downloads, client: Tone3000, tone3000: StandIn, token: str, tmp_path: Path
) -> None:
    model = await client.model(token, CLEAN)
    tone3000.fault("redirect", "/download/", location="/elsewhere/clean.nam")
    await downloads.fetch(token, model, tmp_path / "file")
    assert [request["authorized"] for request in tone3000.requests("/elsewhere/")] == [True]


async def test_being_sent_around_without_end_is_given_up(
    downloads: Downloads, client: Tone3000, tone3000: StandIn, token: str, tmp_path: Path
) -> None:
    model = await client.model(token, CLEAN)
    tone3000.fault("redirect", "/download/", location=model.model_url, times=0)
    with pytest.raises(Tone3000Error):
        await downloads.fetch(token, model, tmp_path / "file")
    assert len(tone3000.requests("/download/")) == 4


async def test_a_file_that_announces_too_much_is_not_read(
    downloads: Downloads, client: Tone3000, token: str, tmp_path: Path
) -> None:
    with pytest.raises(DownloadTooLargeError):
        await downloads.fetch(token, await client.model(token, CLEAN), tmp_path / "file", max_bytes=1000)
    assert not (tmp_path / "file").exists()


async def test_a_file_without_end_is_cut_off(
    downloads: Downloads, client: Tone3000, tone3000: StandIn, token: str, tmp_path: Path
) -> None:
    model = await client.model(token, CLEAN)
    tone3000.fault("oversized", "/download/")
    with pytest.raises(DownloadTooLargeError):
        await downloads.fetch(token, model, tmp_path / "file", max_bytes=200_000)
    assert (tmp_path / "file").stat().st_size <= 200_000


@pytest.mark.parametrize("kind", ["status", "truncated"])
async def test_a_file_that_breaks_off_is_fetched_again(
    downloads: Downloads, client: Tone3000, tone3000: StandIn, token: str, tmp_path: Path, kind: str
) -> None:
    model = await client.model(token, CLEAN)
    tone3000.fault(kind, "/download/", status=503)
    await downloads.fetch(token, model, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == bundled_capture("clean.nam")
    assert len(tone3000.requests("/download/")) == 2


async def test_a_file_that_comes_too_slowly_is_given_up(
    tone3000: StandIn, redis: Redis, client: Tone3000, token: str, tmp_path: Path
) -> None:
    model = await client.model(token, CLEAN)
    tone3000.fault("slow_body", "/download/", delay_s=0.2, times=0)
    async with HttpClient(tone3000.settings(download_timeout_s=0.5, attempts=1), redis) as http_client:
        with pytest.raises(UnreachableError):
            await Downloads(http_client).fetch(token, model, tmp_path / "file")


async def test_a_compressed_file_is_refused_because_it_could_unfold_without_end(
    downloads: Downloads, client: Tone3000, tone3000: StandIn, token: str, tmp_path: Path
) -> None:
    model = await client.model(token, CLEAN)
    tone3000.fault("gzip", "/download/")
    with pytest.raises(Tone3000Error, match="compressed"):
        await downloads.fetch(token, model, tmp_path / "file")

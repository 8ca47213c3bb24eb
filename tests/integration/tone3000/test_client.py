"""The client of TONE3000's API."""

import pytest

from tests.support.tone3000 import StandIn
from tone_shootout.tone3000.client import Search, Tone3000, iter_pages
from tone_shootout.tone3000.errors import NotAvailableError, NotPermittedError, SearchOffError, TokenRefusedError
from tone_shootout.tone3000.http_client import HttpClient
from tone_shootout.tone3000.types import Page, Tone

BLUEBIRD, KITCHEN_FUZZ, NIGHTJAR, EMPTY_SHELF, OPEN_BACK, BACK_ROOM = 900101, 900102, 900103, 900104, 900201, 900301


async def test_a_token_identifies_its_user(client: Tone3000, tone3000: StandIn) -> None:
    for username in ("lab_rat", "valve-shed"):
        assert (await client.user(tone3000.token(username))).username == username


async def test_a_tone_has_its_creator_and_license(client: Tone3000, token: str) -> None:
    tone = await client.tone(token, BLUEBIRD)
    assert (tone.title, tone.user.name, tone.license, tone.gear) == ("Bluebird 45 Lead", "Valve Shed", "t3k", "amp")
    assert [make.name for make in tone.makes] == ["Bluebird 45"]
    assert tone.published_at is not None


async def test_unknown_enumeration_values_are_kept(client: Tone3000, token: str) -> None:
    tone = await client.tone(token, EMPTY_SHELF)
    assert (tone.gear, tone.format, tone.license) == ("tape-echo", "future-format", "house-rules")
    assert (tone.images, tone.sizes, tone.is_public, tone.files_count) == ([], [], None, 0)


@pytest.mark.parametrize(
    ("tone_id", "expected"),
    [
        (BLUEBIRD, {"1": 3, "2": 4}),
        (KITCHEN_FUZZ, {"custom": 1}),
        (NIGHTJAR, {"2": 2}),
        (OPEN_BACK, {None: 3}),
        (EMPTY_SHELF, {}),
        (900401, {None: 1}),
    ],
)
async def test_models_of_every_architecture_are_listed_once(
    client: Tone3000, token: str, tone_id: int, expected: dict[str | None, int]
) -> None:
    models = await client.all_models(token, await client.tone(token, tone_id))
    counted: dict[str | None, int] = {}
    for model in models:
        counted[model.architecture_version] = counted.get(model.architecture_version, 0) + 1
    assert counted == expected
    assert len({model.id for model in models}) == len(models)


async def test_only_architectures_of_the_tone_are_requested(client: Tone3000, token: str, tone3000: StandIn) -> None:
    await client.all_models(token, await client.tone(token, OPEN_BACK))
    assert [request["query"].count("architecture") for request in tone3000.requests("/models$")] == [0]


async def test_trending_needs_no_token(client: Tone3000) -> None:
    assert [tone.id for tone in await client.trending()][:2] == [BLUEBIRD, OPEN_BACK]
    assert [tone.id for tone in await client.trending(gear="cab")] == [OPEN_BACK]


async def test_lists_belong_to_the_user(client: Tone3000, tone3000: StandIn, token: str) -> None:
    assert [tone.id for tone in (await client.favorited(token)).data] == [BLUEBIRD, KITCHEN_FUZZ, OPEN_BACK]
    assert [tone.id for tone in (await client.created(token)).data] == [KITCHEN_FUZZ]
    assert (await client.downloaded(token)).total == 0
    assert [tone.id for tone in (await client.favorited(token, gear="cab")).data] == [OPEN_BACK]
    assert [tone.id for tone in (await client.favorited(token, query="bird")).data] == [BLUEBIRD]
    assert (await client.favorited(tone3000.token("valve-shed"))).total == 0
    assert NIGHTJAR in {tone.id for tone in await client.latest(token)}


async def test_all_pages_of_a_list_are_read_in_order(client: Tone3000, token: str) -> None:
    async def page(number: int) -> Page[Tone]:
        return await client.favorited(token, page=number, page_size=2)

    assert [tone.id async for tone in iter_pages(page)] == [BLUEBIRD, KITCHEN_FUZZ, OPEN_BACK]


async def test_a_limited_page_states_its_size(client: Tone3000, token: str) -> None:
    assert (await client.search(token, Search(), page_size=100)).page_size == 25
    assert (await client.users(token, page_size=100)).page_size == 10


async def test_search_combines_all_criteria(client: Tone3000, token: str) -> None:
    async def found(search: Search) -> set[int]:
        return {tone.id for tone in (await client.search(token, search)).data}

    assert BLUEBIRD in await found(Search(query="bluebird"))
    assert NIGHTJAR not in await found(Search())
    assert await found(Search(architecture="2")) & {BLUEBIRD, NIGHTJAR} == {BLUEBIRD, NIGHTJAR}
    assert await found(Search(format="ir")) == {OPEN_BACK}
    assert await found(Search(tags=("crunch", "with_underscore"))) == {BLUEBIRD}
    assert await found(Search(gears=("cab", "pedal"))) == {OPEN_BACK}
    assert await found(Search(creators=("valve-shed",), verified=True)) == {BLUEBIRD}


async def test_search_results_with_other_fields_are_decoded(client: Tone3000, token: str) -> None:
    row = (await client.search(token, Search(query="bluebird"))).data[0]
    assert ([tag.name for tag in row.tags], row.files_count, row.sizes) == (["crunch", "high gain"], 7, [])


async def test_disabled_search_sends_no_request(tone3000: StandIn, http_client: HttpClient, token: str) -> None:
    async with HttpClient(tone3000.settings(), None) as strict:
        with pytest.raises(SearchOffError):
            await Tone3000(strict).search(token, Search())
    assert not tone3000.requests("search")


async def test_makes_tags_and_users_are_listed(client: Tone3000, token: str) -> None:
    assert [make.name for make in (await client.makes(token, query="blue")).data] == ["Bluebird 45"]
    assert [tag.name for tag in (await client.tags(token, sort="name")).data] == ["cab", "crunch", "high gain"]
    assert [person.username for person in (await client.users(token, query="box")).data] == ["box.miker"]


async def test_favorite_and_unfavorite_are_idempotent(client: Tone3000, token: str) -> None:
    for _ in range(2):
        assert (await client.favorite(token, NIGHTJAR)).tone_id == NIGHTJAR
    assert (await client.tone(token, NIGHTJAR)).is_favorite
    for _ in range(2):
        await client.unfavorite(token, NIGHTJAR)
    assert not (await client.tone(token, NIGHTJAR)).is_favorite


@pytest.mark.parametrize("status", [403, 404])
async def test_hidden_and_missing_tones_give_the_same_error(
    client: Tone3000, tone3000: StandIn, token: str, status: int
) -> None:
    tone3000.set_options(hidden_status=status)
    for tone_id in (BACK_ROOM, 999_999):
        with pytest.raises(NotAvailableError):
            await client.tone(token, tone_id)
        with pytest.raises(NotAvailableError):
            await client.models(token, tone_id)
    with pytest.raises(NotAvailableError):
        await client.model(token, 910041)


async def test_archives_are_reserved_for_partners(client: Tone3000, token: str) -> None:
    with pytest.raises(NotPermittedError):
        await client.tone_download(token, BLUEBIRD)


@pytest.mark.parametrize("bad", ["", "nonsense", "t3k_pub_stand_in"])
async def test_an_invalid_token_has_its_own_error(client: Tone3000, bad: str) -> None:
    with pytest.raises(TokenRefusedError):
        await client.user(bad)


async def test_an_expired_token_does_not_count(client: Tone3000, tone3000: StandIn, token: str) -> None:
    tone3000.expire()
    with pytest.raises(TokenRefusedError):
        await client.tone(token, BLUEBIRD)

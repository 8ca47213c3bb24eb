"""The client reads everything that TONE3000 has, and hides nothing."""

import pytest

from tests.support.tone3000 import StandIn
from tone_shootout.tone3000.client import Search, Tone3000, iter_pages
from tone_shootout.tone3000.errors import NotAvailableError, NotPermittedError, SearchOffError, TokenRefusedError
from tone_shootout.tone3000.http_client import HttpClient
from tone_shootout.tone3000.types import Page, Tone

BLUEBIRD, KITCHEN_FUZZ, NIGHTJAR, EMPTY_SHELF, OPEN_BACK, BACK_ROOM = 900101, 900102, 900103, 900104, 900201, 900301


async def test_a_person_is_known_by_their_token(client: Tone3000, tone3000: StandIn) -> None:
    for username in ("lab_rat", "valve-shed"):
        assert (await client.user(tone3000.token(username))).username == username


async def test_a_tone_is_read_with_its_creator_and_its_licence(client: Tone3000, token: str) -> None:
    tone = await client.tone(token, BLUEBIRD)
    assert (tone.title, tone.user.name, tone.license, tone.gear) == ("Bluebird 45 Lead", "Valve Shed", "t3k", "amp")
    assert [make.name for make in tone.makes] == ["Bluebird 45"]
    assert tone.published_at is not None


async def test_values_that_nobody_has_told_of_are_kept_as_they_are(client: Tone3000, token: str) -> None:
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
async def test_files_of_every_architecture_are_listed_each_once(
    client: Tone3000, token: str, tone_id: int, expected: dict[str | None, int]
) -> None:
    models = await client.all_models(token, await client.tone(token, tone_id))
    counted: dict[str | None, int] = {}
    for model in models:
        counted[model.architecture_version] = counted.get(model.architecture_version, 0) + 1
    assert counted == expected
    assert len({model.id for model in models}) == len(models)


async def test_an_architecture_is_only_asked_for_where_there_is_one(
    client: Tone3000, token: str, tone3000: StandIn
) -> None:
    await client.all_models(token, await client.tone(token, OPEN_BACK))
    assert [request["query"].count("architecture") for request in tone3000.requests("/models$")] == [0]


async def test_trending_needs_nobody_to_be_signed_in(client: Tone3000) -> None:
    assert [tone.id for tone in await client.trending()][:2] == [BLUEBIRD, OPEN_BACK]
    assert [tone.id for tone in await client.trending(gear="cab")] == [OPEN_BACK]


async def test_lists_are_a_persons_own(client: Tone3000, tone3000: StandIn, token: str) -> None:
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


async def test_a_page_that_is_cut_says_so(client: Tone3000, token: str) -> None:
    assert (await client.search(token, Search(), page_size=100)).page_size == 25
    assert (await client.users(token, page_size=100)).page_size == 10


async def test_a_search_combines_what_it_looks_for(client: Tone3000, token: str) -> None:
    async def found(search: Search) -> set[int]:
        return {tone.id for tone in (await client.search(token, search)).data}

    assert BLUEBIRD in await found(Search(query="bluebird"))
    assert NIGHTJAR not in await found(Search())
    assert await found(Search(architecture="2")) & {BLUEBIRD, NIGHTJAR} == {BLUEBIRD, NIGHTJAR}
    assert await found(Search(format="ir")) == {OPEN_BACK}
    assert await found(Search(tags=("crunch", "with_underscore"))) == {BLUEBIRD}
    assert await found(Search(gears=("cab", "pedal"))) == {OPEN_BACK}
    assert await found(Search(creators=("valve-shed",), verified=True)) == {BLUEBIRD}


async def test_search_rows_are_read_though_they_have_other_columns(client: Tone3000, token: str) -> None:
    row = (await client.search(token, Search(query="bluebird"))).data[0]
    assert ([tag.name for tag in row.tags], row.files_count, row.sizes) == (["crunch", "high gain"], 7, [])


async def test_a_search_is_not_even_tried_where_it_is_off(
    tone3000: StandIn, http_client: HttpClient, token: str
) -> None:
    async with HttpClient(tone3000.settings(), None) as strict:
        with pytest.raises(SearchOffError):
            await Tone3000(strict).search(token, Search())
    assert not tone3000.requests("search")


async def test_makes_tags_and_people_are_listed(client: Tone3000, token: str) -> None:
    assert [make.name for make in (await client.makes(token, query="blue")).data] == ["Bluebird 45"]
    assert [tag.name for tag in (await client.tags(token, sort="name")).data] == ["cab", "crunch", "high gain"]
    assert [person.username for person in (await client.users(token, query="box")).data] == ["box.miker"]


async def test_a_tone_is_kept_and_let_go_however_often(client: Tone3000, token: str) -> None:
    for _ in range(2):
        assert (await client.favorite(token, NIGHTJAR)).tone_id == NIGHTJAR
    assert (await client.tone(token, NIGHTJAR)).is_favorite
    for _ in range(2):
        await client.unfavorite(token, NIGHTJAR)
    assert not (await client.tone(token, NIGHTJAR)).is_favorite


@pytest.mark.parametrize("status", [403, 404])
async def test_what_is_hidden_is_not_told_from_what_is_not_there(
    client: Tone3000, tone3000: StandIn, token: str, status: int
) -> None:
    tone3000.behave(hidden_status=status)
    for tone_id in (BACK_ROOM, 999_999):
        with pytest.raises(NotAvailableError):
            await client.tone(token, tone_id)
        with pytest.raises(NotAvailableError):
            await client.models(token, tone_id)
    with pytest.raises(NotAvailableError):
        await client.model(token, 910041)


async def test_archives_are_for_partners(client: Tone3000, token: str) -> None:
    with pytest.raises(NotPermittedError):
        await client.tone_download(token, BLUEBIRD)


@pytest.mark.parametrize("bad", ["", "nonsense", "t3k_pub_stand_in"])
async def test_a_token_that_does_not_count_is_told_from_everything_else(client: Tone3000, bad: str) -> None:
    with pytest.raises(TokenRefusedError):
        await client.user(bad)


async def test_an_expired_token_does_not_count(client: Tone3000, tone3000: StandIn, token: str) -> None:
    tone3000.expire()
    with pytest.raises(TokenRefusedError):
        await client.tone(token, BLUEBIRD)

"""The demo's files in a library."""

from tests.integration.conftest import Person


async def test_the_demo_adds_its_files_once(user: Person) -> None:
    first = (await user.client.post("/api/v1/library/demo")).json()
    kinds = [result["item"]["kind"] for result in first["results"]]
    assert (first["created"], kinds) == (6, ["di_track", *["capture"] * 3, *["cab_ir"] * 2])
    assert {tuple(result["item"]["tags"]) for result in first["results"]} == {("demo",)}
    second = (await user.client.post("/api/v1/library/demo")).json()
    assert (second["created"], second["existing"]) == (0, 6)
    assert [each["item"]["id"] for each in second["results"]] == [each["item"]["id"] for each in first["results"]]

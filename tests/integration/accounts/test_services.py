from uuid import uuid4

import pytest

from tests.integration.conftest import Person
from tests.support.sessions import Sessions
from tone_shootout.accounts.errors import UserDisabledError, UserExistsError, UserNameError, UserNotFoundError
from tone_shootout.accounts.services import AccountService


@pytest.mark.parametrize("name", ["a", "7", "Ada.Lovelace_1815-x", "x" * 64])
async def test_a_user_is_found_by_name_ignoring_case(clean: None, session_maker: Sessions, name: str) -> None:
    async with session_maker.begin() as session:
        made = await AccountService(session).create_user(name)
    async with session_maker() as session:
        for spelling in (name, name.upper(), name.lower()):
            assert (await AccountService(session).get_user_by_name(spelling)).id == made.id


@pytest.mark.parametrize(
    "name", ["", "x" * 65, ".a", "-a", "_a", "a b", "a/b", "é", "a\n", "a\x00", "../a", "a@b", "a'"]
)
async def test_a_name_that_needs_escaping_is_refused(clean: None, session_maker: Sessions, name: str) -> None:
    async with session_maker() as session:
        with pytest.raises(UserNameError):
            await AccountService(session).create_user(name)


@pytest.mark.parametrize("name", ["ada", "ADA", "Ada"])
async def test_names_are_unique_ignoring_case(user: Person, session_maker: Sessions, name: str) -> None:
    async with session_maker() as session:
        with pytest.raises(UserExistsError):
            await AccountService(session).create_user(name)


async def test_disabled_and_deleted_users_get_no_tokens(user: Person, session_maker: Sessions) -> None:
    async with session_maker() as session:
        accounts = AccountService(session)
        known = await accounts.get_user(user.id)
        await accounts.set_active(known, is_active=False)
        with pytest.raises(UserDisabledError):
            await accounts.issue_token(known, name="late")
        await accounts.set_active(known, is_active=True)
        session.expunge(known)
        await accounts.delete_user(user.id)
        with pytest.raises(UserNotFoundError):
            await accounts.issue_token(known, name="late")


async def test_an_unknown_user_is_not_found(clean: None, session_maker: Sessions) -> None:
    async with session_maker() as session:
        with pytest.raises(UserNotFoundError):
            await AccountService(session).get_user(uuid4())
        with pytest.raises(UserNotFoundError):
            await AccountService(session).get_user_by_name("nobody")

"""What can go wrong with accounts, as a client is told. No message repeats a credential."""

from tone_shootout.kit.problems import ConflictError, ForbiddenError, InvalidError, NotFoundError, UnauthorizedError


class InvalidCredentialsError(UnauthorizedError):
    """A credential that is unknown, expired or revoked, or whose user is disabled: nobody can tell which."""

    code = "invalid_credentials"

    def __init__(self) -> None:
        super().__init__("These credentials don't count, or no longer.")
        self.headers["WWW-Authenticate"] += ', error="invalid_token"'


class ReadOnlyTokenError(ForbiddenError):
    """A credential of read scope on a method that changes something."""

    code = "read_only_token"

    def __init__(self) -> None:
        super().__init__("This token can only read.")


class CrossOriginError(ForbiddenError):
    """A browser sent the request for a page that is not ours."""

    code = "cross_origin"

    def __init__(self) -> None:
        super().__init__("Pages of another origin can't do this with a cookie.")


class AdministratorOnlyError(ForbiddenError):
    """Something that only administrators may see."""

    code = "administrator_only"

    def __init__(self) -> None:
        super().__init__("Only an administrator can do this.")


class UserNotFoundError(NotFoundError):
    """No such user."""

    code = "user_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such user.")


class UserExistsError(ConflictError):
    """The name is taken, perhaps in other capitals."""

    code = "user_exists"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is already a user {name}.")


class UserDisabledError(ConflictError):
    """Nothing can be issued to a disabled user."""

    code = "user_disabled"

    def __init__(self, name: str) -> None:
        super().__init__(f"The user {name} is disabled.")


class UserNameError(InvalidError):
    """Not a name for a user."""

    code = "invalid_user_name"

    def __init__(self) -> None:
        super().__init__(
            "Expected 1 to 64 letters, digits, dots, underscores and hyphens, the first one a letter or a digit."
        )


class TokenNotFoundError(NotFoundError):
    """No such token among the asker's own."""

    code = "token_not_found"

    def __init__(self) -> None:
        super().__init__("You have no such token.")


class SessionNotFoundError(NotFoundError):
    """No such session among the asker's own."""

    code = "session_not_found"

    def __init__(self) -> None:
        super().__init__("You have no such session.")

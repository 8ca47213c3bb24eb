"""What can go wrong with accounts, as a client is told. No message repeats a credential."""

from tone_shootout.kit.http.problems import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    MalformedError,
    NotFoundError,
    UnauthorizedError,
)


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


class NotConnectedError(ConflictError):
    """The user has no account at TONE3000 that we know of."""

    code = "tone3000_not_connected"

    def __init__(self) -> None:
        super().__init__("You are not connected with TONE3000: sign in with it first (/api/v1/auth/login?link=true).")


class ReconnectError(ConflictError):
    """What TONE3000 gave us for the user does not count any more."""

    code = "tone3000_reconnect"

    def __init__(self) -> None:
        super().__init__("TONE3000 does not know us any more: sign in with it again (/api/v1/auth/login?link=true).")


class LinkedElsewhereError(ConflictError):
    """The account at TONE3000 belongs to another user of ours."""

    code = "tone3000_linked_elsewhere"

    def __init__(self) -> None:
        super().__init__("This TONE3000 account belongs to another user here. Disconnect it there first.")


class OtherAccountError(ConflictError):
    """The user is connected with another account at TONE3000."""

    code = "tone3000_other_account"

    def __init__(self) -> None:
        super().__init__("You are connected with another TONE3000 account. Disconnect that one first.")


class OnlySignInError(ConflictError):
    """Without TONE3000 the user could not sign in any more, or only to read."""

    code = "only_sign_in"

    def __init__(self) -> None:
        super().__init__("Without TONE3000 you could not sign in any more: make an API token of write scope first.")


class SignInExpiredError(MalformedError):
    """A sign-in that was not begun here, was begun in another browser, was used before, or took too long."""

    code = "sign_in_expired"

    def __init__(self) -> None:
        super().__init__("This sign-in was used before, took too long, or was begun in another browser: begin again.")


class SignInDeniedError(ForbiddenError):
    """Somebody has said no at TONE3000, or TONE3000 itself."""

    code = "sign_in_denied"

    def __init__(self) -> None:
        super().__init__("TONE3000 did not let you sign in.")


class SignUpClosedError(ForbiddenError):
    """Nobody who is not known may come in."""

    code = "sign_up_closed"

    def __init__(self) -> None:
        super().__init__("This installation takes no new users: ask its operator for an account.")


class IdempotencyInFlightError(ConflictError):
    """The first request with this key has not been answered yet."""

    code = "idempotency_in_flight"

    def __init__(self) -> None:
        super().__init__("A request with this Idempotency-Key is being answered; ask again in a moment.")
        self.headers["Retry-After"] = "1"


class IdempotencyKeyReusedError(InvalidError):
    """A key belongs to one request."""

    code = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key was used for a different request; use a new one.")


class ToneIdMissingError(MalformedError):
    """A tone is to be loaded, and it is not said which."""

    code = "tone_id_missing"

    def __init__(self) -> None:
        super().__init__("Expected `tone_id` with `prompt=load_tone`.")

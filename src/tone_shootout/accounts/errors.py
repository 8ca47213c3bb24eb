"""Errors of the accounts domain. No detail contains a credential."""

from tone_shootout.kit.http.problems import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    MalformedError,
    NotFoundError,
    UnauthorizedError,
)


class InvalidCredentialsError(UnauthorizedError):
    """The credential is unknown, expired or revoked, or its user is disabled; the detail does not say which."""

    code = "invalid_credentials"

    def __init__(self) -> None:
        super().__init__("Credentials are invalid or have expired. Sign in again.")
        self.headers["WWW-Authenticate"] += ', error="invalid_token"'


class ReadOnlyTokenError(ForbiddenError):
    """A credential of read scope was used with a method that changes something."""

    code = "read_only_token"

    def __init__(self) -> None:
        super().__init__("This token has read scope. Use a token of write scope.")


class CrossOriginError(ForbiddenError):
    """The request carries a cookie and comes from a page of another origin."""

    code = "cross_origin"

    def __init__(self) -> None:
        super().__init__("Requests with a cookie are not accepted from another origin. Use an API token.")


class UnknownHostError(ForbiddenError):
    """The request names a host that is none of the service's own."""

    code = "unknown_host"

    def __init__(self, url: str) -> None:
        super().__init__(f"This service has another host name. Open {url}, or set SHOOTOUT_SERVER_PUBLIC_URL.")


class AdministratorOnlyError(ForbiddenError):
    """Only administrators may do this."""

    code = "administrator_only"

    def __init__(self) -> None:
        super().__init__("Only an administrator can do this.")


class UserNotFoundError(NotFoundError):
    """The user does not exist."""

    code = "user_not_found"

    def __init__(self) -> None:
        super().__init__("User not found.")


class UserExistsError(ConflictError):
    """The name is taken, ignoring case."""

    code = "user_exists"

    def __init__(self, name: str) -> None:
        super().__init__(f"The user name {name} is taken. Choose another.")


class UserDisabledError(ConflictError):
    """The user is disabled."""

    code = "user_disabled"

    def __init__(self, name: str) -> None:
        super().__init__(f"The user {name} is disabled.")


class UserNameError(InvalidError):
    """The user name is invalid."""

    code = "invalid_user_name"

    def __init__(self) -> None:
        super().__init__(
            "Expected 1 to 64 letters, digits, dots, underscores and hyphens, the first one a letter or a digit."
        )


class TokenNotFoundError(NotFoundError):
    """The user has no such API token."""

    code = "token_not_found"

    def __init__(self) -> None:
        super().__init__("API token not found.")


class SessionNotFoundError(NotFoundError):
    """The user has no such session."""

    code = "session_not_found"

    def __init__(self) -> None:
        super().__init__("Session not found.")


class NotConnectedError(ConflictError):
    """The user has no connection with TONE3000."""

    code = "tone3000_not_connected"

    def __init__(self) -> None:
        super().__init__("Your account is not connected with TONE3000. Connect it at /api/v1/auth/login?link=true.")


class ReconnectError(ConflictError):
    """TONE3000 no longer accepts the user's tokens."""

    code = "tone3000_reconnect"

    def __init__(self) -> None:
        super().__init__("The connection with TONE3000 has expired. Connect again at /api/v1/auth/login?link=true.")


class LinkedElsewhereError(ConflictError):
    """The TONE3000 account is connected with another user."""

    code = "tone3000_linked_elsewhere"

    def __init__(self) -> None:
        super().__init__("This TONE3000 account is connected with another user. Disconnect it there first.")


class OtherAccountError(ConflictError):
    """The user is connected with another TONE3000 account."""

    code = "tone3000_other_account"

    def __init__(self) -> None:
        super().__init__("Your account is connected with another TONE3000 account. Disconnect that one first.")


class OnlySignInError(ConflictError):
    """Without TONE3000 the user would have no way to sign in with write scope."""

    code = "only_sign_in"

    def __init__(self) -> None:
        super().__init__("TONE3000 is your only way to sign in. Create an API token of write scope first.")


class SignInExpiredError(MalformedError):
    """The sign-in is unknown, was started in another browser, was finished before, or has expired."""

    code = "sign_in_expired"

    def __init__(self) -> None:
        super().__init__("The sign-in has expired, was used before, or began in another browser. Start again.")


class SignInDeniedError(ForbiddenError):
    """The person or TONE3000 has denied the sign-in."""

    code = "sign_in_denied"

    def __init__(self) -> None:
        super().__init__("TONE3000 denied the sign-in. Try again.")


class SignUpClosedError(ForbiddenError):
    """Sign-up is disabled."""

    code = "sign_up_closed"

    def __init__(self) -> None:
        super().__init__("Sign-up is disabled. Ask the operator for an account.")


class IdempotencyInFlightError(ConflictError):
    """The first request with this key is still in progress."""

    code = "idempotency_in_flight"

    def __init__(self) -> None:
        super().__init__("A request with this Idempotency-Key is in progress. Try again shortly.")
        self.headers["Retry-After"] = "1"


class IdempotencyKeyReusedError(InvalidError):
    """The key was used with another request."""

    code = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key was used for a different request. Use a new key.")


class ToneIdMissingError(MalformedError):
    """`prompt=load_tone` was sent without `tone_id`."""

    code = "tone_id_missing"

    def __init__(self) -> None:
        super().__init__("`prompt=load_tone` requires `tone_id`.")


class OwnAccountError(ConflictError):
    """Administrators can't disable themselves, nor take the role from themselves."""

    code = "own_account"

    def __init__(self) -> None:
        super().__init__("This is your own account. Another administrator can change its role or disable it.")

"""Errors of administration, as responses."""

from tone_shootout.kit.http.problems import Fault, InvalidError, NotFoundError, UnavailableError


class EmptyFilterError(InvalidError):
    """A change of many jobs needs a criterion."""

    code = "empty_filter"

    def __init__(self) -> None:
        super().__init__("The filter has no criterion. Give at least one: this would be all jobs of all users.")


class AnnouncementNotFoundError(NotFoundError):
    """There is no such announcement."""

    code = "announcement_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such announcement. List them to find its id.")


class MaintenanceError(UnavailableError):
    """The service is in maintenance mode, in which nothing new is accepted."""

    code = "maintenance"

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(
            f"The service is being maintained: {message}" if message else "The service is being maintained."
        )
        self.headers["Retry-After"] = str(retry_after_s)


class AnnouncementPeriodError(InvalidError):
    """An announcement ends before it starts."""

    code = "invalid"

    def __init__(self) -> None:
        detail = "ends_at: Expected a time after starts_at"
        super().__init__(detail, errors=[Fault(code=self.code, pointer="/ends_at", detail=detail)])

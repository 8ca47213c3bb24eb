"""The page of the jobs of all users, for administrators: a filter, and forms that retry or cancel all that match."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final, get_args
from urllib.parse import urlencode

from litestar import Controller, MediaType, Request, Response, get, post
from litestar.background_tasks import BackgroundTask
from litestar.di import NamedDependency
from litestar.params import QueryParameter, SkipValidation
from litestar.response import Redirect, Template
from msgspec import Struct, structs

from tone_shootout.accounts.errors import UserNotFoundError
from tone_shootout.accounts.guards import require_administrator
from tone_shootout.accounts.services import AccountService
from tone_shootout.administration.job_dtos import CODE_PATTERN, MAX_BULK, MAX_CODE
from tone_shootout.jobs.all_jobs import AllJobs, BulkAction, JobFilter
from tone_shootout.jobs.status import JobStatus
from tone_shootout.kit.db.pagination import Paging
from tone_shootout.kit.http.period import utc_time
from tone_shootout.kit.http.problems import InvalidError, MalformedError
from tone_shootout.pages.forms import read_fields
from tone_shootout.pages.responses import page

PATH: Final = "/admin/jobs"
PAGE_SIZE: Final = 50
Text = Annotated[str, QueryParameter(max_length=64)]
Count = Annotated[int | None, QueryParameter(ge=0, le=MAX_BULK)]


class _Fields(Struct, frozen=True):
    """The fields of the filter, as a form sends them."""

    status: str = ""
    code: str = ""
    owner: str = ""
    since: str = ""
    until: str = ""

    @property
    def query(self) -> dict[str, str]:
        """The fields that are filled in."""
        return {name: value for name, value in structs.asdict(self).items() if value}

    async def filter(self, accounts: AccountService) -> JobFilter:
        """Return the filter.

        Raises:
            InvalidError: a field is not valid, or there is no such user.
        """
        if self.status and self.status not in {status.value for status in JobStatus}:
            raise InvalidError("Choose a status of the list.")
        if self.code and (len(self.code) > MAX_CODE or not re.search(CODE_PATTERN, self.code)):
            raise InvalidError("An error code has lower-case letters, digits and underscores.")
        owner_id = None
        if self.owner:
            try:
                owner_id = (await accounts.get_user_by_name(self.owner.replace("\x00", ""))).id
            except UserNotFoundError:
                raise InvalidError(f"There is no user “{self.owner}”.") from None
        return JobFilter(
            status=self.status or None,
            error_code=self.code or None,
            owner_id=owner_id,
            finished_since=_time("since", self.since),
            finished_until=_time("until", self.until),
        )


class AllJobsPageController(Controller):
    """`/admin/jobs`."""

    path = PATH
    include_in_schema = False
    guards = (require_administrator,)

    @get()
    async def show(
        self,
        request: Request[Any, Any, Any],
        accounts: NamedDependency[SkipValidation[AccountService]],
        all_jobs: NamedDependency[SkipValidation[AllJobs]],
        status: Text = "",
        code: Text = "",
        owner: Text = "",
        since: Text = "",
        until: Text = "",
        offset: Annotated[int, QueryParameter(ge=0, le=1_000_000)] = 0,
        done: Count = None,
        left: Count = None,
        reason: Text = "",
    ) -> Template:
        """Return the jobs that match, how many of them can be retried or cancelled, and what the last form did."""
        fields = _Fields(status, code.strip(), owner.strip(), since, until)
        result = None if done is None else {"done": done, "left": left or 0, "reason": reason}
        return await _page(request, fields, accounts, all_jobs, offset=offset, result=result)

    @post(media_type=MediaType.HTML)
    async def send(
        self,
        request: Request[Any, Any, Any],
        accounts: NamedDependency[SkipValidation[AccountService]],
        all_jobs: NamedDependency[SkipValidation[AllJobs]],
    ) -> Response[Any]:
        """Retry or cancel all that match, at most `MAX_BULK`, then redirect to the page."""
        form = await read_fields(request)
        fields = _Fields(**{name: form.get(name, "")[:64] for name in _Fields.__struct_fields__})
        action = form.get("action", "")
        try:
            if action not in get_args(BulkAction) or not fields.query:
                raise InvalidError("Give at least one criterion, then choose what to do.")
            wanted = await fields.filter(accounts)
        except InvalidError as error:
            return await _page(request, fields, accounts, all_jobs, status=error.status, error=error.detail)
        found, retried = await all_jobs.change(
            "retry" if action == "retry" else "cancel", wanted, after=None, limit=MAX_BULK
        )
        result = {"done": len(found.done), "left": len(found.left)}
        query = {**fields.query, **result, **({"reason": found.left[0].code} if found.left else {})}
        return Redirect(
            f"{PATH}?{urlencode(query)}",
            status_code=303,
            headers={"Cache-Control": "no-store"},
            background=BackgroundTask(all_jobs.dispatch, retried),
        )


async def _page(
    request: Request[Any, Any, Any],
    fields: _Fields,
    accounts: AccountService,
    all_jobs: AllJobs,
    *,
    offset: int = 0,
    status: int = 200,
    error: str = "",
    result: dict[str, Any] | None = None,
) -> Template:
    jobs, total, counts = [], 0, {"retry": 0, "cancel": 0}
    try:
        wanted = await fields.filter(accounts)
        rows, total = await all_jobs.list_jobs(wanted, Paging(limit=PAGE_SIZE, offset=offset))
        names = await accounts.get_names({job.owner_id for job in rows})
        jobs = [(job, names.get(job.owner_id, "")) for job in rows]
        if fields.query:
            counts = {
                "retry": await all_jobs.count("retry", wanted, after=None),
                "cancel": await all_jobs.count("cancel", wanted, after=None),
            }
    except InvalidError as invalid:
        status, error = invalid.status, error or invalid.detail
    return page(
        request,
        "admin_jobs.html",
        status=status,
        fields=fields,
        statuses=list(JobStatus),
        jobs=jobs,
        total=total,
        offset=offset,
        size=PAGE_SIZE,
        counts=counts,
        most=MAX_BULK,
        result=result,
        error=error,
        query=urlencode(fields.query),
    )


def _time(name: str, value: str) -> datetime | None:
    if not value:
        return None
    try:
        moment = datetime.fromisoformat(value)
        return utc_time(name, moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError, MalformedError):
        raise InvalidError("Enter times as 2026-11-29T14:00, in UTC.") from None

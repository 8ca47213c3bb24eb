"""The statement that chooses the next job to run.

It takes the longer, the more owners have waiting jobs, but not the longer for more jobs of each, nor for finished ones:
one worker at a time chooses, and the queue can be long.
"""

from functools import cache
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Float,
    Integer,
    Interval,
    Select,
    Subquery,
    bindparam,
    exists,
    func,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy.orm import aliased
from sqlalchemy.sql.selectable import LateralFromClause

from tone_shootout.jobs.models import Job
from tone_shootout.jobs.status import HELD, WAITING


@cache
def next_runnable(*, short_only: bool) -> Select[tuple[UUID]]:
    """Return the statement of `JobRepository.next_runnable`, made once.

    Args:
        short_only: consider jobs of at most `short_s` only.
    """
    owners = _waiting_owners()
    running = (
        select(Job.owner_id, func.count().label("jobs")).where(Job.status.in_(HELD)).group_by(Job.owner_id)
    ).subquery()
    jobs_running = func.coalesce(running.c.jobs, 0)
    earlier = aliased(Job)
    served_at = select(func.max(earlier.started_at)).where(earlier.owner_id == owners.c.id).scalar_subquery()
    # Several owners can be equal: those who never had a job.
    first = (
        select(owners.c.id)
        .outerjoin(running, running.c.owner_id == owners.c.id)
        .where(
            owners.c.id.is_not(None),
            jobs_running < bindparam("running_jobs", type_=Integer),
            exists().where(*_is_candidate(Job, owners.c.id, short_only=short_only)),
        )
        .order_by(jobs_running, served_at.nulls_first())
        .fetch(1, with_ties=True)
        .subquery()
    )
    # Of each of them the oldest job that does not have to wait for shorter ones, else the oldest.
    preferred = _oldest_of(first, short_only=short_only, is_first=True)
    oldest = _oldest_of(first, short_only=short_only)
    job_id = func.coalesce(preferred.c.id, oldest.c.id)
    created_at = func.coalesce(preferred.c.created_at, oldest.c.created_at)
    return (
        select(job_id)
        .select_from(first.outerjoin(preferred, true()).join(oldest, true()))
        .order_by(preferred.c.id.is_(None), created_at, job_id)
        .limit(1)
    )


def _waiting_owners() -> Subquery:
    """Return the owners of waiting jobs, and NULL: from one to the next in the index, past the jobs of each."""
    first = select(Job.owner_id.label("id")).where(Job.status.in_(WAITING)).order_by(Job.owner_id).limit(1).subquery()
    found = select(first.c.id).cte("waiting_owner", recursive=True)
    following = aliased(Job)
    next_owner = (
        select(following.owner_id)
        .where(following.status.in_(WAITING), following.owner_id > found.c.id)
        .order_by(following.owner_id)
        .limit(1)
        .scalar_subquery()
    )
    found = found.union_all(select(next_owner).where(found.c.id.is_not(None)))
    return select(found.c.id).subquery()


def _oldest_of(owners: Subquery, *, short_only: bool, is_first: bool = False) -> LateralFromClause:
    """Return the oldest job of each owner that can run, found in the index; `is_first`: one that is not overtaken."""
    job = aliased(Job)
    overtaken = (job.cost_s > _SHORT_S) & (job.created_at > func.now() - bindparam("patience", type_=Interval))
    found = select(job.id, job.created_at).where(*_is_candidate(job, owners.c.id, short_only=short_only))
    if is_first:
        found = found.where(not_(overtaken))
    return found.correlate(owners).order_by(job.created_at, job.id).limit(1).lateral()


def _is_candidate(job: type[Job], owner_id: ColumnElement[UUID], *, short_only: bool) -> list[ColumnElement[bool]]:
    conditions = [job.owner_id == owner_id, job.status.in_(WAITING), is_due(job)]
    return [*conditions, job.cost_s <= _SHORT_S] if short_only else conditions


def is_due(job: type[Job] = Job) -> ColumnElement[bool]:
    """Return the condition that a job may start now."""
    return or_(job.not_before.is_(None), job.not_before <= func.now())


_SHORT_S = bindparam("short_s", type_=Float)

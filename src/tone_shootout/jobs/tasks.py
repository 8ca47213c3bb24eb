"""Tasks of the jobs domain: the task that renders, and the scheduled ones."""

from typing import Final

from saq import Job as SaqJob

from tone_shootout.jobs.execution.runner import Runner
from tone_shootout.jobs.maintenance import JobMaintenance
from tone_shootout.jobs.models import Job
from tone_shootout.kit.tasks import Context, heartbeat, schedule, service


async def run_job(context: Context, *, job_id: str | None = None) -> None:  # noqa: ARG001 - for the dashboard
    """Run jobs until none is left that this worker may claim.

    An entry of the queue only wakes the worker: the scheduler chooses the job, which may be another than `job_id`. Safe
    to run twice, and twice at once: only one worker can claim a job.
    """
    entry: SaqJob = context["job"]

    async def alive(job: Job) -> None:
        await entry.update(meta={**entry.meta, "job_id": str(job.id)})

    await service(context, Runner).run_until_idle(alive)


async def thin_events(context: Context) -> int:
    """Delete progress events of jobs that finished longer ago than SHOOTOUT_RETENTION_EVENTS_DAYS."""
    async with heartbeat(context):
        return await service(context, JobMaintenance).thin_events()


async def delete_orphaned_results(context: Context) -> int:
    """Delete result objects that no artifact names."""
    async with heartbeat(context):
        return await service(context, JobMaintenance).delete_orphaned_results()


async def delete_orphaned_cache_objects(context: Context) -> int:
    """Delete objects of the render cache that no row names."""
    async with heartbeat(context):
        return await service(context, JobMaintenance).delete_orphaned_cache_objects()


SCHEDULES: Final = (
    schedule(thin_events, "35 * * * *"),
    schedule(delete_orphaned_results, "41 * * * *"),
    schedule(delete_orphaned_cache_objects, "47 * * * *"),
)

"""The scheduled tasks of all modules."""

from typing import Final

import tone_shootout.accounts.tasks as account_tasks
import tone_shootout.jobs.tasks as job_tasks
import tone_shootout.jobs.webhooks.tasks as webhook_tasks
import tone_shootout.shootouts.tasks as shootout_tasks
from tone_shootout.kit.tasks import Task

SCHEDULES: Final = (
    *account_tasks.SCHEDULES,
    *shootout_tasks.SCHEDULES,
    *job_tasks.SCHEDULES,
    *webhook_tasks.SCHEDULES,
)
"""Schedules of all modules."""
MAINTENANCE: Final[dict[str, tuple[Task, ...]]] = {
    "sessions": (account_tasks.delete_ended_sessions,),
    "tokens": (account_tasks.delete_ended_tokens,),
    "answers": (account_tasks.delete_expired_idempotency_records,),
    "audit": (account_tasks.delete_old_audit_events,),
    "events": (job_tasks.thin_events,),
    "deliveries": (webhook_tasks.delete_old_deliveries,),
    "objects": (
        shootout_tasks.delete_orphaned_content,
        job_tasks.delete_orphaned_results,
        job_tasks.delete_orphaned_cache_objects,
    ),
}
"""Scheduled tasks by the names under which `shootout housekeeping` reports them."""

"""Scheduled tasks of the accounts domain."""

from typing import Final

from tone_shootout.accounts.maintenance import AccountMaintenance
from tone_shootout.kit.tasks import Context, heartbeat, schedule, service


async def delete_ended_sessions(context: Context) -> int:
    """Delete sessions that expired or were revoked."""
    async with heartbeat(context):
        return await service(context, AccountMaintenance).delete_ended_sessions()


async def delete_ended_tokens(context: Context) -> int:
    """Delete API tokens that ended longer ago than SHOOTOUT_RETENTION_TOKENS_DAYS."""
    async with heartbeat(context):
        return await service(context, AccountMaintenance).delete_ended_tokens()


async def delete_expired_idempotency_records(context: Context) -> int:
    """Delete stored responses whose `Idempotency-Key` has expired."""
    async with heartbeat(context):
        return await service(context, AccountMaintenance).delete_expired_idempotency_records()


async def delete_old_audit_events(context: Context) -> int:
    """Delete events of the audit log after SHOOTOUT_RETENTION_AUDIT_DAYS."""
    async with heartbeat(context):
        return await service(context, AccountMaintenance).delete_old_audit_events()


SCHEDULES: Final = (
    schedule(delete_ended_sessions, "11 * * * *"),
    schedule(delete_ended_tokens, "17 * * * *"),
    schedule(delete_expired_idempotency_records, "23 * * * *"),
    schedule(delete_old_audit_events, "53 * * * *"),
)

"""Scheduled tasks of the shootouts domain."""

from typing import Final

from tone_shootout.kit.tasks import Context, heartbeat, schedule, service
from tone_shootout.shootouts.library.maintenance import LibraryMaintenance


async def delete_orphaned_content(context: Context) -> int:
    """Delete stored content that no library item names."""
    async with heartbeat(context):
        return await service(context, LibraryMaintenance).delete_orphaned_content()


SCHEDULES: Final = (schedule(delete_orphaned_content, "29 * * * *"),)

"""REST endpoint of the audit log."""

from typing import Annotated
from uuid import UUID

from litestar import Controller, get
from litestar.di import NamedDependency, Provide
from litestar.params import QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from tone_shootout.accounts.audit.dtos import AuditEventRead
from tone_shootout.accounts.audit.services import AuditAction, AuditLog
from tone_shootout.accounts.guards import require_administrator
from tone_shootout.kit.db.pagination import Page, Paging
from tone_shootout.kit.http.period import Period
from tone_shootout.kit.http.problems import problems


def provide_audit_log(db_session: NamedDependency[AsyncSession]) -> AuditLog:
    """Provide the log in the request's unit of work."""
    return AuditLog(db_session)


class AuditLogController(Controller):
    """The audit log, for administrators."""

    path = "/api/v1/admin/audit-log"
    tags = ("administration",)
    guards = (require_administrator,)
    dependencies = {"audit_log": Provide(provide_audit_log, sync_to_thread=False)}  # noqa: RUF012 - Litestar reads it

    @get(operation_id="list_audit_log", summary="List the audit log", responses=problems(400, 401, 403))
    async def list_audit_log(
        self,
        audit_log: NamedDependency[AuditLog],
        paging: NamedDependency[Paging],
        period: NamedDependency[Period],
        action: Annotated[AuditAction | None, QueryParameter(description="Only this action.")] = None,
        actor_id: Annotated[UUID | None, QueryParameter(description="Only what this user did.")] = None,
        user_id: Annotated[UUID | None, QueryParameter(description="Only what concerns this user.")] = None,
    ) -> Page[AuditEventRead]:
        """List security events and what administrators did, newest first."""
        rows, total = await audit_log.list(paging, period, action=action, actor_id=actor_id, user_id=user_id)
        return paging.page([AuditEventRead.of(row) for row in rows], total)

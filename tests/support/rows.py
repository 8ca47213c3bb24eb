"""A row in each table."""

from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from tests.support.factories import (
    AnnouncementFactory,
    ApiTokenFactory,
    AuditEventFactory,
    IdempotencyRecordFactory,
    JobArtifactFactory,
    JobEventFactory,
    JobFactory,
    JobPictureFactory,
    LibraryItemFactory,
    LibraryPictureFactory,
    ListeningSessionFactory,
    ListeningTestFactory,
    MaintenanceModeFactory,
    RenderCacheEntryFactory,
    ShareFactory,
    SharePictureFactory,
    ShootoutAssetFactory,
    ShootoutFactory,
    Tone3000ConnectionFactory,
    UserFactory,
    UserQuotaFactory,
    UserSessionFactory,
    WebhookDeliveryFactory,
    WebhookFactory,
)


def fill(url: str) -> None:
    """Add a user with one of everything."""
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
    with Session(engine) as session:
        user = UserFactory.build()
        session.add(user)
        session.flush()
        session.add_all([Tone3000ConnectionFactory.build(user_id=user.id), AuditEventFactory.build(user_id=user.id)])
        session.add_all([ApiTokenFactory.build(user_id=user.id), UserSessionFactory.build(user_id=user.id)])
        session.add_all([UserQuotaFactory.build(user_id=user.id), AnnouncementFactory.build()])
        session.add(MaintenanceModeFactory.build())
        item = LibraryItemFactory.build(owner_id=user.id)
        shootout = ShootoutFactory.build(owner_id=user.id)
        session.add_all([item, shootout])
        session.flush()
        job = JobFactory.build(owner_id=user.id, shootout_id=shootout.id)
        session.add_all([job, ShootoutAssetFactory.build(shootout_id=shootout.id, library_item_id=item.id)])
        session.flush()
        session.add(IdempotencyRecordFactory.build(owner_id=user.id))
        session.add(RenderCacheEntryFactory.build(owner_id=user.id))
        session.add_all([JobEventFactory.build(job_id=job.id), JobArtifactFactory.build(job_id=job.id)])
        webhook = WebhookFactory.build(owner_id=user.id)
        session.add(webhook)
        session.flush()
        session.add(WebhookDeliveryFactory.build(webhook_id=webhook.id))
        share = ShareFactory.build(owner_id=user.id, job_id=job.id)
        session.add(share)
        session.flush()
        test = ListeningTestFactory.build(owner_id=user.id, share_id=share.id)
        session.add_all([test, SharePictureFactory.build(share_id=share.id)])
        session.add_all([LibraryPictureFactory.build(item_id=item.id), JobPictureFactory.build(job_id=job.id)])
        session.flush()
        session.add(ListeningSessionFactory.build(test_id=test.id))
        session.commit()
    engine.dispose()

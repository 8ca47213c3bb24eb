"""The worker's tasks, and the worker itself."""

import os
import socket
from typing import Any
from uuid import UUID

from redis.asyncio import Redis
from saq import Worker
from saq.types import PartialTimersDict

from tone_shootout.jobs.channel import Publisher
from tone_shootout.jobs.dispatcher import Dispatcher
from tone_shootout.jobs.queue import RUN_JOB, build_queue
from tone_shootout.jobs.runner import Runner
from tone_shootout.kit.broker import connect_broker
from tone_shootout.kit.database import database_config
from tone_shootout.kit.settings import Settings
from tone_shootout.kit.storage import Storage

TIMERS: PartialTimersDict = {"schedule": 1, "worker_info": 10, "sweep": 5, "abort": 1}


async def run_job(context: dict[str, Any], *, job_id: str) -> None:
    """Carry out a job. Safe to run twice: only one of two who take the same job gets it."""
    runner: Runner = context["runner"]
    await runner.run(UUID(job_id), alive=context["job"].update)


async def work(settings: Settings) -> None:
    """Be a worker until told to stop by SIGINT or SIGTERM."""
    config = database_config(settings)
    sessions = config.create_session_maker()
    redis: Redis = connect_broker(settings)
    publisher = Publisher(redis)
    queue = build_queue(settings)
    scratch = settings.data / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    runner = Runner(
        name=f"{socket.gethostname()}:{os.getpid()}",
        sessions=sessions,
        storage=Storage.from_settings(settings),
        publisher=publisher,
        limits=settings.limits,
        settings=settings.worker,
        scratch=scratch,
    )

    async def provide(context: dict[str, Any]) -> None:
        context["runner"] = runner

    await queue.connect()
    dispatcher = Dispatcher(queue, sessions, publisher, settings.worker)
    worker: Worker[Any] = Worker(
        queue,
        [(RUN_JOB, run_job)],
        concurrency=settings.worker.jobs,
        startup=provide,
        timers=TIMERS,
        shutdown_grace_period_s=settings.worker.grace_s,
        cancellation_hard_deadline_s=3.0,
    )
    try:
        async with dispatcher.sweeping():
            await worker.start()
    finally:
        await queue.disconnect()
        await redis.aclose()
        await config.get_engine().dispose()

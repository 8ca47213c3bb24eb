"""Queries for jobs, their events and artifacts, and the render cache."""

from tone_shootout.jobs.repositories.artifacts import JobArtifactRepository, results_bytes, stored_results
from tone_shootout.jobs.repositories.events import EventContent, JobEventRepository
from tone_shootout.jobs.repositories.jobs import JobRepository
from tone_shootout.jobs.repositories.pictures import JobPictureRepository
from tone_shootout.jobs.repositories.render_cache import RenderCacheRepository

__all__ = [
    "EventContent",
    "JobArtifactRepository",
    "JobEventRepository",
    "JobPictureRepository",
    "JobRepository",
    "RenderCacheRepository",
    "results_bytes",
    "stored_results",
]

"""Queries for jobs, their events and artifacts, and the render cache."""

from tone_shootout.jobs.repositories.artifacts import JobArtifactRepository, results_bytes
from tone_shootout.jobs.repositories.events import JobEventRepository
from tone_shootout.jobs.repositories.jobs import JobRepository
from tone_shootout.jobs.repositories.render_cache import RenderCacheRepository

__all__ = ["JobArtifactRepository", "JobEventRepository", "JobRepository", "RenderCacheRepository", "results_bytes"]

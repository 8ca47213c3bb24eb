"""Settings of limits, workers, the live channel and retention."""

from dataclasses import dataclass
from typing import Annotated

import msgspec

from tone_shootout.kit.settings._types import Count, Days, Port, Positive, Processes, Seconds


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """Limits per user."""

    upload_bytes: int = 200_000_000
    """Largest upload."""
    batch_files: Positive = 100
    """Files in one upload of several, those of its archives included."""
    batch_bytes: Positive = 500_000_000
    """Largest upload of several files, and largest content of its archives."""
    capture_bytes: int = 16_000_000
    """Largest capture file."""
    di_seconds: float = 600.0
    """Longest DI track."""
    ir_seconds: float = 10.0
    """Longest impulse response."""
    di_tracks: int = 8
    """DI tracks in a shootout."""
    chains: int = 16
    """Chains in a shootout."""
    segments: int = 64
    """Segments in a shootout."""
    cache_bytes: int = 2_000_000_000
    """Size of a user's render cache; the least recently used entries are evicted. 0: no cache, and an interrupted job
    starts over."""
    body_bytes: int = 1_000_000
    """Largest JSON body."""
    body_grace_s: float = 30.0
    """Seconds until the minimum speed below applies to a request body."""
    body_bytes_per_s: Positive = 10_000
    """Minimum average speed of a request body."""
    storage_bytes: int = 20_000_000_000
    """Storage quota of a user, library and results together; 0: no limit."""
    library_items: int = 5000
    """Items in a user's library; 0: no limit."""
    requests_per_minute: int = 1500
    """Requests of one user; 0: no limit."""
    address_requests_per_minute: int = 3000
    """Requests from one IP address, of all users; 0: no limit. Health and metrics are exempt. Behind a proxy, set
    `SHOOTOUT_SERVER_TRUSTED_PROXIES`: all requests appear to come from the proxy otherwise."""
    streams: int = 1000
    """Open WebSockets and server-sent event streams of one user in one web process, about 50 kB of memory each; 0: no
    limit."""
    listening_sessions_per_hour: int = 60
    """Starts of listening tests from one IP address in an hour, of all listeners there; 0: no limit."""
    failed_sign_ins: int = 20
    """Failed sign-ins from one IP address within five minutes; further attempts are rejected unread. 0: no limit."""
    running_jobs: int = 4
    """Concurrently running jobs of one user; further jobs wait."""
    queued_jobs: int = 100
    """Unfinished jobs of one user; further jobs are rejected until one finishes."""


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """Worker process."""

    jobs: Count = 1
    """Concurrent jobs of a worker."""
    short_jobs: Processes = 1
    """Additional slots for short jobs, so that a long job does not hold them up."""
    short_s: float = 20.0
    """Longest estimated duration of a short job, in seconds on one core."""
    patience_s: float = 300.0
    """Longest time that a long job waits behind its owner's short jobs."""
    processes: Processes = 0
    """Render processes per job; 0: one per core."""
    sweep_s: Seconds = 10.0
    """Seconds between searches for jobs that the queue has lost."""
    heartbeat_s: Positive = 15
    """Seconds without a heartbeat after which a running job is run again."""
    attempts: Positive = 5
    """Attempts at a job, each interrupted by a fault, before it fails."""
    backoff_s: float = 2.0
    """Delay before an interrupted job is retried; doubles with each interruption."""
    backoff_max_s: float = 300.0
    """Longest delay before a retry."""
    timeout_s: Positive = 3600
    """Timeout of one attempt."""
    grace_s: int = 5
    """Seconds that a worker has to release its jobs after a stop signal."""
    metrics_host: str = "127.0.0.1"
    """Address on which a worker answers `/metrics`, `/health/live` and `/health/ready`."""
    metrics_port: Port = 0
    """Port for that; 0: none. Workers on one machine need different ports."""


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """Live channel: WebSockets and server-sent events."""

    heartbeat_s: Seconds = 15.0
    """Seconds between heartbeats on an idle connection; choose less than the idle timeout of proxies. A WebSocket is
    closed if a ping is not answered within the same time; another response, if the client reads nothing for four times
    as long."""
    backlog: Positive = 200
    """Newest events of a streamed job kept in memory by a web process; slower clients are served from the database."""


@dataclass(frozen=True, slots=True)
class RetentionSettings:
    """Retention. Library, shootouts and results are kept until their owner deletes them."""

    events_days: Days = 30
    """Days to keep progress events of a finished job; its status events are kept with the job."""
    tokens_days: Days = 30
    """Days to keep the record of an expired or revoked API token."""
    audit_days: Days = 365
    """Days to keep the audit log."""
    deliveries_days: Days = 30
    """Days to keep webhook deliveries."""
    orphans_hours: Annotated[int, msgspec.Meta(ge=0, le=876_000)] = 24
    """Hours to keep unreferenced objects; at least twice the timeout of an attempt."""

"""When a request is sent again, and after which delay."""

from typing import Any, Final

import httpx
from tenacity import RetryCallState, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from tone_shootout.client.errors import ApiError

LONGEST_DELAY_S: Final = 60.0
"""Longest delay that the service may demand; a longer one is an error at once."""
_BACKOFF: Final = wait_exponential_jitter(multiplier=0.2, max=5.0, jitter=0.1)


def policy(retries: int) -> dict[str, Any]:
    """Return the arguments of tenacity's `Retrying` and `AsyncRetrying`.

    Args:
        retries: number of retries after the first request.
    """
    return {
        "stop": stop_after_attempt(retries + 1),
        "wait": _delay_s,
        "retry": retry_if_exception(_is_temporary),
        "reraise": True,
    }


def _is_temporary(error: BaseException) -> bool:
    if isinstance(error, ApiError):
        return error.is_temporary and (error.retry_after_s or 0.0) <= LONGEST_DELAY_S
    return isinstance(error, httpx.TransportError) and not isinstance(error, httpx.UnsupportedProtocol)


def _delay_s(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, ApiError) and error.retry_after_s is not None:
        return error.retry_after_s
    return _BACKOFF(state)

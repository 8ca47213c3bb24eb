"""Number of BLAS threads of this process."""

from functools import cache

from threadpoolctl import ThreadpoolController


def limit_to_one_thread() -> None:
    """Limit BLAS to one thread in this process.

    The order of summation in a matrix product depends on the number of threads, so results would depend on the machine.
    Rendering runs segments in parallel instead, which uses the cores better.
    """
    _libraries().limit(limits=1, user_api="blas")


@cache
def _libraries() -> ThreadpoolController:
    """Find the BLAS libraries of this process; cached, because the search takes milliseconds."""
    return ThreadpoolController()

"""How many threads this process's BLAS uses."""

from functools import cache

from threadpoolctl import ThreadpoolController


def one_thread() -> None:
    """Make products of matrices use one thread from now on.

    Threads that share a product sum in another order, so that results would depend on the machine; and whole segments
    make better use of the cores.
    """
    _libraries().limit(limits=1, user_api="blas")


@cache
def _libraries() -> ThreadpoolController:
    """Find the BLAS libraries of this process, once: it takes milliseconds."""
    return ThreadpoolController()

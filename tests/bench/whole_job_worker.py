"""Run a command, and write the seconds that it took and the processor seconds of all of its processes.

Children that outlive the command, as the server that `multiprocessing` forks children from, belong to this process on
Linux, which waits for them. It imports nothing of the project, so that it also runs an earlier commit.
"""

import ctypes
import os
import resource
import subprocess
import sys
from contextlib import suppress
from time import perf_counter

PR_SET_CHILD_SUBREAPER = 36


def main() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    started = perf_counter()
    command = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _, errors = command.communicate()
    taken = perf_counter() - started
    if command.returncode:
        raise SystemExit(f"{command.returncode}: {errors.decode()}")
    with suppress(ChildProcessError):
        while True:
            os.wait()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(taken, used.ru_utime + used.ru_stime)


if __name__ == "__main__":
    main()

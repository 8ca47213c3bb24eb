"""Launcher: exec a program that ends with its supervisor and, under root, runs as another user.

PostgreSQL refuses to run as root, and the user that runs it instead can't traverse root's folders (mode 0700) to reach
the program and the data. Wider folder permissions would admit every user. Instead this process changes its user and
keeps, only where needed, the one capability that bypasses folder permissions: as an ambient capability it survives the
exec and reaches no other process (capabilities(7)).

Run by path with `python -I -S`: it starts in about 15 ms and imports only the standard library.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

_PR_SET_PDEATHSIG = 1
_PR_SET_SECUREBITS = 28
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_SECBIT_NO_SETUID_FIXUP = 1 << 2
_CAPABILITY_VERSION_3 = 0x20080522
_CAP_DAC_OVERRIDE = 1
_CAP_DAC_READ_SEARCH = 2
_SAME = (-1, -1)


class Account(NamedTuple):
    """User and group that a program runs as instead of root."""

    uid: int
    gid: int


def launch_command(
    command: Sequence[str], *, writes: Sequence[Path], orphan_signal: int, account: Account | None = None
) -> list[str]:
    """Return the command line that starts `command` through this module.

    Args:
        command: absolute path of the program, then its arguments.
        writes: folders that the program must be able to write to.
        orphan_signal: signal that the program receives when the thread that started it exits (Linux only); 0: none.
        account: user to run it as; None: the current user.
    """
    uid, gid = account or _SAME
    numbers = (os.getpid(), int(orphan_signal), uid, gid, len(writes))
    return [sys.executable, "-I", "-S", __file__, *map(str, (*numbers, *writes)), *command]


def main(arguments: Sequence[str]) -> None:
    """Replace this process with the program; on failure, raise or exit with a one-line message."""
    supervisor, orphan_signal, uid, gid, count = map(int, arguments[:5])
    writes, command = arguments[5 : 5 + count], list(arguments[5 + count :])
    if (uid, gid) != _SAME:
        _change_user(uid, gid, command[0], writes)
    if sys.platform == "linux":
        # Last, because a change of user or capabilities clears the setting (prctl(2)).
        _prctl(_PR_SET_PDEATHSIG, orphan_signal)
        if os.getppid() != supervisor:
            sys.exit("the supervisor has exited")
    for ignored_by_python in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(ignored_by_python, signal.SIG_DFL)
    os.execv(command[0], command)  # noqa: S606 - the supervisor's own command, without a shell


def _change_user(uid: int, gid: int, program: str, writes: Sequence[str]) -> None:
    """Change to the user `uid` with the least privilege that reaches `program` and the folders `writes`."""
    linux = sys.platform == "linux"
    if linux:
        try:
            # Keeps the capabilities across setuid, and makes access(2), which PostgreSQL uses to find its own files,
            # respect them. Where root lacks CAP_SETPCAP, the program has to work without any capability.
            _prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP)
        except PermissionError:
            linux = False
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    for capability in (None, _CAP_DAC_READ_SEARCH, _CAP_DAC_OVERRIDE) if linux else (None,):
        try:
            if linux:
                _limit_to(capability)
        except PermissionError:
            continue
        if os.access(program, os.R_OK | os.X_OK) and all(os.access(f, os.R_OK | os.W_OK | os.X_OK) for f in writes):
            break
    else:
        sys.exit(f"user {uid} can't reach {program} and {', '.join(writes)}: start it as an ordinary user, not as root")
    if linux:
        _make_ambient(capability)


def _limit_to(capability: int | None) -> None:
    """Make `capability` the only effective one, and keep the remaining candidates permitted."""
    candidates = 1 << _CAP_DAC_READ_SEARCH | 1 << _CAP_DAC_OVERRIDE
    _capset(effective=_bit(capability), permitted=candidates & _permitted(), inheritable=0)


def _make_ambient(capability: int | None) -> None:
    """Pass `capability`, and no other, to the program, and forbid new privileges."""
    bit = _bit(capability)
    _capset(effective=bit, permitted=bit, inheritable=bit)
    if capability is not None:
        _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def _bit(capability: int | None) -> int:
    return 0 if capability is None else 1 << capability


def _permitted() -> int:
    words = (ctypes.c_uint32 * 6)()
    _checked(_libc().capget(_header(), words))
    return int(words[1])


def _capset(*, effective: int, permitted: int, inheritable: int) -> None:
    # Two triples of 32 bits: capabilities 0 to 31, then 32 to 63, of which none is used.
    words = (ctypes.c_uint32 * 6)(effective, permitted, inheritable, 0, 0, 0)
    _checked(_libc().capset(_header(), words))


def _header() -> ctypes.Array[ctypes.c_uint32]:
    return (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)


def _prctl(option: int, *arguments: int) -> None:
    values = [ctypes.c_ulong(value) for value in (*arguments, 0, 0, 0, 0)[:4]]
    _checked(_libc().prctl(option, *values))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    main(sys.argv[1:])

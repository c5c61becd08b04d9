"""Run as a script: becomes a child process, bound to its parent's death, as another user if asked.

A step of its own, because what it does between fork and exec is not safe in a process with threads.
"""

import ctypes
import os
import stat
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> None:
    """Usage: launch.py PARENT SIGNAL NICE UID GID COMMAND…; SIGNAL 0: unbound, UID -1: as is."""
    parent, death, nice, uid, gid = map(int, sys.argv[1:6])
    command = sys.argv[6:]
    if nice:
        os.nice(nice)
    if uid >= 0:
        if stat.S_ISFIFO(os.fstat(0).st_mode):
            os.fchown(0, uid, gid)  # so that it can be opened as /dev/stdin, too
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if death:
        # After the change of user, which undoes the binding.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, death, 0, 0, 0)
    if os.getppid() != parent:  # it died before the binding was made
        sys.exit(1)
    try:
        os.execv(command[0], command)  # noqa: S606 -- our own command lines
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")


if __name__ == "__main__":
    main()

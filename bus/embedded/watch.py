"""Run as a script: waits until its parent is gone (stdin ends), then signals one process."""

import os
import signal
import sys


def main() -> None:
    """Usage: watch.py PID SIGNAL."""
    pid, number = int(sys.argv[1]), signal.Signals(int(sys.argv[2]))
    sys.stdin.buffer.read()
    os.kill(pid, number)


if __name__ == "__main__":
    main()

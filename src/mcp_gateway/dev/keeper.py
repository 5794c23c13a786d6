"""Keeps one server process for exactly as long as its starter lives; run as a script, standard library only.

    python keeper.py STOP_SIGNAL GRACE_SECONDS USER PID_FD COMMAND…

Standard input is the lifeline: the starter holds the other end of that pipe, so when it closes it, exits, or is killed
in whatever way, the keeper reads end-of-file and stops the command. A parent-death signal would do the same on Linux
only, and `atexit` does not run on a signal. SIGUSR1 kills the command at once: the keeper can do so without the danger
of hitting another process that got the same id meanwhile, because it alone reaps the command.
"""

import os
import pwd
import selectors
import signal
import subprocess
import sys

KILL_REQUEST = signal.SIGUSR1


def keep(stop_signal: int, grace_seconds: float, user: str, pid_fd: int, command: list[str]) -> int:
    """Run `command` (as `user`, when one is named) until it ends or the lifeline breaks; its exit status."""
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, KILL_REQUEST, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    identity = {"user": user, "group": _group_of(user), "extra_groups": []} if user else {}
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, **identity)  # type: ignore[call-overload]  # noqa: S603 - given by our own starter
    os.write(pid_fd, b"%d\n" % child.pid)
    os.close(pid_fd)
    _wait_for_end(child, wake_read)
    if child.poll() is None:
        child.send_signal(stop_signal)
        try:
            child.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            child.kill()
    return int(child.wait())


def _group_of(user: str) -> int:
    return pwd.getpwnam(user).pw_gid


def _wait_for_end(child: "subprocess.Popen[bytes]", wake_read: int) -> None:
    """Until the command ended, the lifeline broke, or somebody asked the keeper itself to go."""
    with selectors.DefaultSelector() as selector:
        selector.register(wake_read, selectors.EVENT_READ)
        selector.register(sys.stdin.fileno(), selectors.EVENT_READ)
        while child.poll() is None:
            for key, _ in selector.select():
                received = os.read(key.fd, 64)
                if key.fd == wake_read and KILL_REQUEST in received:
                    child.kill()
                elif key.fd != wake_read or any(number != signal.SIGCHLD for number in received):
                    return


if __name__ == "__main__":
    _, stop, grace, as_user, fd, *argv = sys.argv
    code = keep(int(stop), float(grace), as_user, int(fd), argv)
    sys.exit(code if code >= 0 else 128 - code)

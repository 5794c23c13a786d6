"""Ctrl-C and SIGTERM as an exception, so that every `with` on the way out stops what it started."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


class StopRequested(BaseException):
    """Somebody asked this process to end."""


@contextmanager
def stop_requests() -> Iterator[None]:
    """Inside, a stop signal raises StopRequested once; further ones are ignored while things are being stopped."""
    numbers = (signal.SIGINT, signal.SIGTERM)

    def raise_once(*_: object) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise StopRequested

    before = {number: signal.signal(number, raise_once) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

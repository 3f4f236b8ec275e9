"""The largest memory that a piece of code takes."""

import ctypes
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Peak:
    """What :func:`peak_memory` found."""

    mebibytes: float | None = None


@contextmanager
def peak_memory() -> Iterator[Peak]:
    """Measures the growth of the resident memory at its peak, on Linux; elsewhere nothing."""
    peak = Peak()
    if sys.platform != "linux":
        yield peak
        return
    # Freed memory that the allocator keeps would be used again unseen.
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    before = resident_bytes()
    yield peak
    peak.mebibytes = (_status("VmHWM") - before) / 2**20


@contextmanager
def peak_allocated() -> Iterator[Peak]:
    """Measures what the process holds of its own at the peak, without pages of files, on Linux."""
    peak, done = Peak(), threading.Event()
    if sys.platform != "linux":
        yield peak
        return

    def watch() -> None:
        while True:
            peak.mebibytes = max(peak.mebibytes or 0, _status("RssAnon") / 2**20)
            if done.wait(0.02):
                return

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


def resident_bytes() -> int:
    """The memory that the process holds now, on Linux; elsewhere zero."""
    return _status("VmRSS") if sys.platform == "linux" else 0


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))

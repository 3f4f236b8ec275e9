"""The largest memory that a piece of code takes beyond what the process holds."""

import ctypes
import sys
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


def resident_bytes() -> int:
    """The memory that the process holds now, on Linux; elsewhere zero."""
    return _status("VmRSS") if sys.platform == "linux" else 0


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))

"""Another process that takes a core."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_PROGRAM = """
import os, sys
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
parent = os.getppid()
print("busy", flush=True)
while os.getppid() == parent:
    for _ in range(1_000_000):
        pass
"""


@contextmanager
def busy_process(enabled: bool = True) -> Iterator[None]:
    """Keeps the last core busy while the block runs; it ends with the block or with its parent."""
    if not enabled:
        yield
        return
    process = subprocess.Popen([sys.executable, "-c", _PROGRAM], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield
    finally:
        process.kill()
        process.communicate()

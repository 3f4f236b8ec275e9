"""Process-wide settings of the command line, which a library must not make for its host."""

import atexit
import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager


def wait_passively() -> None:
    """Has OpenMP's threads sleep while they wait for each other; it has to come before torch.

    They would spin, and beside another busy process, with a core fewer than there are threads, most
    of the time of a small step goes by in spinning. What the user has set counts.
    """
    if not os.environ.keys() & {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"}:
        os.environ |= {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0"}


@contextmanager
def no_gc_imports() -> Iterator[None]:
    """Keeps the objects that are imported in the block out of garbage collection.

    Looking for garbage among the objects of PyTorch and PyG costs a fifth of the time that it
    takes to import them, and most of a second again when the process ends.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
        atexit.register(gc.freeze)


def end_unless_first() -> None:
    """Ends a process of several that have learned together, unless it is the one that writes.

    Raises:
        SystemExit: In all others.
    """
    from nrae_geometric.training import is_first_process  # after torch, as elsewhere

    if not is_first_process():
        raise SystemExit(0)


def keep_freed_memory() -> None:
    """Has the C library keep what a training step frees for the next step.

    glibc gives memory back to the system when more lies idle than twice the largest block freed so
    far. With a few megabytes of gradients it does so in every step, and asking for them again,
    page by page, can cost a quarter of the step. One large block, freed untouched, raises the
    threshold.
    """
    import torch  # not at the top, so as to show help without waiting for it

    # Just below 32 MiB, the largest block that glibc's malloc learns from.
    torch.empty((1 << 25) - (1 << 17), dtype=torch.uint8)


def flush_denormals() -> None:
    """Has the processor take numbers below the smallest normal one (1e-38 in float32) for zero.

    Gradients of units that have gone quiet, and what Adam remembers of them, shrink to such
    numbers, and computing with them takes many times as long. The setting belongs to a thread and
    those that it starts; it has to come before the first parallel computation.
    """
    import torch  # not at the top, so as to show help without waiting for it

    torch.set_flush_denormal(True)

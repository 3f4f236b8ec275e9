"""Process-wide settings of the command line, which a library must not make for its host."""

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager


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

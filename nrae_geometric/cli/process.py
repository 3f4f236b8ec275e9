"""Process-wide settings of the command line, which a library must not make for its host."""

import atexit
import gc
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

# The number of this process and of all, by torchrun and by srun. What Slurm tells of the tasks of a
# whole allocation is also there in a shell of it, where a command is alone.
_PLACES = (("RANK", "WORLD_SIZE"), ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS"))


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


def place_of_process() -> tuple[int | None, int | None]:
    """Returns the number of this process and of all that torchrun or Slurm has started together.

    Both are :obj:`None` where it is alone.
    """
    for rank, world_size in _PLACES:
        if rank in os.environ and int(os.environ.get(world_size, 1)) > 1:
            return int(os.environ[rank]), int(os.environ[world_size])
    return None, None


def check_repeatable(argv: Sequence[str], devices: int) -> None:
    """Makes sure that other processes of this program would do the same command.

    Fabric starts them by the arguments of the program, which may be another one than the command
    line and do other things.

    Args:
        argv (Sequence[str]): The arguments of the command.
        devices (int): How many processes it asks for.

    Raises:
        ValueError: If the arguments of the command do not end with those of the program.
    """
    given = sys.argv[1:]
    are_started = "LOCAL_RANK" in os.environ or place_of_process()[1] is not None
    if devices < 2 or are_started or (given and list(argv)[-len(given) :] == given):
        return
    raise ValueError(
        f"--devices {devices} would run {sys.argv[0] or 'this program'} again for each device, "
        "with all that it does besides; run the command by itself, as a process: "
        f"{shlex.join(['nrae', *argv])}"
    )


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

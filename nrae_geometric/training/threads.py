"""The number of threads of a training step.

The threads of a product wait for each other at its end, which costs as much as a small product
itself, and beside another busy process many times as much: a thread that has no core makes all
others wait. Steps are therefore taken on as many threads as their work is worth. The number depends
on sizes alone, never on a measured time, and so results stay reproducible.
"""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch
from torch import nn

# On two cores, two threads take a step of this size 1.2 times as fast as one, and beside a busy
# process three times as long or more.
_WORK_PER_THREAD = 3 * 10**8
_lock = threading.Lock()


def _forget_lock() -> None:
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    # No thread of the parent is there to give it back.
    os.register_at_fork(after_in_child=_forget_lock)


def threads_worth(model: nn.Module, num_rows: int) -> int | None:
    r"""Returns how many threads a step of a dense network is worth.

    With :math:`n` rows and :math:`p` parameters these are

    .. math::
        1 + \Bigl\lfloor \frac{n p}{3 \cdot 10^8} \Bigr\rfloor.

    Args:
        model (torch.nn.Module): The network. Nothing is known of one with convolutions, whose
            weights count once for each of their places in an image: then :obj:`None`.
        num_rows (int): The number of rows of a batch that go through it.
    """
    sizes = [parameter.shape for parameter in model.parameters()]
    if any(len(size) > 2 for size in sizes):
        return None
    return 1 + num_rows * sum(map(torch.Size.numel, sizes)) // _WORK_PER_THREAD


@contextmanager
def suitable_threads(
    model: nn.Module, num_rows: int | None, device: torch.device
) -> Iterator[None]:
    """Takes the steps in the block on no more threads than :func:`threads_worth` of them.

    Threads other than the calling one keep their setting, those that are started meanwhile too,
    and the calling one has its own back afterwards. There are never more than it allowed, and no
    fewer where the steps are taken on a GPU.

    Args:
        model (torch.nn.Module): The network that is trained.
        num_rows (int, optional): The number of rows of a batch; where it is not known, the setting
            stays.
        device (torch.device): The device of the steps.
    """
    found = torch.get_num_threads()
    worth = None
    if num_rows is not None and device.type == "cpu" and found > 1:
        worth = threads_worth(model, num_rows)
    if worth is None or worth >= found:
        yield
        return
    _set_own_threads(worth)
    try:
        yield
    finally:
        _set_own_threads(found)


def _set_own_threads(number: int) -> None:
    """Sets the number of threads of the calling thread alone.

    :func:`torch.set_num_threads` also sets that of threads which have not used PyTorch yet. Such a
    thread tells what theirs was, and sets it again.
    """
    with _lock, ThreadPoolExecutor(1) as fresh:
        others = fresh.submit(torch.get_num_threads).result()
        torch.set_num_threads(number)
        fresh.submit(torch.set_num_threads, others).result()

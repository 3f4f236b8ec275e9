"""Schedules of the learning rate."""

from collections.abc import Callable

Schedule = Callable[[int, int], float]
"""A function ``(epoch, max_epochs) -> factor`` of the learning rate, with epochs from 0.

It is asked before every epoch, also by a resumed run, and should depend on nothing else.
"""

# A rise takes this many epochs, and no more than half of all.
_RISING_EPOCHS = 200


def published_schedule(epoch: int, max_epochs: int) -> float:
    r"""Multiplies the learning rate by 0.9 every tenth epoch after 80 % of the epochs.

    Epoch :math:`e` of :math:`N` is trained with
    :math:`0.9^{\lfloor \max(0, e - e_0) / 10 \rfloor}` times the initial rate, where :math:`e_0`
    is the first epoch later than :math:`0.8 N`. The published training scripts do this by
    stepping a :class:`~torch.optim.lr_scheduler.StepLR` in these epochs alone.

    Args:
        epoch (int): The epoch, from 0.
        max_epochs (int): The length :math:`N` of the whole run.
    """
    start = int(0.8 * max_epochs) + 1
    return 0.9 ** (max(0, epoch - start) // 10)


def gentle_schedule(epoch: int, max_epochs: int, fraction: float = 0.3) -> float:
    r"""Lets the learning rate rise slowly, and not as high, before it falls as published.

    The published factor is multiplied by :math:`c \min(1, (e + 1)^2 / R^2)` with
    :math:`R = \min(200, \lfloor N / 2 \rfloor)`. A fresh Adam moves each weight by about the
    learning rate in its first steps, however small the gradient, which would undo a good start
    at once.

    Args:
        epoch (int): The epoch, from 0.
        max_epochs (int): The length :math:`N` of the whole run.
        fraction (float, optional): The factor :math:`c`. (default: :obj:`0.3`)
    """
    rising_epochs = max(1, min(_RISING_EPOCHS, max_epochs // 2))
    rise = min(1.0, ((epoch + 1) / rising_epochs) ** 2)
    return fraction * rise * published_schedule(epoch, max_epochs)

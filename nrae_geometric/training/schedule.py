"""The published learning-rate schedule, and the one for a start that is to be kept."""

from collections.abc import Callable

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

# After a warm start the rate rises over these epochs, and over no more than half of all.
_RISING_EPOCHS = 200
# At the published rate Adam's jumps still tore the line on one of twenty Swiss rolls. The second
# order's loss, steeper in the weights, rose severalfold at 0.3 and folded turned digits.
_WARM_FRACTIONS = {1: 0.3, 2: 0.1}


def published_schedule(optimizer: Optimizer, num_epochs: int, first_epoch: int = 0) -> LambdaLR:
    r"""Multiplies the learning rate by 0.9 every tenth epoch after 80 % of the epochs.

    Epoch :math:`e` of :math:`N` is trained with
    :math:`0.9^{\lfloor \max(0, e - e_0) / 10 \rfloor}` times the initial rate, where :math:`e_0`
    is the first epoch later than :math:`0.8 N`. This is what the published training scripts do
    by stepping a :class:`~torch.optim.lr_scheduler.StepLR` in these epochs alone.

    Args:
        optimizer: With its initial learning rate set.
        num_epochs: The length :math:`N` of the whole run.
        first_epoch: The epoch at which training starts; above 0 when it is resumed.

    Returns:
        A scheduler to step once at the end of each epoch.
    """
    return _schedule(optimizer, first_epoch, lambda epoch: _decay(epoch, num_epochs))


def warm_schedule(
    optimizer: Optimizer, num_epochs: int, first_epoch: int = 0, order: int = 1
) -> LambdaLR:
    r"""Lets the learning rate rise slowly, and not as high, before it falls as published.

    The published factor is multiplied by :math:`c \min(1, (e + 1)^2 / R^2)` with
    :math:`R = \min(200, \lfloor N / 2 \rfloor)` and :math:`c = 0.3`, or 0.1 at order 2. A fresh
    Adam moves each weight by about the learning rate in its first steps, however small the
    gradient, which would undo a warm start at once.

    Args:
        optimizer: As for :func:`published_schedule`.
        num_epochs: As for :func:`published_schedule`.
        first_epoch: As for :func:`published_schedule`.
        order: The order of the expansion that is trained.

    Returns:
        A scheduler to step once at the end of each epoch.
    """
    rising_epochs = max(1, min(_RISING_EPOCHS, num_epochs // 2))

    def factor(epoch: int) -> float:
        rise = min(1.0, ((epoch + 1) / rising_epochs) ** 2)
        return _WARM_FRACTIONS[order] * rise * _decay(epoch, num_epochs)

    return _schedule(optimizer, first_epoch, factor)


def _decay(epoch: int, num_epochs: int) -> float:
    start = int(0.8 * num_epochs) + 1
    return 0.9 ** (max(0, epoch - start) // 10)


def _schedule(optimizer: Optimizer, first_epoch: int, factor: Callable[[int], float]) -> LambdaLR:
    for group in optimizer.param_groups:
        group["initial_lr"] = group["lr"]
    return LambdaLR(optimizer, factor, last_epoch=first_epoch - 1)

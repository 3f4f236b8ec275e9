"""The published learning-rate schedule."""

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def published_schedule(
    optimizer: Optimizer, num_epochs: int, first_epoch: int = 0, rising_epochs: int = 0
) -> LambdaLR:
    r"""Multiplies the learning rate by 0.9 every tenth epoch after 80 % of the epochs.

    Epoch :math:`e` of :math:`N` is trained with
    :math:`0.9^{\lfloor \max(0, e - e_0) / 10 \rfloor}` times the initial rate, where :math:`e_0`
    is the first epoch later than :math:`0.8 N`. This is what the published training scripts do
    by stepping a :class:`~torch.optim.lr_scheduler.StepLR` in these epochs alone.

    After a warm start the rate also rises, by the factor :math:`\min(1, (e + 1)^2 / R^2)` over the
    first :math:`R` epochs: a fresh Adam moves each weight by the learning rate in its first step,
    however small its gradient, which would undo the start.

    Args:
        optimizer: With its initial learning rate set.
        num_epochs: The length :math:`N` of the whole run.
        first_epoch: The epoch at which training starts; above 0 when it is resumed.
        rising_epochs: The number of epochs :math:`R` over which the rate rises; 0 as published.

    Returns:
        A scheduler to step once at the end of each epoch.
    """
    start = int(0.8 * num_epochs) + 1
    for group in optimizer.param_groups:
        group["initial_lr"] = group["lr"]

    def factor(epoch: int) -> float:
        rise = min(1.0, ((epoch + 1) / rising_epochs) ** 2) if rising_epochs else 1.0
        return rise * 0.9 ** (max(0, epoch - start) // 10)

    return LambdaLR(optimizer, factor, last_epoch=first_epoch - 1)
